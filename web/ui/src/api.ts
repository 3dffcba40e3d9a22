// Asking the server: the shapes of its answers.

export interface Onset { earliest: string; best: string; latest: string }
export interface Event {
  event: string; id: string; subject: { kind: string; name: string }; onset: Onset; end: string | null; headline: string;
}
export interface Link { from: string; to: string; mechanism: string; lag_s: number; order: "proved" | "same_second" | "assumed" }
export interface Chart {
  label: string; signal: string; subject: string; unit: string; from: string; to: string; values: (number | null)[];
}
export interface Cause {
  cause: string; confidence: "shown" | "likely" | "consistent"; onset: Onset; story: string; event: string | null;
  missing: { signal: string; would_tell: string }[];
}
export interface Incident {
  id: string; from: string; to: string; severity: "critical" | "warning" | "info"; headline: string; causes: Cause[];
  ruled_out: { cause: string; because: string }[]; timeline: Event[]; links: Link[]; advice: { text: string; because: string }[];
  open: boolean; story: string; harm: string | null; charts: Chart[];
}
export interface Explanation {
  window: {
    from: string; to: string; tz: string; ticks: number; expected_ticks: number; gaps: { from: string; to: string; why: string }[];
  };
  status: "incident" | "no_incident" | "no_data"; incidents: Incident[]; notes: string[];
}
export interface Node { hostname: string | null; kernel: string | null; cpus: number | null; memory_bytes: number | null; to: string | null }

/** What the server said when it could not answer (RFC 9457); status 0: it did not answer at all. */
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

export const explain = async (span: Record<string, string>): Promise<Explanation> => (await ask("explain", span)).json();
export const node = async (): Promise<Node> => (await ask("node", {})).json();

/** A kernel file as it was at a time, and when it was read. */
export const file = async (source: string, at: string): Promise<{ text: string; at: string }> => {
  const response = await ask(`file/${source}`, { at });
  return { text: await response.text(), at: response.headers.get("x-read-at") ?? at };
};
