//! Averages over intervals, as sar keeps them, as counters that a reader can take differences of.
//!
//! A row of sar says what happened a second, on average, since the row before. The record holds readings, so each rate is
//! integrated: a number that starts anywhere and grows by rate × seconds from row to row. Its difference over the interval,
//! divided by the interval, is the row's rate again, to two decimals. Nothing else can be read from it: the run that holds it
//! says [`RunOrigin::ImportAverages`].
//!
//! The readings are of a source of our own, `averages`, with a line per number: metric, what it is of, kind, unit, value. So
//! nothing has to be made up that sar did not say (how many of a device's transfers were reads, say), which the kernel's own
//! file formats would demand:
//!
//! ```text
//! vmstat.pgpgin host counter kibibytes 6940318.10
//! diskstats.read_sectors device vgca0 counter sectors 13635539.40
//! meminfo.MemFree host gauge kibibytes 2481764
//! ```
//!
//! Rows that follow each other make one run, which starts with a tick of its own at the beginning of the first row's interval. After
//! a hole or a restart of the machine the next run begins, so that no difference is ever taken across it.

mod columns;
mod entry;
mod sadf;
mod sar;
mod table;
mod write;

use super::{Machine, Place};
use chrono::NaiveDate;
use chrono_tz::Tz;
use model::{Subject, Unit, UnixNanos};
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use entry::{sa_files, sadf_json, sar_text};

/// What has to be said about text that does not say it itself.
#[derive(Debug, Clone)]
pub struct Options {
    /// The day of text without a header line; also decides between month/day and day/month.
    pub date: Option<NaiveDate>,
    /// The zone of the clock times in the text.
    pub tz: Tz,
    /// The machine, where the text does not say it.
    pub machine: Machine,
    /// Whether a line that is not understood ends the import.
    pub strict: bool,
}

/// Whether a value stands for itself or is a rate that was averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The state at the end of the interval.
    Gauge,
    /// So many of the unit a second.
    Rate,
}

/// A number that rows have.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    metric: &'static str,
    subject: Subject,
    unit: Unit,
    kind: Kind,
}

/// All that was read, before it is put in order.
#[derive(Debug, Default)]
struct Averages {
    /// Zone of the clock times.
    tz: Tz,
    machine: Machine,
    columns: Vec<Column>,
    by_name: HashMap<(&'static str, Subject), usize>,
    /// Values by the time at which their interval ended.
    rows: BTreeMap<UnixNanos, Vec<(usize, f64)>>,
    /// Times at which an interval began with which no row ended: the first line of a table, a restart.
    starts: BTreeSet<UnixNanos>,
    restarts: BTreeSet<UnixNanos>,
    /// Lengths between a row and the one before it in the same table, with how often they were seen.
    steps: BTreeMap<i64, u64>,
    /// Tables whose numbers nothing here uses, by their first columns.
    unused: BTreeSet<String>,
    notes: BTreeSet<String>,
    /// Lines that were not understood: the first few, and how many there are.
    broken: Vec<(Place, String)>,
    broken_count: u64,
}

impl Averages {
    const BROKEN_SHOWN: usize = 5;

    fn column(&mut self, metric: &'static str, subject: Subject, unit: Unit, kind: Kind) -> usize {
        *self
            .by_name
            .entry((metric, subject))
            .or_insert_with_key(|(metric, subject)| {
                self.columns.push(Column {
                    metric,
                    subject: subject.clone(),
                    unit,
                    kind,
                });
                self.columns.len() - 1
            })
    }

    fn broken(&mut self, place: Place, reason: &str) {
        self.broken_count += 1;
        if self.broken.len() < Self::BROKEN_SHOWN {
            self.broken.push((place, reason.to_owned()));
        }
    }

    /// The usual length of an interval; `None` when there is one row and nothing says when its interval began.
    fn interval(&self) -> Option<i64> {
        if self.steps.is_empty() {
            let row = *self.rows.keys().next()?;
            return self.starts.range(..row).next_back().map(|start| row.0 - start.0);
        }
        let half = self.steps.values().sum::<u64>().div_ceil(2);
        let mut seen = 0;
        self.steps.iter().find_map(|(&step, &count)| {
            seen += count;
            (seen >= half).then_some(step)
        })
    }
}

#[cfg(test)]
mod tests;
