// Numbers and times as a person reads them.

export function bytes(value: number): string {
  const size = Math.abs(value);
  for (const [unit, factor] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const) {
    if (size >= factor) return `${Number((value / factor).toPrecision(3))} ${unit}`;
  }
  return `${Math.round(value)} B`;
}

/** A value in its unit. Unknown is said, never shown as zero. */
export function value(value: number | null, unit: string): string {
  if (value === null || !Number.isFinite(value)) return "unknown";
  if (unit === "B") return bytes(value);
  if (unit === "B/s") return `${bytes(value)}/s`;
  const number = Math.abs(value) < 10 && value % 1 !== 0 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
  if (unit === "1/s") return `${number}/s`;
  return unit === "" || unit === "ratio" ? number : `${number} ${unit}`;
}

/** The same where space is scarce: `540k pages/s`. */
export function brief(number: number | null, unit: string): string {
  if (number === null || unit.startsWith("B") || Math.abs(number) < 10_000) return value(number, unit);
  const [size, letter] = Math.abs(number) >= 1e6 ? [number / 1e6, "M"] : [number / 1e3, "k"];
  return `${Number(size.toPrecision(3))}${letter}${unit === "1/s" ? "/s" : unit === "" ? "" : ` ${unit}`}`;
}

/** `22:54:18`, or to the tenth, rounded. */
export function clock(iso: string, timeZone: string, tenths = false): string {
  const time = new Date(tenths ? Math.round(Date.parse(iso) / 100) * 100 : iso);
  const text = time.toLocaleTimeString("en-GB", { timeZone, hour12: false });
  return tenths ? `${text}.${Math.floor((time.getTime() % 1000) / 100)}` : text;
}

export function day(iso: string, timeZone: string): string {
  return new Date(iso).toLocaleDateString("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
}

export const seconds = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;
