/** uPlot, which is as much again as the rest of what is needed to tell something: it comes by itself, and charts wait for it. */

import type uPlot from "uplot";

/** The constructor once it is there. */
let make: typeof uPlot | undefined;
export const arrived: Promise<typeof uPlot> = import("uplot").then((module) => (make = module.default));

export function plotter(): typeof uPlot | undefined {
  return make;
}
