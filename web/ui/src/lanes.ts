// Lanes: one for each event under one shared axis of time, in causal order, the onset with its bounds.

import type { Event, Incident } from "./api";
import { el, svg } from "./dom";
import { clock, seconds } from "./format";

const WIDTH = 1000;

interface Axis { from: number; to: number; x(iso: string): number }

function axis(incident: Incident): Axis {
  const onsets = incident.timeline.flatMap((e) => [Date.parse(e.onset.earliest), Date.parse(e.onset.latest)]);
  const first = Math.min(...onsets);
  // The order is what matters: the onsets take the left two thirds, what goes on afterwards the rest.
  const lastOnset = Math.max(...onsets);
  const end = Math.min(Date.parse(incident.to), lastOnset + Math.max(10_000, (lastOnset - first) * 0.5));
  const margin = Math.max(1000, (end - first) * 0.04);
  const [from, to] = [first - margin, Math.max(end, lastOnset + 1000)];
  return { from, to, x: (iso) => Math.max(0, Math.min(WIDTH, ((Date.parse(iso) - from) / (to - from)) * WIDTH)) };
}

/** The picture of an incident's order. */
export function lanes(incident: Incident, tz: string, open: (event: Event) => void): HTMLElement {
  const time = axis(incident);
  const list = el("ol", { class: "lanes", "aria-label": "Events in causal order" });
  const mover = incident.causes[0]?.event;
  for (const event of incident.timeline) {
    const how = incident.links.filter((l) => l.to === event.id).sort((a, b) => Number(b.order === "proved") - Number(a.order === "proved"))[0];
    const bounds = seconds(event.onset.earliest, event.onset.latest) / 2;
    const button = el(
      "button",
      { type: "button", class: "lane-name" },
      el("span", { class: "when" }, `${clock(event.onset.best, tz, true)} ±${bounds.toFixed(1)}`),
      el("span", { class: "what" }, event.headline),
      el("span", { class: "why" }, event.id === mover ? "first mover" : because(incident, how)),
    );
    button.addEventListener("click", () => open(event));
    list.append(el("li", { class: how?.order ?? "none" }, button, track(event, time)));
  }
  return el("div", { class: "lanes-box" }, list, ticks(time, tz));
}

function because(incident: Incident, link: Incident["links"][number] | undefined): string {
  if (!link) return "no cause of it was seen";
  const cause = incident.timeline.find((e) => e.id === link.from);
  const name = cause ? `${cause.event}${cause.subject.kind === "host" ? "" : ` ${cause.subject.name}`}` : link.from;
  const order = { proved: `proved ${link.lag_s.toFixed(1)} s after`, same_second: "same second as", assumed: "assumed after" }[link.order];
  return `${order} ${name}: ${link.mechanism}`;
}

function track(event: Event, time: Axis): SVGElement {
  const [a, b, c] = [time.x(event.onset.earliest), time.x(event.onset.best), time.x(event.onset.latest)];
  const end = event.end ? time.x(event.end) : WIDTH;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} 18`, preserveAspectRatio: "none", class: "track", "aria-hidden": "true" },
    svg("rect", { x: b, y: 6, width: Math.max(2, end - b), height: 6, class: "goes-on" }),
    svg("rect", { x: a, y: 3, width: Math.max(2, c - a), height: 12, class: "bounds" }),
    svg("rect", { x: b - 1.5, y: 0, width: 3, height: 18, class: "onset" }),
  );
}

function ticks(time: Axis, tz: string): HTMLElement {
  const row = el("div", { class: "axis", "aria-hidden": "true" });
  for (let i = 0; i <= 4; i++) {
    row.append(el("span", {}, clock(new Date(time.from + ((time.to - time.from) * i) / 4).toISOString(), tz)));
  }
  return row;
}
