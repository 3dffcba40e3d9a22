/** Everything can be done from the keyboard; `?` shows how. */

import type { ViewName } from "./address";
import { h } from "./dom";
import type { Keys } from "./view";

/** What keys do in every view. */
export interface Always {
  visit: (view: ViewName) => void;
  theme: () => void;
  zone: () => void;
}

const SHEET: [string, string][] = [
  ["1 2 3", "now, incidents, explore"],
  ["← →", "crosshair to the reading before, after (with Shift: ten)"],
  ["+ −", "zoom in, out; w and s too"],
  ["a d", "earlier, later, for as long as it is held (or drag with Shift, or with a finger)"],
  ["0", "the whole, or how it began"],
  ["j k", "next, previous incident"],
  ["o", "now: open what is wrong"],
  ["Space", "now: hold, go on"],
  ["f", "explore: find a series"],
  ["m", "copy as Markdown for the ticket"],
  ["/", "type the span to look at"],
  ["t", "theme: system, dark, light"],
  ["z", "zone: the node's, UTC, yours"],
  ["Esc", "close what is open"],
  ["?", "this sheet"],
];

export function help(): void {
  const rows = SHEET.map(([key, what]) => h("div", {}, h("dt", {}, ...key.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, what)));
  const dialog: HTMLDialogElement = h(
    "dialog",
    { class: "sheet", "aria-labelledby": "sheet-title", close: () => dialog.remove(), click: (event: MouseEvent) => event.target === dialog && dialog.close() },
    h("div", { class: "sheet-inner" }, h("header", {}, h("h2", { id: "sheet-title" }, "Keys"), h("button", { type: "button", class: "close", "aria-label": "Close", click: () => dialog.close() }, "✕")), h("dl", {}, ...rows)),
  );
  document.body.append(dialog);
  dialog.showModal();
}

export function keys(of: () => Keys, always: Always): void {
  addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
    const on = of();
    const step = event.shiftKey ? 10 : 1;
    const by = <T>(action: ((by: T) => void) | undefined, value: T): (() => void) | undefined => action && (() => action(value));
    const actions: Record<string, (() => void) | undefined> = {
      "1": () => always.visit("now"),
      "2": () => always.visit("incidents"),
      "3": () => always.visit("explore"),
      ArrowLeft: by(on.step, -step),
      ArrowRight: by(on.step, step),
      "+": by(on.zoom, 0.6),
      "=": by(on.zoom, 0.6),
      "-": by(on.zoom, 1 / 0.6),
      w: by(on.zoom, 0.6),
      s: by(on.zoom, 1 / 0.6),
      a: event.repeat ? () => undefined : by(on.pan, -1),
      d: event.repeat ? () => undefined : by(on.pan, 1),
      "0": on.whole,
      j: by(on.next, 1),
      k: by(on.next, -1),
      o: on.open,
      // Where a button has the focus, the space bar is its own.
      " ": target.matches("button, a, summary") ? undefined : on.pause,
      f: on.find,
      m: on.copy,
      t: always.theme,
      z: always.zone,
      "/": () => document.getElementById("from")?.focus(),
      "?": help,
    };
    const action = actions[event.key];
    // What scrolls sideways keeps its arrows.
    if (!action || (event.key.startsWith("Arrow") && target.closest(".graph-scroll, .file, .table-scroll, [role=slider]"))) return;
    event.preventDefault();
    action();
  });
  // Where the key comes up does not matter, nor that the window was left with it held.
  const released = (): void => of().pan?.(0);
  addEventListener("keyup", (event) => (event.key === "a" || event.key === "d") && released());
  addEventListener("blur", released);
}
