/** Any series over any span, beside the same span before; and the machine as it was at any time in it. */

import { type Address, type Change, go, read } from "./address";
import { api } from "./api";
import { Chart, type Line } from "./chart";
import type { Name, Series, SeriesAnswer } from "./document";
import { h, replace } from "./dom";
import { duration } from "./format";
import type { Range } from "./lanes";
import { Past } from "./past";
import { fileName, saveCharts, saveFrom } from "./save";
import { type finder as Finder, finder } from "./search";
import { DEFAULT_S, spanOf } from "./shell";
import { failed } from "./states";
import { seconds, stamp } from "./time";
import type { Context, Keys, View } from "./view";

const POINTS = 1500;
const MOST = 32;
const BESIDE: [string, string, number][] = [["day", "a day before", 86_400], ["week", "a week before", 604_800]];
/** What one wants to see first, of columns that are read over any span. */
const SETS: [string, string][] = [
  ["Memory", "meminfo.MemFree meminfo.Cached meminfo.AnonPages meminfo.Shmem meminfo.Slab"],
  ["Reclaim", "vmstat.pgscan_kswapd vmstat.pgscan_direct vmstat.pgsteal_kswapd"],
  ["Faults", "vmstat.pgmajfault vmstat.workingset_refault_file vmstat.pswpin"],
  ["Dirty", "meminfo.Dirty meminfo.Writeback"],
  ["Load", "loadavg.load1 stat.procs_running stat.procs_blocked"],
  ["Pressure", "pressure/memory.some_total pressure/io.some_total pressure/cpu.some_total"],
];
const TITLES: Record<string, string> = { B: "Bytes", "B/s": "Bytes a second", "%": "Percent", "1/s": "A second", ms: "Milliseconds" };
const DEFAULT_OF = SETS[0]?.[1] ?? "";

export class Explore implements View {
  readonly element = h("div", { class: "explore" });
  readonly keys: Keys;
  private readonly chosen = h("ul", { class: "chosen", "aria-label": "Series shown" });
  private readonly finder: ReturnType<typeof Finder>;
  private readonly tools = h("div", { class: "zoom" });
  private readonly note = h("div", { class: "explore-note", role: "status" });
  private readonly board = h("div", { class: "board single" });
  private readonly slider = h("input", { type: "range", id: "at", min: 0, max: 1, step: "any", "aria-label": "Time that is looked at", input: () => this.slide() });
  private readonly past: Past;
  private asked = new AbortController();
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private names: Name[] = [];
  private span: Range = { from: 0, to: 0 };
  private charts: Chart[] = [];

  constructor(private readonly context: Context, private readonly spanKnown: (span: Range) => void) {
    this.finder = finder(() => this.names, (name) => this.add(`${name.metric}@${name.subject}`));
    this.past = new Past(context, { show: (show) => go({ show }, "replace"), at: (time) => this.look(time) });
    this.keys = {
      step: (by) => this.step(by),
      zoom: (by) => this.zoom(by),
      whole: () => go({ from: undefined, to: undefined, last: String(Math.ceil(seconds(context.node.to ?? "") - seconds(context.node.from ?? "")) + 1) }),
      find: () => this.finder.focusField(),
    };
    const step = (text: string, said: string, by: number): HTMLElement => h("button", { type: "button", "aria-label": said, click: () => this.step(by) }, text);
    replace(this.element, h("h1", {}, "Explore"), h("div", { class: "picker" }, this.finder, this.chosen), this.tools, this.note, h("h2", { class: "unseen" }, "Charts"), this.board,
      h("div", { class: "scrub" }, step("←", "A reading earlier", -1), this.slider, step("→", "A reading later", 1)), this.past.element);
    void this.load();
  }

  changed(before: Address, now: Address): void {
    const same = (names: (keyof Address)[]): boolean => names.every((name) => before[name] === now[name]);
    if (!same(["from", "to", "last"])) void this.load();
    else if (!same(["of", "counters", "beside"])) void this.draw();
    if (!same(["at", "show"])) this.then();
  }

  recolour(): void {
    for (const chart of this.charts) chart.recolour();
  }

  end(): void {
    this.asked.abort();
    clearTimeout(this.waiting);
    this.past.end();
    for (const chart of this.charts) chart.end();
  }

  private of(): string[] {
    return (read().of ?? DEFAULT_OF).split(" ").filter(Boolean).map((one) => (one.includes("@") ? one : `${one}@host`));
  }

  private add(name: string): void {
    const of = read().of === undefined ? [] : this.of();
    if (of.length < MOST) go({ of: [...new Set([...of, name])].join(" ") });
  }

  private async load(): Promise<void> {
    this.asked.abort();
    const { signal } = (this.asked = new AbortController());
    try {
      const wanted = spanOf(read(), this.context.node, DEFAULT_S);
      this.span = "typed" in wanted ? await api.span(wanted.typed.from, wanted.typed.to, signal) : wanted;
      if (signal.aborted) return;
      this.spanKnown(this.span);
      this.then();
      void api.metrics(stamp(this.span.to), signal).then((names) => (this.names = names)).catch(() => undefined);
      await this.draw();
    } catch (error) {
      if (!signal.aborted) replace(this.note, this.context.failed(error));
    }
  }

  /** The time that is looked at: the address's, or the end of what is shown. */
  private time(): number {
    const named = Number(read().at);
    return Number.isFinite(named) && named > 0 ? named : this.span.to;
  }

  private then(): void {
    const time = this.time();
    [this.slider.min, this.slider.max] = [String(this.span.from), String(this.span.to)];
    this.slider.value = String(time);
    this.slider.setAttribute("aria-valuetext", `${this.context.clock.full(time)} ${this.context.clock.zone}`);
    for (const chart of this.charts) chart.mark(time);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => void this.past.show(time, read().show ?? "processes"), 120);
  }

  private look(time: number): void {
    go({ at: time.toFixed(3) }, "replace");
  }

  private slide(): void {
    this.look(Number(this.slider.value));
  }

  private step(by: number): void {
    const chart = this.charts[0];
    const at = chart?.times() ?? [];
    if (at.length === 0) return this.look(this.time() + by);
    const now = this.time();
    const k = at.findIndex((time) => time >= now - 0.001);
    const next = at[Math.min(at.length - 1, Math.max(0, (k < 0 ? at.length - 1 : k) + by))];
    if (next !== undefined) {
      this.look(next);
      chart?.show(next);
    }
  }

  private zoom(by: number): void {
    const half = ((this.span.to - this.span.from) / 2) * by;
    const time = this.time();
    const middle = time > this.span.from && time < this.span.to ? time : (this.span.from + this.span.to) / 2;
    this.range({ from: middle - half, to: middle + half });
  }

  private range(range: Range): void {
    if (range.to - range.from >= 1) go({ from: stamp(range.from), to: stamp(range.to), last: undefined });
  }

  private async draw(): Promise<void> {
    const { signal } = this.asked;
    const of = this.of();
    this.drawTools(of);
    const { from, to } = this.span;
    const rate = read().counters === "raw" ? "false" : "auto";
    const shift = BESIDE.find(([id]) => id === read().beside);
    this.board.setAttribute("aria-busy", "true");
    try {
      const ask = (by: number): Promise<SeriesAnswer> => api.series(of, stamp(from - by), stamp(to - by), POINTS, signal, rate);
      const [answer, before] = await Promise.all([ask(0), shift ? ask(shift[2]).catch(() => null) : null]);
      if (signal.aborted) return;
      replace(this.note,
        answer.unknown.length > 0 && h("p", { class: "quiet" }, `Not recorded in this span: ${answer.unknown.join(", ")}`),
        shift && !before && h("p", { class: "quiet" }, `Nothing is recorded ${shift[1]}.`));
      this.show(answer, before ? { answer: before, shift: shift?.[2] ?? 0, label: shift?.[1] ?? "" } : undefined);
    } catch (error) {
      if (signal.aborted) return;
      this.clear();
      replace(this.note, failed(error));
    }
    this.board.removeAttribute("aria-busy");
  }

  private clear(): void {
    for (const chart of this.charts) chart.end();
    this.charts = [];
    replace(this.board);
  }

  /** A chart for each unit: what is measured alike can be compared. */
  private show(answer: SeriesAnswer, before: { answer: SeriesAnswer; shift: number; label: string } | undefined): void {
    const all = inBytes(answer);
    const units = [...new Set(all.map((one) => one.unit))];
    const old = before ? inBytes(before.answer) : [];
    this.clear();
    const focus = this.of();
    for (const unit of units) {
      const chart = new Chart({ title: TITLES[unit] ?? (unit === "" ? "Number" : unit), unit, height: units.length > 2 ? 190 : 300, clock: this.context.clock, sync: "explore", mark: this.time(), zoom: (range) => this.range(range), pick: (time) => this.look(time) });
      this.board.append(chart.element);
      const lines = all.filter((one) => one.unit === unit).flatMap((one): Line[] => {
        const name = `${one.metric}@${one.subject}`;
        const colour = (Math.max(0, focus.indexOf(name)) % 8) + 1;
        const label = one.subject === "host" ? one.metric : `${one.metric} ${one.subject}`;
        const line: Line = { label, values: one.values, colour, ...(one.min && one.max ? { min: one.min, max: one.max } : {}) };
        const then = old.find((other) => other.metric === one.metric && other.subject === one.subject);
        return then && before ? [line, { label: `${label}, ${before.label}`, values: aligned(answer.at, before.answer.at, then.values, before.shift), colour, dashed: true }] : [line];
      });
      chart.set(answer.at, lines, this.span);
      this.charts.push(chart);
    }
  }

  private drawTools(of: string[]): void {
    const address = read();
    replace(this.chosen, ...of.map((name, k) => h("li", { class: "chip-chosen" }, h("i", { class: `swatch s${(k % 8) + 1}`, "aria-hidden": "true" }), h("code", {}, name.replace(/@host$/, "")),
      h("button", { type: "button", "aria-label": `Without ${name}`, click: () => go({ of: of.filter((one) => one !== name).join(" ") || undefined }) }, "✕"))));
    const toggle = (text: string, pressed: boolean, change: Change, title: string): HTMLElement => h("button", { type: "button", "aria-pressed": String(pressed), title, click: () => go(change) }, text);
    const { node } = this.context;
    const { from, to } = this.span;
    const csv = { of, from: stamp(from), to: stamp(to), points: "10000", format: "csv", rate: address.counters === "raw" ? "false" : "auto" };
    const said = (promise: Promise<void>): void => void promise.catch((error: unknown) => replace(this.note, failed(error)));
    replace(this.tools,
      ...SETS.map(([text, set]) => toggle(text, (address.of ?? DEFAULT_OF) === set, { of: set }, `Shows ${set}`)),
      h("span", { class: "group" }, toggle("rates", address.counters !== "raw", { counters: undefined }, "Counters as changes a second"), toggle("raw", address.counters === "raw", { counters: "raw" }, "Counters as they stand in the file")),
      h("span", { class: "group" }, ...BESIDE.map(([id, text]) => toggle(text, address.beside === id, { beside: address.beside === id ? undefined : id }, `Draws the same span ${text}, dashed`))),
      h("span", { class: "group last" },
        h("button", { type: "button", click: () => said(saveFrom("/api/v1/series", csv, fileName(node.hostname, from, "csv"))) }, "CSV"),
        h("button", { type: "button", click: () => said(saveFrom("/api/v1/series", { ...csv, format: "json" }, fileName(node.hostname, from, "json"))) }, "JSON"),
        h("button", { type: "button", click: () => said(saveCharts(`${node.hostname ?? ""} · ${of.join(", ")}`, `${this.context.clock.span(from, to)} ${this.context.clock.zone}, ${duration(to - from)}`, this.charts, fileName(node.hostname, from, "png"))) }, "PNG")));
  }
}

/** The kernel's kB are 1,024 bytes: an axis in them would have no round numbers. */
function inBytes({ series }: SeriesAnswer): Series[] {
  const times = (values: (number | null)[]): (number | null)[] => values.map((v) => (v === null ? null : v * 1024));
  return series.map((one) =>
    one.unit.startsWith("kB") ? { ...one, unit: one.unit.slice(1), values: times(one.values), ...(one.min && one.max ? { min: times(one.min), max: times(one.max) } : {}) } : one);
}

/** Values of an earlier span at the times of this one: each at its nearest, if it is near. */
function aligned(at: number[], before: number[], values: (number | null)[], shift: number): (number | null)[] {
  const apart = at.length > 1 ? ((at[at.length - 1] ?? 0) - (at[0] ?? 0)) / (at.length - 1) : 1;
  let k = 0;
  return at.map((time) => {
    const wanted = time - shift;
    while (k + 1 < before.length && Math.abs((before[k + 1] ?? 0) - wanted) <= Math.abs((before[k] ?? 0) - wanted)) k += 1;
    return Math.abs((before[k] ?? Infinity) - wanted) <= apart * 0.75 ? (values[k] ?? null) : null;
  });
}
