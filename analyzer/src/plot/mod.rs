//! Lines over time, for a terminal or a picture: metrics as recorded, counters as rates, and the signals that the rules read.

mod axis;
mod picture;
mod terminal;

use crate::signals::Signals;
use crate::window::Window;
use model::{Column, Kind, Nanos, TimeSpan, Unit, UnixNanos};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use store::{Reader, RunId, Slots};

pub use picture::{png, svg};
pub use terminal::terminal;

/// Readings further apart than this many intervals have a gap between them.
const GAP_INTERVALS: f64 = 2.5;

/// What of a metric is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Gauges as they were, counters as rates; memory and I/O in bytes.
    Auto,
    /// What each changed by per second.
    Rate,
    /// The numbers as the kernel printed them.
    Raw,
}

/// A metric that is asked for: `meminfo.MemFree`, `diskstats.read_sectors@vda`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Metric or signal.
    pub name: String,
    /// `None`: all that there are.
    pub subject: Option<String>,
}

impl Asked {
    /// A subject may hold an `@` itself, a name cannot.
    pub fn of(text: &str) -> Asked {
        match text.split_once('@') {
            Some((name, subject)) => Asked {
                name: name.into(),
                subject: Some(subject.into()),
            },
            None => Asked {
                name: text.into(),
                subject: None,
            },
        }
    }

    fn wants(&self, name: &str, subject: &str) -> bool {
        self.name == name && self.subject.as_deref().is_none_or(|wanted| wanted == subject)
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// `meminfo.MemFree`, and of what if it is not the machine.
    pub title: String,
    /// Unit of the values: `B`, `B/s`, `1/s`, …
    pub unit: String,
    /// Stretches without a gap: seconds since 1970, and the value there.
    pub runs: Vec<Vec<(f64, f64)>>,
}

impl Line {
    /// Smallest and largest value; `None` when none is known.
    pub fn range(&self) -> Option<(f64, f64)> {
        let values = || self.runs.iter().flatten().map(|point| point.1);
        Some((values().reduce(f64::min)?, values().reduce(f64::max)?))
    }
}

/// The lines of what is asked for, by subject. None: there is no such metric in the span.
///
/// # Errors
/// When the database cannot be read.
pub fn lines(reader: &Reader, span: TimeSpan, asked: &Asked, mode: Mode) -> store::Result<Vec<Line>> {
    let mut builders: BTreeMap<String, Builder> = BTreeMap::new();
    let intervals: HashMap<RunId, Nanos> = reader
        .runs()?
        .into_iter()
        .map(|(id, _, run)| (id, run.interval))
        .collect();
    let boots = reader.boots()?;
    for source in reader.sources(span)? {
        if !can_have(&source, &asked.name) {
            continue;
        }
        let mut chosen: HashMap<*const model::Template, Vec<Column>> = HashMap::new();
        let stretches = reader.stretches(&source, span, &mut |template| {
            let mut columns = sources::decode(&source, template).unwrap_or_default();
            columns.retain(|column| asked.wants(&column.metric.name, &column.subject.to_string()));
            let slots = columns.iter().map(|column| column.slot).collect();
            chosen.insert(Arc::as_ptr(template), columns);
            Slots::Some(slots)
        })?;
        for stretch in &stretches {
            let Some(columns) = chosen.get(&Arc::as_ptr(&stretch.template)) else {
                continue;
            };
            let page = boots.get(stretch.boot).map_or(4096, |boot| boot.page_size);
            let interval = intervals.get(&stretch.run).copied().unwrap_or(0) as f64 / 1e9;
            for (column, raw) in columns.iter().zip(&stretch.columns) {
                let builder = builders
                    .entry(column.subject.to_string())
                    .or_insert_with(|| Builder::new(column, mode, page));
                builder.enter((stretch.boot, stretch.run), interval);
                for (&at, &value) in stretch.at.iter().zip(raw) {
                    builder.push(at, column.value(value));
                }
            }
        }
    }
    if builders.is_empty() {
        return signals(reader, span, asked);
    }
    Ok(builders
        .into_iter()
        .map(|(subject, builder)| Line {
            title: title(&asked.name, &subject),
            unit: builder.unit,
            runs: builder.runs,
        })
        .collect())
}

fn title(name: &str, subject: &str) -> String {
    match subject {
        "host" => name.to_owned(),
        subject => format!("{name} of {subject}"),
    }
}

/// Whether a source can have a metric of this name: as a rule it begins with the source's.
fn can_have(source: &str, metric: &str) -> bool {
    let family = metric.split_once('.').map_or(metric, |(family, _)| family);
    source == family
        || family == "cgroup" && source.starts_with("cgroup/")
        || source == sources::averages().name
}

/// A line while it is gathered.
struct Builder {
    unit: String,
    factor: f64,
    kind: Kind,
    is_rate: bool,
    /// Of the stretch that is read.
    origin: (usize, RunId),
    interval: f64,
    last: Option<(f64, f64, (usize, RunId))>,
    runs: Vec<Vec<(f64, f64)>>,
}

impl Builder {
    fn new(column: &Column, mode: Mode, page: u32) -> Builder {
        let is_rate = match mode {
            Mode::Auto => column.metric.kind.is_counter(),
            Mode::Rate => true,
            Mode::Raw => false,
        };
        let (factor, unit) = match (column.metric.unit, mode) {
            (unit, Mode::Raw) => (1.0, unit.symbol()),
            (Unit::Pages, _) => (f64::from(page), "B"),
            (Unit::Kibibytes, _) => (1024.0, "B"),
            (Unit::Sectors, _) => (512.0, "B"),
            (unit, _) => (1.0, unit.symbol()),
        };
        let unit = match (unit, is_rate) {
            ("", true) => "1/s".to_owned(),
            (unit, true) => format!("{unit}/s"),
            (unit, false) => unit.to_owned(),
        };
        Builder {
            unit,
            factor,
            kind: column.metric.kind,
            is_rate,
            origin: (0, RunId(0)),
            interval: 0.0,
            last: None,
            runs: Vec::new(),
        }
    }

    fn enter(&mut self, origin: (usize, RunId), interval: f64) {
        (self.origin, self.interval) = (origin, interval);
    }

    fn push(&mut self, at: UnixNanos, value: f64) {
        let now = at.seconds();
        let before = self.last.replace((now, value, self.origin));
        let joined = before.filter(|(then, _, origin)| {
            *origin == self.origin && now > *then && now - then <= GAP_INTERVALS * self.interval
        });
        if !self.is_rate {
            return self.point(now, value * self.factor, joined.is_some());
        }
        let step = joined.and_then(|(then, before, _)| Some(self.step(before, value)? / (now - then)));
        match step {
            Some(rate) => {
                let continues = self
                    .runs
                    .last()
                    .and_then(|run| run.last())
                    .is_some_and(|last| before.is_some_and(|b| b.0 == last.0));
                self.point(now, rate * self.factor, continues);
            }
            // The next rate begins a stretch of its own.
            None => self.runs.push(Vec::new()),
        }
    }

    /// What was counted between two readings. `None`: the counter was reset.
    fn step(&self, before: f64, now: f64) -> Option<f64> {
        match self.kind {
            Kind::Gauge => Some(now - before),
            _ if now >= before => Some(now - before),
            // The milliseconds of diskstats are 32 bits wide on every kernel.
            Kind::Counter32 if before > 2f64.powi(31) => Some(now + 2f64.powi(32) - before),
            _ => None,
        }
    }

    fn point(&mut self, at: f64, value: f64, continues: bool) {
        match self.runs.last_mut() {
            Some(run) if continues || run.is_empty() => run.push((at, value)),
            _ => self.runs.push(vec![(at, value)]),
        }
    }
}

/// The lines of a signal, which are rates already where they are of counters.
fn signals(reader: &Reader, span: TimeSpan, asked: &Asked) -> store::Result<Vec<Line>> {
    let Some(window) = Window::load(reader, span)? else {
        return Ok(Vec::new());
    };
    let signals = Signals::derive(&window);
    let found = signals
        .all()
        .filter(|signal| asked.wants(signal.name, &signal.subject.to_string()));
    let line = |signal: &crate::signals::Signal| {
        let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
        for tick in window.first..window.len() {
            let value = signal.values[tick];
            if value.is_nan() || !window.continuous[tick] {
                runs.push(Vec::new());
            }
            if let (false, Some(run)) = (value.is_nan(), runs.last_mut()) {
                run.push((window.ticks[tick].seconds(), value));
            }
        }
        runs.retain(|run| !run.is_empty());
        Line {
            title: title(signal.name, &signal.subject.to_string()),
            unit: signal.unit.into(),
            runs,
        }
    };
    Ok(found.map(line).collect())
}

/// Names of all metrics and signals of a span.
///
/// # Errors
/// When the database cannot be read.
pub fn names(reader: &Reader, span: TimeSpan) -> store::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for source in reader.sources(span)? {
        reader.stretches(&source, span, &mut |template| {
            let columns = sources::decode(&source, template).unwrap_or_default();
            names.extend(columns.iter().map(|column| column.metric.name.to_string()));
            Slots::Some(Vec::new())
        })?;
    }
    if let Some(window) = Window::load(reader, span)? {
        names.extend(
            Signals::derive(&window)
                .all()
                .map(|signal| signal.name.to_owned()),
        );
    }
    Ok(names)
}

/// The names that may be meant, best first.
pub fn suggest<'a>(names: &'a BTreeSet<String>, asked: &str) -> Vec<&'a str> {
    const LEAST: f64 = 0.8;
    const MOST: usize = 4;
    let asked = asked.to_lowercase();
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        let last = name.split_once('.').map_or(name.as_str(), |(_, last)| last);
        let contained = if last == asked || name == asked {
            2.0
        } else if name.contains(&asked) {
            1.0
        } else {
            0.0
        };
        let like = strsim::jaro_winkler(&name, &asked).max(strsim::jaro_winkler(last, &asked));
        contained + like
    };
    let mut likely: Vec<(f64, &str)> = names
        .iter()
        .map(|name| (likeness(name), name.as_str()))
        .filter(|(likeness, _)| *likeness >= LEAST)
        .collect();
    likely.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    likely.into_iter().take(MOST).map(|(_, name)| name).collect()
}
