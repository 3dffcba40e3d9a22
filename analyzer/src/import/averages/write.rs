//! From rows to ticks.

use super::{Averages, Column, Kind};
use crate::import::{Outcome, Result, Summary};
use model::{Nanos, Reading, Run, RunOrigin, Subject, Template, Tick, TimeSpan, Unit, UnixNanos};
use std::sync::Arc;
use store::Writer;

/// The source that holds averages.
const SOURCE: &str = "averages";

const SECOND: Nanos = 1_000_000_000;

/// Rows further apart than this many intervals do not follow each other.
const FOLLOWS: f64 = 1.5;

/// Tables print one sample's time with a second's difference or a few; so much of an interval is one tick.
const SAME_TICK: i64 = 20;

/// Where integrated rates begin. Not zero, so that nobody takes it for the machine's start.
const BASE: f64 = 1_000_000.0;

/// Rows that follow each other, from one start of the machine.
pub(super) struct Stretch {
    /// When the first row's interval began.
    pub(super) begin: UnixNanos,
    /// Which start of the machine, counted from 0.
    pub(super) boot: usize,
    /// Values of all tables at one time; NaN where a column has none.
    pub(super) ticks: Vec<(UnixNanos, Vec<f64>)>,
}

pub(super) fn stretches(averages: &Averages, interval: Nanos) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let allowed = (interval as f64 * FOLLOWS) as Nanos;
    let mut boot = 0;
    for (&at, row) in &averages.rows {
        let last = stretches
            .last()
            .and_then(|stretch| stretch.ticks.last())
            .map(|(at, _)| *at);
        let restarted = last.is_some_and(|last| averages.restarts.range(last..=at).next().is_some());
        boot += usize::from(restarted);
        let same_tick = last.is_some_and(|last| at.0 - last.0 <= interval / SAME_TICK);
        let follows = last.is_some_and(|last| at.0 - last.0 <= allowed);
        if restarted || !follows {
            let header = averages.starts.range(at - allowed..at).next_back().copied();
            let begin = header
                .unwrap_or(at - interval)
                .max(last.unwrap_or(UnixNanos(i64::MIN)) + 1);
            stretches.push(Stretch {
                begin,
                boot,
                ticks: Vec::new(),
            });
        }
        let Some(stretch) = stretches.last_mut() else {
            continue;
        };
        if restarted || !same_tick {
            stretch.ticks.push((at, vec![f64::NAN; averages.columns.len()]));
        }
        let Some((_, values)) = stretch.ticks.last_mut() else {
            continue;
        };
        for &(column, value) in row {
            // A table that was printed twice says the same twice.
            if values[column].is_nan() {
                values[column] = value;
            }
        }
    }
    stretches
}

/// Writes all of it, or nothing. `key` names the import, so that it is not made twice.
pub(super) fn write(averages: &Averages, key: &str, writer: &mut Writer) -> Result<Outcome> {
    let interval = averages.interval().unwrap_or(600 * SECOND);
    let stretches = stretches(averages, interval);
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else {
        return Ok(Outcome::AlreadyThere);
    };
    let end = last.ticks.last().map_or(last.begin, |(at, _)| *at);
    let boot = averages.machine.boot(None, None, averages.tz);
    let mut summary = Summary {
        hostname: boot.hostname,
        kernel: boot.kernel,
        span: TimeSpan::new(first.begin, end),
        interval,
        ticks: 0,
        sources: vec![SOURCE.to_owned()],
        files: 0,
        readings: 0,
        process_rows: 0,
        log_records: 0,
        facts: 0,
        bytes: 0,
        notes: notes(averages),
    };
    writer.transaction(|writer| {
        let mut boot_begins = first.begin;
        let mut boot_number = first.boot;
        for (index, stretch) in stretches.iter().enumerate() {
            if stretch.boot != boot_number {
                (boot_begins, boot_number) = (stretch.begin, stretch.boot);
            }
            let restarted = (stretch.boot > 0).then_some(boot_begins);
            let boot = averages
                .machine
                .boot(restarted, total_memory(averages, stretch), averages.tz);
            let run = Run {
                origin: RunOrigin::ImportAverages,
                interval,
                started: stretch.begin,
                import_key: Some(format!("{key}#{index}")),
            };
            let Some(run) = writer.begin_run(&boot, &run)? else {
                return Ok(Outcome::AlreadyThere);
            };
            for (at, reading) in readings(stretch, &averages.columns) {
                summary.readings += 1;
                summary.ticks += 1;
                writer.append(
                    run,
                    &Tick {
                        at,
                        monotonic: at.0 - boot_begins.0,
                        readings: vec![reading],
                    },
                )?;
            }
        }
        Ok(Outcome::Imported(summary))
    })
}

fn total_memory(averages: &Averages, stretch: &Stretch) -> Option<u64> {
    let column = averages
        .columns
        .iter()
        .position(|column| column.metric == "meminfo.MemTotal")?;
    let kib = stretch
        .ticks
        .iter()
        .map(|(_, values)| values[column])
        .find(|kib| !kib.is_nan())?;
    Some(kib as u64 * 1024)
}

pub(super) fn notes(averages: &Averages) -> Vec<String> {
    let mut notes: Vec<String> = averages.notes.iter().cloned().collect();
    notes.extend(averages.machine.note());
    if !averages.unused.is_empty() {
        let tables: Vec<&str> = averages.unused.iter().map(String::as_str).collect();
        notes.push(format!("not used, tables that begin with: {}", tables.join("; ")));
    }
    notes.extend(
        averages
            .broken
            .iter()
            .map(|(place, reason)| format!("{place}: {reason}; the line was left out")),
    );
    let more = averages.broken_count - averages.broken.len() as u64;
    if more > 0 {
        notes.push(format!("{more} more lines were left out"));
    }
    notes
}

/// The readings of a stretch: one at its beginning, from which the first row's rates start, and one a row.
pub(super) fn readings<'a>(
    stretch: &'a Stretch,
    columns: &'a [Column],
) -> impl Iterator<Item = (UnixNanos, Reading)> + 'a {
    let mut integrator = Integrator::new(columns);
    let mut before = stretch.begin;
    let rows = stretch.ticks.iter().map(|(at, values)| (*at, Some(values)));
    let ticks = std::iter::once((stretch.begin, None)).chain(rows);
    let following = stretch.ticks.iter().map(|(_, values)| Some(values)).chain([None]);
    ticks.zip(following).filter_map(move |((at, now), next)| {
        let seconds = at.seconds_since(std::mem::replace(&mut before, at));
        Some((at, integrator.tick(seconds, now, next)?))
    })
}

/// Makes counters of rates, and the text that holds them.
struct Integrator<'a> {
    columns: &'a [Column],
    /// What stands before the number in each column's line.
    labels: Vec<String>,
    /// The counter of each column, if it was printed at the last tick.
    counters: Vec<Option<f64>>,
    /// The columns in the last text, and that text as a template.
    printed: Vec<usize>,
    template: Arc<Template>,
    source: Arc<str>,
}

impl<'a> Integrator<'a> {
    fn new(columns: &'a [Column]) -> Self {
        let label = |column: &Column| {
            let subject = match column.subject {
                Subject::Device(ref name) => format!("device {name}"),
                ref subject => subject.to_string(),
            };
            let kind = if column.kind == Kind::Rate {
                "counter"
            } else {
                "gauge"
            };
            format!("{} {subject} {kind} {}", column.metric, unit_word(column.unit))
        };
        Integrator {
            columns,
            labels: columns.iter().map(label).collect(),
            counters: vec![None; columns.len()],
            printed: Vec::new(),
            template: Arc::default(),
            source: SOURCE.into(),
        }
    }

    /// The reading at a tick that ends `seconds` after the one before; `None` when it has nothing to say.
    fn tick(&mut self, seconds: f64, now: Option<&Vec<f64>>, next: Option<&Vec<f64>>) -> Option<Reading> {
        let value =
            |row: Option<&Vec<f64>>, column: usize| row.map(|row| row[column]).filter(|v| !v.is_nan());
        let mut printed = Vec::with_capacity(self.printed.len());
        let mut values = Vec::with_capacity(self.printed.len());
        for (i, column) in self.columns.iter().enumerate() {
            let number = match (column.kind, value(now, i)) {
                (Kind::Gauge, value) => value,
                (Kind::Rate, rate) => {
                    let counter = match (self.counters[i], rate) {
                        (Some(before), Some(rate)) => Some(before + rate * seconds),
                        // A rate without a start cannot be kept, but the next one's start is here.
                        (None, _) => value(next, i).map(|_| BASE),
                        // After a row that is missing, the difference to the next would be of both.
                        (Some(_), None) => None,
                    };
                    self.counters[i] = counter;
                    counter
                }
            };
            if let Some(number) = number {
                printed.push(i);
                values.push((number * if has_cents(column) { 100.0 } else { 1.0 }).round() as u64);
            }
        }
        if printed.is_empty() {
            return None;
        }
        if printed != self.printed {
            let text = self.text(&printed, &values);
            let (template, parsed) = Template::parse(text.as_bytes(), None);
            self.template = Arc::new(template);
            // A device called `8` makes a number of its own name: then every text has to be read.
            self.printed = if parsed == values { printed } else { Vec::new() };
            values = parsed;
        }
        Some(Reading {
            source: self.source.clone(),
            offset: 0,
            template: self.template.clone(),
            values,
        })
    }

    fn text(&self, printed: &[usize], values: &[u64]) -> String {
        let line = |(&column, value): (&usize, &u64)| {
            let label = &self.labels[column];
            match has_cents(&self.columns[column]) {
                true => format!("{label} {}.{:02}\n", value / 100, value % 100),
                false => format!("{label} {value}\n"),
            }
        };
        printed.iter().zip(values).map(line).collect()
    }
}

/// Whether it is written with two decimals, as sar writes rates and load averages.
fn has_cents(column: &Column) -> bool {
    column.kind == Kind::Rate || column.unit == Unit::Ratio
}

/// The unit's name as it is spelled everywhere else that programs read it.
fn unit_word(unit: Unit) -> String {
    let word = serde_json::to_value(unit).ok();
    word.as_ref()
        .and_then(|word| word.as_str())
        .unwrap_or("count")
        .to_owned()
}
