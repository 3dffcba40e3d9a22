//! One column over any span, however long, thinned as it is read: what charts are drawn from.
//!
//! Unlike a [`crate::window::Window`], which holds every column that an explanation needs, this decodes nothing else.

use crate::window::step;
use model::{Column, Metric, Nanos, Subject, TimeSpan, UnixNanos};
use std::sync::Arc;
use store::{Reader, Slots, Stretch, TickStamp};

/// The points of a chart: either the ticks themselves, or stretches of equal length.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    span: TimeSpan,
    /// Where each point begins, when points are ticks and the gaps between them.
    ticks: Option<Vec<UnixNanos>>,
    points: usize,
}

impl Grid {
    /// At most `points` points over a span. A span that has no more ticks than that is not thinned.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of(reader: &Reader, span: TimeSpan, points: usize) -> store::Result<Grid> {
        let points = points.max(1);
        let shortest = reader.runs()?.iter().map(|(_, _, run)| run.interval).min();
        let length = span.to.0.saturating_sub(span.from.0);
        // Counting ticks means reading their times: not for years of them.
        let few = shortest.is_none_or(|interval| length / interval.max(1) <= 4 * points as i64);
        let ticks = if few { reader.ticks(span)? } else { Vec::new() };
        let ticks = with_gaps(&ticks);
        let plain = few && ticks.len() <= points;
        // A stretch that is hardly longer than the time between two ticks would now and then hold none, and look like a gap.
        let points = match shortest {
            Some(interval) if !plain => points.min((length / (2 * interval.max(1))).max(2) as usize),
            _ => points,
        };
        let ticks = plain.then_some(ticks);
        Ok(Grid { span, ticks, points })
    }

    /// Whether a point may stand for several ticks.
    pub fn is_thinned(&self) -> bool {
        self.ticks.is_none()
    }

    /// Whether a point stands for so much that it does not matter to which of two a tick at their border belongs.
    fn is_coarse(&self) -> bool {
        const COARSE: Nanos = 60_000_000_000;
        self.is_thinned() && (self.span.to.0 - self.span.from.0) / self.points as Nanos >= COARSE
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.ticks.as_ref().map_or(self.points, Vec::len)
    }

    /// Whether there is no tick.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The time of each point: its tick, the middle of a gap, or its own middle.
    pub fn times(&self) -> Vec<UnixNanos> {
        match &self.ticks {
            Some(ticks) => ticks.clone(),
            None => {
                let length = self.span.to.0 - self.span.from.0;
                let middle = |k: usize| (2 * k as i128 + 1) * i128::from(length) / (2 * self.points as i128);
                (0..self.points)
                    .map(|k| self.span.from + middle(k) as Nanos)
                    .collect()
            }
        }
    }

    /// The point that a reading belongs to: a file is read a moment after its tick.
    fn place(&self, at: UnixNanos) -> Option<usize> {
        match &self.ticks {
            Some(ticks) => ticks.partition_point(|&tick| tick <= at).checked_sub(1),
            None => {
                let (since, length) = (
                    at.0 - self.span.from.0,
                    (self.span.to.0 - self.span.from.0).max(1),
                );
                let place = i128::from(since) * self.points as i128 / i128::from(length);
                (since >= 0).then_some((place as usize).min(self.points - 1))
            }
        }
    }
}

/// The times of ticks, and one in the middle of each gap between them, at which nothing can be known.
fn with_gaps(ticks: &[TickStamp]) -> Vec<UnixNanos> {
    let mut times: Vec<UnixNanos> = Vec::with_capacity(ticks.len());
    for tick in ticks {
        if let Some(&before) = times.last()
            && 2 * (tick.at.0 - before.0) > 5 * tick.interval
        {
            times.push(before + (tick.at.0 - before.0) / 2);
        }
        times.push(tick.at);
    }
    times
}

/// Values on a [`Grid`]. NaN where nothing is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// Mean of each point; of a rate, what it moved by altogether per second.
    pub mean: Vec<f64>,
    /// Lowest in each point.
    pub low: Vec<f64>,
    /// Highest in each point.
    pub high: Vec<f64>,
    weight: Vec<f64>,
}

impl Points {
    /// Of which nothing is known.
    pub fn unknown(grid: &Grid) -> Points {
        let unknown = vec![f64::NAN; grid.len()];
        Points {
            mean: unknown.clone(),
            low: unknown.clone(),
            high: unknown,
            weight: vec![0.0; grid.len()],
        }
    }

    /// Adds a value that holds for `weight` seconds, or counts as so many. What is not known, or not on the grid, adds nothing.
    pub fn put(&mut self, grid: &Grid, at: UnixNanos, value: f64, weight: f64) {
        let Some(place) = grid.place(at).filter(|_| value.is_finite()) else {
            return;
        };
        // `min` and `max` of a NaN and a number are the number.
        self.low[place] = self.low[place].min(value);
        self.high[place] = self.high[place].max(value);
        let before = self.weight[place];
        self.weight[place] = before + weight;
        self.mean[place] = if before == 0.0 {
            value
        } else {
            self.mean[place] + (value - self.mean[place]) * weight / (before + weight)
        };
    }
}

/// A column on a [`Grid`].
#[derive(Debug, Clone, PartialEq)]
pub struct Thinned {
    /// What.
    pub metric: Metric,
    /// Of what.
    pub subject: Subject,
    /// Whether the values are changes per second.
    pub rate: bool,
    /// The values.
    pub points: Points,
}

impl Thinned {
    /// The unit of the values: `kB`, `pages/s`, `1/s`.
    pub fn unit(&self) -> String {
        match (self.metric.unit.symbol(), self.rate) {
            ("", true) => "1/s".into(),
            (symbol, true) => format!("{symbol}/s"),
            (symbol, false) => symbol.into(),
        }
    }
}

/// Reads a metric of a subject. `rate`: `None` means for counters only. `None` when the span has no such column.
///
/// # Errors
/// When the database cannot be read, or a block of it is damaged.
pub fn read(
    reader: &Reader,
    grid: &Grid,
    metric: &str,
    subject: &str,
    rate: Option<bool>,
) -> store::Result<Option<Thinned>> {
    let span = grid.span;
    let mut gathering: Option<Gathering> = None;
    for source in candidates(metric) {
        let mut chosen: Vec<(*const model::Template, Column)> = Vec::new();
        let mut choose = |template: &Arc<model::Template>| {
            let columns = sources::decode(source, template).unwrap_or_default();
            let found = columns
                .into_iter()
                .find(|c| *c.metric.name == *metric && c.subject.to_string() == subject);
            match found {
                Some(column) => {
                    let slot = column.slot;
                    chosen.push((Arc::as_ptr(template), column));
                    Slots::Some(vec![slot])
                }
                None => Slots::Some(Vec::new()),
            }
        };
        let stretches = match grid.is_coarse() {
            true => reader.stretches_about(source, span, &mut choose)?,
            false => reader.stretches(source, span, &mut choose)?,
        };
        for stretch in &stretches {
            let Some((_, column)) = chosen.iter().find(|(t, _)| *t == Arc::as_ptr(&stretch.template)) else {
                continue;
            };
            gathering
                .get_or_insert_with(|| Gathering::new(grid, column, rate))
                .take(grid, stretch, column);
        }
        if gathering.is_some() {
            break;
        }
    }
    Ok(gathering.map(|g| g.thinned))
}

/// The sources that may hold a metric: the one that its name begins with, and rows of averages, which borrow others' names.
fn candidates(metric: &str) -> impl Iterator<Item = &str> {
    let own = metric.split('.').next().unwrap_or(metric);
    [own, sources::averages().name].into_iter()
}

/// Every column that the last reading of each source in a span has, in order of source and slot.
///
/// # Errors
/// When the database cannot be read, or a block of it is damaged.
pub fn names(reader: &Reader, span: TimeSpan) -> store::Result<Vec<(Metric, Subject)>> {
    let mut names = Vec::new();
    for source in reader.sources(span)? {
        if let Some(reading) = reader.reading_at(&source, span.to)? {
            let columns = sources::decode(&source, &reading.template).unwrap_or_default();
            names.extend(columns.into_iter().map(|c| (c.metric, c.subject)));
        }
    }
    Ok(names)
}

/// A column while it is read.
struct Gathering {
    thinned: Thinned,
    /// The reading before, with its run.
    last: Option<(store::RunId, UnixNanos, f64)>,
    /// The longest time between two readings that is no gap.
    longest: f64,
}

impl Gathering {
    fn new(grid: &Grid, column: &Column, rate: Option<bool>) -> Gathering {
        Gathering {
            thinned: Thinned {
                metric: column.metric.clone(),
                subject: column.subject.clone(),
                rate: rate.unwrap_or(column.metric.kind.is_counter()),
                points: Points::unknown(grid),
            },
            last: None,
            longest: f64::INFINITY,
        }
    }

    fn take(&mut self, grid: &Grid, stretch: &Stretch, column: &Column) {
        // The usual time between two readings, from this stretch itself.
        if stretch.at.len() > 1 {
            let whole = stretch.at[stretch.at.len() - 1].seconds_since(stretch.at[0]);
            self.longest = 2.5 * whole / (stretch.at.len() - 1) as f64;
        }
        for (&at, &raw) in stretch.at.iter().zip(&stretch.columns[0]) {
            let value = column.value(raw);
            let before = self.last.replace((stretch.run, at, value));
            if !self.thinned.rate {
                self.thinned.points.put(grid, at, value, 1.0);
                continue;
            }
            let Some((run, then, from)) = before else { continue };
            let seconds = at.seconds_since(then);
            if run != stretch.run || seconds <= 0.0 || seconds > self.longest {
                continue;
            }
            let moved = step(column.metric.kind, from, value);
            if !moved.is_nan() {
                self.thinned.points.put(grid, at, moved / seconds, seconds);
            }
        }
    }
}

#[cfg(test)]
mod tests;
