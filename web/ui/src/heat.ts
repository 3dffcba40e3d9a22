/** Free memory by the size of its pieces, over time: a row for each order of the buddy allocator, darker where more memory is free so. */

import { h, replace } from "./dom";
import { bytes, count, inUnit } from "./format";
import type { Range } from "./lanes";
import type { Clock } from "./time";

const ROW = 15;
const LABEL = 74;

export interface Zone {
  name: string;
  /** Free blocks, by order, over time. */
  orders: (number | null)[][];
}

export class Heat {
  readonly element: HTMLElement;
  private readonly canvas = h("canvas", { role: "img" });
  private readonly said = h("span", { class: "chart-when" });
  private readonly observer: ResizeObserver;
  private range: Range = { from: 0, to: 1 };

  constructor(private readonly zone: Zone, private readonly at: number[], private readonly pageBytes: number | undefined, private readonly clock: Clock) {
    this.element = h("figure", { class: "chart heat" }, h("figcaption", {}, h("h3", {}, `Free memory in zone ${zone.name.replace(/^\d+\//, "")} by size of the pieces`), this.said), this.canvas, h("p", { class: "quiet" }, "Each row is a size; darker: more memory is free in pieces of it (logarithmic)."));
    this.canvas.addEventListener("pointermove", (event) => this.read(event.offsetX, event.offsetY));
    this.canvas.addEventListener("pointerleave", () => replace(this.said));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  show(range: Range): void {
    this.range = range;
    this.draw();
  }

  end(): void {
    this.observer.disconnect();
  }

  private size(order: number): string {
    return this.pageBytes ? bytes(this.pageBytes * 2 ** order) : `${2 ** order} pages`;
  }

  draw(): void {
    const { canvas, zone, at, range } = this;
    const width = this.element.clientWidth;
    const ctx = canvas.getContext("2d");
    if (!ctx || width <= LABEL) return;
    const sharp = devicePixelRatio;
    const rows = zone.orders.length;
    const height = rows * ROW;
    [canvas.width, canvas.height] = [width * sharp, height * sharp];
    [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
    const style = getComputedStyle(this.element);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    ctx.scale(sharp, sharp);
    ctx.fillStyle = colour("--sunk");
    ctx.fillRect(LABEL, 0, width - LABEL, height);
    ctx.font = `11px ${style.fontFamily}`;
    const pages = zone.orders.map((values, order) => values.map((v) => (v === null ? null : v * 2 ** order)));
    const most = Math.log1p(Math.max(1, ...pages.flatMap((row) => row.map((v) => v ?? 0))));
    const step = at.length > 1 ? ((at[at.length - 1] ?? 0) - (at[0] ?? 0)) / (at.length - 1) : 1;
    const x = (time: number): number => LABEL + ((time - range.from) / (range.to - range.from)) * (width - LABEL);
    pages.forEach((row, order) => {
      const y = height - (order + 1) * ROW;
      ctx.fillStyle = colour("--heat");
      row.forEach((value, k) => {
        const [left, right] = [Math.max(LABEL, x((at[k] ?? 0) - step / 2)), Math.min(width, x((at[k] ?? 0) + step / 2))];
        if (value === null || right <= left) return;
        ctx.globalAlpha = 0.04 + 0.96 * (Math.log1p(value) / most);
        ctx.fillRect(left, y, right - left + 0.5, ROW - 1);
      });
      ctx.globalAlpha = 1;
      ctx.fillStyle = colour("--muted");
      ctx.fillText(this.size(order), 2, y + ROW - 4);
    });
    const last = (row: (number | null)[] | undefined): string => inUnit(row?.[row.length - 1], "blocks");
    canvas.setAttribute("aria-label", `Free blocks of zone ${zone.name} by size over time; at the end: ${zone.orders.map((row, order) => `${this.size(order)}: ${last(row)}`).join(", ")}`);
  }

  private read(left: number, top: number): void {
    const { zone, at, range } = this;
    const time = range.from + ((left - LABEL) / (this.canvas.clientWidth - LABEL)) * (range.to - range.from);
    const order = zone.orders.length - 1 - Math.floor(top / ROW);
    const near = at.reduce((best, t, k) => (Math.abs(t - time) < Math.abs((at[best] ?? Infinity) - time) ? k : best), 0);
    const blocks = zone.orders[order]?.[near];
    if (left < LABEL || blocks === undefined) return replace(this.said);
    replace(this.said, blocks === null ? "unknown" : `${count(blocks)} blocks of ${this.size(order)} at ${this.clock.second(at[near] ?? time)}`);
  }
}
