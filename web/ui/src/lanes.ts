/** Lanes under one time axis, one for each event, in causal order: the signal, its onset with bounds, and the lead as a brace. */

import type uPlot from "uplot";
import { api } from "./api";
import { axis } from "./axis";
import { moveCursor } from "./chart";
import { causal, causeName, firstMover, lead, mainCause } from "./chain";
import type { Evidence, Incident, Series, SeriesAnswer, TimelineEvent } from "./document";
import { type Child, h, replace } from "./dom";
import { brief, duration, inUnit } from "./format";
import { arrived, plotter } from "./plot";
import { ROLE_WORDS, type Role, roleOf } from "./roles";
import { type Clock, seconds, stamp, uncertainty } from "./time";

export interface Range {
  from: number;
  to: number;
}

const HEIGHT = 62;
const POINTS = 1200;
/** What shares the crosshair. */
export const SYNC = "incident";

interface Lane {
  event: TimelineEvent;
  role: Role;
  evidence: Evidence | undefined;
  row: HTMLLIElement;
  plot: HTMLElement;
  marks: HTMLElement;
  readout: HTMLElement;
  chart?: uPlot;
  unit: string;
}

/** The whole board. Lives until `end` is called. */
export class Lanes {
  readonly element: HTMLElement;
  private readonly lanes: Lane[];
  private readonly axisRow = h("div", { class: "axis" });
  private readonly braces: { element: HTMLElement; from: number; to: number }[] = [];
  private readonly observer: ResizeObserver;
  private readonly ended = new AbortController();
  /** Ends what was asked for the range as it was. */
  private asked = new AbortController();
  private data: SeriesAnswer | undefined;
  /** Where the crosshair was last. */
  private at: number | undefined;
  /** Whether it is to be seen. */
  private pointing = false;
  /** Readings that it is to be moved by once they have come. */
  private owed = 0;
  private waiting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly incident: Incident,
    private readonly window: Range,
    private range: Range,
    private readonly clock: Clock,
    private readonly on: { evidence: (evidence: Evidence) => void; zoom: (range: Range) => void },
  ) {
    const first = firstMover(incident);
    this.lanes = causal(incident).order.map((event) => this.lane(event, roleOf(event, first)));
    const list = h("ol", { class: "lanes-list" });
    const led = lead(incident);
    for (const lane of this.lanes) {
      if (led && led.to === lane.event && first) list.append(this.brace(first, led.to, led.text));
      list.append(lane.row);
    }
    this.element = h("div", { class: "lanes" }, h("div", { class: "lanes-head" }, h("span", { class: "lanes-zone" }, clock.zone), this.axisRow, h("span", {})), list);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
    this.place();
    void this.load();
  }

  end(): void {
    this.ended.abort();
    this.asked.abort();
    clearTimeout(this.waiting);
    this.observer.disconnect();
    for (const lane of this.lanes) lane.chart?.destroy();
  }

  show(range: Range): void {
    this.range = range;
    this.place();
    for (const lane of this.lanes) lane.chart?.setScale("x", { min: range.from, max: range.to });
    if (this.data?.series.some((series) => series.min)) this.later();
  }

  /** Loads what is shown more finely, once it has stood still for a moment. */
  private later(): void {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => void this.load(), 200);
  }

  /** What is drawn: the range with as much again on either side, so that a small move shows no void. */
  private wanted(): Range {
    const length = this.range.to - this.range.from;
    return { from: Math.max(this.window.from, this.range.from - length), to: Math.min(this.window.to, this.range.to + length) };
  }

  current(): Range {
    return this.range;
  }

  /** What is drawn in each lane, by the id of its event. */
  canvases(): Map<string, HTMLCanvasElement> {
    return new Map(this.lanes.flatMap((lane) => (lane.chart ? [[lane.event.id, lane.chart.ctx.canvas] as const] : [])));
  }

  /** Draws anew in the colours of the theme. */
  recolour(): void {
    this.build();
  }

  /** Moves the crosshair by readings, once there are any. */
  step(by: number): void {
    const chart = this.lanes.find((lane) => lane.chart)?.chart;
    if (!chart) {
      this.owed += by;
      return;
    }
    const inside = (this.data?.at ?? []).filter((t) => t >= this.range.from && t <= this.range.to);
    const was = this.at;
    const before = was === undefined ? -1 : inside.findLastIndex((t) => t <= was);
    const time = inside[was === undefined ? 0 : Math.min(inside.length - 1, Math.max(0, before + by))];
    if (time !== undefined) moveCursor(chart, time);
  }

  /** Brings an event's lane into view and marks it. */
  reveal(id: string): void {
    const lane = this.lanes.find((one) => one.event.id === id);
    if (!lane) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    lane.row.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    lane.row.focus({ preventScroll: true });
  }

  private lane(event: TimelineEvent, role: Role): Lane {
    const link = mainCause(this.incident, event.id);
    const cause = this.incident.timeline.find((e) => e.id === link?.from);
    const onset = event.onset;
    const plot = h("div", { class: "plot" });
    const marks = h("div", { class: "marks", "aria-hidden": "true" });
    const readout = h("output", { class: "readout", "aria-live": "off" });
    const chips = event.evidence.map((evidence) =>
      h("button", { type: "button", class: "chip", title: `${evidence.signal} of ${evidence.subject} at ${this.clock.tenth(seconds(evidence.at))}: the evidence`, click: () => this.on.evidence(evidence) },
        h("b", {}, brief(evidence.value, evidence.unit)), event.evidence.length > 1 && h("span", { class: "chip-of" }, ` ${short(evidence)}`)),
    );
    const because = link && cause
      ? h("span", { class: `because ${link.order}`, title: `${cause.headline}: ${link.mechanism}` },
          link.order === "proved" ? h("b", {}, `${duration(link.lag_s)} after `) : `${link.order === "same_second" ? "same second as" : "after"} `,
          causeName(cause), link.order === "proved" ? ", proved" : link.order === "assumed" ? ", assumed" : "", h("span", { class: "mechanism" }, ` — ${link.mechanism}`))
      : role === "first" ? null : h("span", { class: "because" }, "no cause of it was seen");
    const label = h(
      "div",
      { class: "lane-label" },
      h("div", { class: "lane-when" }, h("time", { datetime: onset.best }, this.clock.tenth(seconds(onset.best))), h("span", { class: "bounds" }, `±${uncertainty(onset).toFixed(1)} s`),
        ROLE_WORDS[role] && h("span", { class: `tag ${role}` }, ROLE_WORDS[role])),
      h("div", { class: "lane-what" }, ...aside(event.headline)),
      because,
    );
    const row = h("li", { class: `lane ${role}`, "data-event": event.id, "data-rule": event.event, tabindex: -1 }, label,
      h("div", { class: "lane-plot" }, plot, marks, readout), h("div", { class: "chips" }, ...chips));
    return { event, role, evidence: event.evidence[0], row, plot, marks, readout, unit: event.evidence[0]?.unit ?? "" };
  }

  private brace(first: TimelineEvent, to: TimelineEvent, text: string): HTMLLIElement {
    const element = h("div", { class: "brace" }, h("span", { class: "brace-text" }, text));
    this.braces.push({ element, from: seconds(first.onset.best), to: seconds(to.onset.best) });
    return h("li", { class: "brace-row" }, h("div", { class: "lane-label" }), h("div", { class: "brace-plot" }, element), h("div", { class: "chips" }));
  }

  private percent(time: number): number {
    return ((time - this.range.from) / (this.range.to - this.range.from)) * 100;
  }

  /** Everything whose place depends on the range, apart from the charts: axis, onsets, braces. */
  private place(): void {
    axis(this.axisRow, this.range, this.clock);
    for (const lane of this.lanes) {
      const { earliest, best, latest } = lane.event.onset;
      const [a, b, c] = [this.percent(seconds(earliest)), this.percent(seconds(best)), this.percent(seconds(latest))];
      const band = h("div", { class: "onset-band" });
      band.style.left = `${a}%`;
      band.style.width = `${Math.max(0, c - a)}%`;
      const line = h("div", { class: "onset" });
      line.style.left = `${b}%`;
      const end = lane.event.end && h("div", { class: "over" });
      if (end) end.style.left = `${this.percent(seconds(lane.event.end ?? ""))}%`;
      replace(lane.marks, band, line, end);
    }
    for (const { element, from, to } of this.braces) {
      const a = Math.max(-1, Math.min(101, this.percent(from)));
      const b = Math.max(-1, Math.min(101, this.percent(to)));
      element.style.left = `${a}%`;
      element.style.width = `${b - a}%`;
      element.classList.toggle("narrow", b - a < 18);
    }
  }

  private async load(): Promise<void> {
    this.asked.abort();
    const { signal } = (this.asked = new AbortController());
    const names = this.lanes.flatMap(({ evidence }) => (evidence ? [`${evidence.signal}@${evidence.subject}`] : []));
    const { from, to } = this.wanted();
    try {
      this.data = await api.series([...new Set(names)], stamp(from), stamp(to), POINTS, signal);
    } catch (error) {
      if (signal.aborted) return;
      for (const lane of this.lanes) replace(lane.plot, h("p", { class: "plot-none" }, error instanceof Error ? error.message : "no series"));
      return;
    }
    this.build();
  }

  private build(): void {
    const [data, plot] = [this.data, plotter()];
    if (!plot) return void arrived.then(() => this.ended.signal.aborted || this.build());
    if (!data) return;
    const at = this.pointing ? this.at : undefined;
    const style = getComputedStyle(this.element);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    for (const lane of this.lanes) {
      lane.chart?.destroy();
      delete lane.chart;
      lane.plot.replaceChildren();
      const series = data.series.find((one) => one.metric === lane.evidence?.signal && one.subject === lane.evidence.subject);
      if (!series) {
        lane.plot.append(h("p", { class: "plot-none" }, lane.evidence ? `no series of ${lane.evidence.signal}` : "an event without a series"));
        continue;
      }
      lane.unit = series.unit;
      lane.chart = this.chart(plot, lane, series, data.at, colour);
      lane.chart.root.setAttribute("role", "img");
      lane.chart.root.setAttribute("aria-label", this.described(lane, series));
    }
    // The charts have their scales once what they put off is done.
    queueMicrotask(() => this.point(at));
  }

  /** Puts the crosshair where it was before the charts were drawn anew, and where it was sent while there were none. */
  private point(at: number | undefined): void {
    const chart = this.lanes.find((lane) => lane.chart)?.chart;
    if (chart && at !== undefined) moveCursor(chart, at);
    const owed = this.owed;
    this.owed = 0;
    if (owed !== 0) this.step(owed);
  }

  private described(lane: Lane, series: Series): string {
    const known = series.values.filter((v): v is number => v !== null);
    if (known.length === 0) return `${series.metric} of ${series.subject}: nothing known`;
    return `${series.metric} of ${series.subject}: ${inUnit(Math.min(...known), series.unit)} to ${inUnit(Math.max(...known), series.unit)}; ${lane.event.headline}`;
  }

  private chart(plot: typeof uPlot, lane: Lane, series: Series, at: number[], colour: (name: string) => string): uPlot {
    const stroke = colour(`--role-${lane.role}`);
    const { baseline, threshold } = lane.evidence ?? { baseline: null, threshold: null };
    const level = (u: uPlot, value: number | null, dash: number[], style: string): void => {
      if (value === null) return;
      const y = Math.round(u.valToPos(value, "y", true)) + 0.5;
      if (y < u.bbox.top || y > u.bbox.top + u.bbox.height) return;
      u.ctx.save();
      u.ctx.strokeStyle = style;
      u.ctx.lineWidth = devicePixelRatio;
      u.ctx.setLineDash(dash.map((d) => d * devicePixelRatio));
      u.ctx.beginPath();
      u.ctx.moveTo(u.bbox.left, y);
      u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
      u.ctx.stroke();
      u.ctx.restore();
    };
    const thinned = series.min !== undefined && series.max !== undefined;
    const data: uPlot.AlignedData = thinned ? [at, series.values, series.max ?? [], series.min ?? []] : [at, series.values];
    const line: uPlot.Series = { stroke, width: 1.5, fill: `${stroke}26`, points: { show: false } };
    const edge: uPlot.Series = { stroke: `${stroke}00`, width: 0, points: { show: false } };
    return new plot(
      {
        width: Math.max(50, lane.plot.clientWidth),
        height: HEIGHT,
        padding: [6, 0, 3, 0],
        legend: { show: false },
        axes: [{ show: false }, { show: false }],
        scales: {
          x: { time: false, min: this.range.from, max: this.range.to },
          y: { range: (_u, low, high) => bounds(low, high, threshold) },
        },
        series: thinned ? [{}, line, edge, edge] : [{}, line],
        ...(thinned ? { bands: [{ series: [2, 3] as [number, number], fill: `${stroke}40` }] } : {}),
        cursor: {
          y: false,
          points: { size: 6 },
          sync: { key: SYNC, setSeries: false },
          drag: { x: true, y: false, setScale: false },
        },
        hooks: {
          drawClear: [
            (u) => {
              level(u, baseline, [1, 3], colour("--muted"));
              level(u, threshold, [5, 4], colour("--muted"));
            },
          ],
          setCursor: [(u) => this.read(lane, u, series)],
          setSelect: [
            (u) => {
              const { left, width } = u.select;
              if (width < 4) return;
              const range = { from: u.posToVal(left, "x"), to: u.posToVal(left + width, "x") };
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              this.on.zoom(range);
            },
          ],
        },
      },
      data,
      lane.plot,
    );
  }

  private read(lane: Lane, u: uPlot, series: Series): void {
    const index = u.cursor.idx;
    const time = index === null || index === undefined ? undefined : this.data?.at[index];
    if (index === null || index === undefined || time === undefined || (u.cursor.left ?? -1) < 0) {
      this.pointing = false;
      replace(lane.readout);
      return;
    }
    [this.at, this.pointing] = [time, true];
    replace(lane.readout, h("b", {}, inUnit(series.values[index] ?? null, series.unit)), ` ${this.clock.second(time)}`);
  }

  private resize(): void {
    this.place();
    for (const lane of this.lanes) {
      const width = lane.plot.clientWidth;
      if (lane.chart && width > 0 && width !== lane.chart.width) lane.chart.setSize({ width, height: HEIGHT });
    }
  }
}

/** From zero, unless all of it is far from there; the threshold stays in sight when it is near. */
function bounds(low: number | null, high: number | null, threshold: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const top = threshold !== null && threshold <= high * 1.6 ? Math.max(high, threshold) : high;
  const bottom = low >= 0 && low > high * 0.7 ? low - (high - low) * 0.5 : Math.min(0, low);
  return top > bottom ? [bottom, top + (top - bottom) * 0.08] : [bottom - 1, bottom + 1];
}

/** What stands in parentheses is for a second look. */
function aside(headline: string): Child[] {
  const match = /^(.*?)\s*(\(.*\))$/.exec(headline);
  return match ? [match[1] ?? headline, h("small", {}, match[2] ?? "")] : [headline];
}

/** The last word of a signal's name; for a zone the zone, because that is what differs. */
function short({ signal, subject }: Evidence): string {
  return subject.includes("/") ? subject.replace(/^\d+\//, "") : (signal.split(".").pop() ?? signal).replaceAll("_", " ");
}
