/** The page's state is its address, so that a link shows the same view. */

import type { ZoneChoice } from "./time";

export interface Address {
  /** As typed: any form of the time grammar. Both absent: the last hours of the data. */
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
  /** Zone of all times. */
  zone?: ZoneChoice;
}

const NAMES = ["from", "to", "last", "incident", "zoom", "evidence", "zone"] as const;

export function read(): Address {
  const parameters = new URLSearchParams(location.search);
  const address: Record<string, string> = {};
  for (const name of NAMES) {
    const value = parameters.get(name);
    if (value) address[name] = value;
  }
  if (!["node", "utc", "reader"].includes(address["zone"] ?? "node")) delete address["zone"];
  return address as Address;
}

export function write(address: Address): string {
  const parameters = new URLSearchParams();
  for (const name of NAMES) {
    const value = address[name];
    if (value) parameters.set(name, value);
  }
  // Times stay readable in a link.
  const query = parameters.toString().replaceAll("%3A", ":").replaceAll("%40", "@").replaceAll("%2F", "/");
  return query ? `/?${query}` : "/";
}

type Change = { [K in keyof Address]?: Address[K] | undefined };

/** Goes to a changed address. `replace` for what nobody would want to go back to, such as a zoom. */
export function go(change: Change, how: "push" | "replace" = "push"): void {
  const next = { ...read(), ...change } as Address;
  const target = write(next);
  if (target === location.pathname + location.search) return;
  if (how === "push") history.pushState(null, "", target);
  else history.replaceState(null, "", target);
  dispatchEvent(new Event("address"));
}
