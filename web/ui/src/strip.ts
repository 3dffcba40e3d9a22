/** Time from left to right with incidents on it. */

import type { Listed } from "./document";
import { h } from "./dom";
import { SEVERITY } from "./incident";
import type { Range } from "./lanes";
import { type Clock, seconds } from "./time";

/** Incidents as marks over a range, each at least wide enough to be hit. */
export function marks(list: Listed[], range: Range, clock: Clock, open: (one: Listed) => void): HTMLElement[] {
  const percent = (time: number): number => Math.min(100, Math.max(0, ((time - range.from) / (range.to - range.from)) * 100));
  return list
    .filter((one) => seconds(one.to) >= range.from && seconds(one.from) <= range.to)
    .map((one) => {
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
    const box = h("span", { class: "strip-void" });
    box.style.left = `${((from - range.from) / (range.to - range.from)) * 100}%`;
    box.style.width = `${((to - from) / (range.to - range.from)) * 100}%`;
    return [box];
  });
}
