/** A chart of a few series in one unit. All charts with the same `sync` share their crosshair. */

import type uPlot from "uplot";
import { STEPS, tickText } from "./axis";
import { h, replace } from "./dom";
import { envelope } from "./envelope";
import { brief, inUnit } from "./format";
import type { Range } from "./lanes";
import { arrived, plotter } from "./plot";
import type { Clock } from "./time";

export interface Line {
  label: string;
  values: (number | null)[];
  /** Lowest and highest where a point stands for many readings. */
  min?: (number | null)[];
  max?: (number | null)[];
  /** Which of the eight colours, from 1. */
  colour: number;
  dashed?: boolean;
  /** Which pattern of dashes, where the colours come round again. */
  pattern?: number;
}

export interface Level {
  value: number;
  label: string;
}

export interface ChartOptions {
  title: string;
  unit: string;
  height: number;
  clock: Clock;
  sync: string;
  /** Lines stand on each other. */
  stacked?: boolean;
  /** The scale reaches at least so far. */
  top?: number;
  levels?: Level[];
  /** A time that is marked. */
  mark?: number | undefined;
  zoom?: (range: Range) => void;
  /** The chart was dragged by so many seconds: with Shift, the middle button, a finger, or a wheel that goes sideways. */
  pan?: (seconds: number) => void;
  /** A time was clicked on. */
  pick?: (time: number) => void;
  /** Opens the same series where more can be done with them. */
  explore?: () => void;
}

type Values = (number | null)[];

const DASH = [5, 4];
const PATTERNS = [undefined, [9, 3], [2, 2], [9, 3, 2, 3]];

export class Chart {
  readonly element: HTMLElement;
  private readonly plot = h("div", { class: "chart-plot" });
  private readonly legend = h("ul", { class: "chart-legend" });
  private readonly when = h("span", { class: "chart-when" });
  private readonly observer: ResizeObserver;
  private chart: uPlot | undefined;
  private at: number[] = [];
  private lines: Line[] = [];
  private range: Range | undefined;
  private ended = false;

  constructor(readonly options: ChartOptions) {
    this.plot.style.height = `${options.height}px`;
    this.element = h("figure", { class: "chart" }, h("figcaption", {}, h("h3", {}, options.title), this.when, options.explore && h("button", { type: "button", class: "quiet-button", "aria-label": `${options.title}: explore`, click: options.explore }, "explore")), this.legend, this.plot);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.plot);
  }

  /** Draws these lines over a range, in the chart's unit. The picture is kept where only the numbers changed. */
  set(at: number[], lines: Line[], range: Range): void {
    const same = this.chart !== undefined && lines.length === this.lines.length && lines.every((line, k) => line.label === this.lines[k]?.label && !line.min === !this.lines[k].min);
    [this.at, this.lines, this.range] = [at, lines, range];
    if (same && this.chart) {
      this.chart.batch(() => {
        this.chart?.setData(this.data(), false);
        this.chart?.setScale("x", { min: range.from, max: range.to });
      });
    } else this.build();
    this.describe();
    this.read();
  }

  /** Shows another part of what it has. */
  move(range: Range): void {
    this.range = range;
    this.chart?.setScale("x", { min: range.from, max: range.to });
  }

  /** It moves no more: what is said beside it is of what is in sight now. */
  settled(): void {
    this.describe();
    this.read();
  }

  mark(time: number | undefined): void {
    this.options.mark = time;
    this.chart?.redraw(false);
  }

  recolour(): void {
    if (this.range) this.build();
  }

  end(): void {
    this.ended = true;
    this.observer.disconnect();
    this.chart?.destroy();
  }

  /** What is drawn, for a picture. */
  canvas(): HTMLCanvasElement | undefined {
    return this.chart?.ctx.canvas;
  }

  said(): string {
    return this.lines.map((line) => `${line.label} ${inUnit(last(line.values, this.seenEnd()), this.options.unit)}`).join(" · ");
  }

  /** Moves the crosshair by readings, from the middle when there is none. */
  step(by: number): void {
    const { chart, at, range } = this;
    if (!chart || !range || at.length === 0) return;
    const inside = at.flatMap((t, k) => (t >= range.from && t <= range.to ? [k] : []));
    const [first, end] = [inside[0] ?? 0, inside[inside.length - 1] ?? at.length - 1];
    const now = (chart.cursor.left ?? -1) < 0 ? undefined : chart.cursor.idx;
    const next = now === null || now === undefined ? Math.round((first + end) / 2) : Math.min(end, Math.max(first, now + by));
    moveCursor(chart, at[next] ?? range.from);
  }

  /** The crosshair to a time. */
  show(time: number): void {
    if (this.chart) moveCursor(this.chart, time);
  }

  times(): number[] {
    return this.at;
  }

  /** The time under the crosshair. */
  cursor(): number | undefined {
    const index = this.chart?.cursor.idx;
    return (this.chart?.cursor.left ?? -1) < 0 || index === null || index === undefined ? undefined : this.at[index];
  }

  private data(): uPlot.AlignedData {
    if (this.options.stacked) return [this.at, ...sums(this.lines.map((line) => line.values))];
    return [this.at, ...this.lines.map((line) => line.values)];
  }

  private build(): void {
    const plot = plotter();
    if (!plot) return void arrived.then(() => this.ended || this.chart || this.build());
    this.chart?.destroy();
    this.plot.replaceChildren();
    const { options, lines } = this;
    const style = getComputedStyle(this.element);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const of = (line: Line): string => colour(`--s${line.colour}`);
    const axis: uPlot.Axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `11px ${style.fontFamily}` };
    const drawn = lines.map((line): uPlot.Series => ({
      stroke: options.stacked ? colour("--panel") : of(line),
      width: options.stacked ? 0.5 : 1.5,
      ...(options.stacked && line === lines[0] ? { fill: of(line) } : {}),
      ...(dashes(line) ? { dash: dashes(line) ?? [] } : {}),
      ...(!options.stacked && line.min ? { fill: `${of(line)}38`, paths: envelope((): Line | undefined => this.lines[lines.indexOf(line)]) } : {}),
      points: options.stacked ? { show: false } : { show: true, size: 4, filter: lonely },
    }));
    const bands: uPlot.Band[] = [];
    lines.forEach((line, k) => {
      if (options.stacked && k > 0) bands.push({ series: [k + 1, k], fill: of(line) });
    });
    const range = this.range ?? { from: 0, to: 1 };
    this.chart = new plot(
      {
        width: Math.max(60, this.plot.clientWidth),
        height: options.height,
        padding: [8, 18, 0, 0],
        legend: { show: false },
        scales: { x: { time: false, min: range.from, max: range.to }, y: { range: (u, low, high) => bounds(...this.reach(u, low, high), options.top) } },
        axes: [
          { ...axis, size: 26, space: 76, incrs: STEPS, values: (_u, ticks, _k, _s, step) => ticks.map((t) => tickText(t, step, options.clock)) },
          { ...axis, size: 86, space: 34, values: (_u, ticks) => ticks.map((v) => brief(v, options.unit)) },
        ],
        series: [{}, ...drawn],
        bands,
        cursor: { y: false, points: { show: !options.stacked, size: 6 }, sync: { key: options.sync, setSeries: false }, drag: { x: Boolean(options.zoom), y: false, setScale: false }, bind: { mousedown: (_u, _target, select) => (event) => (options.pan && isPan(event) ? null : select(event)) } },
        hooks: {
          draw: [(u) => this.lineMarks(u, colour)],
          setCursor: [() => this.read()],
          setSelect: [
            (u) => {
              const { left, width } = u.select;
              if (width < 4) return;
              const chosen = { from: u.posToVal(left, "x"), to: u.posToVal(left + width, "x") };
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              options.zoom?.(chosen);
            },
          ],
        },
      },
      this.data(),
      this.plot,
    );
    this.chart.root.setAttribute("role", "img");
    if (options.pan) this.panning(this.chart, options.pan);
    this.chart.over.addEventListener("click", () => {
      const time = this.cursor();
      if (time !== undefined) options.pick?.(time);
    });
    this.describe();
  }

  /** What is dragged or wheeled sideways, in seconds. */
  private panning(u: uPlot, pan: (seconds: number) => void): void {
    const { over } = u;
    const seconds = (pixels: number): number => ((u.scales["x"]?.max ?? 0) - (u.scales["x"]?.min ?? 0)) * (pixels / Math.max(1, over.clientWidth));
    let last: number | undefined;
    over.addEventListener("pointerdown", (event) => {
      if (!isPan(event)) return;
      event.preventDefault();
      last = event.clientX;
      over.setPointerCapture(event.pointerId);
    });
    over.addEventListener("pointermove", (event) => {
      if (last === undefined) return;
      pan(-seconds(event.clientX - last));
      last = event.clientX;
    });
    for (const end of ["pointerup", "pointercancel"] as const) over.addEventListener(end, () => (last = undefined));
    over.addEventListener("wheel", (event) => {
      const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
      if (event.ctrlKey || sideways === 0 || (!event.shiftKey && Math.abs(event.deltaY) > Math.abs(sideways))) return;
      event.preventDefault();
      pan(seconds(sideways));
    }, { passive: false });
  }

  /** The last point in sight. */
  private seenEnd(): number {
    const { at, range } = this;
    let k = at.length - 1;
    while (k > 0 && range && (at[k] ?? 0) > range.to) k -= 1;
    return k;
  }

  /** Lowest and highest of what is in sight, with what a point stands for. */
  private reach(u: uPlot, low: number | null, high: number | null): [number | null, number | null] {
    const [first, end] = u.series[0]?.idxs ?? [0, -1];
    for (const { min, max } of this.options.stacked ? [] : this.lines) {
      for (let k = first; min && max && k <= end; k += 1) {
        const [least, most] = [min[k], max[k]];
        if (least != null && (low === null || least < low)) low = least;
        if (most != null && (high === null || most > high)) high = most;
      }
    }
    return [low, high];
  }

  private lineMarks(u: uPlot, colour: (name: string) => string): void {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    ctx.font = `${11 * devicePixelRatio}px ${getComputedStyle(this.element).fontFamily}`;
    // Drawing the axes leaves its own alignment behind.
    [ctx.textAlign, ctx.textBaseline] = ["left", "alphabetic"];
    let above: { y: number; x: number } | undefined;
    for (const level of [...(this.options.levels ?? [])].sort((p, q) => q.value - p.value)) {
      const y = Math.round(u.valToPos(level.value, "y", true)) + 0.5;
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.strokeStyle = colour("--text");
      ctx.fillStyle = colour("--text");
      ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      // Lines that nearly touch have their names one after the other.
      const near = above && y - above.y < 14 * devicePixelRatio ? above : undefined;
      const x = near ? near.x : bbox.left + 6 * devicePixelRatio;
      const text = near ? `· ${level.label}` : level.label;
      const height = near ? near.y : y;
      ctx.fillText(text, x, height - 4 * devicePixelRatio);
      above = { y: height, x: x + ctx.measureText(`${text} `).width };
    }
    this.letters(u, colour);
    if (this.options.mark !== undefined) {
      const x = Math.round(u.valToPos(this.options.mark, "x", true)) + 0.5;
      ctx.setLineDash([]);
      ctx.lineWidth = 2 * devicePixelRatio;
      ctx.strokeStyle = colour("--role-first");
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  /** The letter of each line where it ends, for who does not tell the colours apart. */
  private letters(u: uPlot, colour: (name: string) => string): void {
    const { ctx, bbox } = u;
    if (this.lines.length < 2) return;
    const end = u.series[0]?.idxs?.[1] ?? -1;
    const [right, least] = [bbox.left + bbox.width + 4 * devicePixelRatio, 11 * devicePixelRatio];
    const ends = this.lines.flatMap((line, k) => {
      const drawn = u.data[k + 1] ?? [];
      let at = end;
      while (at >= 0 && at > end - 3 && drawn[at] == null) at -= 1;
      const value = drawn[at];
      if (value == null) return [];
      // Of a pile, the middle of its part.
      const below = this.options.stacked && k > 0 ? (u.data[k]?.[at] ?? 0) : this.options.stacked ? 0 : value;
      return [{ k, line, y: u.valToPos((value + below) / 2, "y", true) + 4 * devicePixelRatio }];
    });
    ends.sort((a, b) => a.y - b.y);
    // From the top down each a little below the one before; and from the bottom up, what fell out below.
    let free = -Infinity;
    for (const one of ends) free = (one.y = Math.max(one.y, free)) + least;
    free = bbox.top + bbox.height + 2 * devicePixelRatio;
    for (const one of ends.reverse()) free = (one.y = Math.min(one.y, free)) - least;
    for (const { k, line, y } of ends) {
      ctx.fillStyle = this.options.stacked ? colour("--muted") : colour(`--s${line.colour}`);
      ctx.fillText(letter(k), right, y);
    }
  }

  /** The values under the crosshair, or the last ones. */
  private read(): void {
    const time = this.cursor();
    const index = time === undefined ? undefined : this.chart?.cursor.idx;
    replace(this.when, time !== undefined && this.options.clock.second(time));
    replace(
      this.legend,
      ...this.lines.map((line, k) => {
        const value = typeof index === "number" ? line.values[index] : last(line.values, this.seenEnd());
        return h("li", {}, h("i", { class: `swatch s${line.colour}${line.dashed ? " dashed" : ""}`, "aria-hidden": "true" }), this.lines.length > 1 && h("small", { class: "letter", "aria-hidden": "true" }, letter(k)), h("span", {}, line.label), " ", h("b", {}, brief(value, this.options.unit)));
      }),
      ...(this.options.levels ?? []).map(({ label, value }) => h("li", {}, h("span", {}, label), " ", h("b", {}, brief(value, this.options.unit)))),
    );
  }

  private describe(): void {
    this.chart?.root.setAttribute("aria-label", `${this.options.title}: ${this.said() || "nothing known"}`);
  }

  private resize(): void {
    const width = this.plot.clientWidth;
    if (this.chart && width > 0 && width !== this.chart.width) this.chart.setSize({ width, height: this.options.height });
  }
}

/** `a`, `b`, … */
function letter(k: number): string {
  return String.fromCharCode(97 + (k % 26));
}

function dashes(line: Line): number[] | undefined {
  return line.dashed ? DASH : PATTERNS[(line.pattern ?? 0) % PATTERNS.length];
}

/** Whether a press is the beginning of a pan, and not of a selection. */
function isPan(event: MouseEvent): boolean {
  return event.button === 1 || (event.button === 0 && (event.shiftKey || ("pointerType" in event && event.pointerType === "touch")));
}

/** The crosshair to a time, in this chart and in all that share it; uPlot's types do not know the third parameter. */
export function moveCursor(chart: uPlot, time: number): void {
  const move = chart.setCursor as (place: { left: number; top: number }, tell: boolean, share: boolean) => void;
  move({ left: chart.valToPos(time, "x"), top: 10 }, true, true);
}

/** Points are shown only where a line has no length: a reading between two gaps. */
function lonely(u: uPlot, series: number, shown: boolean): number[] | null {
  const values = u.data[series] ?? [];
  const alone: number[] = [];
  if (shown) for (let k = 0; k < values.length; k += 1) if (values[k] != null && values[k - 1] == null && values[k + 1] == null) alone.push(k);
  return alone;
}

/** The value at a place, or shortly before it. */
function last(values: Values, end: number): number | null {
  for (let k = end; k >= Math.max(0, end - 2); k -= 1) if (values[k] != null) return values[k] ?? null;
  return null;
}

/** Each line upon those before it. Where one of them is not known, the height of the pile is not. */
function sums(all: Values[]): Values[] {
  const piled: Values[] = [];
  for (const values of all) {
    const below = piled[piled.length - 1];
    piled.push(values.map((value, k) => (value === null || (below && below[k] === null) ? null : value + (below?.[k] ?? 0))));
  }
  return piled;
}

/** From zero, unless all of it is far from there. */
function bounds(low: number | null, high: number | null, top: number | undefined): [number, number] {
  if (low === null || high === null) return [0, top ?? 1];
  const up = Math.max(high, top ?? high);
  const bottom = top === undefined && low > 0 && low > high * 0.8 && high > low ? low - (high - low) * 0.5 : Math.min(0, low);
  return up > bottom ? [bottom, top !== undefined && high <= top ? up : up + (up - bottom) * 0.06] : [bottom, bottom + 1];
}
