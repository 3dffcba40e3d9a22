/** The incident that the address names, or the worst one of a span, with the others of that span beside it. */

import { type Address, go, read, visit } from "./address";
import { Problem, api } from "./api";
import type { Evidence, Explanation, Incident, Listed } from "./document";
import { h, replace } from "./dom";
import { evidenceDialog, nameOf, parseName } from "./evidence";
import { find } from "./find";
import { type IncidentView, incidentView, zoomed } from "./incident";
import type { Range } from "./lanes";
import { incidentList } from "./list";
import { saveIncident } from "./incident-save";
import { DEFAULT_S, spanOf } from "./shell";
import { loading, panel } from "./states";
import { seconds } from "./time";
import type { Context, Keys, View } from "./view";

export class IncidentPage implements View {
  readonly element = h("div", { class: "incident-page" });
  readonly keys: Keys;
  private readonly rail = h("nav", { class: "rail", "aria-label": "Incidents of the span" });
  private readonly place = h("div", { class: "incident-place" });
  private asked = new AbortController();
  private span: Range = { from: 0, to: 0 };
  private list: Listed[] = [];
  private seenFrom = 0;
  private explanation: Explanation | undefined;
  private explained: Listed | undefined;
  private view: IncidentView | undefined;
  private dialog: HTMLDialogElement | undefined;

  constructor(private readonly context: Context, private readonly spanKnown: (span: Range) => void) {
    this.keys = {
      step: (by) => this.view?.lanes.step(by),
      zoom: (by) => this.zoom(by),
      pan: (by) => this.pan(by),
      whole: () => go({ zoom: read().zoom === "all" ? undefined : "all" }, "replace"),
      next: (by) => this.next(by),
      copy: () => document.getElementById("copy")?.click(),
    };
    replace(this.element, this.rail, this.place);
    void this.load();
  }

  changed(before: Address, now: Address): void {
    if ((["from", "to", "last"] as const).some((name) => before[name] !== now[name])) return void this.load();
    if (before.incident !== now.incident && now.incident !== this.explained?.id) {
      this.open(this.asked.signal).catch((error: unknown) => this.failed(error));
      return;
    }
    if (before.zoom !== now.zoom && this.view) this.view.show(zoomed(now.zoom, this.view.ranges));
    if (before.evidence !== now.evidence) this.drawEvidence();
  }

  recolour(): void {
    this.view?.recolour();
  }

  end(): void {
    this.asked.abort();
    this.endView();
    const dialog = this.dialog;
    this.dialog = undefined;
    dialog?.close();
  }

  private failed(error: unknown): void {
    if (!this.asked.signal.aborted) replace(this.place, this.context.failed(error));
  }

  /** Lists the incidents of the span and opens one as soon as there is one to open. */
  private async load(): Promise<void> {
    this.asked.abort();
    const { signal } = (this.asked = new AbortController());
    this.endView();
    [this.list, this.explained, this.explanation] = [[], undefined, undefined];
    [this.span, this.seenFrom] = [{ from: 0, to: 0 }, 0];
    replace(this.rail);
    this.element.classList.remove("has-rail");
    replace(this.place, loading("Looking for incidents"));
    try {
      await this.openNamed(signal);
      const wanted = spanOf(read(), this.context.node, DEFAULT_S);
      this.span = "typed" in wanted ? await api.span(wanted.typed.from, wanted.typed.to, signal) : wanted;
      this.spanKnown(this.span);
      await find(this.span, signal, async ({ list, seenFrom }) => {
        [this.list, this.seenFrom] = [list, seenFrom];
        this.drawRail();
        if (!this.view && list.length > 0 && (!read().incident || list.some((one) => one.id === read().incident))) await this.open(signal);
      });
      const named = read().incident;
      if (!this.view || (named && named !== this.openId())) await this.open(signal);
    } catch (error) {
      if (!signal.aborted) this.failed(error);
    }
  }

  /** A link says which incident and over which span it is explained: then nothing has to be looked for first. */
  private async openNamed(signal: AbortSignal): Promise<void> {
    const { incident, from, to } = read();
    if (!incident || !from || !to) return;
    const found = await api.explain(from, to, signal).catch(() => undefined);
    const one = found?.incidents.find((other) => other.id === incident);
    if (!found || !one || signal.aborted) return;
    this.list = found.incidents.map((other) => listed(other, { from, to }));
    this.explanation = found;
    this.explained = listed(one, { from, to });
    this.draw();
    this.drawRail();
  }

  /** Opens the incident that the address names, or the first of the list. */
  private async open(signal: AbortSignal): Promise<void> {
    const address = read();
    const listed = this.list.find((one) => one.id === address.incident) ?? this.list[0];
    if (!listed) {
      this.endView();
      replace(this.place, this.quiet());
      return;
    }
    if (this.explained?.id !== listed.id || !this.explanation) {
      this.endView();
      replace(this.place, loading("Explaining"));
      this.explanation = await api.explain(listed.explain.from, listed.explain.to, signal);
      this.explained = listed;
    }
    this.draw();
    this.drawRail();
  }

  private openId(): string | undefined {
    return this.explained?.id;
  }

  private quiet(): HTMLElement {
    const { node, clock } = this.context;
    const { from, to } = this.span;
    return panel(
      "calm",
      "No incident",
      h("p", {}, `Nobody was seen to be hurt on ${node.hostname ?? "this machine"} between ${clock.full(from)} and ${clock.full(to, from)} ${clock.zone}.`),
      h("p", {}, "Look at a longer span above, or say when it was: ", h("code", {}, "10:50"), ", ", h("code", {}, "yesterday 22:00"), ", ", h("code", {}, "-2h"), "."),
      h("p", {}, h("button", { type: "button", click: () => visit("explore") }, "Explore what was recorded")),
    );
  }

  private endView(): void {
    this.view?.end();
    this.view = undefined;
  }

  private incident(): Incident | undefined {
    const all = this.explanation?.incidents;
    return all?.find((one) => one.id === this.explained?.id) ?? all?.[0];
  }

  private draw(): void {
    const [doc, one] = [this.explanation, this.incident()];
    this.endView();
    if (!doc || !one) return void replace(this.place, this.quiet());
    const { context } = this;
    this.view = incidentView(doc, one, read().zoom, context.clock, {
      evidence: (evidence) => go({ evidence: nameOf(evidence) }),
      zoom: (zoom) => go({ zoom }, "replace"),
      markdown: (button) => void this.copy(button),
      cause: (id) => context.manuals.find((manual) => manual.id === id),
      save: (kind) => this.view && void saveIncident(kind, doc, one, this.view, context).catch((error: unknown) => context.say(String(error))),
    });
    replace(this.place, this.view.element);
    document.title = `${one.headline} · ${doc.node.hostname}`;
    this.drawEvidence();
  }

  private drawRail(): void {
    const { list, span, seenFrom } = this;
    const searching = seenFrom > span.from ? (span.to - seenFrom) / (span.to - span.from) : 1;
    this.element.classList.toggle("has-rail", list.length > 1 || searching < 1);
    replace(this.rail, incidentList(list, this.explained?.id, searching, this.context.clock, (id) => go({ incident: id, zoom: undefined, evidence: undefined })));
  }

  private next(by: number): void {
    const at = this.list.findIndex((one) => one.id === this.explained?.id);
    const next = this.list[at + by];
    if (next) go({ incident: next.id, zoom: undefined, evidence: undefined });
  }

  private zoom(by: number): void {
    if (!this.view) return;
    const { from, to } = this.view.lanes.current();
    const [middle, half] = [(from + to) / 2, ((to - from) / 2) * by];
    go({ zoom: `${(middle - half).toFixed(2)}..${(middle + half).toFixed(2)}` }, "replace");
  }

  private pan(by: number): void {
    if (!this.view || by === 0) return;
    const { from, to } = this.view.lanes.current();
    const moved = (by * (to - from)) / 4;
    go({ zoom: `${(from + moved).toFixed(2)}..${(to + moved).toFixed(2)}` }, "replace");
  }

  private drawEvidence(): void {
    const wanted = read().evidence;
    const one = this.incident();
    if (this.dialog && this.dialog.dataset["name"] !== wanted) {
      const old = this.dialog;
      this.dialog = undefined;
      old.close();
    }
    if (!wanted || this.dialog || !one) return;
    const evidence = allEvidence(one).find((e) => nameOf(e) === wanted) ?? parseName(wanted);
    if (!evidence) return;
    const dialog = evidenceDialog(evidence, this.context.clock, () => {
      if (this.dialog === dialog) {
        this.dialog = undefined;
        go({ evidence: undefined }, "replace");
      }
    });
    this.dialog = dialog;
    dialog.dataset["name"] = wanted;
  }

  private async copy(button: HTMLElement): Promise<void> {
    const doc = this.explanation;
    if (!doc) return;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(await api.markdown(doc.window.from, doc.window.to));
      button.textContent = "Copied";
      this.context.say("Copied as Markdown");
    } catch (error) {
      button.textContent = error instanceof Problem ? error.title : "Not allowed";
      this.context.say("It could not be copied");
    }
    setTimeout(() => (button.textContent = before), 1800);
  }
}

function allEvidence(one: Incident): Evidence[] {
  return [...one.timeline.flatMap((e) => e.evidence), ...one.ruled_out.flatMap((r) => r.evidence), ...one.causes.flatMap((c) => [...c.for, ...c.against])];
}

/** Whether an address means an incident, and not the machine as it is now. */
export function namesIncident(address: Address): boolean {
  return Boolean(address.incident ?? address.from ?? address.to ?? address.last ?? address.evidence ?? address.zoom);
}

/** A recording goes on when its last tick is hardly older than the question. */
export function isLive(node: { to: string | null; now: string }): boolean {
  return node.to !== null && seconds(node.now) - seconds(node.to) < 30;
}

/** As a list tells it. */
function listed(one: Incident, explain: { from: string; to: string }): Listed {
  const cause = one.causes[0];
  const { id, from, to, open, severity, headline } = one;
  const processes = (cause?.processes ?? []).map((process) => process.comm);
  return { id, from, to, open, severity, headline, cause: cause?.cause ?? null, confidence: cause?.confidence ?? null, devices: cause?.devices ?? [], processes, explain };
}
