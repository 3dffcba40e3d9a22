/** The machine as it was at a time: any file of the kernel, who did what, what stands on what, settings, the kernel's log. */

import { api } from "./api";
import { type Child, h, replace } from "./dom";
import { kernelFile } from "./evidence";
import { bytes } from "./format";
import { failed } from "./states";
import { processTable } from "./table";
import { seconds, stamp } from "./time";
import type { Context } from "./view";

/** What is not a file. */
const PLACES: [string, string][] = [["processes", "Processes"], ["topology", "Disks"], ["settings", "Settings"], ["log", "Kernel log"]];
/** Seconds over which processes are measured, and which the log goes back. */
const DOING_S = 10;
const LOG_S = 600;

export class Past {
  readonly element = h("section", { class: "past", "aria-labelledby": "past-title" });
  private readonly title = h("h2", { id: "past-title" });
  private readonly tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "What is shown of that time" });
  private readonly body = h("div", { class: "past-body", id: "past-body", role: "tabpanel", tabindex: 0 });
  private asked = new AbortController();
  private sources: string[] = [];

  constructor(private readonly context: Context, private readonly on: { show: (what: string) => void; at: (time: number) => void }) {
    replace(this.element, this.title, this.tabs, this.body);
  }

  end(): void {
    this.asked.abort();
  }

  async show(time: number, what: string): Promise<void> {
    this.asked.abort();
    const { signal } = (this.asked = new AbortController());
    const { clock } = this.context;
    replace(this.title, `As it was at ${clock.full(time)} ${clock.zone}`);
    this.drawTabs(what);
    this.body.setAttribute("aria-busy", "true");
    try {
      if (this.sources.length === 0) {
        this.sources = await api.sources(stamp(time), signal).catch(() => []);
        this.drawTabs(what);
      }
      const child = await this.content(time, what, signal);
      if (child && !signal.aborted) replace(this.body, child);
    } catch (error) {
      if (!signal.aborted) replace(this.body, failed(error));
    }
    if (!signal.aborted) this.body.removeAttribute("aria-busy");
  }

  private drawTabs(chosen: string): void {
    const all = [...PLACES, ...this.sources.map((source): [string, string] => [source, `/proc/${source}`])];
    const focused = this.tabs.contains(document.activeElement);
    const move = (event: KeyboardEvent): void => {
      const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      const next = all[(all.findIndex(([id]) => id === chosen) + by + all.length) % all.length];
      if (by === 0 || !next) return;
      event.preventDefault();
      event.stopPropagation();
      this.on.show(next[0]);
    };
    replace(this.tabs, ...all.map(([id, text]) => h("button", { type: "button", role: "tab", "aria-selected": String(id === chosen), tabindex: id === chosen ? 0 : -1, "aria-controls": "past-body", click: () => this.on.show(id), keydown: move }, text)));
    if (focused) this.tabs.querySelector<HTMLElement>("[aria-selected=true]")?.focus();
  }

  private async content(time: number, what: string, signal: AbortSignal): Promise<Child> {
    // Times of the page are cut to milliseconds: what was recorded with that very tick belongs to it.
    const at = stamp(time + 0.001);
    switch (what) {
      case "processes": {
        const { processes } = await api.processes(at, DOING_S, 12, signal);
        return h("div", {}, h("p", { class: "quiet" }, `What they did in the ${DOING_S} s before.`), processTable(processes, `Processes in the ${DOING_S} s before`));
      }
      case "topology":
        return topology(await api.facts(at, "block.", signal));
      case "settings":
        return settings(await api.facts(at, "", signal), this.context);
      case "log": {
        const lines = await api.log(stamp(time - LOG_S), at, signal);
        if (lines.length === 0) return h("p", { class: "quiet" }, "The kernel said nothing in the ten minutes before.");
        return h("ol", { class: "log" }, ...lines.reverse().map((line) => h("li", { class: line.priority <= 3 ? "bad" : "" }, h("time", { datetime: line.at }, this.context.clock.tenth(seconds(line.at))), h("code", {}, line.text))));
      }
      default: {
        const place = h("div", { class: "evidence-file" });
        await kernelFile(what, time, this.context.clock, place, signal, this.on.at);
        return place;
      }
    }
  }
}

/** A block device as a fact tells it. */
interface Device {
  dev?: string;
  rotational?: boolean;
  sectors?: number;
  slaves?: string[];
  holders?: string[];
  partitions?: string[];
  mounts?: string[];
  backing_file?: string;
  scheduler?: string;
}

/** Disks, with what stands upon them below. */
function topology(facts: { name: string; value: string | null }[]): HTMLElement {
  const devices = new Map(facts.flatMap(({ name, value }): [string, Device][] => {
    try {
      return [[name.slice("block.".length), JSON.parse(value ?? "{}") as Device]];
    } catch {
      return [];
    }
  }));
  const used = [...devices].filter(([, device]) => (device.sectors ?? 0) > 0);
  if (used.length === 0) return h("p", { class: "quiet" }, "No block device is recorded then.");
  const partOf = new Set(used.flatMap(([, device]) => device.partitions ?? []));
  const draw = (name: string, seen: string[]): HTMLElement => {
    const device = devices.get(name) ?? {};
    const upon = [...(device.partitions ?? []), ...(device.holders ?? [])].filter((next) => !seen.includes(next));
    const words = [
      device.dev,
      device.sectors ? bytes(device.sectors * 512) : null,
      device.rotational === undefined ? null : device.rotational ? "says it rotates" : "says it does not rotate",
      device.backing_file ? `file ${device.backing_file}` : null,
      /\[([\w-]+)\]/.exec(device.scheduler ?? "")?.[1] ? `scheduler ${/\[([\w-]+)\]/.exec(device.scheduler ?? "")?.[1]}` : null,
    ];
    return h("li", {}, h("b", {}, name), " ", h("span", { class: "quiet" }, words.filter(Boolean).join(" · ")), ...(device.mounts ?? []).map((mount) => h("code", { class: "mount" }, mount)),
      upon.length > 0 && h("ul", {}, ...upon.map((next) => draw(next, [...seen, next]))));
  };
  const roots = used.filter(([name, device]) => (device.slaves ?? []).length === 0 && !partOf.has(name)).map(([name]) => name);
  return h("ul", { class: "topology" }, ...roots.map((name) => draw(name, [name])));
}

function settings(facts: { name: string; value: string | null; since: string }[], { clock }: Context): HTMLElement {
  const rows = facts.filter(({ name }) => !name.startsWith("block."));
  if (rows.length === 0) return h("p", { class: "quiet" }, "No setting is recorded then.");
  return h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Settings" }, h("table", { class: "settings" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "setting"), h("th", { scope: "col" }, "value"), h("th", { scope: "col" }, "since"))),
    h("tbody", {}, ...rows.map(({ name, value, since }) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, name.replace(/^sysctl\./, ""))), h("td", {}, h("code", {}, value ?? "gone")), h("td", { class: "quiet" }, clock.full(seconds(since))))))));
}
