/** What memory, disks and processes did during an incident, under its lanes and their time axis. Read when it comes into sight. */

import { api } from "./api";
import { Chart } from "./chart";
import type { Incident, SeriesAnswer } from "./document";
import { h, replace } from "./dom";
import { Heat } from "./heat";
import { type Range, SYNC } from "./lanes";
import { type Drawn, busiest, drawings, lines, names } from "./now-charts";
import { failed } from "./states";
import { processTable } from "./table";
import { type Clock, seconds, stamp } from "./time";

const POINTS = 1200;
const DEVICES = 4;
/** Series in one question. */
const AT_A_TIME = 60;
/** Seconds over which processes are measured. */
const DOING_S = 10;
/** What a reader of an incident compares; load and CPUs have their lanes. */
const DEVICE_CHARTS = ["disk.busy", "disk.wait", "disk.queue"];

interface DrawnChart {
  drawn: Drawn;
  chart: Chart;
}

export class Meanwhile {
  readonly element = h("section", { class: "meanwhile", "aria-labelledby": "meanwhile-title" });
  private readonly board = h("div", { class: "board" });
  private readonly doing = h("div", { class: "doing" });
  private readonly asked = new AbortController();
  private readonly watch: IntersectionObserver;
  private charts: DrawnChart[] = [];
  private heats: Heat[] = [];
  private series = new Map<string, (number | null)[]>();
  private at: number[] = [];

  constructor(private readonly incident: Incident, private readonly window: Range, private range: Range, private readonly clock: Clock, private readonly zoom: (range: Range) => void) {
    replace(this.element, h("h2", { id: "meanwhile-title" }, "Memory, disks and processes meanwhile"), this.board, this.doing);
    this.watch = new IntersectionObserver((seen) => {
      if (!seen.some((one) => one.isIntersecting)) return;
      this.watch.disconnect();
      void this.load();
    }, { rootMargin: "400px" });
    this.watch.observe(this.element);
  }

  show(range: Range): void {
    this.range = range;
    this.draw();
  }

  recolour(): void {
    for (const { chart } of this.charts) chart.recolour();
    for (const heat of this.heats) heat.draw();
  }

  end(): void {
    this.asked.abort();
    this.watch.disconnect();
    for (const { chart } of this.charts) chart.end();
    for (const heat of this.heats) heat.end();
  }

  private async load(): Promise<void> {
    const { signal } = this.asked;
    try {
      const wanted = await this.wanted(signal);
      for (let k = 0; k < wanted.length; k += AT_A_TIME) this.take(await this.ask(wanted.slice(k, k + AT_A_TIME)));
      this.build();
      await this.pieces(signal);
      await this.processes(signal);
    } catch (error) {
      if (!signal.aborted) this.board.append(failed(error));
    }
  }

  private ask(of: string[]): Promise<SeriesAnswer> {
    return api.series(of, stamp(this.window.from), stamp(this.window.to), POINTS, this.asked.signal);
  }

  private take(answer: SeriesAnswer): void {
    this.at = answer.at;
    for (const one of answer.series) this.series.set(`${one.metric}@${one.subject}`, one.values);
  }

  /** The signals that there are, of the memory and of all devices. */
  private async wanted(signal: AbortSignal): Promise<string[]> {
    const all = await api.metrics(stamp(Math.min(this.window.to, seconds(this.incident.from) + 30)), signal);
    const names = all.filter((one) => one.kind === "signal").map((one) => `${one.metric}@${one.subject}`);
    const memory = names.filter((name) => /^mem\.(total|anon|shmem|slab|file_cache|free)@|^zone\.(free|low|high)@/.test(name));
    const named = new Set(this.devices());
    const device = (name: string): string => name.slice(name.indexOf("@") + 1);
    const disks = names.filter((name) => /^disk\.(busy|wait|queue|read|write)@/.test(name) && !/@(loop|ram|zram)\d/.test(name));
    const more = names.filter((name) => /^disk\.(busy|wait|queue|read|write)@/.test(name) && named.has(device(name)));
    return [...new Set([...memory, ...disks, ...more])];
  }

  /** Those that the story is about, the cause's first. */
  private devices(): string[] {
    const told = this.incident.timeline.flatMap(({ subject }) => (subject.kind === "device" ? [subject.name] : []));
    return [...new Set([...(this.incident.causes[0]?.devices ?? []), ...told])];
  }

  private build(): void {
    const values = (name: string): (number | null)[] | undefined => this.series.get(name);
    const known = [...this.series.keys()];
    const level = Object.fromEntries(known.map((name) => [name, values(name)?.find((v) => v !== null) ?? 0]));
    const named = this.devices().filter((device) => this.series.has(`disk.busy@${device}`));
    const devices = [...new Set([...named, ...busiest(values, known, DEVICES)])].slice(0, DEVICES + named.length);
    const all = drawings(level, devices).filter((drawn) => drawn.stacked || drawn.levels || drawn.title.startsWith("Disks"));
    const queue: Drawn = { title: "Disks: requests waiting or served", unit: "requests", series: devices.map((device, k) => ({ name: `disk.queue@${device}`, label: device, colour: (k % 8) + 1 })) };
    const shown = [...all.filter((drawn) => !drawn.series.some((one) => one.name.startsWith("cpu."))), queue].filter((drawn) => lines(drawn, values).length > 0);
    this.charts = shown.map((drawn) => ({
      drawn,
      chart: new Chart({ title: drawn.title, unit: drawn.unit, height: 150, clock: this.clock, sync: SYNC, stacked: drawn.stacked === true, ...(drawn.top === undefined ? {} : { top: drawn.top }), zoom: this.zoom, mark: seconds(this.incident.causes[0]?.onset.best ?? this.incident.from) }),
    }));
    this.charts.sort((a, b) => rank(a.drawn) - rank(b.drawn));
    this.board.append(...this.charts.map(({ chart }) => chart.element));
    this.draw();
  }

  private draw(): void {
    const values = (name: string): (number | null)[] | undefined => this.series.get(name);
    for (const { drawn, chart } of this.charts) {
      chart.options.levels = (drawn.levels ?? []).flatMap(({ name, label }) => {
        const value = values(name)?.find((v) => v !== null);
        return value === null || value === undefined ? [] : [{ value, label }];
      });
      chart.set(this.at, lines(drawn, values), this.range);
    }
    for (const heat of this.heats) heat.show(this.range);
  }

  /** Free memory by size: the zones of the file as it was then, without those too small to matter. */
  private async pieces(signal: AbortSignal): Promise<void> {
    const file = await api.file("buddyinfo", stamp(seconds(this.incident.from) + 1), signal);
    const zones = (file?.text ?? "").split("\n").flatMap((line) => {
      const match = /^Node\s+(\d+), zone\s+(\S+)\s+(.*)$/.exec(line);
      return match ? [{ name: `${match[1]}/${match[2]}`, orders: (match[3] ?? "").trim().split(/\s+/).length, pages: (match[3] ?? "").trim().split(/\s+/).reduce((sum, n, k) => sum + Number(n) * 2 ** k, 0) }] : [];
    });
    const largest = zones.filter((zone) => zone.orders <= 20).sort((a, b) => b.pages - a.pages)[0];
    if (!largest) return;
    const of = Array.from({ length: largest.orders }, (_, order) => `buddyinfo.free_blocks@${largest.name}/${order}`);
    const answer = await this.ask(of);
    const orders = of.map((name) => answer.series.find((one) => `${one.metric}@${one.subject}` === name)?.values ?? answer.at.map(() => null));
    const heat = new Heat({ name: largest.name, orders }, answer.at, undefined, this.clock);
    this.heats.push(heat);
    this.board.append(heat.element);
    heat.show(this.range);
  }

  private async processes(signal: AbortSignal): Promise<void> {
    // When it was under way: by then who set it off is at work.
    const middle = Math.min(seconds(this.incident.to), seconds(this.incident.causes[0]?.onset.best ?? this.incident.from) + 2 * DOING_S);
    const { processes } = await api.processes(stamp(middle), DOING_S, 5, signal).catch(() => ({ processes: [] }));
    const culprits = this.incident.causes[0]?.processes ?? [];
    replace(this.doing,
      culprits.length > 0 && h("div", {}, h("h3", {}, "By share"), h("ul", { class: "shares" }, ...culprits.map((one) => {
        const bar = h("i", { class: "bar", "aria-hidden": "true" });
        bar.style.width = `${Math.max(0, Math.min(1, one.share)) * 100}%`;
        return h("li", {}, bar, h("b", {}, one.comm), h("small", {}, ` pid ${one.pid}`), h("span", { class: "share" }, `${(one.share * 100).toFixed(0)}\u202f% of ${one.of}`), one.cgroup && h("small", { class: "cgroup" }, one.cgroup));
      }))),
      h("div", {}, h("h3", {}, `Who did what, ${this.clock.second(middle - DOING_S)}–${this.clock.second(middle)}`), processTable(processes, "Processes during the incident")));
  }
}

/** Memory first, then what is busy, waits, queues, reads and writes. */
function rank(drawn: Drawn): number {
  if (drawn.stacked) return 0;
  if (drawn.levels) return 1;
  const k = DEVICE_CHARTS.findIndex((signal) => names(drawn)[0]?.startsWith(`${signal}@`));
  return k < 0 ? 9 : 2 + k;
}
