//! A span of the record, decoded: columns on a common grid of ticks.
//!
//! Unknown is `NaN` all the way: a tick at which a file was not read, a column that this kernel does not
//! have, a rate across a gap, a reset or a reboot. It is never zero, and every comparison with it is false.

use crate::bursts::{self, Row};
use model::{
    Boot, Event, Fact, Gap, Kind, LogRecord, Metric, Nanos, ProcessTick, Subject, TimeSpan, UnixNanos,
};
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use store::{Reader, Slots};

/// A decoded column over the window, one value per tick.
#[derive(Debug, Clone)]
pub struct Series {
    /// What.
    pub metric: Metric,
    /// When each value was read, seconds after the window's [`Window::origin`]; NaN where it was not.
    pub at: Arc<[f64]>,
    /// In the metric's unit; NaN where not known.
    pub values: Vec<f64>,
}

/// Everything recorded over a span that the explanation reads.
pub struct Window {
    /// What was asked for.
    pub span: TimeSpan,
    /// Time zero of all `f64` times: the first tick loaded.
    pub origin: UnixNanos,
    /// Wall time of each tick loaded, those of the lead before the span included.
    pub ticks: Vec<UnixNanos>,
    /// CLOCK_MONOTONIC of each tick.
    pub monotonic: Vec<Nanos>,
    /// Whether a counter's step from the tick before is meaningful: same boot, same run, no gap.
    pub continuous: Vec<bool>,
    /// First tick inside the span.
    pub first: usize,
    /// Nominal seconds between ticks.
    pub interval: f64,
    /// The boot that most of the span lies in.
    pub boot: Boot,
    /// Recorded and found gaps inside the span.
    pub gaps: Vec<Gap>,
    /// Ticks at which the machine had been rebooted.
    pub reboots: Vec<usize>,
    /// The values are averages over each interval (imported sar rows), not readings.
    pub averages: bool,
    /// Facts that held or changed.
    pub facts: Vec<Fact>,
    /// Kernel log.
    pub log: Vec<LogRecord>,
    /// Sharp events.
    pub events: Vec<Event>,
    /// Readings closer than ticks.
    pub(crate) bursts: Vec<Row>,
    /// Processes.
    pub processes: Vec<ProcessTick>,
    series: HashMap<Arc<str>, BTreeMap<Subject, Series>>,
}

/// The whole files that the signals read. Of the others, see [`wanted`].
const WHOLE: [&str; 6] = [
    "meminfo",
    "vmstat",
    "buddyinfo",
    "diskstats",
    "loadavg",
    "pressure",
];

/// Columns of the large files that the signals read.
const WANTED: [&str; 27] = [
    "zoneinfo.free",
    "zoneinfo.min",
    "zoneinfo.low",
    "zoneinfo.high",
    "zoneinfo.boost",
    "zoneinfo.pageset_count",
    "zoneinfo.managed",
    "zoneinfo.present",
    "stat.user",
    "stat.nice",
    "stat.system",
    "stat.idle",
    "stat.iowait",
    "stat.irq",
    "stat.softirq",
    "stat.steal",
    "stat.procs_running",
    "stat.procs_blocked",
    "stat.ctxt",
    "stat.processes",
    "stat.guest",
    "zoneinfo.spanned",
    "zoneinfo.protection_0",
    "zoneinfo.protection_1",
    "zoneinfo.protection_2",
    "zoneinfo.protection_3",
    "zoneinfo.protection_4",
];

/// Seconds before the span that are loaded too, to know the node's own quiet.
pub const LEAD_SECONDS: i64 = 600;

/// Columns to load.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// The sources that have any of them.
    pub sources: &'a [&'a str],
    /// Whether a metric of a subject is one of them.
    pub wanted: fn(&str, &Subject) -> bool,
}

fn wanted(metric: &str, subject: &Subject) -> bool {
    // `pressure/io.some_total` and `averages`' `vmstat.pgpgin` alike are judged by what they are, not by the file they stand in.
    let family = metric.split(['/', '.']).next().unwrap_or(metric);
    if WHOLE.contains(&family) {
        return true;
    }
    // Per-CPU lines of stat are many and answer no question here.
    WANTED.contains(&metric) && !matches!(subject, Subject::Cpu(_))
}

impl Window {
    /// Loads a span and the minutes before it. `None` when the span itself holds no tick.
    pub fn load(reader: &Reader, span: TimeSpan) -> store::Result<Option<Window>> {
        Window::load_with_lead(reader, span, LEAD_SECONDS)
    }

    /// The same with another number of seconds before the span: few, where only the newest values are asked for.
    pub fn load_with_lead(
        reader: &Reader,
        span: TimeSpan,
        lead_seconds: i64,
    ) -> store::Result<Option<Window>> {
        Window::load_chosen(reader, span, lead_seconds, None)
    }

    /// Only some columns, and nothing of what stands beside them (processes, facts, log, events), over a span without a lead: for
    /// looking through days.
    pub fn load_columns(reader: &Reader, span: TimeSpan, only: &Chosen) -> store::Result<Option<Window>> {
        Window::load_chosen(reader, span, 0, Some(only))
    }

    fn load_chosen(
        reader: &Reader,
        span: TimeSpan,
        lead_seconds: i64,
        only: Option<&Chosen>,
    ) -> store::Result<Option<Window>> {
        let lead = TimeSpan::new(span.from - lead_seconds * 1_000_000_000, span.to);
        let stamps = reader.ticks(lead)?;
        if !stamps.iter().any(|s| span.contains(s.at)) {
            return Ok(None);
        }
        let boots = reader.boots()?;
        let runs = reader.runs()?;
        let last = stamps.iter().rev().find(|s| span.contains(s.at)).copied();
        let last = last.expect("a tick inside the span was just seen");
        // Counters of another boot are of another machine's life: the lead is cut there, the span is not.
        let cut = stamps
            .iter()
            .position(|s| span.contains(s.at) || s.boot == last.boot)
            .unwrap_or(0);
        let stamps = &stamps[cut..];
        let origin = stamps[0].at;
        let interval = last.interval as f64 / 1e9;
        let mut continuous = vec![false; stamps.len()];
        let mut gaps = reader.gaps(span)?;
        let mut reboots = Vec::new();
        for i in 1..stamps.len() {
            let (before, now) = (stamps[i - 1], stamps[i]);
            let step = now.at.seconds_since(before.at);
            let allowed = 2.5 * now.interval.max(before.interval) as f64 / 1e9;
            continuous[i] = now.boot == before.boot && now.run == before.run && step > 0.0 && step <= allowed;
            if now.boot != before.boot {
                reboots.push(i);
            }
            let known = gaps
                .iter()
                .any(|g| g.source.is_none() && g.from <= now.at && before.at <= g.to);
            if !continuous[i] && !known && span.contains(now.at) {
                let why = if now.boot != before.boot {
                    "the machine was rebooted"
                } else {
                    "nothing was recorded"
                };
                gaps.push(Gap {
                    from: before.at,
                    to: now.at,
                    source: None,
                    why: why.into(),
                });
            }
        }
        gaps.sort_by_key(|g| (g.from, g.to));
        let first = stamps.iter().position(|s| span.contains(s.at)).unwrap_or(0);
        let averages = runs
            .iter()
            .any(|(id, _, run)| *id == last.run && run.origin == model::RunOrigin::ImportAverages);
        let loaded = TimeSpan::new(origin, span.to);
        let whole = only.is_none();
        let mut window = Window {
            span,
            origin,
            ticks: stamps.iter().map(|s| s.at).collect(),
            monotonic: stamps.iter().map(|s| s.monotonic).collect(),
            continuous,
            first,
            interval,
            boot: boots[last.boot].clone(),
            gaps,
            reboots,
            averages,
            facts: if whole { reader.facts(loaded)? } else { Vec::new() },
            log: if whole { reader.log(loaded)? } else { Vec::new() },
            events: if whole { reader.events(loaded)? } else { Vec::new() },
            bursts: Vec::new(),
            processes: if whole {
                reader.processes(loaded)?
            } else {
                Vec::new()
            },
            series: HashMap::new(),
        };
        for source in sources::all().iter().chain([sources::averages()]) {
            match only {
                None => window.load_source(reader, source, loaded, &wanted)?,
                Some(only) if only.sources.contains(&source.name) => {
                    window.load_source(reader, source, loaded, &only.wanted)?;
                }
                Some(_) => {}
            }
        }
        if whole {
            window.load_cgroups(reader, loaded)?;
            window.load_bursts(reader, loaded)?;
        }
        Ok(Some(window))
    }

    fn load_source(
        &mut self,
        reader: &Reader,
        source: &sources::Source,
        span: TimeSpan,
        wanted: &dyn Fn(&str, &Subject) -> bool,
    ) -> store::Result<()> {
        let mut chosen: HashMap<*const model::Template, Vec<model::Column>> = HashMap::new();
        // A reading follows its tick within the interval; allow the last one to.
        let span = TimeSpan::new(span.from, span.to + (self.interval * 1e9) as i64);
        let stretches = reader.stretches(source.name, span, &mut |template| {
            let columns: Vec<_> = (source.decode)(template)
                .into_iter()
                .filter(|c| wanted(&c.metric.name, &c.subject))
                .collect();
            let slots = columns.iter().map(|c| c.slot).collect();
            chosen.insert(Arc::as_ptr(template), columns);
            Slots::Some(slots)
        })?;
        let ticks = self.ticks.len();
        let mut at = vec![f64::NAN; ticks];
        let places: Vec<Vec<usize>> = stretches
            .iter()
            .map(|stretch| stretch.at.iter().map(|&when| self.tick_of(when)).collect())
            .collect();
        for (stretch, places) in stretches.iter().zip(&places) {
            for (&when, &place) in stretch.at.iter().zip(places) {
                if place < ticks {
                    at[place] = when.seconds_since(self.origin);
                }
            }
        }
        let at: Arc<[f64]> = at.into();
        for (stretch, places) in stretches.iter().zip(&places) {
            let Some(columns) = chosen.get(&Arc::as_ptr(&stretch.template)) else {
                continue;
            };
            for (column, raw) in columns.iter().zip(&stretch.columns) {
                let series = self
                    .series
                    .entry(column.metric.name.clone())
                    .or_default()
                    .entry(column.subject.clone())
                    .or_insert_with(|| Series {
                        metric: column.metric.clone(),
                        at: at.clone(),
                        values: vec![f64::NAN; ticks],
                    });
                for (&value, &place) in raw.iter().zip(places) {
                    if place < ticks {
                        series.values[place] = column.value(value);
                    }
                }
            }
        }
        Ok(())
    }

    /// Control groups are many, and what did not move was not told: all their files are read in one go.
    fn load_cgroups(&mut self, reader: &Reader, span: TimeSpan) -> store::Result<()> {
        let mut chosen: HashMap<(Arc<str>, *const model::Template), Vec<model::Column>> = HashMap::new();
        let mut times: HashMap<Arc<str>, Vec<f64>> = HashMap::new();
        let mut of_source: Vec<(Arc<str>, Arc<str>, Subject)> = Vec::new();
        let (ticks, origin) = (self.ticks.len(), self.origin);
        // Kept, so that no other template can stand at the address of one.
        let mut kept = Vec::new();
        reader.readings("cgroup/", span, &mut |source, when, template, values| {
            let columns = chosen
                .entry((source.clone(), Arc::as_ptr(template)))
                .or_insert_with(|| {
                    kept.push(template.clone());
                    let all = sources::decode_cgroup(source, template).unwrap_or_default();
                    let read = all
                        .into_iter()
                        .filter(|c| crate::signals::cgroups::READ.contains(&&*c.metric.name));
                    read.collect()
                });
            let place = self.tick_of(when);
            if place >= ticks || columns.is_empty() {
                return;
            }
            let at = times
                .entry(source.clone())
                .or_insert_with(|| vec![f64::NAN; ticks]);
            at[place] = when.seconds_since(origin);
            for column in columns.iter() {
                let by_subject = self.series.entry(column.metric.name.clone()).or_default();
                let series = by_subject.entry(column.subject.clone()).or_insert_with(|| {
                    of_source.push((source.clone(), column.metric.name.clone(), column.subject.clone()));
                    Series {
                        metric: column.metric.clone(),
                        at: Arc::from([]),
                        values: vec![f64::NAN; ticks],
                    }
                });
                if let Some(&value) = values.get(column.slot) {
                    series.values[place] = column.value(value);
                }
            }
        })?;
        let times: HashMap<Arc<str>, Arc<[f64]>> = times
            .into_iter()
            .map(|(source, at)| (source, at.into()))
            .collect();
        for (source, metric, subject) in of_source {
            let series = self.series.get_mut(&metric).and_then(|s| s.get_mut(&subject));
            if let (Some(series), Some(at)) = (series, times.get(&source)) {
                series.at = at.clone();
            }
        }
        Ok(())
    }

    /// A text may hold readings of seconds before its tick, so each has its place by its own time.
    fn load_bursts(&mut self, reader: &Reader, span: TimeSpan) -> store::Result<()> {
        let mut rows = Vec::new();
        reader.readings(
            sources::burst().name,
            span,
            &mut |source, when, template, values| {
                let tick = self.tick_of(when);
                let tick = if tick < self.len() { tick } else { 0 };
                let (wall, monotonic) = (self.ticks[tick].0, self.monotonic[tick]);
                let wall = |at: Nanos| wall.checked_add(at.checked_sub(monotonic)?).map(UnixNanos);
                if &**source == sources::burst().name {
                    let text = template.render(values);
                    rows.extend(bursts::rows(&String::from_utf8_lossy(&text), wall));
                }
            },
        )?;
        rows.sort_by_key(|row| row.at);
        rows.dedup_by_key(|row| row.at);
        self.bursts = rows;
        Ok(())
    }

    /// The tick that a reading belongs to: the last one that began before it.
    fn tick_of(&self, when: UnixNanos) -> usize {
        self.ticks
            .partition_point(|&t| t <= when)
            .checked_sub(1)
            .unwrap_or(usize::MAX)
    }

    /// Number of ticks loaded.
    pub fn len(&self) -> usize {
        self.ticks.len()
    }

    /// Never: a window holds at least one tick.
    pub fn is_empty(&self) -> bool {
        self.ticks.is_empty()
    }

    /// Wall time of a number of seconds after the origin.
    pub fn wall(&self, seconds: f64) -> UnixNanos {
        self.origin + (seconds * 1e9).round() as i64
    }

    /// A series by name and subject.
    pub fn get(&self, metric: &str, subject: &Subject) -> Option<&Series> {
        self.series.get(metric)?.get(subject)
    }

    /// All subjects of a metric, in their order.
    pub fn subjects(&self, metric: &str) -> Vec<Subject> {
        self.series
            .get(metric)
            .map(|s| s.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Whether any tick has the metric.
    pub fn has(&self, metric: &str) -> bool {
        self.series.contains_key(metric)
    }

    /// Names of all metrics, sorted.
    pub fn metrics(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.series.keys().cloned().collect();
        names.sort();
        names
    }

    /// Every series, in a fixed order.
    pub fn all(&self) -> Vec<(Arc<str>, &Subject, &Series)> {
        let mut all: Vec<_> = self
            .series
            .iter()
            .flat_map(|(name, by_subject)| {
                by_subject
                    .iter()
                    .map(move |(subject, s)| (name.clone(), subject, s))
            })
            .collect();
        all.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        all
    }

    /// What a counter moved by since the tick before; NaN across gaps, resets and reboots.
    pub fn steps(&self, series: &Series) -> Vec<f64> {
        let mut out = vec![f64::NAN; series.values.len()];
        for i in 1..series.values.len() {
            let (before, now) = (series.values[i - 1], series.values[i]);
            if !self.continuous[i] || before.is_nan() || now.is_nan() {
                continue;
            }
            out[i] = step(series.metric.kind, before, now);
        }
        out
    }

    /// A counter's (or a gauge's) change per second since the tick before.
    pub fn rates(&self, series: &Series) -> Vec<f64> {
        let mut out = self.steps(series);
        for i in 1..out.len() {
            out[i] /= series.at[i] - series.at[i - 1];
        }
        out
    }
}

/// What a number moved by; NaN where a counter went back and did not wrap.
pub(crate) fn step(kind: Kind, before: f64, now: f64) -> f64 {
    match kind {
        Kind::Gauge => now - before,
        _ if now >= before => now - before,
        // The milliseconds of diskstats are 32 bits wide on every kernel (kernel.md §5.5).
        Kind::Counter32 if before > 2f64.powi(31) => now + 2f64.powi(32) - before,
        _ => f64::NAN,
    }
}
