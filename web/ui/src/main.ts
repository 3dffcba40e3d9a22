/** The page: what the address says is what is shown. */

import "./styles/base.css";
import "./styles/shell.css";
import "./styles/incident.css";
import "./styles/lanes.css";
import "./styles/drawer.css";
import "uplot/dist/uPlot.min.css";
import { type Address, go, read } from "./address";
import { Problem, api, useToken } from "./api";
import type { Evidence, Explanation, Incident, Listed, Manual, NodeInfo } from "./document";
import { h, replace } from "./dom";
import { evidenceDialog, nameOf, parseName } from "./evidence";
import { type IncidentView, incidentView, zoomed } from "./incident";
import { help, keys } from "./keyboard";
import { incidentList } from "./list";
import { header, rangeForm, spanOf } from "./shell";
import { loading, panel, whole } from "./states";
import { cycleTheme } from "./theme";
import { Clock, seconds } from "./time";

/** Longer than this is listed piece by piece, the newest first, so that something is seen at once. */
const PIECE_S = 7200;

interface Loaded {
  node: NodeInfo;
  span: { from: number; to: number };
  list: Listed[];
  /** How much of the span has been looked through, from its end. */
  seenFrom: number;
  explanation?: Explanation;
  explained?: Listed | undefined;
}

let manuals: Manual[] = [];
let loaded: Loaded | undefined;
let view: IncidentView | undefined;
let shown: Address = {};
let dialog: HTMLDialogElement | undefined;
let asked = new AbortController();
let look: ReturnType<typeof setTimeout> | undefined;

const top = h("div", { id: "top" });
const rail = h("nav", { id: "rail", "aria-label": "Incidents" });
const main = h("main", { id: "main", tabindex: -1 });
document.body.append(
  h("a", { class: "skip", href: "#main" }, "Skip to the incident"),
  top,
  h("div", { id: "body" }, rail, main),
  h("div", { id: "said", class: "unseen", role: "status", "aria-live": "polite" }),
);

function clock(): Clock {
  return new Clock(read().zone ?? "node", loaded?.node.tz ?? "UTC");
}

function say(text: string): void {
  const place = document.getElementById("said");
  if (place) place.textContent = text;
}

/** Loads what the address asks for, all anew. */
async function load(): Promise<void> {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  clearTimeout(look);
  endView();
  const address = (shown = read());
  replace(rail);
  replace(main, loading("Looking for incidents"));
  document.body.classList.remove("has-rail");
  try {
    const node = await api.node(signal);
    if (node.from === null || node.to === null) throw new Problem(404, "nothing is recorded yet", "The database is there, and empty.");
    loaded = { node, span: { from: seconds(node.from), to: seconds(node.to) }, list: [], seenFrom: seconds(node.to) };
    drawTop();
    await find(address, signal);
  } catch (error) {
    if (signal.aborted) return;
    if (!loaded) drawTop();
    replace(main, whole(error, () => void load(), (given) => (useToken(given), void load())));
    if (error instanceof Problem && (error.status === 503 || error.status === 404) && !(address.from ?? address.to)) look = setTimeout(() => void load(), 5000);
  }
}

/** Lists the incidents of the span and opens one as soon as there is one to open. */
async function find(address: Address, signal: AbortSignal): Promise<void> {
  if (!loaded) return;
  const wanted = spanOf(address, loaded.node);
  if ("typed" in wanted) {
    // Only the server reads the time grammar: its answer says which span that was.
    const answer = await api.incidents(wanted.typed.from, wanted.typed.to, signal);
    loaded.span = { from: seconds(answer.from), to: seconds(answer.to) };
    loaded.list = answer.incidents;
    loaded.seenFrom = loaded.span.from;
  } else {
    loaded.span = wanted;
    for (let to = wanted.to; to > wanted.from; to -= PIECE_S) {
      const from = Math.max(wanted.from, to - PIECE_S);
      const answer = await api.incidents(iso(from), iso(to), signal);
      loaded.list = merged(loaded.list, answer.incidents);
      loaded.seenFrom = from;
      drawRail();
      if (!view && loaded.list.length > 0) await open(signal);
    }
  }
  drawTop();
  drawRail();
  const named = read().incident;
  if (!view || (named && named !== loaded.explained?.id)) await open(signal);
}

const iso = (time: number): string => new Date(time * 1000).toISOString();

/** Worst first, then the newest; an incident that two pieces saw is listed once. */
function merged(a: Listed[], b: Listed[]): Listed[] {
  const rank = { critical: 0, warning: 1, info: 2 };
  const all = new Map([...b, ...a].map((one) => [one.id, one]));
  return [...all.values()].sort((x, y) => rank[x.severity] - rank[y.severity] || seconds(y.from) - seconds(x.from));
}

/** Opens the incident that the address names, or the first of the list. */
async function open(signal: AbortSignal): Promise<void> {
  if (!loaded) return;
  const address = read();
  const listed = loaded.list.find((one) => one.id === address.incident) ?? loaded.list[0];
  if (!listed) {
    endView();
    replace(main, quiet(loaded));
    return;
  }
  if (loaded.explained?.id !== listed.id || !loaded.explanation) {
    replace(main, loading("Explaining"));
    loaded.explanation = await api.explain(listed.explain.from, listed.explain.to, signal);
    loaded.explained = listed;
  }
  drawIncident();
  drawRail();
}

function quiet({ node, span }: Loaded): HTMLElement {
  const c = clock();
  return panel(
    "calm",
    "No incident",
    h("p", {}, `Nobody was seen to be hurt on ${node.hostname ?? "this machine"} between ${c.full(span.from)} and ${c.full(span.to, span.from)} ${c.zone}.`),
    h("p", {}, "Look at a longer span above, or say when it was: ", h("code", {}, "10:50"), ", ", h("code", {}, "yesterday 22:00"), ", ", h("code", {}, "-2h"), "."),
  );
}

function endView(): void {
  view?.lanes.end();
  view = undefined;
}

function incident(): Incident | undefined {
  const all = loaded?.explanation?.incidents;
  return all?.find((one) => one.id === loaded?.explained?.id) ?? all?.[0];
}

function drawIncident(): void {
  const doc = loaded?.explanation;
  const one = incident();
  endView();
  if (!doc || !one) {
    if (loaded) replace(main, quiet(loaded));
    return;
  }
  const place = h("div", { class: "incident-place" });
  replace(main, place);
  view = incidentView(doc, one, read().zoom, clock(), {
    evidence: (evidence) => go({ evidence: nameOf(evidence) }),
    zoom: (zoom) => go({ zoom }, "replace"),
    markdown: (button) => void copy(button),
    cause: (id) => manuals.find((manual) => manual.id === id),
    jsonAddress: `/api/v1/explain?from=${doc.window.from}&to=${doc.window.to}`,
  });
  place.append(view.element);
  document.title = `${one.headline} · ${doc.node.hostname}`;
  drawEvidence();
}

function drawTop(): void {
  const redraw = (): void => drawTop();
  replace(
    top,
    header(loaded?.node, clock(), { theme: () => (cycleTheme(), view?.lanes.recolour(), redraw()), help: () => help(), zone: (zone) => go({ zone }, "replace") }),
    loaded && rangeForm(loaded.node, read(), loaded.span, clock(), (change) => go({ ...change, incident: undefined, zoom: undefined, evidence: undefined })),
  );
}

function drawRail(): void {
  if (!loaded) return;
  const { list, span, seenFrom } = loaded;
  const searching = seenFrom > span.from ? (span.to - seenFrom) / (span.to - span.from) : 1;
  document.body.classList.toggle("has-rail", list.length > 1 || searching < 1);
  replace(rail, incidentList(list, loaded.explained?.id, searching, clock(), (id) => go({ incident: id, zoom: undefined, evidence: undefined })));
}

function allEvidence(one: Incident): Evidence[] {
  return [...one.timeline.flatMap((e) => e.evidence), ...one.ruled_out.flatMap((r) => r.evidence), ...one.causes.flatMap((c) => [...c.for, ...c.against])];
}

function drawEvidence(): void {
  const wanted = read().evidence;
  const one = incident();
  if (dialog && dialog.dataset["name"] !== wanted) {
    const old = dialog;
    dialog = undefined;
    old.close();
  }
  if (!wanted || dialog || !one) return;
  const evidence = allEvidence(one).find((e) => nameOf(e) === wanted) ?? parseName(wanted);
  if (!evidence) return;
  dialog = evidenceDialog(evidence, clock(), () => {
    if (dialog) go({ evidence: undefined }, "replace");
    dialog = undefined;
  });
  dialog.dataset["name"] = wanted;
}

async function copy(button: HTMLElement): Promise<void> {
  const doc = loaded?.explanation;
  if (!doc) return;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(await api.markdown(doc.window.from, doc.window.to));
    button.textContent = "Copied";
    say("Copied as Markdown");
  } catch {
    button.textContent = "Not allowed";
    say("The browser did not allow copying");
  }
  setTimeout(() => (button.textContent = before), 1800);
}

/** Changes only what the new address changes. */
function changed(): void {
  const next = read();
  const before = shown;
  shown = next;
  const spanChanged = (["from", "to", "last"] as const).some((name) => before[name] !== next[name]);
  if (spanChanged || !loaded) return void load();
  if (before.zone !== next.zone) {
    drawTop();
    drawRail();
    drawIncident();
  }
  if (before.incident !== next.incident && next.incident !== loaded.explained?.id) {
    open(asked.signal).catch((error: unknown) => {
      if (!asked.signal.aborted) replace(main, whole(error, () => void load(), useToken));
    });
    return;
  }
  if (before.zoom !== next.zoom && view) view.lanes.show(zoomed(next.zoom, view.ranges));
  if (before.evidence !== next.evidence) drawEvidence();
}

addEventListener("popstate", changed);
addEventListener("address", changed);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view?.lanes.recolour());
keys({
  step: (by) => view?.lanes.step(by),
  zoom: (by) => {
    if (!view) return;
    const { from, to } = view.lanes.current();
    const [middle, half] = [(from + to) / 2, ((to - from) / 2) * by];
    go({ zoom: `${(middle - half).toFixed(2)}..${(middle + half).toFixed(2)}` }, "replace");
  },
  whole: () => go({ zoom: read().zoom === "all" ? undefined : "all" }, "replace"),
  incident: (by) => {
    const list = loaded?.list ?? [];
    const at = list.findIndex((one) => one.id === loaded?.explained?.id);
    const next = list[at + by];
    if (next) go({ incident: next.id, zoom: undefined, evidence: undefined });
  },
  copy: () => document.getElementById("copy")?.click(),
  theme: () => {
    cycleTheme();
    view?.lanes.recolour();
    drawTop();
  },
  zone: () => {
    const order = ["node", "utc", "reader"] as const;
    go({ zone: order[(order.indexOf(read().zone ?? "node") + 1) % 3] ?? "node" }, "replace");
  },
});
void api.causes().then((list) => (manuals = list)).catch(() => undefined).then(load);
