/** How a thinned line is drawn: its mean as a line, and all that it stands for, from lowest to highest, as one filled shape. */

import type uPlot from "uplot";

interface Thinned {
  values: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
}

/**
 * Two paths for each line, and no clipping as with uPlot's bands, because all of it is drawn anew in each frame of a pan. Where nothing is
 * known both are broken.
 */
export function envelope(of: () => Thinned | undefined): uPlot.Series.PathBuilder {
  return (u, _series, first, end) => {
    const [stroke, fill] = [new Path2D(), new Path2D()];
    const paths = { stroke, fill, clip: null, band: null, gaps: null, flags: 0 } as unknown as uPlot.Series.Paths;
    const line = of();
    const [at, x, y] = [u.data[0], u.scales["x"], u.scales["y"]];
    if (!line || !at || x?.min == null || x.max == null || y?.min == null || y.max == null) return paths;
    const { values, min = values, max = values } = line;
    const { left, top, width, height } = u.bbox;
    const [perSecond, perUnit] = [width / (x.max - x.min), height / (y.max - y.min)];
    const [from, bottom, low] = [x.min, top + height, y.min];
    const across = (k: number): number => left + ((at[k] ?? from) - from) * perSecond;
    const up = (value: number): number => bottom - (value - low) * perUnit;
    for (let k = first; k <= end; k += 1) {
      if (values[k] == null) continue;
      const begin = k;
      while (k < end && values[k + 1] != null) k += 1;
      // Stretches of what is known, each there along the top and back along the bottom.
      for (let i = begin; i <= k; i += 1) {
        const px = across(i);
        const value = values[i] ?? 0;
        if (i === begin) {
          stroke.moveTo(px, up(value));
          fill.moveTo(px, up(max[i] ?? value));
        } else {
          stroke.lineTo(px, up(value));
          fill.lineTo(px, up(max[i] ?? value));
        }
      }
      for (let i = k; i >= begin; i -= 1) fill.lineTo(across(i), up(min[i] ?? values[i] ?? 0));
      fill.closePath();
    }
    return paths;
  };
}
