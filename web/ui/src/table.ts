/** Processes, and who of them does most. */

import type { ProcessRow } from "./document";
import { type Child, h } from "./dom";
import { bytes, count } from "./format";

const STATES: Record<string, string> = { R: "running", S: "sleeping", D: "waiting for a disk or a lock", Z: "ended", T: "stopped", I: "idle" };

const COLUMNS: { title: string; of: (row: ProcessRow) => number | null; text: (value: number) => string }[] = [
  { title: "reads", of: (r) => r.read, text: (v) => `${bytes(v)}/s` },
  { title: "writes", of: (r) => r.write, text: (v) => `${bytes(v)}/s` },
  { title: "CPU", of: (r) => r.cpu, text: (v) => `${count(v)}\u202f%` },
  { title: "faults", of: (r) => r.major_faults, text: (v) => `${count(v)}/s` },
  { title: "memory", of: (r) => r.rss_bytes, text: bytes },
];

/** A table with a bar in each cell: its part of the largest in the column. */
export function processTable(rows: ProcessRow[], caption: string): HTMLElement {
  if (rows.length === 0) return h("p", { class: "quiet" }, "No process is recorded then.");
  const most = COLUMNS.map(({ of }) => Math.max(0, ...rows.map((row) => of(row) ?? 0)));
  const cell = (row: ProcessRow, k: number): HTMLElement => {
    const column = COLUMNS[k];
    const value = column?.of(row) ?? null;
    const share = value !== null && (most[k] ?? 0) > 0 ? value / (most[k] ?? 1) : 0;
    const bar = h("i", { class: "bar", "aria-hidden": "true" });
    bar.style.width = `${share * 100}%`;
    return h("td", { class: value === 0 ? "number none" : "number" }, share > 0 && bar, h("span", {}, value === null ? "unknown" : column?.text(value)));
  };
  return h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      { class: "processes" },
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "process"), h("th", { scope: "col" }, "state"), ...COLUMNS.map(({ title }) => h("th", { scope: "col", class: "number" }, title)))),
      h(
        "tbody",
        {},
        ...rows.map((row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row", title: row.cmdline ?? row.comm }, h("b", {}, row.comm), " ", h("small", {}, String(row.pid)), row.cgroup && row.cgroup !== "/" && h("small", { class: "cgroup" }, row.cgroup)),
            h("td", { class: row.state === "D" ? "state-d" : "", title: STATES[row.state ?? ""] ?? "" }, ...state(row)),
            ...COLUMNS.map((_, k) => cell(row, k)),
          ),
        ),
      ),
    ),
  );
}

function state(row: ProcessRow): Child[] {
  return [row.state ?? "?", row.wchan && h("small", {}, ` ${row.wchan}`)];
}
