/** Two readings of one kernel file: fixed text in which numbers changed. */

export interface Part {
  text: string;
  /** By how much this number moved; absent where it did not, or is no number. */
  delta?: number;
}

/** A line of the file as it is, beside itself as it was. A line that came has no `before`, one that went no `now`. */
export interface Compared {
  before: Part[];
  now: Part[];
}

const NUMBER = /\d+(?:\.\d+)?/g;

/** What of a line stays when its numbers change. Padding moves with them. */
function shape(line: string): string {
  return line.replace(NUMBER, "0").replace(/ +/g, " ");
}

/** Lines of `now`, each beside that of `before` with the same fixed text, in order. */
export function compare(before: string, now: string): Compared[] {
  const old = lines(before);
  const result: Compared[] = [];
  const gone = (to: number): void => {
    for (; at < to; at += 1) result.push({ before: [{ text: old[at] ?? "" }], now: [] });
  };
  let at = 0;
  for (const line of lines(now)) {
    const form = shape(line);
    let place = at;
    while (place < old.length && shape(old[place] ?? "") !== form) place += 1;
    if (place < old.length) {
      gone(place);
      result.push(both(old[place] ?? "", line));
      at = place + 1;
    } else {
      result.push({ before: [], now: [{ text: line }] });
    }
  }
  gone(old.length);
  return result;
}

function lines(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

/** Two lines of one shape, cut at the numbers that moved. */
function both(before: string, now: string): Compared {
  const result: Compared = { before: [], now: [] };
  const old = [...before.matchAll(NUMBER)];
  let [endBefore, endNow] = [0, 0];
  [...now.matchAll(NUMBER)].forEach((match, i) => {
    const was = old[i];
    if (!was || was[0] === match[0]) return;
    const delta = Number(match[0]) - Number(was[0]);
    result.before.push({ text: before.slice(endBefore, was.index) }, { text: was[0], delta });
    result.now.push({ text: now.slice(endNow, match.index) }, { text: match[0], delta });
    endBefore = was.index + was[0].length;
    endNow = match.index + match[0].length;
  });
  result.before.push({ text: before.slice(endBefore) });
  result.now.push({ text: now.slice(endNow) });
  return result;
}
