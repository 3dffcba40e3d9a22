// Charts of the signals that the evidence names, onsets marked; one crosshair for all.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Chart, Incident } from "./api";
import { el } from "./dom";
import { brief, clock, value } from "./format";

const shared = uPlot.sync("incident");

const HEIGHT_PX = 132;

/** Between two times on an axis: what a person counts in, in seconds. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Draws all charts of an incident into a box; answers a function that takes them away. */
export function charts(incident: Incident, tz: string, box: HTMLElement): () => void {
  const drawn: uPlot[] = [];
  for (const chart of incident.charts) {
    const peak = Math.max(...chart.values.filter((v): v is number => v !== null), 0);
    const title = `${chart.label} — ${chart.signal}, to ${value(peak, chart.unit)}`;
    const figure = el("figure", { class: "chart", "aria-label": title }, el("figcaption", {}, title));
    box.append(figure);
    drawn.push(plot(chart, incident, tz, figure));
  }
  const resize = new ResizeObserver(() => {
    for (const chart of drawn) chart.setSize({ width: chart.root.parentElement?.clientWidth ?? 600, height: HEIGHT_PX });
  });
  resize.observe(box);
  return () => {
    resize.disconnect();
    drawn.forEach((chart) => chart.destroy());
  };
}

function plot(chart: Chart, incident: Incident, tz: string, box: HTMLElement): uPlot {
  const [from, to] = [Date.parse(chart.from) / 1000, Date.parse(chart.to) / 1000];
  const count = Math.max(1, chart.values.length - 1);
  const at = chart.values.map((_, i) => from + ((to - from) * i) / count);
  const marks = incident.timeline.map((e) => Date.parse(e.onset.best) / 1000);
  const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  return new uPlot(
    {
      width: box.clientWidth || 600,
      height: HEIGHT_PX,
      cursor: { sync: { key: shared.key }, y: false },
      legend: { show: false },
      scales: { x: { time: false }, y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
      axes: [
        { ...axis, space: 84, size: 28, incrs: STEPS_S, values: (_u, splits) => splits.map((s) => clock(new Date(s * 1000).toISOString(), tz)) },
        { ...axis, size: 88, space: 26, values: (_u, splits) => splits.map((s) => brief(s, chart.unit)) },
      ],
      series: [{}, { stroke: color("--signal"), fill: color("--signal-fill"), width: 1.5, spanGaps: false, points: { show: false } }],
      hooks: {
        draw: [
          (u) => {
            const { ctx } = u;
            ctx.save();
            ctx.strokeStyle = color("--mark");
            ctx.setLineDash([3, 3]);
            for (const mark of marks) {
              const x = u.valToPos(mark, "x", true);
              ctx.beginPath();
              ctx.moveTo(x, u.bbox.top);
              ctx.lineTo(x, u.bbox.top + u.bbox.height);
              ctx.stroke();
            }
            ctx.restore();
          },
        ],
      },
    },
    [at, chart.values],
    box,
  );
}
