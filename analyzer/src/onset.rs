//! When did it begin? Episodes of a signal above the node's own quiet, with bounds (kernel.md §6.1).

/// What counts as an episode: both a relative and an absolute floor must be passed.
#[derive(Debug, Clone, Copy)]
pub struct Pattern {
    /// Least rise above the baseline, in the signal's unit.
    pub floor: f64,
    /// Least multiple of the baseline.
    pub ratio: f64,
    /// Least number of ticks above the threshold, of the first `2 × least` after the onset.
    pub least_ticks: usize,
    /// Ticks below the threshold that end an episode.
    pub quiet_ticks: usize,
    /// Quiet ticks before it that are needed to know a baseline.
    pub least_baseline: usize,
    /// A level at which it is an episode even when the record begins with it, so that no baseline is known.
    pub certain: f64,
}

impl Pattern {
    /// A rise of at least `floor` and to at least twice the baseline for two ticks.
    pub const fn rise(floor: f64) -> Self {
        Self {
            floor,
            ratio: 2.0,
            least_ticks: 2,
            quiet_ticks: 6,
            least_baseline: LEAST_BASELINE_TICKS,
            certain: f64::INFINITY,
        }
    }

    /// With another least duration.
    pub const fn lasting(self, ticks: usize) -> Self {
        Self {
            least_ticks: ticks,
            ..self
        }
    }

    /// With another least multiple of the baseline.
    pub const fn times(self, ratio: f64) -> Self {
        Self { ratio, ..self }
    }

    /// The same lengths of time where ticks are so many seconds apart. A row that stands for ten minutes needs no second one to be believed.
    pub fn scaled(self, interval: f64) -> Self {
        let ticks = |ticks: usize| match interval > 1.5 {
            true => ((ticks as f64 / interval).ceil() as usize).max(1),
            false => ticks,
        };
        Self {
            least_ticks: ticks(self.least_ticks),
            quiet_ticks: ticks(self.quiet_ticks),
            least_baseline: ticks(self.least_baseline),
            ..self
        }
    }

    /// With a level that needs no baseline.
    pub const fn certain(self, level: f64) -> Self {
        Self {
            certain: level,
            ..self
        }
    }
}

/// A stretch of a signal above its threshold.
#[derive(Debug, Clone)]
pub struct Episode {
    /// First tick that shows it (its value covers the time since the tick before).
    pub from: usize,
    /// Last tick that shows it.
    pub to: usize,
    /// Whether it still went on at the last tick of the window.
    pub open: bool,
    /// Whether it went on already when the record begins: no onset can be told.
    pub since_before: bool,
    /// Median of the quiet ticks before.
    pub baseline: f64,
    /// What had to be passed.
    pub threshold: f64,
    /// Largest value and its tick.
    pub peak: (usize, f64),
    /// Median over the episode.
    pub typical: f64,
    /// Median of the first ticks after the onset: the level it stepped to.
    pub plateau: f64,
    /// Seconds after the window's origin.
    pub earliest: f64,
    /// Best estimate.
    pub best: f64,
    /// Certainly begun.
    pub latest: f64,
}

/// Ticks of quiet that the baseline is taken from at most.
const BASELINE_TICKS: usize = 600;
/// Fewer ticks of quiet than this are no baseline.
const LEAST_BASELINE_TICKS: usize = 5;

/// Finds the episodes. `at[i]` is when value `i` was read; a value that is a rate covers (at[i-1], at[i]].
///
/// The baseline is the median of the quiet ticks before the episode, the spread their median absolute deviation;
/// the threshold is the largest of baseline + floor, ratio × baseline, and baseline + 5 × spread.
pub fn episodes(at: &[f64], values: &[f64], pattern: &Pattern) -> Vec<Episode> {
    let mut found: Vec<Episode> = Vec::new();
    let mut quiet = Quiet::default();
    let mut i = 0;
    while i < values.len() {
        let value = values[i];
        if value.is_nan() {
            i += 1;
            continue;
        }
        let (baseline, threshold) = quiet.threshold(pattern);
        let above = |v: f64| v >= threshold;
        let enough = {
            let ahead = &values[i..values.len().min(i + 2 * pattern.least_ticks)];
            let known = ahead.iter().filter(|v| !v.is_nan()).count();
            let high = ahead.iter().filter(|v| above(**v)).count();
            // At the end of the record fewer ticks may be left than are wanted: that is not evidence of it.
            high >= pattern.least_ticks && known >= pattern.least_ticks
        };
        if !(above(value) && enough) {
            quiet.add(value);
            i += 1;
            continue;
        }
        let end = end_of(values, i, &above, pattern.quiet_ticks);
        let since_before = quiet.values.len() < pattern.least_baseline;
        let inside: Vec<f64> = values[i..=end].iter().copied().filter(|v| !v.is_nan()).collect();
        let peak = (i..=end)
            .filter(|&k| !values[k].is_nan())
            .max_by(|&a, &b| values[a].total_cmp(&values[b]));
        let peak = peak.unwrap_or(i);
        let plateau = median(&first_known(&values[(i + 1).min(end)..=end], 3));
        let mut episode = Episode {
            from: i,
            to: end,
            open: end + 1 + pattern.quiet_ticks > values.len(),
            since_before,
            baseline,
            threshold,
            peak: (peak, values[peak]),
            typical: median(&inside),
            plateau,
            earliest: f64::NAN,
            best: f64::NAN,
            latest: f64::NAN,
        };
        place_onset(at, values, &mut episode, quiet.spread());
        found.push(episode);
        i = end + 1;
    }
    found
}

fn end_of(values: &[f64], from: usize, above: &dyn Fn(f64) -> bool, quiet_ticks: usize) -> usize {
    let mut last = from;
    for (i, &v) in values.iter().enumerate().skip(from) {
        if v.is_nan() {
            continue;
        }
        if above(v) {
            last = i;
        } else if i - last >= quiet_ticks {
            break;
        }
    }
    last
}

/// Walks back over ticks that already show a part of the rise, then places the onset inside its interval by
/// the share that the first partial tick has of the plateau.
fn place_onset(at: &[f64], values: &[f64], episode: &mut Episode, spread: f64) {
    let (base, plateau) = (
        if episode.baseline.is_nan() {
            0.0
        } else {
            episode.baseline
        },
        episode.plateau,
    );
    let rise = (plateau - base)
        .max(episode.threshold - base)
        .max(f64::MIN_POSITIVE);
    let visible = (0.03 * rise).max(5.0 * spread);
    let mut first = episode.from;
    while first > 0 && episode.from - first < 5 && values[first - 1] - base > visible {
        first -= 1;
    }
    episode.from = first;
    let end = at[first];
    let start = (0..first)
        .rev()
        .map(|i| at[i])
        .find(|t| !t.is_nan())
        .unwrap_or(f64::NAN);
    if episode.since_before || start.is_nan() {
        let begin = at.iter().copied().find(|t| !t.is_nan()).unwrap_or(end);
        (episode.earliest, episode.best, episode.latest) = (begin, begin, end.max(begin));
        return;
    }
    let length = end - start;
    let share = ((values[first] - base) / rise).clamp(0.0, 1.0);
    episode.earliest = start;
    episode.latest = end;
    episode.best = end - share * length;
}

#[derive(Default)]
struct Quiet {
    values: Vec<f64>,
    /// Median and spread are recomputed when the sample has grown by an eighth: they move slowly.
    cached: Option<(usize, f64, f64)>,
}

impl Quiet {
    fn add(&mut self, value: f64) {
        if self.values.len() == BASELINE_TICKS {
            self.values.remove(0);
            self.cached = self.cached.map(|(n, m, s)| (n.saturating_sub(1), m, s));
        }
        self.values.push(value);
        if self.cached.is_none_or(|(n, _, _)| self.values.len() > n + n / 8) {
            let center = median(&self.values);
            let off: Vec<f64> = self.values.iter().map(|v| (v - center).abs()).collect();
            self.cached = Some((self.values.len(), center, 1.4826 * median(&off)));
        }
    }

    fn spread(&self) -> f64 {
        self.cached.map_or(0.0, |(_, _, s)| s)
    }

    fn threshold(&self, pattern: &Pattern) -> (f64, f64) {
        if self.values.len() < pattern.least_baseline {
            return (f64::NAN, pattern.certain);
        }
        let (_, center, spread) = self.cached.expect("filled by add");
        let relative = (center + pattern.floor)
            .max(pattern.ratio * center)
            .max(center + 5.0 * spread);
        (center, relative.min(pattern.certain.max(center + pattern.floor)))
    }
}

fn first_known(values: &[f64], count: usize) -> Vec<f64> {
    values
        .iter()
        .copied()
        .filter(|v| !v.is_nan())
        .take(count)
        .collect()
}

/// Median; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which a share `q` of the known values lies; NaN of nothing.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    if known.is_empty() {
        return f64::NAN;
    }
    let k = ((known.len() - 1) as f64 * q).round() as usize;
    *known.select_nth_unstable_by(k, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[f64], pattern: Pattern) -> Vec<(usize, usize, String)> {
        let at: Vec<f64> = (0..values.len()).map(|i| i as f64).collect();
        episodes(&at, values, &pattern)
            .iter()
            .map(|e| {
                (
                    e.from,
                    e.to,
                    format!("{:.2} in [{}, {}]", e.best, e.earliest, e.latest),
                )
            })
            .collect()
    }

    #[test]
    fn a_step_is_placed_inside_its_tick_by_its_first_part() {
        let mut values = vec![0.0; 20];
        values.extend([30.0, 100.0, 100.0, 100.0, 100.0]);
        assert_eq!(
            found(&values, Pattern::rise(10.0)),
            [(20, 24, "19.70 in [19, 20]".into())]
        );
    }

    #[test]
    fn a_first_part_below_the_threshold_still_counts() {
        let mut values = vec![0.0; 20];
        values.extend([5.0, 100.0, 100.0, 100.0]);
        assert_eq!(
            found(&values, Pattern::rise(10.0)),
            [(20, 23, "19.95 in [19, 20]".into())]
        );
    }

    #[test]
    fn unknown_is_not_low_and_not_high() {
        let mut values = vec![f64::NAN; 5];
        values.extend(vec![1.0; 10]);
        values.extend([100.0, f64::NAN, 100.0, 100.0, f64::NAN, f64::NAN]);
        assert_eq!(found(&values, Pattern::rise(10.0)).len(), 1);
        assert_eq!(found(&[f64::NAN; 30], Pattern::rise(10.0)), []);
    }

    #[test]
    fn noise_and_single_spikes_are_quiet() {
        let mut values: Vec<f64> = (0..60).map(|i| 100.0 + (i % 7) as f64 * 10.0).collect();
        values[30] = 900.0;
        assert_eq!(found(&values, Pattern::rise(50.0)), []);
    }

    #[test]
    fn a_record_that_begins_in_the_middle_of_it_has_no_onset() {
        let found = found(&[99.0; 10], Pattern::rise(10.0).certain(90.0));
        assert_eq!(found, [(0, 9, "0.00 in [0, 0]".into())]);
    }
}
