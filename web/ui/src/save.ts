/** Saving what is shown: files from the server, and pictures of charts. */

import { api } from "./api";
import type { Chart } from "./chart";

/** A file in the reader's downloads. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function saveFrom(path: string, query: Record<string, string | string[]>, name: string): Promise<void> {
  save(await api.blob(path, query), name);
}

/** `highwater-node-2026-11-23T22-54-18.png`; nothing that a file system would mind. */
export function fileName(node: string | null, time: number, ending: string): string {
  const when = new Date(time * 1000).toISOString().slice(0, 19).replaceAll(":", "-");
  return `highwater-${(node ?? "node").replace(/[^\w.-]+/g, "_")}-${when}.${ending}`;
}

/** A picture under construction: from top to bottom, in the colours of the theme. */
export class Picture {
  private readonly parts: { height: number; draw: (ctx: CanvasRenderingContext2D, y: number) => void }[] = [];
  private readonly style = getComputedStyle(document.documentElement);
  private readonly measure = document.createElement("canvas").getContext("2d");

  constructor(readonly width: number) {}

  colour(name: string): string {
    return this.style.getPropertyValue(name).trim();
  }

  /** Wrapped to the width. */
  text(text: string, size: number, colour = "--text", weight = 400): void {
    const font = `${weight} ${size}px ${this.style.fontFamily}`;
    const lines = this.wrapped(text, font);
    const line = size * 1.35;
    this.parts.push({
      height: lines.length * line + size * 0.35,
      draw: (ctx, y) => {
        ctx.font = font;
        ctx.fillStyle = this.colour(colour);
        lines.forEach((one, k) => ctx.fillText(one, 0, y + size + k * line));
      },
    });
  }

  part(height: number, draw: (ctx: CanvasRenderingContext2D, y: number) => void): void {
    this.parts.push({ height, draw });
  }

  canvas(drawn: HTMLCanvasElement | undefined, left = 0): void {
    if (!drawn) return;
    const width = this.width - left;
    const height = (drawn.height / Math.max(1, drawn.width)) * width;
    this.part(height, (ctx, y) => ctx.drawImage(drawn, left, y, width, height));
  }

  private wrapped(text: string, font: string): string[] {
    if (!this.measure) return [text];
    this.measure.font = font;
    const lines = [""];
    for (const word of text.split(" ")) {
      const longer = `${lines[lines.length - 1]} ${word}`.trimStart();
      if (this.measure.measureText(longer).width > this.width) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  }

  async save(name: string): Promise<void> {
    const [edge, sharp] = [28, 2];
    const canvas = document.createElement("canvas");
    canvas.width = (this.width + 2 * edge) * sharp;
    canvas.height = (this.parts.reduce((sum, part) => sum + part.height, 0) + 2 * edge) * sharp;
    const ctx = canvas.getContext("2d");
    if (!ctx) throw new Error("no picture can be drawn here");
    ctx.scale(sharp, sharp);
    ctx.fillStyle = this.colour("--page");
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    ctx.translate(edge, edge);
    let y = 0;
    for (const part of this.parts) {
      part.draw(ctx, y);
      y += part.height;
    }
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    if (blob) save(blob, name);
  }
}

/** Charts below each other, under a title. */
export async function saveCharts(title: string, about: string, charts: Chart[], name: string): Promise<void> {
  const picture = new Picture(1200);
  picture.text(title, 22, "--text", 650);
  picture.text(about, 13, "--muted");
  for (const chart of charts) {
    picture.text(`${chart.options.title}   ${chart.said()}`, 13, "--text", 600);
    picture.canvas(chart.canvas());
  }
  await picture.save(name);
}
