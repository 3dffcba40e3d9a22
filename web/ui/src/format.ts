/** Numbers as a person reads them, as in the analyzer's reports: decimal multiples, three digits at most. */

const THIN = "\u202f";

function digits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1).replace(/\.0$/, "");
  return value.toFixed(2).replace(/\.?0+$/, "");
}

export function bytes(value: number): string {
  const sign = value < 0 ? "−" : "";
  const size = Math.abs(value);
  for (const [unit, factor] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const) {
    if (size >= factor) return `${sign}${digits(size / factor)}${THIN}${unit}`;
  }
  return `${sign}${digits(size)}${THIN}B`;
}

export function count(value: number): string {
  const sign = value < 0 ? "−" : "";
  const size = Math.abs(value);
  if (size > 0 && size < 10 && Math.abs(size - Math.round(size)) > 0.05) return sign + size.toFixed(1);
  return sign + Math.round(size).toLocaleString("en-US");
}

/** A value in its unit: `560 MB/s`, `43 %`, `450,000 pages/s`. Unknown is said, never shown as zero. */
export function inUnit(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "unknown";
  switch (unit) {
    case "B":
      return bytes(value);
    case "B/s":
      return `${bytes(value)}/s`;
    case "kB":
      return bytes(value * 1024);
    case "kB/s":
      return `${bytes(value * 1024)}/s`;
    case "ratio":
      return value.toFixed(2);
    case "1/s":
    case "/s":
      return `${count(value)}/s`;
    case "":
      return count(value);
    default:
      return `${count(value)}${THIN}${unit}`;
  }
}

/** The same where space is scarce: `540k pages/s`. */
export function brief(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "unknown";
  if (unit.startsWith("B") || unit.startsWith("kB") || Math.abs(value) < 10_000) return inUnit(value, unit);
  const short = Math.abs(value) >= 1e6 ? `${digits(value / 1e6)}M` : `${digits(value / 1e3)}k`;
  return unit === "1/s" ? `${short}/s` : unit === "" ? short : `${short}${THIN}${unit}`;
}

/** A length of time: `0.4 s`, `15.2 s`, `1 min 19 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "";
  if (size < 59.95) return `${sign}${size.toFixed(size < 9.95 || size % 1 > 0.04 ? 1 : 0)}${THIN}s`;
  const whole = Math.round(size);
  if (whole < 3600) return join(sign, Math.floor(whole / 60), "min", whole % 60, "s");
  if (whole < 86_400) return join(sign, Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min");
  return join(sign, Math.floor(whole / 86_400), "d", Math.floor((whole % 86_400) / 3600), "h");
}

function join(sign: string, a: number, unitA: string, b: number, unitB: string): string {
  return `${sign}${a}${THIN}${unitA}${b > 0 ? ` ${b}${THIN}${unitB}` : ""}`;
}

export function gibibytes(value: number): string {
  return `${(value / 2 ** 30).toFixed(1)}${THIN}GiB`;
}

/** Ids in words: `kswapd-scan` → `kswapd scan`. */
export function words(id: string): string {
  return id.replace(/[-_]/g, " ");
}
