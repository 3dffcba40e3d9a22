/** Looking for incidents piece by piece, the newest first, so that something is seen at once. */

import { api } from "./api";
import type { Listed } from "./document";
import type { Range } from "./lanes";
import { seconds, stamp } from "./time";

/** Seconds of the first piece, and of the longest one: each is twice as long as the one before, so that a week is few questions. */
const FIRST_S = 7200;
const MOST_S = 86_400;
const RANK = { critical: 0, warning: 1, info: 2 };

export interface Found {
  list: Listed[];
  /** How much of the span has been looked through, from its end. */
  seenFrom: number;
}

/** Tells of what is found after each piece. `newest`: the span ends where the data does, whose last hours are asked for as such. */
export async function find(span: Range, signal: AbortSignal, told: (found: Found) => void | Promise<void>, newest = false): Promise<Found> {
  let found: Found = { list: [], seenFrom: span.to };
  let length = FIRST_S;
  for (let to = span.to; to > span.from; ) {
    const from = Math.max(span.from, to - length);
    const answer = newest && to === span.to ? await api.lastIncidents(length, signal) : await api.incidents(stamp(from), stamp(to), signal);
    found = { list: merged(found.list, answer.incidents), seenFrom: from };
    await told(found);
    [to, length] = [from, Math.min(2 * length, MOST_S)];
  }
  return found;
}

/** Worst first, then the newest; an incident that two pieces saw is listed once. */
export function merged(a: Listed[], b: Listed[]): Listed[] {
  const all = new Map([...b, ...a].map((one) => [one.id, one]));
  return [...all.values()].sort((x, y) => RANK[x.severity] - RANK[y.severity] || seconds(y.from) - seconds(x.from));
}
