/** Times as people read them: in UTC, in the node's own zone, or in the reader's. */

import type { Onset, Time } from "./document";

export type ZoneChoice = "node" | "utc" | "reader";

/** Formats in one zone. */
export class Clock {
  private readonly parts: Intl.DateTimeFormat;
  private readonly known = new Map<number, Record<string, string>>();
  readonly zone: string;

  constructor(choice: ZoneChoice, node: string) {
    const reader = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const wanted = choice === "utc" ? "UTC" : choice === "node" ? node : reader;
    let parts: Intl.DateTimeFormat;
    try {
      parts = Clock.formatter(wanted);
    } catch {
      // A zone that this browser does not know.
      parts = Clock.formatter("UTC");
    }
    this.parts = parts;
    this.zone = parts.resolvedOptions().timeZone;
  }

  private static formatter(timeZone: string): Intl.DateTimeFormat {
    return new Intl.DateTimeFormat("en-GB", {
      timeZone,
      weekday: "short",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
  }

  /** Remembered, because the marks of an axis are asked for in each frame. */
  private fields(seconds: number): Record<string, string> {
    const second = Math.floor(seconds);
    const known = this.known.get(second);
    if (known) return known;
    const fields: Record<string, string> = {};
    for (const part of this.parts.formatToParts(second * 1000)) fields[part.type] = part.value;
    if (this.known.size > 5000) this.known.clear();
    this.known.set(second, fields);
    return fields;
  }

  /** `22:54:18` */
  second(time: number): string {
    const f = this.fields(time);
    return `${f["hour"]}:${f["minute"]}:${f["second"]}`;
  }

  /** `22:54` */
  minute(time: number): string {
    return this.second(time).slice(0, 5);
  }

  /** `22:54:18.5`; rounded, not cut. */
  tenth(time: number): string {
    const rounded = Math.round(time * 10);
    return `${this.second(Math.floor(rounded / 10))}.${((rounded % 10) + 10) % 10}`;
  }

  /** `Mon 2026-11-23` */
  day(time: number): string {
    const f = this.fields(time);
    return `${f["weekday"]} ${f["year"]}-${f["month"]}-${f["day"]}`;
  }

  /** `11-23` */
  date(time: number): string {
    return this.day(time).slice(-5);
  }

  /** Unix seconds at which the day of a time begins in this zone. */
  midnight(time: number): number {
    const [hours, minutes, seconds] = this.second(Math.floor(time)).split(":").map(Number);
    const start = Math.floor(time) - (hours ?? 0) * 3600 - (minutes ?? 0) * 60 - (seconds ?? 0);
    // On a day on which clocks were set, that is an hour off.
    if (this.second(start) === "00:00:00") return start;
    return [start - 3600, start + 3600].find((t) => this.second(t) === "00:00:00" && this.day(t) === this.day(time)) ?? start;
  }

  /** `Mon 2026-11-23 22:54:18`, of which the day is left out where it is that of `beside`. */
  full(time: number, beside?: number): string {
    const day = this.day(time);
    return beside !== undefined && this.day(beside) === day ? this.second(time) : `${day} ${this.second(time)}`;
  }

  /** `22:54:18–22:55:37` with the days where they differ. */
  span(from: number, to: number): string {
    return `${this.second(from)}–${this.full(to, from)}`;
  }
}

/** Unix seconds of an RFC 3339 time. */
export function seconds(time: Time): number {
  return Date.parse(time) / 1000;
}

/** RFC 3339 in UTC with milliseconds. */
export function stamp(time: number): Time {
  return new Date(Math.round(time * 1000)).toISOString();
}

/** Half the width of an onset's bounds, in seconds. */
export function uncertainty(onset: Onset): number {
  return (seconds(onset.latest) - seconds(onset.earliest)) / 2;
}
