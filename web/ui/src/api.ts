/** Asking the server. */

import type { Explanation, Fact, List, LogLine, Manual, Name, NodeInfo, ProcessTable, SeriesAnswer } from "./document";
import { seconds } from "./time";

/** What the server said when it could not answer (RFC 9457), or that it could not be reached (status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(`${title}: ${detail}`);
  }
}

let token: string | null = null;
try {
  token = sessionStorage.getItem("token");
} catch {
  // No storage: the token is asked for each time.
}

export function useToken(given: string): void {
  token = given;
  // What was asked without it was refused.
  delete window.early;
  try {
    sessionStorage.setItem("token", given);
  } catch {
    // It holds for this page only.
  }
}

/** Questions that were asked before the page was there, by address (`public/start.js`). Each is taken once. */
declare global {
  interface Window {
    early?: Record<string, { answer: Promise<Response>; stop: AbortController }>;
  }
}

/** The answer to a question that was asked early, if it was. */
function takeEarly(address: string, signal: AbortSignal | undefined): Promise<Response> | undefined {
  const early = window.early?.[address];
  if (!early) return undefined;
  delete window.early?.[address];
  signal?.addEventListener("abort", () => early.stop.abort());
  return early.answer;
}

async function ask(path: string, query: Record<string, string | string[] | undefined>, signal?: AbortSignal): Promise<Response> {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== "") parameters.append(name, one);
  }
  const address = parameters.size > 0 ? `${path}?${parameters}` : path;
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  let response: Response;
  try {
    response = await (takeEarly(address, signal) ?? fetch(address, { headers, ...(signal ? { signal } : {}) }));
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "the server does not answer", "it was stopped, or the network is down");
  }
  if (!response.ok) {
    const problem: unknown = await response.json().catch(() => null);
    const { title, detail } = (problem ?? {}) as { title?: string; detail?: string };
    throw new Problem(response.status, title ?? response.statusText, detail ?? "");
  }
  return response;
}

async function json<T>(path: string, query: Record<string, string | string[] | undefined> = {}, signal?: AbortSignal): Promise<T> {
  return (await (await ask(path, query, signal)).json()) as T;
}

export const api = {
  node: (signal?: AbortSignal) => json<NodeInfo>("/api/v1/node", {}, signal),
  causes: () => json<Manual[]>("/api/v1/causes"),
  explain: (from: string | undefined, to: string | undefined, signal?: AbortSignal) =>
    json<Explanation>("/api/v1/explain", { from, to }, signal),
  incidents: (from: string | undefined, to: string | undefined, signal?: AbortSignal) =>
    json<List>("/api/v1/incidents", { from, to }, signal),
  /** Of the last so many seconds of the data. */
  lastIncidents: (last: number, signal?: AbortSignal) => json<List>("/api/v1/incidents", { last: `${last}s` }, signal),
  /** Which span words mean: only the server reads the time grammar. */
  async span(from: string | undefined, to: string | undefined, signal?: AbortSignal): Promise<{ from: number; to: number }> {
    const answer = await json<{ from: string; to: string }>("/api/v1/span", { from, to }, signal);
    return { from: seconds(answer.from), to: seconds(answer.to) };
  },
  /** `of` is `signal@subject`; `rate`: `auto` means for counters. */
  series: (of: string[], from: string, to: string, points: number, signal?: AbortSignal, rate: "auto" | "false" = "auto") =>
    json<SeriesAnswer>("/api/v1/series", { of, from, to, points: String(points), rate }, signal),
  metrics: (at: string, signal?: AbortSignal) => json<Name[]>("/api/v1/metrics", { at }, signal),
  sources: (at: string, signal?: AbortSignal) => json<string[]>("/api/v1/sources", { at }, signal),
  processes: (at: string, seconds: number, each: number, signal?: AbortSignal) =>
    json<ProcessTable>("/api/v1/processes", { at, seconds: String(seconds), each: String(each) }, signal),
  facts: (at: string, prefix: string, signal?: AbortSignal) => json<Fact[]>("/api/v1/facts", { at, prefix }, signal),
  log: (from: string, to: string, signal?: AbortSignal) => json<LogLine[]>("/api/v1/log", { from, to }, signal),
  live: (signal: AbortSignal) => ask("/api/v1/live", {}, signal),
  /** The text of a file as it was, and when it was read; null when nothing was recorded then. */
  async file(source: string, at: string, signal?: AbortSignal): Promise<{ text: string; bytes: ArrayBuffer; readAt: string } | null> {
    try {
      const response = await ask(`/api/v1/file/${source.split("/").map(encodeURIComponent).join("/")}`, { at }, signal);
      const bytes = await response.arrayBuffer();
      return { text: new TextDecoder().decode(bytes), bytes, readAt: response.headers.get("x-read-at") ?? at };
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  },
  async markdown(from: string, to: string): Promise<string> {
    return (await ask("/api/v1/report", { from, to, format: "md" })).text();
  },
  /** Anything, to be saved: a link could not carry the token. */
  async blob(path: string, query: Record<string, string | string[]>): Promise<Blob> {
    return (await ask(path, query)).blob();
  },
};
