/** One incident: what happened, what was first, who did it, how sure, what it was not. */

import { causeName as inSentence, firstMover, lead } from "./chain";
import type { Cause, Confidence, Evidence, Explanation, Incident, Severity } from "./document";
import { type Child, h } from "./dom";
import { duration, inUnit, words } from "./format";
import { graph } from "./graph";
import type { Kind } from "./incident-save";
import { Lanes, type Range } from "./lanes";
import { Meanwhile } from "./meanwhile";
import { type Clock, seconds, uncertainty } from "./time";

export const SEVERITY: Record<Severity, { word: string; mark: string }> = {
  critical: { word: "Critical", mark: "◆" },
  warning: { word: "Warning", mark: "▲" },
  info: { word: "Info", mark: "○" },
};

const SURE: Record<Confidence, { level: number; why: string }> = {
  shown: { level: 3, why: "books balance, order and dose hold, no rival is left" },
  likely: { level: 2, why: "order or dose is missing, but the rivals are refuted" },
  consistent: { level: 1, why: "seen together; nothing more is proved" },
};

const SAVES: [Kind, string, string][] = [
  ["html", "HTML", "The report as one file that needs nothing else"],
  ["png", "PNG", "A picture of the verdict and the lanes as they are shown"],
  ["csv", "CSV", "The series of the lanes"],
  ["json", "JSON", "The document that this page is drawn from"],
];

export interface Actions {
  evidence: (evidence: Evidence) => void;
  zoom: (zoom: string) => void;
  markdown: (button: HTMLElement) => void;
  /** The name of a cause and its manual page. */
  cause: (id: string) => { name: string; manual: string } | undefined;
  save: (kind: Kind) => void;
}

export interface IncidentView {
  element: HTMLElement;
  lanes: Lanes;
  /** Shows another part of the time, everywhere. */
  show: (range: Range) => void;
  recolour: () => void;
  end: () => void;
  /** Spans that the lanes can show. */
  ranges: { start: Range; all: Range };
}

export function incidentView(doc: Explanation, incident: Incident, zoom: string | undefined, clock: Clock, on: Actions): IncidentView {
  const ranges = spans(doc, incident);
  const zoomTo = (range: Range): void => on.zoom(`${range.from.toFixed(2)}..${range.to.toFixed(2)}`);
  const lanes = new Lanes(incident, ranges.all, zoomed(zoom, ranges), clock, { evidence: on.evidence, zoom: zoomTo });
  const meanwhile = new Meanwhile(incident, ranges.all, zoomed(zoom, ranges), clock, zoomTo);
  const element = h(
    "article",
    { class: `incident ${incident.severity}`, "aria-labelledby": "headline" },
    verdict(incident, clock, on),
    incident.timeline.length > 1 && section("chain", "Cause before effect", graph(incident, clock, (id) => lanes.reveal(id))),
    section("lanes-section", "As it was recorded", zoomBar(on), lanes.element),
    seenBefore(incident, clock),
    h(
      "div",
      { class: "columns" },
      h("div", {}, ruledOut(incident, on)),
      h("div", {}, advice(incident), speaksFor(incident.causes[0], on), ...incident.causes.slice(1).map((cause) => rival(cause, on)), missing(incident), record(doc, clock)),
    ),
    meanwhile.element,
  );
  return {
    element,
    lanes,
    ranges,
    show: (range) => (lanes.show(range), meanwhile.show(range)),
    recolour: () => (lanes.recolour(), meanwhile.recolour()),
    end: () => (lanes.end(), meanwhile.end()),
  };
}

/** The beginning, in which order is seen, and the whole. */
function spans(doc: Explanation, incident: Incident): IncidentView["ranges"] {
  const window = { from: seconds(doc.window.from), to: seconds(doc.window.to) };
  const onsets = incident.timeline.map((event) => seconds(event.onset.best));
  const [first, last] = [Math.min(...onsets, seconds(incident.from)), Math.max(...onsets)];
  const long = Math.max(10 * doc.window.interval_s, last - first);
  const start = { from: Math.max(window.from, first - long * 0.3), to: Math.min(window.to, last + long * 0.7) };
  return { start, all: window };
}

export function zoomed(zoom: string | undefined, ranges: IncidentView["ranges"]): Range {
  if (zoom === "all") return ranges.all;
  const [from, to] = (zoom ?? "").split("..").map(Number);
  if (from !== undefined && to !== undefined && Number.isFinite(from) && Number.isFinite(to) && to - from >= 0.5) {
    return { from: Math.max(from, ranges.all.from), to: Math.min(Math.max(to, ranges.all.from + 0.5), ranges.all.to) };
  }
  return ranges.start;
}

function section(id: string, title: string, ...children: Child[]): HTMLElement {
  return h("section", { id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), ...children);
}

function verdict(incident: Incident, clock: Clock, on: Actions): HTMLElement {
  const { word, mark } = SEVERITY[incident.severity];
  const [from, to] = [seconds(incident.from), seconds(incident.to)];
  return h(
    "header",
    { class: "verdict" },
    h(
      "div",
      { class: "verdict-line" },
      h("span", { class: `severity ${incident.severity}` }, h("span", { "aria-hidden": "true" }, mark), ` ${word}`),
      h("span", { class: "span" }, `${clock.day(from)} `, h("time", { datetime: incident.from }, clock.second(from)), "–", h("time", { datetime: incident.to }, clock.full(to, from)), ` ${clock.zone}`),
      h("span", { class: "length" }, duration(to - from)),
      incident.open && h("span", { class: "going" }, "still going at the end of the data"),
      h(
        "span",
        { class: "actions" },
        h("button", { type: "button", id: "copy", click: (event: Event) => on.markdown(event.currentTarget as HTMLElement), title: "Copy as Markdown for a ticket (m)" }, "Copy for the ticket"),
        ...SAVES.map(([kind, text, title]) => h("button", { type: "button", "data-save": kind, title, click: () => on.save(kind) }, text)),
      ),
    ),
    h("h1", { id: "headline", tabindex: -1 }, incident.headline),
    incident.story && h("p", { class: "story" }, incident.story),
    facts(incident, clock),
  );
}

function facts(incident: Incident, clock: Clock): HTMLElement {
  const cause = incident.causes[0];
  const first = firstMover(incident);
  const led = lead(incident);
  const doer = cause?.processes[0];
  const tile = (kind: string, title: string, main: Child, ...rest: Child[]): HTMLElement =>
    h("div", { class: `fact ${kind}` }, h("dt", {}, title), h("dd", {}, h("b", {}, main), ...rest.map((line) => line && h("span", {}, line))));
  const onset = first?.onset;
  return h(
    "dl",
    { class: "facts" },
    first && onset && tile("fact-first", "First mover", first.subject.kind === "host" ? words(first.event) : first.subject.name,
      `${clock.tenth(seconds(onset.best))} ±${uncertainty(onset).toFixed(1)} s`, led && `${duration(led.seconds)} before ${inSentence(led.to)}`, cause && cause.mounts.length > 0 && `mounted at ${cause.mounts.join(", ")}`),
    doer
      ? tile("fact-who", "Done by", doer.comm, `pid ${doer.pid} · ${(doer.share * 100).toFixed(0)} % of ${doer.of}`, doer.cgroup)
      : tile("fact-who", "Done by", "not recorded", "no process could be named"),
    incident.harm && tile("fact-harm", "Harm", incident.harm),
    cause
      ? tile("fact-sure", "How sure", meter(cause.confidence), SURE[cause.confidence].why)
      : tile("fact-sure", "How sure", "cannot tell", "no cause fits what was recorded"),
    incident.ruled_out.length > 0 &&
      tile("fact-not", "It was not", h("a", { href: "#ruled-out" }, `${incident.ruled_out.length} other causes`), "each ruled out by a number"),
  );
}

function meter(confidence: Confidence): HTMLElement {
  const { level } = SURE[confidence];
  const dots = [1, 2, 3].map((step) => h("i", { class: step <= level ? "on" : "" }));
  return h("span", { class: "meter" }, h("span", { class: "dots", "aria-hidden": "true" }, ...dots), confidence);
}

function zoomBar(on: Actions): HTMLElement {
  return h(
    "div",
    { class: "zoom", role: "group", "aria-label": "Part of the time shown" },
    h("button", { type: "button", click: () => on.zoom("start") }, "How it began"),
    h("button", { type: "button", click: () => on.zoom("all") }, "All of it"),
    h("span", { class: "hint" }, "drag over a lane to zoom · dotted: the node's own quiet · dashed: threshold"),
  );
}

function numbers(evidence: Evidence[], on: Actions): Child[] {
  return evidence.map((one) =>
    h("button", { type: "button", class: "chip", title: `${one.signal} of ${one.subject}: the evidence`, click: () => on.evidence(one) }, inUnit(one.value, one.unit)),
  );
}

function ruledOut(incident: Incident, on: Actions): Child {
  if (incident.ruled_out.length === 0) return null;
  const rows = incident.ruled_out.map(({ cause, because, evidence }) =>
    h("tr", { "data-cause": cause }, h("th", { scope: "row" }, causeName(cause, on)), h("td", {}, because, " ", h("span", { class: "chips-inline" }, ...numbers(evidence, on)))),
  );
  return section("ruled-out", "It was not",
    h("table", { class: "ruled-out" }, h("thead", { class: "unseen" }, h("tr", {}, h("th", { scope: "col" }, "cause"), h("th", { scope: "col" }, "ruled out because"))), h("tbody", {}, ...rows)));
}

function causeName(id: string, on: Actions): Child {
  const known = on.cause(id);
  return h("span", { title: known?.manual.split("\n")[0] ?? id }, known?.name ?? words(id));
}

function advice(incident: Incident): Child {
  if (incident.advice.length === 0) return null;
  return section("advice", "What helps", h("ul", { class: "advice" }, ...incident.advice.map(({ text, because }) => h("li", {}, h("b", {}, text), h("span", {}, because)))));
}

function evidenceList(list: Evidence[], on: Actions): HTMLElement {
  return h("ul", { class: "evidence" }, ...list.map((one) => h("li", {}, h("span", {}, one.text), " ", ...numbers([one], on))));
}

function speaksFor(cause: Cause | undefined, on: Actions): Child {
  if (!cause || cause.for.length + cause.against.length === 0) return null;
  return section("for", "What speaks for it", evidenceList(cause.for, on), cause.against.length > 0 && h("h3", {}, "and against"), cause.against.length > 0 && evidenceList(cause.against, on));
}

function rival(cause: Cause, on: Actions): Child {
  return section(`rival-${cause.cause}`, "And beside it",
    h("p", {}, h("b", {}, causeName(cause.cause, on)), ` · ${cause.confidence}`), cause.story && h("p", {}, cause.story), evidenceList(cause.for, on));
}

/** The same first mover on earlier days: what is there each night without harm is not the whole story. */
function seenBefore(incident: Incident, clock: Clock): Child {
  const before = incident.causes.flatMap((cause) => cause.seen_before);
  if (before.length === 0) return null;
  return section("seen-before", "Seen before", h("ul", { class: "notes" }, ...before.map((one) => h("li", {}, h("time", { datetime: one.at }, clock.full(seconds(one.at))), ` ${one.text}`))));
}

function missing(incident: Incident): Child {
  const gaps = incident.causes.slice(0, 2).flatMap((cause) => cause.missing);
  if (gaps.length === 0) return null;
  return section("missing", "Cannot tell", h("ul", { class: "missing" }, ...gaps.map((gap) => h("li", {}, gap.would_tell, h("span", {}, `would tell: ${gap.signal}`)))));
}

function record(doc: Explanation, clock: Clock): Child {
  const { window, notes } = doc;
  const gaps = window.gaps.map((gap) => h("li", {}, `gap ${clock.span(seconds(gap.from), seconds(gap.to))}: ${gap.why}`));
  return section("record", "The record",
    h("ul", { class: "notes" }, h("li", {}, `${window.ticks} of ${window.expected_ticks} ticks recorded, one every ${duration(window.interval_s)}`), ...gaps, ...notes.map((note) => h("li", {}, note))));
}
