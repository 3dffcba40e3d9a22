/** All incidents of a span: when, as a calendar; which, as a list; those of one cause, device, process or severity. */

import { type Address, type Change, go, read, visit } from "./address";
import { api } from "./api";
import type { Listed, NodeInfo } from "./document";
import { type Child, h, replace } from "./dom";
import { find } from "./find";
import { duration, words } from "./format";
import { SEVERITY } from "./incident";
import type { Range } from "./lanes";
import { fileName, save } from "./save";
import { spanOf } from "./shell";
import { failed, panel } from "./states";
import { marks, unrecorded, voids } from "./strip";
import { type Clock, seconds, stamp } from "./time";
import type { Context, Keys, View } from "./view";

/** Looked at when nothing is asked for. */
export const DEFAULT_S = 7 * 86_400;
const DAY = 86_400;
const FILTERS = ["cause", "device", "process", "severity"] as const;

export class Incidents implements View {
  readonly element = h("div", { class: "incidents" });
  readonly keys: Keys;
  private readonly filters = h("form", { class: "filters", "aria-label": "Which incidents" });
  private readonly progress = h("progress", { max: 1, value: 0, "aria-label": "Part of the span looked through" });
  private readonly calendar = h("section", { class: "calendar", "aria-labelledby": "calendar-title" });
  private readonly table = h("section", { "aria-labelledby": "list-title" });
  private asked = new AbortController();
  private span: Range = { from: 0, to: 0 };
  private list: Listed[] = [];
  private gaps: Range[] = [];
  private done = false;

  constructor(private readonly context: Context, private readonly spanKnown: (span: Range) => void) {
    this.keys = { next: (by) => this.move(by) };
    replace(this.element, h("h1", {}, "Incidents"), this.filters, this.progress, this.calendar, this.table);
    void this.load();
  }

  changed(before: Address, now: Address): void {
    if ((["from", "to", "last"] as const).some((name) => before[name] !== now[name])) void this.load();
    else this.draw();
  }

  recolour(): void {
    // All of it is drawn by style sheets.
  }

  end(): void {
    this.asked.abort();
  }

  private async load(): Promise<void> {
    this.asked.abort();
    const { signal } = (this.asked = new AbortController());
    [this.list, this.gaps, this.done] = [[], [], false];
    try {
      this.span = await asked(this.context.node, signal);
      this.spanKnown(this.span);
      this.draw();
      let first = true;
      await find(this.span, signal, ({ list, seenFrom }) => {
        // What is wanted first is asked for first.
        if (first) void this.recorded(signal);
        first = false;
        this.list = list;
        this.done = seenFrom <= this.span.from;
        this.progress.value = (this.span.to - seenFrom) / Math.max(1, this.span.to - this.span.from);
        this.draw();
      }, !read().from && !read().to);
    } catch (error) {
      if (signal.aborted) return;
      this.progress.hidden = true;
      replace(this.table, this.list.length > 0 ? failed(error) : this.context.failed(error));
    }
  }

  /** Where nothing is recorded, there is no knowing. */
  private async recorded(signal: AbortSignal): Promise<void> {
    const gaps = await unrecorded(this.span, signal).catch(() => null);
    if (!gaps || signal.aborted) return;
    this.gaps = gaps;
    this.draw();
  }

  private draw(): void {
    const address = read();
    const focused = (document.activeElement as HTMLElement | null)?.dataset["id"];
    const shown = this.list.filter((one) => fits(one, address));
    this.progress.hidden = this.done;
    replace(this.filters, ...FILTERS.map((name) => this.filter(name, address)), FILTERS.some((name) => address[name]) && h("button", { type: "button", click: () => go({ cause: undefined, device: undefined, process: undefined, severity: undefined }) }, "All of them"),
      h("button", { type: "button", class: "last", disabled: shown.length === 0, click: () => this.save(shown) }, "JSON"));
    replace(this.calendar, h("h2", { id: "calendar-title" }, "Day by day"), ...this.days(shown));
    const count = `${shown.length}${shown.length < this.list.length ? ` of ${this.list.length}` : ""} ${this.list.length === 1 ? "incident" : "incidents"}`;
    replace(this.table, h("h2", { id: "list-title" }, this.done || shown.length > 0 ? count : "Looking …"), this.done && shown.length === 0 ? this.none() : h("ol", { class: "incident-list" }, ...shown.map((one) => this.row(one))));
    if (focused) this.table.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  private none(): HTMLElement {
    const { clock } = this.context;
    const { from, to } = this.span;
    if (this.list.length > 0) return panel("calm", "None of them is such", h("p", {}, "There are others: take away a filter."));
    return panel("calm", "No incident", h("p", {}, `Nobody was seen to be hurt between ${clock.full(from)} and ${clock.full(to, from)} ${clock.zone}.`), this.gaps.length > 0 && h("p", {}, "Hatched is what was not recorded: of that, nothing can be said."));
  }

  private filter(name: (typeof FILTERS)[number], address: Address): HTMLElement {
    const counts = new Map<string, number>();
    for (const one of this.list) for (const value of new Set(valuesOf(one, name))) counts.set(value, (counts.get(value) ?? 0) + 1);
    const chosen = address[name];
    if (chosen && !counts.has(chosen)) counts.set(chosen, 0);
    const entries = [...counts].sort(([a, x], [b, y]) => y - x || a.localeCompare(b));
    const select = h("select", { id: `by-${name}`, change: () => go({ [name]: select.value || undefined } as Change) },
      h("option", { value: "" }, "any"), ...entries.map(([value, count]) => h("option", { value, selected: value === chosen }, `${name === "cause" ? this.causeName(value) : value} (${count})`)));
    return h("label", {}, name, select);
  }

  private causeName(id: string): string {
    return this.context.manuals.find((manual) => manual.id === id)?.name ?? words(id);
  }

  /** A row for each day, from midnight to midnight; long silences are folded. */
  private days(shown: Listed[]): Child[] {
    const { clock } = this.context;
    const rows: Child[] = [h("div", { class: "day hours", "aria-hidden": "true" }, h("span", {}), h("span", { class: "day-plot" }, ...hours()), h("span", {}))];
    let silent = 0;
    for (let start = clock.midnight(this.span.to); start > this.span.from - DAY; start = clock.midnight(start - DAY / 2)) {
      const day = { from: start, to: clock.midnight(start + 1.5 * DAY) };
      if (day.to <= this.span.from) break;
      const outside = [{ from: day.from, to: this.span.from }, { from: this.span.to, to: day.to }].filter((gap) => gap.to > gap.from);
      const gaps = [...outside, ...this.gaps];
      const empty = gaps.some((gap) => gap.from <= day.from && day.to <= gap.to);
      if (empty) {
        silent += 1;
        continue;
      }
      if (silent > 0) rows.push(silence(silent));
      silent = 0;
      rows.push(this.day(day, shown, gaps, clock));
    }
    if (silent > 0) rows.push(silence(silent));
    return rows;
  }

  private day(day: Range, shown: Listed[], gaps: Range[], clock: Clock): HTMLElement {
    const of = shown.filter((one) => seconds(one.to) >= day.from && seconds(one.from) < day.to);
    const look = (): void => go({ from: stamp(Math.max(day.from, this.span.from)), to: stamp(Math.min(day.to, this.span.to)), last: undefined });
    return h("div", { class: "day" },
      h("button", { type: "button", class: "day-name", title: "Only this day", click: look }, clock.day(day.from + 43_200)),
      h("div", { class: "day-plot" }, ...voids(gaps, day), ...marks(of, day, clock, (one) => open(one))),
      h("span", { class: "day-count" }, of.length > 0 && String(of.length)));
  }

  private row(one: Listed): HTMLElement {
    const { clock } = this.context;
    const [from, to] = [seconds(one.from), seconds(one.to)];
    const { word, mark } = SEVERITY[one.severity];
    const tags = [...one.devices, ...new Set(one.processes)].slice(0, 5);
    return h("li", {},
      h("button", { type: "button", class: `incident-row ${one.severity}`, "data-id": one.id, click: () => open(one) },
        h("span", { class: `severity ${one.severity}` }, h("span", { "aria-hidden": "true" }, mark), ` ${word}`),
        h("span", { class: "row-when" }, h("time", { datetime: one.from }, clock.full(from)), h("small", {}, one.open ? `${duration(to - from)}, still going` : duration(to - from))),
        h("span", { class: "row-what" }, h("b", {}, one.headline), h("small", {}, one.cause ? this.causeName(one.cause) : "no cause can be told", one.confidence && ` · ${one.confidence}`, ...tags.map((tag) => h("span", { class: "tag-name" }, tag))))));
  }

  private move(by: number): void {
    const rows = [...this.table.querySelectorAll<HTMLElement>(".incident-row")];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    rows[Math.min(rows.length - 1, Math.max(0, at + by))]?.focus();
  }

  private save(shown: Listed[]): void {
    const text = JSON.stringify({ from: stamp(this.span.from), to: stamp(this.span.to), incidents: shown }, null, 1);
    save(new Blob([text], { type: "application/json" }), fileName(this.context.node.hostname, this.span.to, "json"));
  }
}

function open(one: Listed): void {
  visit("incident", { from: one.explain.from, to: one.explain.to, incident: one.id });
}

/** The span that the address asks for; words, only the server understands. */
async function asked(node: NodeInfo, signal: AbortSignal): Promise<Range> {
  const wanted = spanOf(read(), node, DEFAULT_S);
  return "typed" in wanted ? api.span(wanted.typed.from, wanted.typed.to, signal) : wanted;
}

function valuesOf(one: Listed, name: (typeof FILTERS)[number]): string[] {
  switch (name) {
    case "cause":
      return one.cause ? [one.cause] : [];
    case "device":
      return one.devices;
    case "process":
      return one.processes;
    case "severity":
      return [one.severity];
  }
}

function fits(one: Listed, address: Address): boolean {
  return FILTERS.every((name) => !address[name] || valuesOf(one, name).includes(address[name] ?? ""));
}

function hours(): HTMLElement[] {
  return [0, 3, 6, 9, 12, 15, 18, 21].map((hour) => {
    const tick = h("span", { class: "tick" }, `${String(hour).padStart(2, "0")}`);
    tick.style.left = `${(hour / 24) * 100}%`;
    return tick;
  });
}

function silence(days: number): HTMLElement {
  return h("p", { class: "silence" }, `${days} ${days === 1 ? "day" : "days"} not recorded`);
}
