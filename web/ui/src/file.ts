// A kernel file as it was at a second, beside the one before, differences marked.

import { file } from "./api";
import { byId, el } from "./dom";
import { clock } from "./format";

const SOURCES = ["vmstat", "meminfo", "zoneinfo", "buddyinfo", "diskstats", "stat", "loadavg", "pressure/io", "pressure/memory"];

/** Opens the dialog at a time. */
export async function openFile(source: string, at: string, tz: string): Promise<void> {
  const dialog = byId<HTMLDialogElement>("file");
  const choose = el("select", { "aria-label": "File" }) as HTMLSelectElement;
  for (const name of SOURCES) choose.append(el("option", name === source ? { selected: "" } : {}, name));
  const close = el("button", { type: "button" }, "close");
  const body = el("div", { class: "files" }, "Loading …");
  dialog.replaceChildren(el("div", { class: "bar" }, choose, close), body);
  close.addEventListener("click", () => dialog.close());
  choose.addEventListener("change", () => void fill(choose.value, at, tz, body));
  if (!dialog.open) dialog.showModal();
  await fill(source, at, tz, body);
}

async function fill(source: string, at: string, tz: string, body: HTMLElement): Promise<void> {
  try {
    const now = await file(source, new Date(Date.parse(at) + 50).toISOString());
    const before = await file(source, new Date(Date.parse(now.at) - 200).toISOString()).catch(() => ({ text: "", at: "" }));
    const [a, b] = [before.text.split("\n"), now.text.split("\n")];
    const old = new Set(a);
    const fresh = new Set(b);
    body.replaceChildren(column(a, fresh, before.at, tz, source), column(b, old, now.at, tz, source));
  } catch (error) {
    body.replaceChildren(el("p", { class: "problem" }, error instanceof Error ? error.message : String(error)));
  }
}

function column(lines: string[], other: Set<string>, at: string, tz: string, source: string): HTMLElement {
  const text = el("pre", { tabindex: "0" });
  for (const line of lines) text.append(other.has(line) ? `${line}\n` : el("mark", {}, `${line}\n`));
  return el("section", {}, el("h3", {}, at ? `/proc/${source} at ${clock(at, tz, true)}` : "nothing before it"), text);
}
