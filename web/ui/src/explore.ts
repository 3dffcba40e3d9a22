/** Any series over any span, beside the same span before; and the machine as it was at any time in it. */

import { type Address, type Change, go, read, write } from "./address";
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

/** Points over what is in sight, one a pixel, and the fewest and most of them. */
const POINTS: [number, number] = [300, 3000];
/** Series that are drawn at a time. */
const MOST = 32;
/** Parts of what is in sight by which a held key moves in a second. */
const SPEED = 0.9;
/** Milliseconds for which it must stand still to be the address, and to have its surroundings loaded. */
const STILL_MS = 250;
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
/** Those of the eight colours that are lines and not surfaces. */
const LINE_COLOURS = [1, 2, 3, 4, 5, 6, 8];
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
  /** Ends what was asked for the charts as they were. */
  private drawing = new AbortController();
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private names: Name[] = [];
  /** What is in sight. */
  private span: Range = { from: 0, to: 0 };
  /** What the charts have: more to either side. */
  private has: Range = { from: 0, to: 0 };
  private charts: Chart[] = [];
  private frame = 0;
  /** Which way a held key moves, and since when. */
  private moving: { by: number; last: number } | undefined;
  private still: ReturnType<typeof setTimeout> | undefined;
  /** The address that a pan made by itself. */
  private made = "";
  /** Series that cannot be read beyond what is in sight: signals are derived over a day at most. */
  private narrow = false;
  private asking = false;

  constructor(private readonly context: Context, private readonly spanKnown: (span: Range) => void) {
    this.finder = finder(() => this.names, (name) => this.add(`${name.metric}@${name.subject}`));
    this.past = new Past(context, { show: (show) => go({ show }, "replace"), at: (time) => this.look(time) });
    this.keys = {
      step: (by) => this.step(by),
      zoom: (by) => this.zoom(by),
      pan: (by) => this.hold(by),
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
    if (!same(["from", "to", "last"]) && location.search !== this.made) void this.load();
    else if (!same(["of", "counters", "beside"])) void this.draw();
    if (!same(["at", "show"])) this.then();
  }

  recolour(): void {
    for (const chart of this.charts) chart.recolour();
  }

  end(): void {
    this.asked.abort();
    this.drawing.abort();
    clearTimeout(this.waiting);
    clearTimeout(this.still);
    cancelAnimationFrame(this.frame);
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
      void api.metrics(stamp(this.span.to), signal).then((names) => ((this.names = names), this.finder.namesCame())).catch(() => undefined);
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

  /** A key is held that moves what is in sight, or is let go of. */
  private hold(by: number): void {
    if (by !== 0 && matchMedia("(prefers-reduced-motion: reduce)").matches) return this.pan((by * (this.span.to - this.span.from)) / 4);
    this.moving = by === 0 ? undefined : { by, last: performance.now() };
    if (by !== 0) this.redraw();
  }

  /** Moves what is in sight by seconds, as far as there is data. */
  private pan(by: number): void {
    const { node } = this.context;
    const [begin, end] = [seconds(node.from ?? ""), seconds(node.to ?? "")];
    const { from, to } = this.span;
    // Half of what is in sight may lie beyond the record, so that its ends can be seen for what they are.
    const half = (to - from) / 2;
    const least = Math.min(0, begin - half - from);
    const most = Math.max(0, end + half - to);
    const moved = Math.min(most, Math.max(least, by));
    this.span = { from: from + moved, to: to + moved };
    this.redraw();
  }

  /** Once before the next frame, however often it is asked for. */
  private redraw(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame((now) => {
      this.frame = 0;
      if (this.moving) {
        const passed = Math.min(0.1, Math.max(0, now - this.moving.last) / 1000);
        this.moving.last = now;
        this.pan(this.moving.by * SPEED * passed * (this.span.to - this.span.from));
      }
      for (const chart of this.charts) chart.move(this.span);
      clearTimeout(this.still);
      this.still = setTimeout(() => this.settle(), STILL_MS);
      this.follow();
    });
  }

  /** It stands still: a link shows what is in sight. */
  private settle(): void {
    const change = { from: stamp(this.span.from), to: stamp(this.span.to), last: undefined };
    const query = write({ ...read(), from: stamp(this.span.from), to: stamp(this.span.to), last: "" });
    this.made = query.slice(query.indexOf("?"));
    go(change, "replace");
    this.spanKnown(this.span);
    this.drawTools(this.of());
    this.then();
    for (const chart of this.charts) chart.settled();
    if (this.narrow) void this.draw();
  }

  private async draw(): Promise<void> {
    this.drawing.abort();
    const { signal } = (this.drawing = new AbortController());
    this.asking = false;
    this.drawTools(this.of());
    const shift = BESIDE.find(([id]) => id === read().beside);
    this.board.setAttribute("aria-busy", "true");
    try {
      const found = await this.ask(this.span, 0);
      if (signal.aborted) return;
      replace(this.note,
        found.answer.unknown.length > 0 && h("p", { class: "quiet" }, `Not recorded in this span: ${found.answer.unknown.join(", ")}`),
        shift && !found.before && h("p", { class: "quiet" }, `Nothing is recorded ${shift[1]}.`));
      this.narrow = false;
      this.show(found);
      this.follow();
    } catch (error) {
      if (signal.aborted) return;
      this.clear();
      replace(this.note, failed(error));
    }
    this.board.removeAttribute("aria-busy");
  }

  /** Loads what is beside what is in sight, unless it is there or on its way. */
  private follow(): void {
    const { from, to } = this.span;
    const near = (to - from) / 4;
    if (!this.asking && !this.narrow && (from - near < this.has.from || to + near > this.has.to)) void this.surround();
  }

  /** Loads as much again to either side of what is in sight, so that moving there shows no void. */
  private async surround(): Promise<void> {
    const { signal } = this.drawing;
    this.asking = true;
    try {
      const found = await this.ask(this.span, 1);
      if (!signal.aborted) this.show(found);
    } catch {
      // What is in sight is there; what is beside it is loaded when it comes into sight.
      if (!signal.aborted) this.narrow = true;
    }
    if (signal.aborted) return;
    this.asking = false;
    // It may have moved on meanwhile.
    this.follow();
  }

  /** The series over a span and so many times its length to either side, in stretches that are the same whichever part is asked for. */
  private async ask(span: Range, sides: number): Promise<Found> {
    const length = span.to - span.from;
    const points = Math.round(Math.min(POINTS[1], Math.max(POINTS[0], this.board.clientWidth - 110)));
    const cell = length / points;
    const first = Math.floor((span.from - sides * length) / cell) * cell;
    const count = (1 + 2 * sides) * points + 1;
    const range = { from: first, to: first + count * cell };
    const rate = read().counters === "raw" ? "false" : "auto";
    const shift = BESIDE.find(([id]) => id === read().beside);
    const { signal } = this.drawing;
    const at = (by: number): Promise<SeriesAnswer> => api.series(this.of(), stamp(range.from - by), stamp(range.to - by), count, signal, rate);
    const [answer, before] = await Promise.all([at(0), shift ? at(shift[2]).catch(() => null) : null]);
    return { range, answer, before: before && shift ? { answer: before, shift: shift[2], label: shift[1] } : undefined };
  }

  private clear(): void {
    for (const chart of this.charts) chart.end();
    this.charts = [];
    replace(this.board);
  }

  /** A chart for each unit: what is measured alike can be compared. */
  private show({ range, answer, before }: Found): void {
    const all = inBytes(answer);
    const units = [...new Set(all.map((one) => one.unit))];
    const old = before ? inBytes(before.answer) : [];
    const focus = this.of();
    this.has = range;
    if (units.length !== this.charts.length || units.some((unit, k) => this.charts[k]?.options.unit !== unit)) {
      this.clear();
      this.charts = units.map((unit) => this.chart(unit, units.length > 2 ? 190 : 300));
      this.board.append(...this.charts.map((chart) => chart.element));
    }
    for (const chart of this.charts) {
      const lines = all.filter((one) => one.unit === chart.options.unit).flatMap((one): Line[] => {
        const name = `${one.metric}@${one.subject}`;
        const place = Math.max(0, focus.indexOf(name));
        const label = one.subject === "host" ? one.metric : `${one.metric} ${one.subject}`;
        const line: Line = { label, values: one.values, colour: colourOf(place), pattern: Math.floor(place / LINE_COLOURS.length), ...(one.min && one.max ? { min: one.min, max: one.max } : {}) };
        const then = old.find((other) => other.metric === one.metric && other.subject === one.subject);
        return then && before ? [line, { label: `${label}, ${before.label}`, values: aligned(answer.at, before.answer.at, then.values, before.shift), colour: line.colour, dashed: true }] : [line];
      });
      chart.set(answer.at, lines, this.span);
    }
  }

  private chart(unit: string, height: number): Chart {
    return new Chart({
      title: TITLES[unit] ?? (unit === "" ? "Number" : unit), unit, height, clock: this.context.clock, sync: "explore", mark: this.time(),
      zoom: (range) => this.range(range), pan: (by) => this.pan(by), pick: (time) => this.look(time),
    });
  }

  private drawTools(of: string[]): void {
    const address = read();
    replace(this.chosen, ...of.map((name, k) => h("li", { class: "chip-chosen" }, h("i", { class: `swatch s${colourOf(k)}`, "aria-hidden": "true" }), h("code", {}, name.replace(/@host$/, "")),
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

function colourOf(place: number): number {
  return LINE_COLOURS[place % LINE_COLOURS.length] ?? 1;
}

/** Series over a range, and over the same range before. */
interface Found {
  range: Range;
  answer: SeriesAnswer;
  before: { answer: SeriesAnswer; shift: number; label: string } | undefined;
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
