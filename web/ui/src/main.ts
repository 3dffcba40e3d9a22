// The page: a span in the address, its explanation below.

import { type Explanation, Problem, explain, node } from "./api";
import { byId, el } from "./dom";
import { bytes, clock, day } from "./format";
import { incident } from "./incident";
import "./style.css";

const main = byId("main");
let takeAway: (() => void)[] = [];

function query(): Record<string, string> {
  const given = new URLSearchParams(location.search);
  const wanted: Record<string, string> = {};
  for (const key of ["from", "to"]) {
    const text = given.get(key);
    if (text) wanted[key] = text;
  }
  return wanted;
}

function clear(...children: (Node | string)[]): void {
  takeAway.forEach((gone) => gone());
  takeAway = [];
  main.replaceChildren(...children);
}

async function show(): Promise<void> {
  const wanted = query();
  byId<HTMLInputElement>("from").value = wanted.from ?? "";
  byId<HTMLInputElement>("to").value = wanted.to ?? "";
  main.setAttribute("aria-busy", "true");
  if (!main.hasChildNodes()) clear(el("p", { class: "state" }, "Reading the record …"));
  try {
    const whole = await explain(wanted);
    draw(whole);
  } catch (error) {
    problem(error);
  }
  main.removeAttribute("aria-busy");
}

function draw(whole: Explanation): void {
  const { from, to, tz, ticks, expected_ticks, gaps } = whole.window;
  const missing = expected_ticks - ticks;
  clear(
    el("p", { class: "window" }, `${day(from, tz)} ${clock(from, tz)} – ${clock(to, tz)} ${tz} · ${ticks} of ${expected_ticks} ticks recorded`),
    ...(missing > 0 || gaps.length
      ? [el("ul", { class: "gaps" }, ...gaps.map((g) => el("li", {}, `gap ${clock(g.from, tz)} – ${clock(g.to, tz)}: ${g.why}`)))]
      : []),
  );
  if (whole.status !== "incident") {
    const text = whole.status === "no_data" ? "Nothing was recorded in this span." : "No incident: nobody was seen to be hurt.";
    main.append(el("p", { class: "state calm" }, text));
  }
  if (whole.incidents.length > 1) {
    const items = whole.incidents.map((i) => el("li", {}, el("a", { href: `#${i.id}` }, `${clock(i.from, tz)}  ${i.headline}`)));
    main.append(el("nav", { "aria-label": "Incidents of this span" }, el("ol", { class: "list" }, ...items)));
  }
  for (const one of whole.incidents) takeAway.push(incident(one, whole, main));
  for (const note of whole.notes) main.append(el("p", { class: "note" }, note));
}

function problem(error: unknown): void {
  const known = error instanceof Problem ? error : new Problem(0, "error", String(error));
  const hint = known.status === 503 || known.status === 404 ? "Is the collector running, and is this its database?" : "";
  clear(el("div", { class: "state problem", role: "alert" }, el("h2", {}, known.title), el("p", {}, known.message), el("p", {}, hint)));
}

async function head(): Promise<void> {
  try {
    const it = await node();
    const memory = it.memory_bytes ? `, ${bytes(it.memory_bytes)}` : "";
    byId("node").textContent = it.hostname ? `${it.hostname} · Linux ${it.kernel} · ${it.cpus} CPUs${memory}` : "";
  } catch {
    byId("node").textContent = "";
  }
}

function go(params: Record<string, string>): void {
  history.pushState(null, "", `/?${new URLSearchParams(params)}`);
  void show();
}

byId<HTMLFormElement>("span").addEventListener("submit", (event) => {
  event.preventDefault();
  const params: Record<string, string> = {};
  for (const key of ["from", "to"]) {
    const text = byId<HTMLInputElement>(key).value.trim();
    if (text) params[key] = text;
  }
  go(params);
});

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-last]")) {
  button.addEventListener("click", async () => {
    const it = await node().catch(() => null);
    if (it?.to) go({ from: new Date(Date.parse(it.to) - Number(button.dataset.last) * 1000).toISOString(), to: it.to });
  });
}

function theme(next: string | null): void {
  if (next) document.documentElement.dataset.theme = next;
  try {
    if (next) localStorage.setItem("theme", next);
  } catch {
    // A browser that keeps nothing still switches.
  }
}

byId("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark");
  theme(dark ? "light" : "dark");
  void show();
});

const KEYS: [string, string][] = [
  ["/", "go to the span"],
  ["j / k", "next / previous incident or event"],
  ["t", "light or dark"],
  ["?", "this sheet"],
  ["Esc", "close"],
];

function sheet(): void {
  const dialog = byId<HTMLDialogElement>("sheet");
  const rows = KEYS.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]);
  const close = el("button", { type: "button" }, "close");
  close.addEventListener("click", () => dialog.close());
  dialog.replaceChildren(el("h2", {}, "Keys"), el("dl", {}, ...rows), close);
  dialog.showModal();
}

byId("keys").addEventListener("click", sheet);
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "/") byId("from").focus();
  else if (event.key === "?") sheet();
  else if (event.key === "t") byId("theme").click();
  else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
  else return;
  event.preventDefault();
});

function step(by: number): void {
  const stops = [...document.querySelectorAll<HTMLElement>(".list a, .lane-name")];
  const here = stops.indexOf(document.activeElement as HTMLElement);
  stops[Math.max(0, Math.min(stops.length - 1, here + by))]?.focus();
}

addEventListener("popstate", () => void show());
try {
  theme(localStorage.getItem("theme"));
} catch {
  // as above
}
void head();
void show();
