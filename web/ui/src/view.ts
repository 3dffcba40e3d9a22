/** What each view of the page is to the page. */

import type { Address } from "./address";
import type { Manual, NodeInfo } from "./document";
import type { Clock } from "./time";

/** What a view is given to work with. */
export interface Context {
  node: NodeInfo;
  clock: Clock;
  manuals: Manual[];
  /** Says something to who cannot see it. */
  say: (text: string) => void;
  /** An error that leaves nothing to show. */
  failed: (error: unknown) => HTMLElement;
}

/** Keys that mean something in every view, where it can do them. */
export interface Keys {
  /** The crosshair to the reading before or after. */
  step?: (by: number) => void;
  zoom?: (by: number) => void;
  /** Earlier (-1) or later (1) while the key is held; 0 when it is let go of. */
  pan?: (by: number) => void;
  whole?: () => void;
  /** The next or the one before, of what is listed. */
  next?: (by: number) => void;
  copy?: () => void;
  find?: () => void;
  pause?: () => void;
  open?: () => void;
}

export interface View {
  readonly element: HTMLElement;
  readonly keys: Keys;
  /** The address changed, and it still is this view's. */
  changed: (before: Address, now: Address) => void;
  recolour: () => void;
  end: () => void;
}
