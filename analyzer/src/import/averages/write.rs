//! From rows to a run.

use super::ticks::{Moves, Ticks, Walk};
use super::{Averages, Column, Kind};
use crate::import::snapshots::Found;
use crate::import::{Outcome, Progress, Result, Summary};
use model::{
    Fact, LogRecord, Nanos, ProcessTick, Reading, Run, RunOrigin, Subject, Template, Tick, TimeSpan, Unit,
    UnixNanos,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::Writer;

/// The source that holds averages.
const SOURCE: &str = "averages";

const SECOND: Nanos = 1_000_000_000;

/// Where integrated rates begin. Not zero, so that nobody takes it for the machine's start.
const BASE: f64 = 1_000_000.0;

/// What the machine is said to have run at the first tick, since nobody says it: long enough that processes can have been there before.
const UPTIME: Nanos = 10 * 86_400 * SECOND;

/// The same in clock ticks, in which processes say when they were started.
pub(in crate::import) const UPTIME_TICKS: u64 = (UPTIME / SECOND) as u64 * 100;

/// What an import has beside tables, each in order of time.
#[derive(Default)]
pub(in crate::import) struct Beside<'a> {
    /// Instants that are ticks, whatever the tables say.
    pub(in crate::import) times: Vec<UnixNanos>,
    /// Kernel files as they were, read when they are written.
    pub(in crate::import) readings: Option<Box<dyn Iterator<Item = Result<Found>> + 'a>>,
    /// Processes, read when they are written.
    pub(in crate::import) processes: Option<Box<dyn Iterator<Item = Result<ProcessTick>> + 'a>>,
    pub(in crate::import) log: Vec<LogRecord>,
    pub(in crate::import) facts: Vec<Fact>,
    pub(in crate::import) memory_bytes: Option<u64>,
}

/// What an import is called, so that it is not made twice, and what it was made of.
pub(in crate::import) struct Input {
    pub(in crate::import) key: String,
    pub(in crate::import) bytes: u64,
    pub(in crate::import) files: usize,
}

/// Writes all of it, or nothing.
pub(in crate::import) fn write(
    averages: &Averages,
    beside: Beside,
    input: &Input,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let interval = averages.interval().unwrap_or(600 * SECOND);
    let ticks = Ticks::of(averages, interval, beside.times.iter().copied());
    let (Some(&first), Some(&last)) = (ticks.at.first(), ticks.at.last()) else {
        return Ok(Outcome::AlreadyThere);
    };
    let boot = averages.machine.boot(None, None, averages.tz);
    let mut summary = Summary {
        hostname: boot.hostname,
        kernel: boot.kernel,
        span: TimeSpan::new(first, last),
        interval,
        ticks: 0,
        sources: Vec::new(),
        files: input.files,
        readings: 0,
        process_rows: 0,
        log_records: beside.log.len() as u64,
        facts: 0,
        bytes: input.bytes,
        notes: notes(averages),
    };
    let is_average = averages.columns.iter().any(|column| column.kind == Kind::Rate);
    let memory_bytes = beside.memory_bytes.or_else(|| averages.total_memory());
    writer.import(|writer| {
        let mut sources = BTreeSet::new();
        let mut readings = beside.readings.into_iter().flatten().peekable();
        let mut processes = beside.processes.into_iter().flatten().peekable();
        let mut counters = Counters::new(&averages.columns);
        let mut walk = Walk::new(averages, &ticks);
        let mut log = beside.log.into_iter().peekable();
        for (number, &begin) in ticks.boots.iter().enumerate() {
            let end = ticks.boots.get(number + 1).copied().unwrap_or(ticks.at.len());
            let started = ticks.at[begin];
            let restarted = (number > 0).then_some(started);
            let run = Run {
                origin: if is_average {
                    RunOrigin::ImportAverages
                } else {
                    RunOrigin::Import
                },
                interval,
                started,
                import_key: Some(format!("{}#{number}", input.key)),
            };
            let Some(run) =
                writer.begin_run(&averages.machine.boot(restarted, memory_bytes, averages.tz), &run)?
            else {
                return Ok(Outcome::AlreadyThere);
            };
            counters.restart();
            for now in begin..end {
                let at = ticks.at[now];
                let next = ticks.at.get(now + 1).copied().unwrap_or(UnixNanos(i64::MAX));
                walk.step(now);
                let seconds = if now > begin {
                    at.seconds_since(ticks.at[now - 1])
                } else {
                    0.0
                };
                let mut together: Vec<Reading> = counters.tick(seconds, &walk.moves).into_iter().collect();
                while let Some(found) =
                    readings.next_if(|found| found.as_ref().map_or(true, |found| found.at < next))
                {
                    let found = found?;
                    // Twice in one tick says nothing new.
                    if !together.iter().any(|reading| *reading.source == *found.source) {
                        together.push(found.reading(at));
                    }
                }
                while processes
                    .peek()
                    .is_some_and(|tick| tick.as_ref().map_or(true, |tick| tick.at < next))
                {
                    if let Some(tick) = processes.next().transpose()? {
                        summary.process_rows += tick.samples.len() as u64;
                        writer.append_processes(run, &tick)?;
                    }
                }
                if together.is_empty() {
                    continue;
                }
                sources.extend(together.iter().map(|reading| reading.source.to_string()));
                summary.readings += together.len() as u64;
                summary.ticks += 1;
                writer.append(
                    run,
                    &Tick {
                        at,
                        monotonic: at.0 - started.0 + UPTIME,
                        readings: together,
                    },
                )?;
                if summary.ticks.is_multiple_of(256) {
                    progress(Progress {
                        bytes: input.bytes,
                        total_bytes: input.bytes,
                        ticks: summary.ticks,
                    });
                }
            }
            let until = ticks.at.get(end).copied().unwrap_or(UnixNanos(i64::MAX));
            let records: Vec<LogRecord> =
                std::iter::from_fn(|| log.next_if(|record| record.at < until)).collect();
            if !records.is_empty() {
                writer.append_log(run, &records)?;
            }
        }
        summary.facts = writer.append_facts(&beside.facts)?;
        summary.sources = sources.into_iter().collect();
        Ok(Outcome::Imported(summary))
    })
}

impl Averages {
    /// The first size of all memory that a row gives.
    fn total_memory(&self) -> Option<u64> {
        let column = self
            .columns
            .iter()
            .position(|column| column.metric == "meminfo.MemTotal")?;
        let kib = self.groups.iter().find_map(|group| {
            let place = group.columns.iter().position(|&other| other == column)?;
            let (mut reader, mut values) = (group.rows.read(), Vec::new());
            while reader.next(&mut values).is_some() {
                if !values[place].is_nan() {
                    return Some(values[place]);
                }
            }
            None
        })?;
        Some(kib as u64 * 1024)
    }
}

pub(in crate::import) fn notes(averages: &Averages) -> Vec<String> {
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

/// Makes counters of rates, and the text that holds them.
pub(in crate::import) struct Counters<'a> {
    columns: &'a [Column],
    /// What stands before the number in each column's line.
    labels: Vec<String>,
    /// The counter of each column; NaN if it was not printed at the last tick.
    counters: Vec<f64>,
    /// What it was when it was printed last.
    last: Vec<f64>,
    /// The columns in the last text, and that text as a template.
    printed: Vec<usize>,
    template: Arc<Template>,
    source: Arc<str>,
}

impl<'a> Counters<'a> {
    pub(in crate::import) fn new(columns: &'a [Column]) -> Self {
        let label = |column: &Column| {
            let subject = match column.subject {
                Subject::Device(ref name) => format!("device {name}"),
                ref subject => subject.to_string(),
            };
            let kind = if column.kind == Kind::Gauge {
                "gauge"
            } else {
                "counter"
            };
            format!("{} {subject} {kind} {}", column.metric, unit_word(column.unit))
        };
        Counters {
            columns,
            labels: columns.iter().map(label).collect(),
            counters: vec![f64::NAN; columns.len()],
            last: vec![BASE + 1.0; columns.len()],
            printed: Vec::new(),
            template: Arc::default(),
            source: SOURCE.into(),
        }
    }

    /// The machine was restarted.
    pub(in crate::import) fn restart(&mut self) {
        self.counters.fill(f64::NAN);
        self.last.fill(BASE + 1.0);
    }

    /// The reading at a tick that ends `seconds` after the one before; `None` when it has nothing to say.
    pub(in crate::import) fn tick(&mut self, seconds: f64, moves: &Moves) -> Option<Reading> {
        let mut printed = Vec::with_capacity(self.printed.len());
        let mut values = Vec::with_capacity(self.printed.len());
        for (i, column) in self.columns.iter().enumerate() {
            let value = moves.values[i];
            let number = match column.kind {
                Kind::Gauge | Kind::Counter => value,
                Kind::Rate => {
                    let mut counter = self.counters[i] + value * seconds;
                    if counter.is_nan() && moves.begins[i] {
                        // Lower than it was: whoever takes the difference sees that it is none.
                        counter = if self.last[i] > BASE {
                            BASE
                        } else {
                            self.last[i] - 1.0
                        };
                    }
                    self.counters[i] = counter;
                    if !counter.is_nan() {
                        self.last[i] = counter;
                    }
                    counter
                }
            };
            if !number.is_nan() {
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
