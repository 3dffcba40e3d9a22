// What the server answers: version 1 of the explain document, and the rest of the API.

export interface Evidence {
  signal: string; subject: string; at: string; value: number; unit: string;
  baseline: number | null; threshold: number | null; text: string;
}
export interface Onset { earliest: string; best: string; latest: string }
export interface Cause {
  cause: string; variant: string | null; confidence: "shown" | "likely" | "consistent"; score: number; onset: Onset;
  devices: string[]; mounts: string[]; story: string;
  processes: { pid: number; comm: string; cgroup: string | null; share: number; of: string }[];
  settings: { name: string; was: string | null; is: string | null; at: string }[];
  for: Evidence[]; against: Evidence[]; missing: { signal: string; would_tell: string }[];
}
export interface Event {
  event: string; id: string; subject: { kind: string; name: string }; onset: Onset; end: string | null;
  headline: string; evidence: Evidence[]; before: number | null; now: number | null; unit: string;
}
export interface Link { from: string; to: string; mechanism: string; lag_s: number; order: "proved" | "same_second" | "assumed" }
export interface Chart {
  label: string; signal: string; subject: string; unit: string; from: string; to: string; values: (number | null)[];
}
export interface Incident {
  id: string; from: string; to: string; severity: "info" | "warning" | "critical"; headline: string; causes: Cause[];
  ruled_out: { cause: string; because: string; evidence: Evidence[] }[]; timeline: Event[]; links: Link[];
  advice: { text: string; because: string }[]; open: boolean; story: string; harm: string | null; charts: Chart[];
}
export interface Explanation {
  node: { hostname: string; kernel: string; cpus: number; memory_bytes: number | null };
  window: { from: string; to: string; tz: string; ticks: number; expected_ticks: number; gaps: { from: string; to: string; why: string }[] };
  status: "incident" | "no_incident" | "no_data"; incidents: Incident[]; notes: string[];
}
export interface NodeInfo {
  hostname: string | null; kernel: string | null; cpus: number | null; memory_bytes: number | null; tz: string;
  from: string | null; to: string | null; size_bytes: number;
}

/** An answer that is a problem (RFC 9457), or no answer at all. */
export class Problem extends Error {
  constructor(readonly status: number, readonly title: string, detail: string) {
    super(detail);
  }
}

async function ask(path: string, query: Record<string, string>): Promise<Response> {
  const address = `/api/v1/${path}?${new URLSearchParams(query)}`;
  let response: Response;
  try {
    response = await fetch(address);
  } catch {
    throw new Problem(0, "no answer", "The server does not answer. Is it still running?");
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: string };
  throw new Problem(response.status, problem.title ?? "error", problem.detail ?? response.statusText);
}

export const explain = async (query: Record<string, string>): Promise<Explanation> => (await ask("explain", query)).json();
export const node = async (): Promise<NodeInfo> => (await ask("node", {})).json();
export const file = async (source: string, at: string): Promise<{ text: string; at: string }> => {
  const response = await ask(`file/${source}`, { at });
  return { text: await response.text(), at: response.headers.get("x-read-at") ?? at };
};
