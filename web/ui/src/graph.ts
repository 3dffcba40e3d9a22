/** Drawing the graph of chain.ts: buttons for the events, curves for the links. */

import { type Graph, firstMover, layOut } from "./chain";
import type { Incident, Link } from "./document";
import { h, replace, s } from "./dom";
import { duration, words } from "./format";
import { roleOf } from "./roles";
import { type Clock, seconds, uncertainty } from "./time";

const HEIGHT = 86;
const GAP_Y = 14;

/** Pixels of a letter of a lag. */
const LETTER = 7.3;

/** Sizes that fill a width: nodes as wide as can be read without being wasteful, and room for the curves and what stands beside them. */
function sizes(ranks: number, available: number, edges: Link[]): { width: number; gapX: number } {
  const letters = Math.max(0, ...edges.map((link) => lag(link)?.length ?? 0));
  const gapX = Math.max(32, letters * LETTER + 8, Math.min(74, available / ranks / 5));
  const width = (available - (ranks - 1) * gapX) / ranks;
  return { width: Math.max(136, Math.min(216, Math.floor(width))), gapX };
}

/** Drawn anew when the width changes. `chosen` is called with the id of an event that was clicked. */
export function graph(incident: Incident, clock: Clock, chosen: (id: string) => void): HTMLElement {
  const laid = layOut(incident);
  const scroll = h("div", { class: "graph-scroll", tabindex: 0, role: "group", "aria-label": "causal graph, scrolls sideways" });
  let drawn = 0;
  const observer = new ResizeObserver(() => {
    const width = scroll.clientWidth - 4;
    if (width <= 0 || width === drawn) return;
    drawn = width;
    replace(scroll, canvas(incident, laid, width, clock, chosen));
  });
  observer.observe(scroll);
  return h(
    "figure",
    { class: "graph", "aria-label": `What set off what: ${laid.nodes.length} events` },
    scroll,
    h("figcaption", {}, key("proved", "order proved"), key("same_second", "same second"), key("assumed", "order assumed")),
  );
}

function canvas(incident: Incident, laid: Graph, available: number, clock: Clock, chosen: (id: string) => void): HTMLElement {
  const { nodes, edges, ranks, rows } = laid;
  const NODE = { ...sizes(ranks, available, edges), height: HEIGHT, gapY: GAP_Y };
  const width = ranks * NODE.width + (ranks - 1) * NODE.gapX;
  const height = rows * (NODE.height + NODE.gapY) - NODE.gapY;
  const first = firstMover(incident);
  const columns = new Map<number, number>();
  for (const node of nodes) columns.set(node.rank, (columns.get(node.rank) ?? 0) + 1);
  const place = new Map(
    nodes.map(({ event, rank, row }) => {
      const used = (columns.get(rank) ?? 1) * (NODE.height + NODE.gapY) - NODE.gapY;
      return [event.id, { x: rank * (NODE.width + NODE.gapX), y: (height - used) / 2 + row * (NODE.height + NODE.gapY) }];
    }),
  );

  const curves: Element[] = [];
  const labels: Element[] = [];
  for (const link of edges) {
    const a = place.get(link.from);
    const b = place.get(link.to);
    if (!a || !b) continue;
    const [x1, y1, x2, y2] = [a.x + NODE.width, a.y + NODE.height / 2, b.x, b.y + NODE.height / 2];
    const bend = Math.max(24, (x2 - x1) / 2);
    curves.push(
      s(
        "path",
        { class: `edge ${link.order}`, d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2 - 5},${y2}`, "marker-end": "url(#arrow)" },
        s("title", {}, said(link)),
      ),
    );
    const text = lag(link);
    if (text) {
      // Beside the arrow's head, on the side that the curve does not come from.
      labels.push(s("text", { class: "lag", x: x2 - 6, y: y1 < y2 ? y2 + 17 : y2 - 9, "text-anchor": "end" }, text));
    }
  }

  const buttons = nodes.map(({ event }) => {
    const at = place.get(event.id);
    const button = h(
      "button",
      { type: "button", class: `node ${roleOf(event, first)}`, "data-event": event.id, click: () => chosen(event.id), title: event.headline },
      h("span", { class: "when" }, clock.tenth(seconds(event.onset.best)), h("span", { class: "bounds" }, ` ±${uncertainty(event.onset).toFixed(1)}`)),
      h("span", { class: "what" }, event.headline.replace(/\s*\(.*\)\s*$/, "")),
    );
    button.style.width = `${NODE.width}px`;
    button.style.left = `${at?.x ?? 0}px`;
    button.style.top = `${at?.y ?? 0}px`;
    return button;
  });

  const marker = s(
    "marker",
    { id: "arrow", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
    s("path", { d: "M0,0.5 L7,4 L0,7.500 z", class: "arrow" }),
  );
  const element = h(
    "div",
    { class: "graph-canvas" },
    s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, s("defs", {}, marker), ...curves, ...labels),
    ...buttons,
  );
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
  return element;
}

/** The time that is written beside a curve, where it tells something. */
function lag(link: Link): string | undefined {
  return link.order === "proved" || Math.abs(link.lag_s) >= 1 ? duration(link.lag_s) : undefined;
}

function key(order: string, text: string): HTMLElement {
  const line = s("svg", { width: 28, height: 8, "aria-hidden": "true" }, s("path", { class: `edge ${order}`, d: "M0,4 L28,4" }));
  return h("span", { class: "key" }, line, text);
}

/** What a link says, in words. */
export function said(link: Link): string {
  return `${link.mechanism} (${duration(link.lag_s)}, ${words(link.order)})`;
}
