/** An incident to take away: the report, the document, its series, a picture for the incident channel. */

import { causal, firstMover, lead } from "./chain";
import type { Explanation, Incident } from "./document";
import { duration } from "./format";
import { type IncidentView, SEVERITY } from "./incident";
import { Picture, fileName, saveFrom } from "./save";
import { seconds, uncertainty } from "./time";
import type { Context } from "./view";

export type Kind = "html" | "json" | "csv" | "png";

export async function saveIncident(kind: Kind, doc: Explanation, incident: Incident, view: IncidentView, context: Context): Promise<void> {
  const name = fileName(doc.node.hostname, seconds(incident.from), kind);
  const { from, to } = doc.window;
  switch (kind) {
    case "html":
      return saveFrom("/api/v1/report", { from, to, format: "html" }, name);
    case "json":
      return saveFrom("/api/v1/explain", { from, to }, name);
    case "csv": {
      const of = incident.timeline.flatMap(({ evidence }) => evidence.slice(0, 1).map((e) => `${e.signal}@${e.subject}`));
      return saveFrom("/api/v1/series", { of: [...new Set(of)].slice(0, 64), from, to, points: "10000", format: "csv" }, name);
    }
    case "png":
      return picture(doc, incident, view, context, name);
  }
}

const LABEL = 380;
const LANE = 64;

/** The verdict, and the lanes as they are shown. */
async function picture(doc: Explanation, incident: Incident, view: IncidentView, { clock }: Context, name: string): Promise<void> {
  const out = new Picture(1240);
  const [from, to] = [seconds(incident.from), seconds(incident.to)];
  out.text(`${SEVERITY[incident.severity].mark} ${SEVERITY[incident.severity].word}   ${doc.node.hostname}   ${clock.day(from)} ${clock.second(from)}–${clock.full(to, from)} ${clock.zone}${incident.open ? ", still going at the end of the data" : ""}`, 13, `--${incident.severity}`, 600);
  out.text(incident.headline, 26, "--text", 650);
  if (incident.story) out.text(incident.story, 15);
  if (incident.harm) out.text(`Harm: ${incident.harm}`, 14, "--role-harm", 600);
  const cause = incident.causes[0];
  if (cause) out.text(`${cause.confidence}${incident.ruled_out.length > 0 ? `; ${incident.ruled_out.length} other causes are ruled out by numbers` : ""}`, 13, "--muted");
  const [first, led] = [firstMover(incident), lead(incident)];
  const range = view.lanes.current();
  const canvases = view.lanes.canvases();
  for (const event of causal(incident).order) {
    if (led && event === led.to) out.text(`⟵ ${led.text} ⟶`, 14, "--role-first", 650);
    out.part(LANE + 6, (ctx, y) => {
      const font = getComputedStyle(document.documentElement).fontFamily;
      ctx.fillStyle = out.colour(event === first ? "--role-first" : "--role-between");
      ctx.fillRect(0, y + 2, 4, LANE);
      ctx.font = `600 12px ${font}`;
      ctx.fillStyle = out.colour("--muted");
      ctx.fillText(`${clock.tenth(seconds(event.onset.best))} ±${uncertainty(event.onset).toFixed(1)} s${event === first ? "   first mover" : ""}`, 14, y + 16);
      ctx.font = `${event === first ? 600 : 400} 14px ${font}`;
      ctx.fillStyle = out.colour("--text");
      for (const [k, line] of cut(ctx, event.headline, LABEL - 24, 2).entries()) ctx.fillText(line, 14, y + 35 + 19 * k);
      const drawn = canvases.get(event.id);
      const width = out.width - LABEL;
      if (drawn) ctx.drawImage(drawn, LABEL, y, width, LANE);
      const x = LABEL + ((seconds(event.onset.best) - range.from) / (range.to - range.from)) * width;
      ctx.fillStyle = out.colour(event === first ? "--role-first" : "--text");
      if (x >= LABEL && x <= out.width) ctx.fillRect(x - 1, y, 2, LANE);
      ctx.fillStyle = out.colour("--line");
      ctx.fillRect(0, y + LANE + 3, out.width, 1);
    });
  }
  out.text(`${clock.second(range.from)} to ${clock.second(range.to)}, ${duration(range.to - range.from)} · highwater`, 12, "--muted");
  await out.save(name);
}

/** A text in at most so many lines of a width. */
function cut(ctx: CanvasRenderingContext2D, text: string, width: number, most: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines[lines.length - 1]} ${word}`.trimStart();
    if (ctx.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else if (lines.length < most) lines.push(word);
    else {
      lines[lines.length - 1] += " …";
      break;
    }
  }
  return lines;
}
