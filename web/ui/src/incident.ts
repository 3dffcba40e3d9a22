// One incident: what happened, what was first, who did it, what it was not, how sure.

import type { Event, Explanation, Incident } from "./api";
import { charts } from "./charts";
import { el } from "./dom";
import { openFile } from "./file";
import { clock, seconds } from "./format";
import { lanes } from "./lanes";

const SEVERITY = { critical: "● critical", warning: "▲ warning", info: "○ info" };
const SURE = { shown: "shown", likely: "likely", consistent: "consistent with it" };

/** Draws an incident; answers a function that takes its charts away. */
export function incident(it: Incident, whole: Explanation, box: HTMLElement): () => void {
  const tz = whole.window.tz;
  const verdict = it.causes[0];
  const going = it.open ? " (still going)" : "";
  const article = el(
    "article",
    { class: `incident ${it.severity}`, id: it.id },
    el(
      "p",
      { class: "kicker" },
      el("strong", {}, SEVERITY[it.severity]),
      el("span", {}, `${clock(it.from, tz)} – ${clock(it.to, tz)}${going}`),
      el("span", { class: "sure" }, verdict ? SURE[verdict.confidence] : "cannot tell"),
    ),
    el("h2", {}, it.headline),
    el("p", { class: "story" }, it.story),
    it.harm && el("p", { class: "harm" }, el("strong", {}, "Harm: "), it.harm),
    lead(it),
  );
  box.append(article);
  const open = (event: Event): void => void openFile(sourceOf(event), event.onset.latest, tz);
  article.append(section("Cause before effect", lanes(it, tz, open)));
  const drawing = el("div", { class: "charts" });
  article.append(section("The signals that decide", drawing));
  const gone = charts(it, tz, drawing);
  if (it.causes.length > 1) article.append(section("And beside it", rivals(it)));
  if (it.ruled_out.length) article.append(section("It was not", ruledOut(it)));
  const missing = it.causes.slice(0, 2).flatMap((c) => c.missing);
  if (missing.length) {
    article.append(section("Cannot tell", el("ul", {}, ...missing.map((m) => el("li", {}, `${m.would_tell} `, el("code", {}, m.signal))))));
  }
  if (it.advice.length) {
    article.append(section("What helps", el("ul", {}, ...it.advice.map((a) => el("li", {}, a.text, el("small", {}, ` — ${a.because}.`))))));
  }
  return gone;
}

function section(title: string, body: HTMLElement): HTMLElement {
  return el("section", {}, el("h3", {}, title), body);
}

/** The lead of the first mover over kswapd, in words: the number that people ask for first. */
function lead(it: Incident): HTMLElement | null {
  const kswapd = it.timeline.find((e) => e.event === "kswapd-scan");
  const first = it.timeline[0];
  if (!kswapd || !first || first === kswapd) return null;
  const ahead = seconds(first.onset.best, kswapd.onset.best);
  if (ahead < 0.5) return null;
  const name = first.subject.kind === "host" ? first.event : first.subject.name;
  return el("p", { class: "lead" }, `${name} ${ahead.toFixed(1)} s before kswapd`);
}

function rivals(it: Incident): HTMLElement {
  return el("ul", {}, ...it.causes.slice(1).map((c) => el("li", {}, el("strong", {}, `${words(c.cause)} (${SURE[c.confidence]}): `), c.story)));
}

function ruledOut(it: Incident): HTMLElement {
  const rows = it.ruled_out.map((r) => el("tr", {}, el("th", { scope: "row" }, words(r.cause)), el("td", {}, r.because)));
  return el("table", {}, el("tbody", {}, ...rows));
}

const words = (id: string): string => id.replaceAll("_", " ");

/** The file that shows an event best. */
function sourceOf(event: Event): string {
  if (event.subject.kind === "device") return "diskstats";
  if (event.event === "watermark-breach") return "zoneinfo";
  if (event.event === "load-rise") return "loadavg";
  if (event.event === "iowait-rise" || event.event === "blocked-tasks") return "stat";
  return /cache|anon|shmem|slab|dirty|memory/.test(event.event) ? "meminfo" : "vmstat";
}
