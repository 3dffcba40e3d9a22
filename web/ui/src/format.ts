// Numbers and times as a person reads them.

/** Decimal multiples, three digits. */
export function bytes(value: number): string {
  const size = Math.abs(value);
  for (const [unit, of] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const) {
    if (size >= of) return `${Number((value / of).toPrecision(3))} ${unit}`;
  }
  return `${Math.round(value)} B`;
}

export function value(v: number | null, unit: string): string {
  if (v === null || !Number.isFinite(v)) return "unknown";
  if (unit === "B") return bytes(v);
  if (unit === "B/s") return `${bytes(v)}/s`;
  const thousands = Math.abs(v) >= 1e5 ? `${Math.round(v / 1000).toLocaleString("en")} k` : Math.round(v).toLocaleString("en");
  const shown = Math.abs(v) < 10 && v % 1 !== 0 ? v.toFixed(1) : thousands;
  return unit === "1/s" ? `${shown}/s` : unit === "" || unit === "ratio" ? shown : `${shown} ${unit}`;
}

/** A clock time of a zone, with tenths when asked for. */
export function clock(iso: string, tz: string, tenths = false): string {
  const date = new Date(tenths ? Math.round(Date.parse(iso) / 100) * 100 : iso);
  const text = date.toLocaleTimeString("en-GB", { timeZone: tz, hour12: false });
  return tenths ? `${text}.${Math.floor((date.getTime() % 1000) / 100)}` : text;
}

export function day(iso: string, tz: string): string {
  return new Date(iso).toLocaleDateString("en-CA", { timeZone: tz, year: "numeric", month: "2-digit", day: "2-digit" });
}

export const seconds = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;
