/** The incidents of a span, worst first. */

import type { Listed } from "./document";
import { h } from "./dom";
import { duration } from "./format";
import { SEVERITY } from "./incident";
import { type Clock, seconds } from "./time";

/** `searched` is the part of the span that has been looked through, 0 to 1. */
export function incidentList(list: Listed[], open: string | undefined, searched: number, clock: Clock, chosen: (id: string) => void): HTMLElement {
  const items = list.map((one) => {
    const { word, mark } = SEVERITY[one.severity];
    const [from, to] = [seconds(one.from), seconds(one.to)];
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: `listed ${one.severity}`, "aria-current": one.id === open ? "true" : null, click: () => chosen(one.id) },
        h("span", { class: "listed-line" }, h("span", { class: `severity ${one.severity}` }, h("span", { "aria-hidden": "true" }, mark), ` ${word}`), h("span", {}, `${clock.full(from)} · ${duration(to - from)}`)),
        h("span", { class: "listed-headline" }, one.headline),
      ),
    );
  });
  const progress = h("progress", { max: 1, value: searched, "aria-label": "Part of the span looked through" });
  return h("div", { class: "rail-inner" }, h("h2", {}, list.length === 1 ? "1 incident" : `${list.length} incidents`), searched < 1 && progress, h("ol", { class: "listing" }, ...items));
}
