/** The page: what the address says is what is shown. */

import "./styles/base.css";
import "./styles/shell.css";
import "./styles/incident.css";
import "./styles/lanes.css";
import "./styles/drawer.css";
import "./styles/charts.css";
import "./styles/views.css";
import "uplot/dist/uPlot.min.css";
import { type Address, type ViewName, go, read, visit } from "./address";
import { Problem, api, useToken } from "./api";
import type { Manual, NodeInfo } from "./document";
import { h, replace } from "./dom";
import { IncidentPage, isLive, namesIncident } from "./incident-page";
import { Incidents, DEFAULT_S as LISTED_S } from "./incidents";
import { help, keys } from "./keyboard";
import type { Range } from "./lanes";
import { Now } from "./now";
import { DEFAULT_S, header, rangeForm } from "./shell";
import { loading, whole } from "./states";
import { cycleTheme } from "./theme";
import { Clock } from "./time";
import type { Context, View } from "./view";

/** Seconds after which a database that is missing or empty is looked for again. */
const AGAIN_S = 5;

let node: NodeInfo | undefined;
let manuals: Manual[] = [];
let view: View | undefined;
let shown: Address = {};
let span: Range | undefined;
let look: ReturnType<typeof setTimeout> | undefined;
let asked = 0;

const top = h("div", { id: "top" });
const main = h("main", { id: "main", tabindex: -1 });
document.body.append(
  h("a", { class: "skip", href: "#main" }, "Skip to what is shown"),
  top,
  h("div", { id: "body" }, main),
  h("div", { id: "said", class: "unseen", role: "status", "aria-live": "polite" }),
);

function say(text: string): void {
  const place = document.getElementById("said");
  if (place) place.textContent = text;
}

/** Which view an address means. Without a path: what is going on, or what went wrong last where nothing is being recorded. */
function viewOf(address: Address): ViewName {
  if (address.view) return address.view;
  return node && isLive(node) && !namesIncident(address) ? "now" : "incident";
}

function clock(): Clock {
  return new Clock(read().zone ?? "node", node?.tz ?? "UTC");
}

/** Asks anew which machine this is, and shows what the address says of it. */
async function load(): Promise<void> {
  clearTimeout(look);
  const turn = (asked += 1);
  view?.end();
  view = undefined;
  shown = read();
  replace(main, loading("Loading"));
  try {
    const [answer, causes] = await Promise.all([api.node(), manuals.length > 0 ? manuals : api.causes()]);
    if (turn !== asked) return;
    [node, manuals] = [answer, causes];
    if (node.from === null || node.to === null) throw new Problem(404, "nothing is recorded yet", "The database is there, and empty.");
    open();
  } catch (error) {
    if (turn === asked) replace(main, failed(error));
    drawTop();
  }
}

function failed(error: unknown): HTMLElement {
  // What is not there yet may come; what somebody asked for wrongly will not.
  if (error instanceof Problem && (error.status === 503 || error.status === 0 || (error.status === 404 && !node?.to))) look = setTimeout(() => void load(), AGAIN_S * 1000);
  return whole(error, () => void load(), (given) => (useToken(given), void load()));
}

/** Opens the view that the address means. */
function open(): void {
  if (!node) return;
  asked += 1;
  view?.end();
  span = undefined;
  const context: Context = { node, clock: clock(), manuals, say, failed };
  const known = (found: Range): void => {
    span = found;
    drawTop();
  };
  const name = viewOf(read());
  document.title = `${name} · ${node.hostname ?? "highwater"}`;
  document.body.dataset["view"] = name;
  drawTop();
  if (name === "explore") return void explore(context, known);
  view = name === "now" ? new Now(context) : name === "incidents" ? new Incidents(context, known) : new IncidentPage(context, known);
  replace(main, view.element);
}

/** Exploring comes by itself: who wants to know what is wrong does not wait for it. */
async function explore(context: Context, known: (found: Range) => void): Promise<void> {
  const turn = (asked += 1);
  view = undefined;
  replace(main, loading("Loading"));
  try {
    const { Explore } = await import("./explore");
    if (turn !== asked) return;
    view = new Explore(context, known);
    replace(main, view.element);
  } catch {
    if (turn === asked) replace(main, failed(new Problem(0, "the server does not answer", "it was stopped, or the network is down")));
  }
}

function theme(): void {
  cycleTheme();
  view?.recolour();
  drawTop();
}

function drawTop(): void {
  const name = viewOf(read());
  const focused = (document.activeElement as HTMLElement | null)?.id;
  const otherwise = name === "incidents" ? LISTED_S : DEFAULT_S;
  replace(
    top,
    header(name, node, clock(), { theme, help, zone: (zone) => go({ zone }, "replace") }),
    node && span && name !== "now" && rangeForm(node, read(), span, otherwise, clock(), (change) => go({ ...change, incident: undefined, zoom: undefined, evidence: undefined })),
  );
  if (focused) document.getElementById(focused)?.focus();
}

/** Changes only what the new address changes. */
function changed(): void {
  const [before, now] = [shown, read()];
  shown = now;
  if (!view || !node) return void load();
  const other = viewOf(before) !== viewOf(now);
  // Who looked at the last hours for an hour means others now: where the data ends is asked anew.
  if (other || (viewOf(now) !== "now" && now.last !== undefined && now.last !== before.last)) return void load();
  if (before.zone !== now.zone) return open();
  drawTop();
  view.changed(before, now);
}

addEventListener("popstate", changed);
addEventListener("address", changed);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view?.recolour());
keys(() => view?.keys ?? {}, {
  visit: (name) => visit(name),
  theme,
  zone: () => {
    const order = ["node", "utc", "reader"] as const;
    go({ zone: order[(order.indexOf(read().zone ?? "node") + 1) % 3] ?? "node" }, "replace");
  },
});
drawTop();
void load();
