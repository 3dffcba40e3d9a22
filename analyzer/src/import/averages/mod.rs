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
//! Each life of the machine makes one run. Where a number is not known (a hole, a new day's file) its line is missing, and where it is
//! known again its counter starts below where it was, so that no difference is ever taken across.

mod columns;
mod entry;
mod rows;
mod sadf;
mod sar;
mod table;
mod ticks;
mod write;

use super::text::Lines;
use super::{Error, Machine, Place, Result};
use chrono::NaiveDate;
use chrono_tz::Tz;
use model::{Nanos, Subject, Unit, UnixNanos};
use rows::{Interval, Rows};
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use entry::{sa_files, sadf_json, sar_text};

// What is made of tables, for the importers of other tools.
pub(super) use columns::{CPU, IOSTAT, Meaning, VMSTAT};
pub(super) use entry::read_sa;
pub(super) use sar::{read as read_sar, read_number};
pub(super) use table::Table;
pub(super) use write::{Beside, Input, UPTIME_TICKS, write};

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
pub(super) enum Kind {
    /// The state at the end of the interval.
    Gauge,
    /// So many of the unit a second.
    Rate,
    /// What was counted until then.
    Counter,
}

/// A number that rows have.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    metric: &'static str,
    subject: Subject,
    unit: Unit,
    kind: Kind,
}

/// Rows of a table about one subject.
#[derive(Debug)]
struct Group {
    /// Of [`Averages::columns`], in the order of the rows' numbers.
    columns: Vec<usize>,
    rows: Rows,
    /// Whether the tool said how long each interval was; else a row that is missing may be a line that was lost.
    exact: bool,
    /// Whether a row says something of all its interval, and not of its end alone.
    has_rates: bool,
}

/// All that was read, before it is put in order.
#[derive(Debug, Default)]
pub(in crate::import) struct Averages {
    /// Zone of the clock times.
    pub(in crate::import) tz: Tz,
    pub(in crate::import) machine: Machine,
    columns: Vec<Column>,
    by_name: HashMap<(&'static str, Subject), usize>,
    groups: Vec<Group>,
    /// Bytes in all groups.
    size: usize,
    restarts: BTreeSet<UnixNanos>,
    /// Lengths between a row and the one before it in the same table, with how often they were seen.
    steps: BTreeMap<i64, u64>,
    /// The nominal interval, where it is not the usual length between rows.
    pub(in crate::import) beat: Option<Nanos>,
    /// Tables whose numbers nothing here uses, by their first columns.
    pub(in crate::import) unused: BTreeSet<String>,
    pub(in crate::import) notes: BTreeSet<String>,
    /// Lines that were not understood: the first few, and how many there are.
    broken: Vec<(Place, String)>,
    broken_count: u64,
}

impl Averages {
    const BROKEN_SHOWN: usize = 5;

    /// What the rows of one import may take in memory, which is some gigabytes of text.
    const MOST_BYTES: usize = 1 << 30;

    /// Nothing yet, of clocks in this zone.
    pub(super) fn new(tz: Tz) -> Averages {
        Averages {
            tz,
            ..Averages::default()
        }
    }

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

    /// The machine was started again between the last row before `at` and the one of then.
    pub(super) fn restart(&mut self, at: UnixNanos) {
        self.restarts.insert(at);
    }

    /// A group without rows, for these columns.
    fn group(&mut self, columns: Vec<usize>, exact: bool) -> usize {
        let has_rates = columns
            .iter()
            .any(|&column| self.columns[column].kind == Kind::Rate);
        self.groups.push(Group {
            columns,
            rows: Rows::default(),
            exact,
            has_rates,
        });
        self.groups.len() - 1
    }

    fn push(&mut self, group: usize, interval: Interval, values: impl Iterator<Item = f64>) {
        let rows = &mut self.groups[group].rows;
        let before = rows.size();
        rows.push(interval, values);
        self.size += rows.size() - before;
    }

    /// Whether no row was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Refuses more than fits in memory.
    pub(super) fn check_size(&self, lines: &Lines) -> Result<()> {
        if self.size <= Self::MOST_BYTES {
            return Ok(());
        }
        let reason = "more rows than fit in 1 GiB: import fewer days at a time";
        Err(Error::at(&lines.file, lines.line, reason))
    }

    pub(super) fn broken(&mut self, place: Place, reason: &str) {
        self.broken_count += 1;
        if self.broken.len() < Self::BROKEN_SHOWN {
            self.broken.push((place, reason.to_owned()));
        }
    }

    pub(super) fn first_broken(&self) -> Option<(Place, String)> {
        self.broken.first().cloned()
    }

    /// The usual length of an interval; `None` when there is one row and nothing says when its interval began.
    fn interval(&self) -> Option<Nanos> {
        let half = self.steps.values().sum::<u64>().div_ceil(2);
        let mut seen = 0;
        let usual = self.steps.iter().find_map(|(&step, &count)| {
            seen += count;
            (seen >= half).then_some(step)
        });
        self.beat.or(usual)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::read_back;
