/** The part that an event plays in the story; it decides colour and tag, never colour alone. */

import type { TimelineEvent } from "./document";

export type Role = "first" | "between" | "harm";

/** What people and programs feel, as against what the kernel does about it. */
const HARM = new Set(["load-rise", "blocked-tasks", "iowait-rise", "major-fault-storm", "oom-kill", "direct-reclaim", "compaction-stall", "cpu-saturated", "steal-rise"]);

export function roleOf(event: TimelineEvent, first: TimelineEvent | undefined): Role {
  if (event.id === first?.id) return "first";
  return HARM.has(event.event) ? "harm" : "between";
}

export const ROLE_WORDS: Record<Role, string> = { first: "first mover", between: "", harm: "felt" };

/** The file under /proc that a signal or metric comes from; null where it comes from no single file. */
export function sourceOf(signal: string): string | null {
  const family = signal.split(".")[0] ?? "";
  const known: Record<string, string | null> = {
    mem: "meminfo",
    zone: "zoneinfo",
    buddy: "buddyinfo",
    cpu: "stat",
    run: "stat",
    load: "loadavg",
    disk: "diskstats",
    task: null,
    psi: null,
  };
  if (family === "psi") return `pressure/${signal.slice(4).split("_")[0]}`;
  if (family in known) return known[family] ?? null;
  const vmstat = ["dirty", "reclaim", "io", "refault", "fault", "swap", "compact", "thp", "drop", "oom", "numa", "write"];
  return vmstat.includes(family) ? "vmstat" : family;
}
