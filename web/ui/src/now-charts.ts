/** What is drawn of a machine second by second, and from which signals. */

import type { Line } from "./chart";

export interface Drawn {
  title: string;
  unit: string;
  stacked?: boolean;
  /** `signal@subject` and what it is called. */
  series: { name: string; label: string; colour: number; dashed?: boolean }[];
  /** Signals whose last value is a level, and its name. */
  levels?: { name: string; label: string }[];
  /** The scale reaches at least so far. */
  top?: number;
  /** What is left of this signal when the series are taken off, drawn before the last one. */
  rest?: { of: string; label: string; colour: number };
}

/** What there is to draw: `values` are the signals of one tick, `busiest` its devices by what they do. */
export function drawings(values: Record<string, number>, busiest: string[]): Drawn[] {
  const host = (name: string, label: string, colour: number, dashed = false): Drawn["series"][number] => ({ name: `${name}@host`, label, colour, dashed });
  const zone = largestZone(values);
  const each = (signal: string): Drawn["series"] => busiest.map((device, k) => ({ name: `${signal}@${device}`, label: device, colour: (k % 8) + 1 }));
  const all: Drawn[] = [
    {
      title: "Memory",
      unit: "B",
      stacked: true,
      top: values["mem.total@host"] ?? 1,
      series: [host("mem.anon", "anonymous", 1), host("mem.shmem", "shared", 4), host("mem.slab", "kernel (slab)", 5), host("mem.file_cache", "file cache", 2), host("mem.free", "free", 7)],
      rest: { of: "mem.total@host", label: "other", colour: 8 },
    },
  ];
  if (zone) {
    all.push({
      title: `Free in zone ${zone.replace(/^\d+\//, "")} against its watermarks`,
      unit: "pages",
      series: [{ name: `zone.free@${zone}`, label: "free", colour: 2 }],
      levels: [{ name: `zone.low@${zone}`, label: "low: kswapd wakes" }, { name: `zone.high@${zone}`, label: "high: it sleeps" }],
      top: 2 * (values[`zone.high@${zone}`] ?? 0),
    });
  }
  all.push(
    { title: "Reclaim", unit: "pages/s", series: [host("reclaim.kswapd_scan", "kswapd scans", 2), host("reclaim.direct_scan", "tasks scan themselves", 3), host("reclaim.steal", "freed", 6, true)] },
    { title: "Faults that wait for a disk", unit: "1/s", series: [host("fault.major", "major faults", 3), host("refault.file", "refaults (pages)", 1, true), host("swap.in", "swapped in (pages)", 4)] },
    { title: "Pressure: time in which some task waited", unit: "%", top: 10, series: [host("psi.memory_some", "memory", 3), host("psi.io_some", "disks", 2), host("psi.cpu_some", "CPU", 6, true)] },
    { title: "CPUs", unit: "%", stacked: true, top: 100, series: [host("cpu.user", "user", 2), host("cpu.system", "system", 5), host("cpu.iowait", "waits for disks", 3), host("cpu.steal", "taken by the host", 4)] },
    { title: "Load and tasks", unit: "tasks", series: [host("load.1", "load", 6), host("run.running", "running", 2, true), host("run.blocked", "wait for a disk", 3)] },
    { title: "Disks: time busy", unit: "%", top: 100, series: each("disk.busy") },
    { title: "Disks: reads", unit: "B/s", series: each("disk.read") },
    { title: "Disks: writes", unit: "B/s", series: each("disk.write") },
    { title: "Disks: wait of a request", unit: "ms", series: each("disk.wait") },
  );
  return all;
}

/** Every signal that a drawing needs. */
export function names(drawn: Drawn): string[] {
  return [...drawn.series.map((one) => one.name), ...(drawn.levels ?? []).map((one) => one.name), ...(drawn.rest ? [drawn.rest.of] : [])];
}

/** The lines of a drawing, of what is known. */
export function lines(drawn: Drawn, values: (name: string) => (number | null)[] | undefined): Line[] {
  const found = drawn.series.flatMap(({ name, label, colour, dashed }): Line[] => {
    const of = values(name);
    return of?.some((v) => v !== null) ? [{ label, values: of, colour, dashed: dashed === true }] : [];
  });
  const whole = drawn.rest && values(drawn.rest.of);
  if (drawn.rest && whole && found.length > 1) {
    const left = whole.map((total, k) => {
      const parts = found.map((line) => line.values[k] ?? null);
      return total === null || parts.includes(null) ? null : Math.max(0, total - parts.reduce<number>((sum, part) => sum + (part ?? 0), 0));
    });
    found.splice(-1, 0, { label: drawn.rest.label, values: left, colour: drawn.rest.colour });
  }
  return found;
}

function largestZone(values: Record<string, number>): string | undefined {
  const zones = Object.entries(values).filter(([name]) => name.startsWith("zone.high@"));
  zones.sort(([, a], [, b]) => b - a);
  return zones[0]?.[0].slice("zone.high@".length);
}

/** The devices that do anything, the busiest first; partitions and idle loops only crowd the picture. */
export function busiest(values: (name: string) => (number | null)[] | undefined, known: string[], most: number): string[] {
  const sum = (name: string): number => (values(name) ?? []).reduce<number>((a, v) => a + (v ?? 0), 0);
  const devices = known.filter((name) => name.startsWith("disk.busy@")).map((name) => name.slice("disk.busy@".length));
  const does = devices.map((device) => ({ device, work: sum(`disk.busy@${device}`) + sum(`disk.read@${device}`) + sum(`disk.write@${device}`) }));
  const working = does.filter(({ work }) => work > 0).sort((a, b) => b.work - a.work);
  return working.slice(0, most).map(({ device }) => device);
}
