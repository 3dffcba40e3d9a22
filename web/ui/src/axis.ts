/** A time axis of plain elements: placed by percent, so it needs no redraw when the page changes its width. */

import { h, replace } from "./dom";
import type { Range } from "./lanes";
import type { Clock } from "./time";

/** Seconds from one mark of a time axis to the next. */
export const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000];

/** Pixels of half a letter of a mark. */
const HALF_LETTER = 3.7;

/** A time as it is written beside a mark, with no more of it than tells it from the next one. */
export function tickText(time: number, step: number, clock: Clock): string {
  return step >= 43_200 ? clock.date(time) : step >= 60 ? clock.minute(time) : step >= 1 ? clock.second(time) : clock.tenth(time);
}

export function axis(row: HTMLElement, range: Range, clock: Clock): void {
  const span = range.to - range.from;
  const width = row.clientWidth || 800;
  const most = Math.max(3, Math.min(12, Math.floor(width / 90)));
  const step = STEPS.find((s) => span / s <= most) ?? 2_592_000;
  const ticks: HTMLElement[] = [];
  for (let t = Math.ceil(range.from / step) * step; t <= range.to; t += step) {
    const text = tickText(t, step, clock);
    const place = (t - range.from) / span;
    // Cut off at an end it would be another time.
    if (Math.min(place, 1 - place) * width < text.length * HALF_LETTER) continue;
    const tick = h("span", { class: "tick" }, text);
    tick.style.left = `${place * 100}%`;
    ticks.push(tick);
  }
  replace(row, ...ticks);
}
