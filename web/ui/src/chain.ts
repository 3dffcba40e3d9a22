/** What set off what, as a graph: events in ranks from the first mover on, links as curves. */

import type { Incident, Link, TimelineEvent } from "./document";
import { duration, words } from "./format";
import { seconds } from "./time";

export interface Placed {
  event: TimelineEvent;
  rank: number;
  /** Place within the rank, from the top. */
  row: number;
}

export interface Graph {
  nodes: Placed[];
  /** Those worth drawing: not implied by a longer way. */
  edges: Link[];
  ranks: number;
  rows: number;
}

/** Events in causal order, and the links that go along with it. */
interface Causal {
  order: TimelineEvent[];
  links: Link[];
}

const known = new WeakMap<Incident, Causal>();

/**
 * Each event after what set it off, and otherwise by time. The timeline alone is by best onsets, which within a second may stand the
 * other way round than the mechanism. Of events that set each other off, the earlier comes first and the link back to it is left out.
 */
export function causal(incident: Incident): Causal {
  const before = known.get(incident);
  if (before) return before;
  const waiting = [...incident.timeline];
  const order: TimelineEvent[] = [];
  while (waiting.length > 0) {
    const free = (event: TimelineEvent): boolean => !incident.links.some((l) => l.to === event.id && waiting.some((w) => w.id === l.from && w !== event));
    const next = waiting.find(free) ?? waiting[0];
    if (!next) break;
    order.push(next);
    waiting.splice(waiting.indexOf(next), 1);
  }
  const place = new Map(order.map((event, k) => [event.id, k]));
  const links = incident.links.filter((l) => (place.get(l.from) ?? Infinity) < (place.get(l.to) ?? -1));
  const result = { order, links };
  known.set(incident, result);
  return result;
}

/** The link that a reader should see as an event's cause: proved before same-second before assumed, then the nearest. */
export function mainCause(incident: Incident, id: string): Link | undefined {
  const strength = { proved: 0, same_second: 1, assumed: 2 };
  return causal(incident)
    .links.filter((link) => link.to === id)
    .sort((a, b) => strength[a.order] - strength[b.order] || Math.abs(a.lag_s) - Math.abs(b.lag_s))[0];
}

/** The event that all the rest follows from: the verdict's, or else the first one that nothing set off. */
export function firstMover(incident: Incident): TimelineEvent | undefined {
  const named = incident.timeline.find((e) => e.id === incident.causes[0]?.event);
  return named ?? incident.timeline.find((e) => !mainCause(incident, e.id)) ?? incident.timeline[0];
}

/** How far the first mover was ahead: of kswapd, or else of the first effect that surely came later. */
export function lead(incident: Incident): { to: TimelineEvent; seconds: number; text: string } | undefined {
  const first = firstMover(incident);
  if (!first) return undefined;
  const later = (e: TimelineEvent): boolean => seconds(e.onset.earliest) > seconds(first.onset.latest);
  const kswapd = incident.timeline.find((e) => e.event === "kswapd-scan" && later(e));
  const to = kswapd ?? incident.timeline.find((e) => e !== first && later(e));
  if (!to) return undefined;
  const ahead = seconds(to.onset.best) - seconds(first.onset.best);
  return { to, seconds: ahead, text: `${causeName(first)} ${duration(ahead)} before ${causeName(to)}` };
}

/** An event as the cause in a sentence: `kswapd`, `vda`, `vda being busy`. */
export function causeName(event: TimelineEvent): string {
  const names: Record<string, string> = {
    "kswapd-scan": "kswapd",
    "watermark-breach": "low memory",
    "page-cache-drop": "the cache drop",
    "major-fault-storm": "major faults",
    "refault-storm": "refaults",
    "blocked-tasks": "blocked tasks",
    "iowait-rise": "iowait",
  };
  const { kind, name } = event.subject;
  if (kind !== "device") return names[event.event] ?? words(event.event) + (kind === "host" ? "" : ` of ${name}`);
  const does: Record<string, string> = { "device-saturated": " being busy", "device-latency-rise": " being slow", "device-write-rise": " being written" };
  return name + (does[event.event] ?? "");
}

/** Ranks by the longest way from a root. */
export function layOut(incident: Incident): Graph {
  const { order: events, links } = causal(incident);
  const order = new Map(events.map((event, place) => [event.id, place]));
  const edges = reduced(links);
  const rank = new Map<string, number>();
  for (const event of events) {
    const causes = edges.filter((l) => l.to === event.id).map((l) => rank.get(l.from) ?? 0);
    rank.set(event.id, causes.length > 0 ? Math.max(...causes) + 1 : 0);
  }
  const ranks = Math.max(0, ...rank.values()) + 1;
  const columns: TimelineEvent[][] = Array.from({ length: ranks }, () => []);
  for (const event of events) columns[rank.get(event.id) ?? 0]?.push(event);

  // Each event stands where its causes stand on average: few crossings, and enough for a dozen events.
  const height = new Map<string, number>();
  for (const column of columns) {
    const wanted = (event: TimelineEvent): number => {
      const from = edges.filter((l) => l.to === event.id).map((l) => height.get(l.from) ?? 0);
      return from.length > 0 ? from.reduce((a, b) => a + b, 0) / from.length : (order.get(event.id) ?? 0);
    };
    const sorted = column.map((event) => ({ event, at: wanted(event) })).sort((a, b) => a.at - b.at);
    column.splice(0, column.length, ...sorted.map((one) => one.event));
    column.forEach((event, row) => height.set(event.id, row - (column.length - 1) / 2));
  }
  const nodes = columns.flatMap((column, r) => column.map((event, row) => ({ event, rank: r, row })));
  return { nodes, edges, ranks, rows: Math.max(1, ...columns.map((column) => column.length)) };
}

/** Without the links that a chain of others implies. */
function reduced(links: Link[]): Link[] {
  const next = new Map<string, string[]>();
  for (const link of links) next.set(link.from, [...(next.get(link.from) ?? []), link.to]);
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    (next.get(from) ?? []).some((n) => n === to || (!seen.has(n) && reaches(n, to, seen.add(n))));
  return links.filter((link) => !(next.get(link.from) ?? []).some((via) => via !== link.to && reaches(via, link.to)));
}
