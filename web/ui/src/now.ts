/** This machine as it is: whether something is wrong and since when, and every second what memory, disks and tasks do. */

import { type Address, go, read, visit } from "./address";
import { api } from "./api";
import { axis } from "./axis";
import { Chart } from "./chart";
import type { Condition, Listed, Tick } from "./document";
import { h, replace } from "./dom";
import { find, merged } from "./find";
import { duration } from "./format";
import { SEVERITY } from "./incident";
import type { Range } from "./lanes";
import { type Drawn, busiest, drawings, lines, names } from "./now-charts";
import { fileName, saveCharts } from "./save";
import { failed } from "./states";
import { listen } from "./stream";
import { inside, marks, unrecorded, voids } from "./strip";
import { processTable } from "./table";
import { seconds, stamp } from "./time";
import type { Context, Keys, View } from "./view";

const SPANS = [60, 180, 600, 1800];
const DEFAULT_SPAN = 600;
const STRIP_S = 6 * 3600;
const DEVICES = 6;
/** Series in one question. */
const AT_A_TIME = 60;

export class Now implements View {
  readonly element = h("div", { class: "now" });
  readonly keys: Keys;
  private readonly banner = h("div", { class: "banner-place", role: "status" }, h("div", { class: "banner" }, h("p", {}, "Looking …")));
  private readonly strip = h("div", { class: "strip-plot" });
  private readonly stripAxis = h("div", { class: "axis" });
  private readonly stripNote = h("span", { class: "quiet" });
  private readonly stripVoid = h("span", { class: "quiet" });
  private readonly board = h("div", { class: "board" });
  private readonly table = h("section", { "aria-labelledby": "doing" });
  private readonly asked = new AbortController();
  private readonly timer = setInterval(() => this.age(), 1000);
  private readonly history = new Map<string, (number | null)[]>();
  private at: number[] = [];
  /** Times among them that stand for ticks that are missing, in milliseconds. */
  private holes = new Set<number>();
  /** Parts of the strip of which nothing is recorded. */
  private gaps: Range[] = [];
  private charts: { drawn: Drawn; chart: Chart }[] = [];
  /** Disks that are drawn. */
  private disks: string[] = [];
  private state: Condition | undefined;
  private incidents: Listed[] = [];
  private paused = false;
  private lookingBack = false;
  /** What is said in place of how many incidents there were. */
  private unlooked: string | HTMLElement | undefined = "looking …";
  private began = false;
  private filling: ReturnType<typeof setTimeout> | undefined;
  private lost: unknown;
  /** Reader's clock when the last tick came, and how old it was then by the server's. */
  private came: { when: number; age: number } | undefined;

  constructor(private readonly context: Context) {
    this.keys = {
      step: (by) => this.charts[0]?.chart.step(by),
      zoom: (by) => this.span(by < 1 ? -1 : 1),
      whole: () => go({ last: undefined }, "replace"),
      pause: () => this.pause(),
      open: () => this.open(),
    };
    const tools = h("div", { class: "zoom" },
      ...SPANS.map((length) => h("button", { type: "button", "data-span": length, click: () => go({ last: length === DEFAULT_SPAN ? undefined : String(length) }, "replace") }, `last ${duration(length)}`)),
      h("button", { type: "button", id: "pause", "aria-pressed": "false", title: "Space", click: () => this.pause() }, "Hold"),
      h("button", { type: "button", click: () => void this.picture() }, "PNG"));
    replace(
      this.element,
      h("h1", { class: "unseen" }, `${context.node.hostname ?? "This machine"} now`),
      this.banner,
      h("section", { class: "strip", "aria-labelledby": "strip-title" }, h("h2", { id: "strip-title" }, `The last ${duration(STRIP_S)} `, this.stripNote, this.stripVoid), this.strip, this.stripAxis),
      tools,
      this.board,
      this.table,
    );
    this.pressed();
    void listen(this.asked.signal, ({ event, data }) => this.got(event, data), (error) => ((this.lost = error), this.age()));
  }

  changed(before: Address, now: Address): void {
    this.pressed();
    if (before.last !== now.last) void this.load(true);
  }

  recolour(): void {
    for (const { chart } of this.charts) chart.recolour();
  }

  end(): void {
    this.asked.abort();
    clearInterval(this.timer);
    clearTimeout(this.filling);
    for (const { chart } of this.charts) chart.end();
  }

  private length(): number {
    const wanted = Number(read().last);
    return SPANS.includes(wanted) ? wanted : DEFAULT_SPAN;
  }

  private span(by: number): void {
    const next = SPANS[SPANS.indexOf(this.length()) + by];
    if (next) go({ last: next === DEFAULT_SPAN ? undefined : String(next) }, "replace");
  }

  private pressed(): void {
    for (const button of this.element.querySelectorAll<HTMLElement>("[data-span]")) button.setAttribute("aria-pressed", String(Number(button.dataset["span"]) === this.length()));
    this.element.querySelector("#pause")?.setAttribute("aria-pressed", String(this.paused));
  }

  private pause(): void {
    this.paused = !this.paused;
    this.pressed();
    this.context.say(this.paused ? "Held" : "Live again");
    if (!this.paused) this.draw();
  }

  private got(event: string, data: string): void {
    this.lost = undefined;
    if (event === "state") {
      this.state = JSON.parse(data) as Condition;
      this.incidents = merged(this.state.incidents ?? [], this.incidents);
      if (this.state.now && this.state.to) this.came ??= { when: Date.now() / 1000, age: seconds(this.state.now) - seconds(this.state.to) };
      this.drawStrip();
      this.age();
      // What is going on now comes first; the hours before are looked through when that is said.
      if (!this.lookingBack) void this.lookBack();
    } else if (event === "tick") {
      const tick = JSON.parse(data) as Tick;
      const first = this.at.length === 0 && !this.began;
      // The first one may be old: how old, the state tells by the server's clock.
      if (!first) this.came = { when: Date.now() / 1000, age: 0 };
      this.add(tick);
      if (first) void this.load(false);
      else this.draw();
      if (tick.processes && (!this.paused || first)) replace(this.table, h("h2", { id: "doing" }, "Who does what"), processTable(tick.processes, "Processes that do most now"));
      this.age();
    }
  }

  private add(tick: Tick): void {
    const last = this.at[this.at.length - 1];
    if (last !== undefined && tick.at <= last) return;
    // What was not sent is not known yet: a hole, and not a line across.
    const hole = last !== undefined && tick.at - last > this.longest();
    if (hole) {
      this.holes.add(ms((last + tick.at) / 2));
      this.fill();
    }
    const times = hole ? [(last + tick.at) / 2, tick.at] : [tick.at];
    for (const time of times) {
      this.at.push(time);
      for (const [name, values] of this.history) values.push(time === tick.at ? (tick.values[name] ?? null) : null);
      for (const [name, value] of Object.entries(tick.values)) {
        if (this.history.has(name)) continue;
        const values: (number | null)[] = new Array<null>(this.at.length).fill(null);
        if (time === tick.at) values[values.length - 1] = value;
        this.history.set(name, values);
      }
    }
    const most = (SPANS[SPANS.length - 1] ?? 1800) * 1.2;
    const old = this.at.findIndex((time) => time >= tick.at - most);
    if (old > 0) {
      this.at.splice(0, old);
      for (const values of this.history.values()) values.splice(0, old);
    }
  }

  /** Seconds between two ticks above which something is missing. */
  private longest(): number {
    return 2.5 * (this.state?.interval_s ?? 1);
  }

  /** Reads what the stream left out, a moment later: it may leave out more. */
  private fill(): void {
    this.filling ??= setTimeout(() => {
      this.filling = undefined;
      void this.load(true);
    }, 1500);
  }

  /** What was before the page was opened. */
  private async load(again: boolean): Promise<void> {
    this.began = true;
    const end = this.at[this.at.length - 1];
    if (end === undefined) return;
    const known = [...this.history.keys()];
    const devices = known.filter((name) => name.startsWith("disk.busy@")).map((name) => name.slice("disk.busy@".length));
    const wanted = [...new Set(drawings(this.latest(), devices).flatMap(names))].filter((name) => this.history.has(name));
    try {
      const [from, to] = [stamp(end - this.length()), stamp(end - 0.001)];
      for (let k = 0; k < wanted.length; k += AT_A_TIME) {
        const answer = await api.series(wanted.slice(k, k + AT_A_TIME), from, to, 4000, this.asked.signal);
        this.before(answer.at, new Map(answer.series.map((one) => [`${one.metric}@${one.subject}`, one.values])));
      }
    } catch (error) {
      if (this.asked.signal.aborted) return;
      if (!again) this.context.say(String(error));
    }
    this.draw();
  }

  /** Puts ticks that were read between those that came live. Where ticks are missing in both, there is a hole. */
  private before(at: number[], series: Map<string, (number | null)[]>): void {
    const known = new Map(this.at.map((time, k) => [ms(time), k]));
    for (const hole of this.holes) known.delete(hole);
    this.holes.clear();
    const read = new Map(at.map((time, k) => [ms(time), k]));
    const times = [...new Set([...read.keys(), ...known.keys()])].sort((a, b) => a - b);
    const all = times.flatMap((time, k) => {
      const last = times[k - 1];
      if (last === undefined || time - last <= 1000 * this.longest()) return [time];
      const hole = Math.round((last + time) / 2);
      this.holes.add(hole);
      return [hole, time];
    });
    for (const [name, values] of this.history) {
      const found = series.get(name);
      this.history.set(name, all.map((time) => values[known.get(time) ?? -1] ?? found?.[read.get(time) ?? -1] ?? null));
    }
    this.at = all.map((time) => time / 1000);
  }

  /** The last known value of each signal. */
  private latest(): Record<string, number> {
    return Object.fromEntries([...this.history].flatMap(([name, values]) => {
      const value = values.findLast((one) => one !== null);
      return value == null ? [] : [[name, value]];
    }));
  }

  private draw(): void {
    const end = this.at[this.at.length - 1];
    if (this.paused || end === undefined || !this.began) return;
    const values = (name: string): (number | null)[] | undefined => this.history.get(name);
    const busy = busiest(values, [...this.history.keys()], DEVICES);
    const others = busy.filter((disk) => !this.disks.includes(disk));
    // Those that are drawn stay where they are, and so keep their colours.
    if (others.length > 0) this.disks = [...this.disks.filter((disk) => busy.includes(disk)), ...others];
    const wanted = drawings(this.latest(), this.disks).filter((drawn) => lines(drawn, values).length > 0);
    // The first tick of a record has no rates, and a disk may be idle at first: what comes later is drawn from then on.
    if (others.length > 0 || wanted.some(({ title }) => this.charts.every(({ drawn }) => drawn.title !== title))) {
      for (const { chart } of this.charts) chart.end();
      this.charts = wanted.map((drawn, k) => ({ drawn, chart: this.chart(drawn, k === 0) }));
      replace(this.board, ...this.charts.map(({ chart }) => chart.element));
    }
    const range: Range = { from: end - this.length(), to: end };
    for (const { drawn, chart } of this.charts) {
      chart.options.levels = (drawn.levels ?? []).flatMap(({ name, label }) => {
        const all = values(name);
        const value = all?.[all.length - 1];
        return value === null || value === undefined ? [] : [{ value, label }];
      });
      chart.set(this.at, lines(drawn, values), range);
    }
  }

  private chart(drawn: Drawn, first: boolean): Chart {
    const chart = new Chart({
      title: drawn.title, unit: drawn.unit, height: first ? 230 : 150, clock: this.context.clock, sync: "now",
      stacked: drawn.stacked === true, ...(drawn.top === undefined ? {} : { top: drawn.top }),
      zoom: (range) => visit("explore", { of: drawn.series.map((one) => one.name).join(" "), from: stamp(range.from), to: stamp(range.to) }),
      explore: () => visit("explore", { of: drawn.series.map((one) => one.name).join(" "), last: String(this.length()) }),
    });
    if (first) chart.element.classList.add("wide");
    return chart;
  }

  /** Says how things stand. Asked once a second, because it also says how old that is; what can be pressed stays where it is. */
  private age(): void {
    const { state, context, came, lost } = this;
    const age = came ? came.age + Date.now() / 1000 - came.when : 0;
    const stale = age > Math.max(8, 4 * (state?.interval_s ?? 1));
    this.element.classList.toggle("stale", stale || lost !== undefined);
    if (!state && lost === undefined) return;
    const [open, noticed] = byHarm((state?.incidents ?? []).filter((one) => one.open));
    const worst = open.sort((a, b) => seconds(a.from) - seconds(b.from)).find((one) => one.severity === "critical") ?? open[0];
    const end = seconds(state?.to ?? context.node.to ?? "");
    const ended = `Nothing new for ${duration(age)}: the recording ends ${context.clock.full(end)} ${context.clock.zone}. Is the collector running?`;
    if (lost !== undefined) {
      this.show("lost", "The stream broke", lost instanceof Error ? lost.message : "", `${came ? `What is shown is ${duration(age)} old.` : "Nothing came yet."} The page asks again by itself.`);
    } else if (state?.status === "unavailable") {
      this.show("lost", "The database cannot be read", state.detail ?? "", "The page asks again by itself.");
    } else if (!worst) {
      this.show(stale ? "lost" : "calm", stale ? "Nothing was wrong at the end" : "Nothing is wrong", noticed.map((one) => one.headline).join("; "), stale ? ended : "Nobody is seen to be hurt by memory, disks or CPUs.");
    } else {
      // The state looks back ten minutes only; what was found before may reach further.
      const since = Math.min(seconds(worst.from), ...this.incidents.filter((one) => one.cause === worst.cause && seconds(one.to) >= seconds(worst.from) - 60).map((one) => seconds(one.from)));
      const title = `${SEVERITY[worst.severity].mark} ${stale ? "Was wrong" : "Wrong"} since ${context.clock.second(since)}`;
      const more = open.length > 1 ? `, and ${open.length - 1} more` : "";
      this.show(worst.severity, title, worst.headline + more, stale ? ended : `For ${duration((this.at[this.at.length - 1] ?? end) - since)} now.`, true);
    }
  }

  private show(kind: string, title: string, headline: string, detail: string, wrong = false): void {
    const shown = [kind, title, headline].join("\n");
    if (this.banner.dataset["shown"] !== shown) {
      this.banner.dataset["shown"] = shown;
      const more = wrong && h("button", { type: "button", class: "primary", title: "o", click: () => this.open() }, "What set it off");
      replace(this.banner, h("div", { class: `banner ${kind}` }, h("h2", {}, title), headline && h("p", { class: "headline" }, headline), h("p", { class: "age", "aria-live": "off" }), more));
    }
    replace(this.banner.querySelector(".age") ?? this.banner, detail);
  }

  private open(one?: Listed): void {
    const chosen = one ?? byHarm((this.state?.incidents ?? []).filter((incident) => incident.open)).flat()[0] ?? this.incidents[0];
    if (chosen) visit("incident", { from: chosen.explain.from, to: chosen.explain.to, incident: chosen.id });
  }

  private stripRange(): Range {
    const end = this.at[this.at.length - 1] ?? seconds(this.context.node.to ?? "");
    return { from: end - STRIP_S, to: end };
  }

  private drawStrip(): void {
    const range = this.stripRange();
    const begun = seconds(this.context.node.from ?? "");
    const hatched = voids([{ from: range.from, to: begun }, ...this.gaps], range);
    replace(this.stripNote, this.unlooked ?? counted(inside(this.incidents, range)));
    replace(this.stripVoid, hatched.length > 0 && " · hatched: not recorded");
    replace(this.strip, ...hatched, ...marks(this.incidents, range, this.context.clock, (one) => this.open(one)));
    axis(this.stripAxis, range, this.context.clock);
  }

  /** The hours before are looked through once; what comes later, the stream tells. */
  private async lookBack(): Promise<void> {
    this.lookingBack = true;
    const range = this.stripRange();
    const from = Math.max(range.from, seconds(this.context.node.from ?? ""));
    void unrecorded({ from, to: range.to }, this.asked.signal).then((gaps) => ((this.gaps = gaps), this.drawStrip())).catch(() => undefined);
    try {
      await find({ from, to: range.to }, this.asked.signal, ({ list, seenFrom }) => {
        this.incidents = merged(this.incidents, list);
        if (seenFrom <= from) this.unlooked = undefined;
        this.drawStrip();
      });
    } catch (error) {
      if (this.asked.signal.aborted) return;
      this.unlooked = failed(error);
      this.drawStrip();
    }
  }

  private async picture(): Promise<void> {
    const { node, clock } = this.context;
    const end = this.at[this.at.length - 1] ?? 0;
    await saveCharts(`${node.hostname ?? "This machine"}, ${clock.full(end)} ${clock.zone}`, this.banner.textContent ?? "", this.charts.map(({ chart }) => chart), fileName(node.hostname, end, "png"));
  }
}

/** Those that hurt somebody, and those that only inform. */
function byHarm(list: Listed[]): [Listed[], Listed[]] {
  return [list.filter((one) => one.severity !== "info"), list.filter((one) => one.severity === "info")];
}

function counted(list: Listed[]): string {
  const [harmful, noticed] = byHarm(list);
  const incidents = harmful.length === 0 ? "no incident" : `${harmful.length} ${harmful.length === 1 ? "incident" : "incidents"}`;
  return noticed.length === 0 ? incidents : `${incidents}, ${noticed.length} ${noticed.length === 1 ? "notice" : "notices"} without harm`;
}

function ms(time: number): number {
  return Math.round(time * 1000);
}
