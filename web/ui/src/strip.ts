/** Time from left to right with incidents on it. */

import { api } from "./api";
import type { Listed } from "./document";
import { h } from "./dom";
import { SEVERITY } from "./incident";
import type { Range } from "./lanes";
import { type Clock, seconds, stamp } from "./time";

/** Points by which the recorded part of a span is told. */
const POINTS = 2000;
/** One of them is in every recording. */
const ALWAYS = ["meminfo.MemFree@host", "loadavg.load1@host", "stat.idle@host", "vmstat.pgpgin@host"];

/** Those of which some part is in a range. */
export function inside(list: Listed[], range: Range): Listed[] {
  return list.filter((one) => seconds(one.to) >= range.from && seconds(one.from) <= range.to);
}

/** Incidents as marks over a range, each at least wide enough to be hit. */
export function marks(list: Listed[], range: Range, clock: Clock, open: (one: Listed) => void): HTMLElement[] {
  const percent = (time: number): number => Math.min(100, Math.max(0, ((time - range.from) / (range.to - range.from)) * 100));
  return inside(list, range).map((one) => {
    const [from, to] = [seconds(one.from), seconds(one.to)];
    const text = `${SEVERITY[one.severity].word}, ${clock.span(Math.max(from, range.from), Math.min(to, range.to))}: ${one.headline}`;
    const mark = h("button", { type: "button", class: `strip-mark ${one.severity}`, title: text, "aria-label": text, click: () => open(one) }, h("span", { "aria-hidden": "true" }, SEVERITY[one.severity].mark));
    mark.style.left = `${percent(from)}%`;
    mark.style.width = `${percent(to) - percent(from)}%`;
    return mark;
  });
}

/** Parts of a range of which nothing is recorded, as hatched boxes. */
export function voids(gaps: Range[], range: Range): HTMLElement[] {
  return gaps.flatMap((gap) => {
    const [from, to] = [Math.max(gap.from, range.from), Math.min(gap.to, range.to)];
    if (to <= from) return [];
    const box = h("span", { class: "strip-void", title: "not recorded" });
    box.style.left = `${((from - range.from) / (range.to - range.from)) * 100}%`;
    box.style.width = `${((to - from) / (range.to - range.from)) * 100}%`;
    return [box];
  });
}

/** The parts of a span of which nothing is recorded, as finely as they can be seen. */
export async function unrecorded(span: Range, signal: AbortSignal): Promise<Range[]> {
  const { at, series } = await api.series(ALWAYS, stamp(span.from), stamp(span.to), POINTS, signal);
  return holes(at, series.map((one) => one.values), span);
}

/** Stretches in which none of the columns is known. */
function holes(at: number[], columns: (number | null)[][], span: Range): Range[] {
  const known = at.filter((_, k) => columns.some((values) => values[k] !== null && values[k] !== undefined));
  const cell = (span.to - span.from) / POINTS;
  // Ten-minute averages are no holes: what is usual is told by the data.
  const apart = known.slice(1).map((time, k) => time - (known[k] ?? time)).sort((a, b) => a - b);
  const near = Math.max(2.1 * cell, 90, 2.5 * (apart[Math.floor(apart.length / 2)] ?? 0));
  const ends = [span.from, ...known, span.to];
  return ends.slice(1).flatMap((to, k) => {
    const from = ends[k] ?? to;
    return to - from > near ? [{ from: from + cell / 2, to: to - cell / 2 }] : [];
  });
}
