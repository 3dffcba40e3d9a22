/** The page's state is its address, so that a link shows the same view. */

import type { ZoneChoice } from "./time";

export const VIEWS = ["now", "incidents", "incident", "explore"] as const;
export type ViewName = (typeof VIEWS)[number];

export interface Address {
  /** The path. Absent: what is going on now, or what went wrong last where nothing is being recorded. */
  view?: ViewName;
  /** As typed: any form of the time grammar. Both absent: the last of the data. */
  from?: string;
  to?: string;
  /** The last so many seconds of the data. */
  last?: string;
  /** The incident that is open. */
  incident?: string;
  /** The part of it that the lanes show: `start`, `all`, or two Unix times `a..b`. */
  zoom?: string;
  /** The piece of evidence that is open: `signal@subject@time`. */
  evidence?: string;
  /** Incidents that are listed: those of one cause, device, process, severity. */
  cause?: string;
  device?: string;
  process?: string;
  severity?: string;
  /** Series that are drawn, `metric@subject`, separated by blanks. */
  of?: string;
  /** Counters as they are: `raw`. */
  counters?: string;
  /** The same span before is drawn too: seconds earlier. */
  beside?: string;
  /** The time that is looked at, Unix seconds. */
  at?: string;
  /** What is shown of that time: `processes`, `topology`, `settings`, `log`, or a source. */
  show?: string;
  /** Zone of all times. */
  zone?: ZoneChoice;
}

const NAMES = ["from", "to", "last", "incident", "zoom", "evidence", "cause", "device", "process", "severity", "of", "counters", "beside", "at", "show", "zone"] as const;

export function read(): Address {
  const parameters = new URLSearchParams(location.search);
  const address: Record<string, string> = {};
  for (const name of NAMES) {
    const value = parameters.get(name);
    if (value) address[name] = value;
  }
  if (!["node", "utc", "reader"].includes(address["zone"] ?? "node")) delete address["zone"];
  const view = VIEWS.find((name) => location.pathname === `/${name}`);
  if (view) address["view"] = view;
  return address as Address;
}

export function write(address: Address): string {
  const parameters = new URLSearchParams();
  for (const name of NAMES) {
    const value = address[name];
    if (value) parameters.set(name, value);
  }
  // Times and names stay readable in a link.
  const query = parameters.toString().replaceAll("%3A", ":").replaceAll("%40", "@").replaceAll("%2F", "/");
  const path = `/${address.view ?? ""}`;
  return query ? `${path}?${query}` : path;
}

export type Change = { [K in keyof Address]?: Address[K] | undefined };

/** Goes to a changed address. `replace` for what nobody would want to go back to, such as a zoom. */
export function go(change: Change, how: "push" | "replace" = "push"): void {
  travel(write({ ...read(), ...change } as Address), how);
}

/** Goes to another view: of the address, only the zone is kept. */
export function visit(view: ViewName, change: Change = {}): void {
  travel(write({ view, ...change, zone: read().zone } as Address), "push");
}

function travel(target: string, how: "push" | "replace"): void {
  if (target === location.pathname + location.search) return;
  if (how === "push") history.pushState(null, "", target);
  else history.replaceState(null, "", target);
  dispatchEvent(new Event("address"));
}
