/** Where a number comes from: the series around it, and the file as it was at that second beside the one before. */

import { api } from "./api";
import { type Compared, type Part, compare } from "./compare";
import type { Evidence, SeriesAnswer } from "./document";
import { type Child, h, replace } from "./dom";
import { brief, count, inUnit } from "./format";
import { sourceOf } from "./roles";
import { save } from "./save";
import { failed } from "./states";
import { arrived } from "./plot";
import { type Clock, seconds, stamp } from "./time";

/** Seconds shown on either side. */
const AROUND = 45;

/** The names by which an address finds a piece of evidence again. */
export function nameOf(evidence: Evidence): string {
  return [evidence.signal, evidence.subject, evidence.at].join("@");
}

/** What an address names, when the document at hand does not have it. */
export function parseName(name: string): Evidence | undefined {
  const match = /^([^@]+)@(.*)@([^@]+)$/.exec(name);
  if (!match?.[1] || match[2] === undefined || !match[3] || Number.isNaN(Date.parse(match[3]))) return undefined;
  return { signal: match[1], subject: match[2], at: match[3], value: null, unit: "", baseline: null, threshold: null, text: "" };
}

/** A dialog over the page; `closed` is called when it goes. */
export function evidenceDialog(evidence: Evidence, clock: Clock, closed: () => void): HTMLDialogElement {
  const asked = new AbortController();
  const chart = h("div", { class: "evidence-chart" });
  const file = h("div", { class: "evidence-file" }, h("p", { class: "loading" }, "reading the file …"));
  const source = sourceOf(evidence.signal);
  const dialog: HTMLDialogElement = h(
    "dialog",
    { class: "drawer", "aria-labelledby": "evidence-title", close: () => (asked.abort(), dialog.remove(), closed()), click: (event: MouseEvent) => event.target === dialog && dialog.close() },
    h(
      "div",
      { class: "drawer-inner" },
      h("header", {}, h("h2", { id: "evidence-title" }, h("code", {}, evidence.signal), ` of ${evidence.subject}`), h("button", { type: "button", class: "close", "aria-label": "Close", click: () => dialog.close() }, "✕")),
      evidence.text && h("p", {}, evidence.text),
      levels(evidence, clock),
      chart,
      source ? file : h("p", { class: "quiet" }, "This number comes from the processes, not from one file."),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  void series(evidence, clock, chart, asked.signal);
  if (source) void kernelFile(source, seconds(evidence.at), clock, file, asked.signal);
  return dialog;
}

function levels(evidence: Evidence, clock: Clock): Child {
  const row = (title: string, value: Child): Child => value !== null && h("div", {}, h("dt", {}, title), h("dd", {}, value));
  return h(
    "dl",
    { class: "levels" },
    row("value", evidence.value === null ? null : inUnit(evidence.value, evidence.unit)),
    row("the node's quiet", evidence.baseline === null ? null : inUnit(evidence.baseline, evidence.unit)),
    row("threshold", evidence.threshold === null ? null : inUnit(evidence.threshold, evidence.unit)),
    row("at", `${clock.tenth(seconds(evidence.at))} ${clock.zone}`),
  );
}

async function series(evidence: Evidence, clock: Clock, place: HTMLElement, signal: AbortSignal): Promise<void> {
  const at = seconds(evidence.at);
  let answer: SeriesAnswer;
  try {
    answer = await api.series([`${evidence.signal}@${evidence.subject}`], stamp(at - AROUND), stamp(at + AROUND), 400, signal);
  } catch (error) {
    if (!signal.aborted) replace(place, failed(error));
    return;
  }
  const one = answer.series[0];
  if (!one) {
    replace(place, h("p", { class: "quiet" }, "There is no series of it."));
    return;
  }
  const plot = await arrived;
  const style = getComputedStyle(place);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `11px ${style.fontFamily}` };
  const chart = new plot(
    {
      width: place.clientWidth || 600,
      height: 170,
      legend: { show: false },
      cursor: { y: false },
      scales: { x: { time: false } },
      axes: [
        { ...axis, values: (_u, ticks) => ticks.map((t) => clock.second(t)), space: 80 },
        { ...axis, size: 84, values: (_u, ticks) => ticks.map((v) => brief(v, one.unit)) },
      ],
      series: [{}, { stroke: colour("--role-between"), width: 1.5, fill: `${colour("--role-between")}22`, points: { show: true, size: 4 } }],
      hooks: {
        draw: [
          (u) => {
            const x = Math.round(u.valToPos(at, "x", true)) + 0.5;
            u.ctx.save();
            u.ctx.strokeStyle = colour("--role-first");
            u.ctx.lineWidth = 1.5 * devicePixelRatio;
            u.ctx.beginPath();
            u.ctx.moveTo(x, u.bbox.top);
            u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
            u.ctx.stroke();
            u.ctx.restore();
          },
        ],
      },
    },
    [answer.at, one.values],
    place,
  );
  chart.root.setAttribute("role", "img");
  chart.root.setAttribute("aria-label", `${one.metric} of ${one.subject} around ${clock.second(at)}`);
  const observer = new ResizeObserver(() => place.clientWidth > 0 && chart.setSize({ width: place.clientWidth, height: 170 }));
  observer.observe(place);
  signal.addEventListener("abort", () => (observer.disconnect(), chart.destroy()));
}

/** The file at `at` and its reading before, side by side; arrows step through time, which `stepped` may want to know. */
export async function kernelFile(source: string, at: number, clock: Clock, place: HTMLElement, signal: AbortSignal, stepped?: (at: number) => void): Promise<void> {
  try {
    // A file is read a little after its tick, by which evidence is dated.
    const now = await api.file(source, stamp(at + 0.5), signal);
    if (!now) {
      replace(place, h("p", { class: "quiet" }, `No ${source} was recorded then.`));
      return;
    }
    const readAt = seconds(now.readAt);
    const before = await api.file(source, stamp(readAt - 0.002), signal);
    const step = (to: number): void => (stepped ? stepped(to) : void kernelFile(source, to, clock, place, signal));
    const apart = before ? readAt - seconds(before.readAt) : NaN;
    const lines = compare(before?.text ?? now.text, now.text);
    const many = lines.filter(moved).length;
    const only = h("input", { type: "checkbox", change: () => body.classList.toggle("only-moved", only.checked) });
    const body = h("div", { class: "file", tabindex: 0, role: "region", "aria-label": `/proc/${source}` }, table(lines));
    replace(
      place,
      h(
        "div",
        { class: "file-head" },
        h("h3", {}, h("code", {}, `/proc/${source}`)),
        h("span", { class: "steps" },
          h("button", { type: "button", "aria-label": "The reading before", disabled: !before, click: () => before && step(seconds(before.readAt) - 0.499) }, "←"),
          h("time", { datetime: now.readAt }, clock.tenth(readAt)),
          h("button", { type: "button", "aria-label": "The reading after", click: () => step(readAt + (Number.isFinite(apart) ? apart : 1) - 0.45) }, "→")),
        h("label", {}, only, ` only the ${many} lines that moved`),
        h("button", { type: "button", title: "The file as it was, byte for byte", click: () => save(new Blob([now.bytes]), `${source.replaceAll("/", "-")}-${now.readAt.replaceAll(":", "-")}.txt`) }, "exact bytes"),
      ),
      !before && h("p", { class: "quiet" }, "There is no reading before it."),
      body,
    );
  } catch (error) {
    if (!signal.aborted) replace(place, failed(error));
  }
}

/** Longer lines than this stand alone: two of them beside each other could not be read. */
const BESIDE = 52;

function table(lines: Compared[]): HTMLElement {
  const text = (parts: Part[]): Child[] => parts.map((part) => (part.delta === undefined ? part.text : h("mark", {}, part.text)));
  const longest = Math.max(0, ...lines.map((line) => line.now.reduce((sum, part) => sum + part.text.length, 0)));
  return h(
    "div",
    { class: `file-lines${longest > BESIDE ? " alone" : ""}` },
    ...lines.map((line) => {
      const kind = line.now.length === 0 ? " gone" : line.before.length === 0 ? " new" : moved(line) ? " moved" : "";
      const deltas = line.now.flatMap((part) => (part.delta === undefined ? [] : [part.delta]));
      return h(
        "div",
        { class: `file-line${kind}` },
        h("code", { class: "was" }, ...text(line.before)),
        h("code", { class: "is" }, ...text(line.now.length > 0 ? line.now : line.before)),
        h("span", { class: "deltas" }, ...deltas.slice(0, 4).map((delta) => h("span", {}, signed(delta)))),
      );
    }),
  );
}

function moved(line: Compared): boolean {
  return line.now.some((part) => part.delta !== undefined);
}

function signed(value: number): string {
  return value > 0 ? `+${count(value)}` : count(value);
}
