/** Everything can be done from the keyboard; `?` shows how. */

import { h } from "./dom";

export interface Keys {
  step: (by: number) => void;
  zoom: (by: number) => void;
  whole: () => void;
  incident: (by: number) => void;
  copy: () => void;
  theme: () => void;
  zone: () => void;
}

const SHEET: [string, string][] = [
  ["← →", "crosshair to the reading before, after (with Shift: ten)"],
  ["+ −", "zoom in, out around the middle"],
  ["0", "how it began, or all of it"],
  ["j k", "next, previous incident"],
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

export function keys(on: Keys): void {
  addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
    const step = event.shiftKey ? 10 : 1;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => on.step(-step),
      ArrowRight: () => on.step(step),
      "+": () => on.zoom(0.6),
      "=": () => on.zoom(0.6),
      "-": () => on.zoom(1 / 0.6),
      "0": () => on.whole(),
      j: () => on.incident(1),
      k: () => on.incident(-1),
      m: () => on.copy(),
      t: () => on.theme(),
      z: () => on.zone(),
      "/": () => document.getElementById("from")?.focus(),
      "?": () => help(),
    };
    const action = actions[event.key];
    // A group that scrolls sideways keeps its arrows.
    if (!action || (event.key.startsWith("Arrow") && target.closest(".graph-scroll, .file"))) return;
    event.preventDefault();
    action();
  });
}
