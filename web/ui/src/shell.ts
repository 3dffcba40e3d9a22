/** What stands above everything: the machine, and the span that is looked at. */

import { type Address, type ViewName, read, visit } from "./address";
import type { NodeInfo } from "./document";
import { h, s } from "./dom";
import { duration, gibibytes } from "./format";
import { theme } from "./theme";
import { type Clock, type ZoneChoice, seconds, stamp } from "./time";

/** Looked at when nothing is asked for: the last hours of the data. */
export const DEFAULT_S = 6 * 3600;

const QUICK: [string, number][] = [["10 min", 600], ["1 h", 3600], ["6 h", 21_600], ["24 h", 86_400], ["7 d", 604_800], ["30 d", 2_592_000]];

/** What the address asks for: known times, or words that only the server understands. */
export function spanOf(address: Address, node: NodeInfo, otherwise: number): { from: number; to: number } | { typed: { from?: string; to?: string } } {
  const data = { from: seconds(node.from ?? ""), to: seconds(node.to ?? "") };
  if (address.from ?? address.to) return { typed: { ...(address.from ? { from: address.from } : {}), ...(address.to ? { to: address.to } : {}) } };
  const last = Number(address.last) || otherwise;
  return { from: Math.max(data.from, data.to - last), to: data.to };
}

const PLACES: { view: ViewName; text: string; key: string }[] = [
  { view: "now", text: "Now", key: "1" },
  { view: "incidents", text: "Incidents", key: "2" },
  { view: "explore", text: "Explore", key: "3" },
];

function places(view: ViewName): HTMLElement {
  const current = view === "incident" ? "incidents" : view;
  const follow = (event: MouseEvent, to: ViewName): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    visit(to);
  };
  return h("nav", { class: "places", "aria-label": "Views" },
    ...PLACES.map(({ view: to, text, key }) => h("a", { href: `/${to}`, "aria-current": to === current ? "page" : null, title: `${text} (${key})`, click: (event: MouseEvent) => follow(event, to) }, text)));
}

export function header(view: ViewName, node: NodeInfo | undefined, clock: Clock, on: { theme: () => void; help: () => void; zone: (zone: ZoneChoice) => void }): HTMLElement {
  const choice = read().zone ?? "node";
  const zones: [ZoneChoice, string][] = [["node", `node (${node?.tz ?? "…"})`], ["utc", "UTC"], ["reader", "yours"]];
  const zone = h("select", { id: "zone", "aria-label": "Time zone", change: () => on.zone(zone.value as ZoneChoice) }, ...zones.map(([value, text]) => h("option", { value, selected: value === choice }, text)));
  return h(
    "header",
    { class: "masthead" },
    h("a", { class: "brand", href: "/", "aria-label": "highwater, first page" }, mark(), h("span", {}, "highwater")),
    places(view),
    h(
      "div",
      { class: "machine" },
      node?.hostname && h("b", {}, node.hostname),
      node?.kernel && h("span", {}, `Linux ${node.kernel}`),
      node?.cpus ? h("span", {}, `${node.cpus} CPUs`) : null,
      node?.memory_bytes ? h("span", {}, gibibytes(node.memory_bytes)) : null,
      // Live, it would stand still beside numbers that move.
      view !== "now" && node?.to && h("span", { class: "until" }, `recorded to ${clock.full(seconds(node.to))}`),
    ),
    h("div", { class: "tools" }, zone,
      h("button", { type: "button", id: "theme", click: on.theme, title: "Light, dark, or as the system (t)", "aria-label": `Theme: ${theme()}` }, h("span", { class: "wide-only" }, `theme: ${theme()}`), h("span", { class: "narrow-only", "aria-hidden": "true" }, "◐")),
      h("button", { type: "button", id: "help", click: on.help, title: "Keys (?)", "aria-label": "Keyboard help" }, "?")),
  );
}

function mark(): SVGElement {
  return s(
    "svg",
    { viewBox: "0 0 32 32", width: 26, height: 26, "aria-hidden": "true", class: "mark" },
    s("path", { d: "M4 8h24", class: "mark-line" }),
    s("path", { d: "M4 17c4-4.500 8-4.500 12 0s8 4.500 12 0M4 25c4-4.500 8-4.500 12 0s8 4.500 12 0", class: "mark-water" }),
  );
}

/** What somebody typed, and not a time that the page itself put into the address. */
function written(text: string | undefined): string | undefined {
  return text && !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) ? text : undefined;
}

type Change = { from?: string | undefined; to?: string | undefined; last?: string | undefined };

export function rangeForm(node: NodeInfo, address: Address, span: { from: number; to: number }, otherwise: number, clock: Clock, change: (to: Change) => void): HTMLElement {
  const typed = Boolean(address.from ?? address.to);
  // What stands there is in the zone that is chosen; what is typed is in the node's, as everywhere.
  const shown = { from: clock.full(span.from).slice(4), to: clock.full(span.to).slice(4) };
  const meant = (input: HTMLInputElement, name: "from" | "to"): string => (input.value.trim() === shown[name] ? stamp(span[name]) : input.value.trim());
  const from = h("input", { id: "from", type: "text", autocomplete: "off", spellcheck: "false", value: written(address.from) ?? shown.from, size: 20 });
  const to = h("input", { id: "to", type: "text", autocomplete: "off", spellcheck: "false", value: written(address.to) ?? shown.to, size: 20 });
  const recorded = seconds(node.to ?? "") - seconds(node.from ?? "");
  const quick = QUICK.filter(([, length], i) => i === 0 || (QUICK[i - 1]?.[1] ?? 0) < recorded || length < recorded);
  const current = typed ? undefined : Number(address.last) || otherwise;
  return h(
    "form",
    {
      class: "range",
      "aria-label": "Span to look at",
      submit: (event: Event) => {
        event.preventDefault();
        change({ from: meant(from, "from"), to: meant(to, "to"), last: undefined });
      },
    },
    h("label", { for: "from" }, "from"), from,
    h("label", { for: "to" }, "to"), to,
    h("button", { type: "submit", class: "primary" }, "Look"),
    h("span", { class: "quick", role: "group", "aria-label": "The last of the data" },
      h("span", { class: "quick-label" }, "last"),
      ...quick.map(([text, length]) => h("button", { type: "button", "aria-pressed": current === length ? "true" : "false", click: () => change({ from: undefined, to: undefined, last: String(length) }) }, text)),
    ),
    h("span", { class: "range-length" }, `${duration(span.to - span.from)} of data`),
  );
}
