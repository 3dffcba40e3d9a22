/** The answers of the server: CONTRACT.md's document, and what the other addresses give. */

/** RFC 3339. */
export type Time = string;

export interface Onset {
  earliest: Time;
  best: Time;
  latest: Time;
}

export interface Evidence {
  signal: string;
  subject: string;
  at: Time;
  value: number | null;
  unit: string;
  baseline: number | null;
  threshold: number | null;
  text: string;
}

export interface Culprit {
  pid: number;
  comm: string;
  cgroup: string | null;
  share: number;
  of: string;
}

export type Confidence = "shown" | "likely" | "consistent";
export type Severity = "info" | "warning" | "critical";
export type Order = "proved" | "same_second" | "assumed";

export interface Cause {
  cause: string;
  variant: string | null;
  /** Id of the event that is the first mover. */
  event: string | null;
  confidence: Confidence;
  score: number;
  onset: Onset;
  devices: string[];
  mounts: string[];
  processes: Culprit[];
  settings: { name: string; was: string | null; is: string | null; at: Time }[];
  story: string;
  for: Evidence[];
  against: Evidence[];
  missing: { signal: string; would_tell: string }[];
  /** The same first mover at the same time of an earlier day; `harm` says whether it hurt anybody then. */
  seen_before: { at: Time; days: number; value: number | null; unit: string; harm: "none" | "unknown" | "warning" | "critical"; text: string }[];
}

export interface TimelineEvent {
  event: string;
  id: string;
  subject: { kind: string; name: string };
  onset: Onset;
  end: Time | null;
  headline: string;
  evidence: Evidence[];
  before: number | null;
  now: number | null;
  unit: string;
}

export interface Link {
  from: string;
  to: string;
  mechanism: string;
  lag_s: number;
  order: Order;
}

export interface Incident {
  id: string;
  from: Time;
  to: Time;
  severity: Severity;
  headline: string;
  causes: Cause[];
  ruled_out: { cause: string; because: string; evidence: Evidence[] }[];
  timeline: TimelineEvent[];
  links: Link[];
  advice: { text: string; because: string }[];
  open: boolean;
  story: string;
  harm: string | null;
}

export interface Explanation {
  schema: string;
  node: { hostname: string; kernel: string; boot_id: string; cpus: number; memory_bytes: number | null };
  window: {
    from: Time;
    to: Time;
    tz: string;
    interval_s: number;
    ticks: number;
    expected_ticks: number;
    gaps: { from: Time; to: Time; why: string }[];
  };
  status: "incident" | "no_incident" | "no_data";
  incidents: Incident[];
  notes: string[];
}

/** An incident in a list, with the span in which it is explained. */
export interface Listed {
  id: string;
  from: Time;
  to: Time;
  open: boolean;
  severity: Severity;
  headline: string;
  cause: string | null;
  confidence: Confidence | null;
  devices: string[];
  processes: string[];
  explain: { from: Time; to: Time };
}

export interface List {
  from: Time;
  to: Time;
  incidents: Listed[];
}

export interface NodeInfo {
  hostname: string | null;
  kernel: string | null;
  cpus: number | null;
  memory_bytes: number | null;
  tz: string;
  from: Time | null;
  to: Time | null;
  /** The server's clock. */
  now: Time;
  size_bytes: number;
}

export interface ProcessRow {
  pid: number;
  comm: string;
  cmdline: string | null;
  cgroup: string | null;
  state: string | null;
  wchan: string | null;
  /** Bytes, percent of a CPU, faults: a second. */
  read: number | null;
  write: number | null;
  cpu: number | null;
  major_faults: number | null;
  rss_bytes: number | null;
}

export interface ProcessTable {
  from: Time;
  to: Time;
  processes: ProcessRow[];
}

export interface Fact {
  name: string;
  value: string | null;
  since: Time;
}

export interface LogLine {
  at: Time;
  sequence: number;
  priority: number;
  text: string;
}

/** A series that there is. */
export interface Name {
  metric: string;
  subject: string;
  unit: string;
  kind: "signal" | "gauge" | "counter";
}

/** A tick of the live stream. */
export interface Tick {
  /** Unix seconds. */
  at: number;
  /** By `signal@subject`. */
  values: Record<string, number>;
  /** With the newest only, where several come at once. */
  processes?: ProcessRow[];
}

/** What the live stream says of how things stand. */
export interface Condition {
  status: "recorded" | "unavailable";
  detail?: string;
  /** The last tick, and the server's clock when it looked. */
  to?: Time;
  now?: Time;
  interval_s?: number;
  incidents?: Listed[];
}

export interface Series {
  metric: string;
  subject: string;
  unit: string;
  /** Mean of each stretch; null where nothing is known. */
  values: (number | null)[];
  /** Absent where each point is one reading. */
  min?: (number | null)[];
  max?: (number | null)[];
}

export interface SeriesAnswer {
  from: Time;
  to: Time;
  /** Unix seconds. */
  at: number[];
  series: Series[];
  /** What was asked for and is not there. */
  unknown: string[];
}

export interface Manual {
  id: string;
  name: string;
  manual: string;
}
