/** Looking for incidents piece by piece, the newest first, so that something is seen at once. */

import { api } from "./api";
import type { Listed } from "./document";
import type { Range } from "./lanes";
import { seconds, stamp } from "./time";

const PIECE_S = 7200;
const RANK = { critical: 0, warning: 1, info: 2 };

export interface Found {
  list: Listed[];
  /** How much of the span has been looked through, from its end. */
  seenFrom: number;
}

/** Tells of what is found after each piece. */
export async function find(span: Range, signal: AbortSignal, told: (found: Found) => void | Promise<void>): Promise<Found> {
  let found: Found = { list: [], seenFrom: span.to };
  for (let to = span.to; to > span.from; to -= PIECE_S) {
    const from = Math.max(span.from, to - PIECE_S);
    const answer = await api.incidents(stamp(from), stamp(to), signal);
    found = { list: merged(found.list, answer.incidents), seenFrom: from };
    await told(found);
  }
  return found;
}

/** Worst first, then the newest; an incident that two pieces saw is listed once. */
export function merged(a: Listed[], b: Listed[]): Listed[] {
  const all = new Map([...b, ...a].map((one) => [one.id, one]));
  return [...all.values()].sort((x, y) => RANK[x.severity] - RANK[y.severity] || seconds(y.from) - seconds(x.from));
}
