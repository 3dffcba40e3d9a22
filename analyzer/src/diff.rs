//! Two readings of one source side by side: which numbers moved, by how much, how fast.
//!
//! Numbers are listed by how far they moved in what they measure: first amounts of memory and I/O by bytes, then times by
//! seconds, then things counted. Within a class a page, a kB and a sector are comparable, so the largest comes first; between
//! classes no order would mean anything.

use crate::window::step;
use model::{Column, Kind, Metric, Subject, Unit, UnixNanos};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::StoredReading;

/// What two readings differ in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// The file.
    pub source: Arc<str>,
    /// When the two were read.
    #[serde(skip)]
    pub at: (UnixNanos, UnixNanos),
    /// Seconds between the two.
    pub seconds: f64,
    /// Whether the machine booted in between: counters then began again.
    pub rebooted: bool,
    /// Numbers that moved, furthest first.
    pub moved: Vec<Moved>,
    /// Numbers that only one of the readings has.
    pub one_sided: Vec<OneSided>,
    /// How many numbers stayed as they were.
    pub unmoved: usize,
}

/// A number that moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// `vmstat.pgscan_kswapd`
    pub metric: Arc<str>,
    /// Of what.
    pub subject: Subject,
    /// Of `before`, `after` and `by`.
    pub unit: Unit,
    /// First reading.
    pub before: f64,
    /// Second reading.
    pub after: f64,
    /// `after` − `before`; for a counter that wrapped, what it counted. `None`: a counter that was reset.
    pub by: Option<f64>,
    /// `by` per second, for counters.
    pub per_second: Option<f64>,
}

/// A number that appeared or went away.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OneSided {
    /// Metric.
    pub metric: Arc<str>,
    /// Of what.
    pub subject: Subject,
    /// Unit of `value`.
    pub unit: Unit,
    /// What it was.
    pub value: f64,
    /// `true`: only the second reading has it.
    pub appeared: bool,
}

/// Compares two readings of one source; the columns are those that the source's decoder gives for each one's template.
pub fn diff(
    source: &str,
    decode: impl Fn(&model::Template) -> Vec<Column>,
    a: &StoredReading,
    b: &StoredReading,
) -> Diff {
    let (numbers_a, mut numbers_b) = (numbers(&decode, a), numbers(&decode, b));
    let seconds = b.at.seconds_since(a.at);
    let rebooted = a.boot != b.boot;
    let mut diff = Diff {
        source: source.into(),
        at: (a.at, b.at),
        seconds,
        rebooted,
        moved: Vec::new(),
        one_sided: Vec::new(),
        unmoved: 0,
    };
    for (key, (metric, before)) in numbers_a {
        let Some((_, after)) = numbers_b.remove(&key) else {
            diff.one_sided.push(one_sided(key.1, &metric, before, false));
            continue;
        };
        if before == after && !(rebooted && metric.kind.is_counter()) {
            diff.unmoved += 1;
            continue;
        }
        let by = if rebooted && metric.kind.is_counter() {
            None
        } else {
            difference(metric.kind, before, after)
        };
        let per_second = by
            .filter(|_| metric.kind.is_counter() && seconds != 0.0)
            .map(|by| by / seconds);
        diff.moved.push(Moved {
            metric: metric.name.clone(),
            subject: key.1,
            unit: metric.unit,
            before,
            after,
            by,
            per_second,
        });
    }
    diff.one_sided.extend(
        numbers_b
            .into_iter()
            .map(|((_, subject), (metric, value))| one_sided(subject, &metric, value, true)),
    );
    diff.moved.sort_by(|x, y| {
        let (x_class, x_by) = weight(x);
        let (y_class, y_by) = weight(y);
        (x_class.cmp(&y_class))
            .then(y_by.total_cmp(&x_by))
            .then_with(|| x.metric.cmp(&y.metric))
            .then_with(|| x.subject.cmp(&y.subject))
    });
    diff
}

type Numbers = BTreeMap<(Arc<str>, Subject), (Metric, f64)>;

fn numbers(decode: &impl Fn(&model::Template) -> Vec<Column>, reading: &StoredReading) -> Numbers {
    let columns = decode(&reading.template).into_iter();
    columns
        .filter_map(|column| {
            let value = column.value(*reading.values.get(column.slot)?);
            Some((
                (column.metric.name.clone(), column.subject),
                (column.metric, value),
            ))
        })
        .collect()
}

fn one_sided(subject: Subject, metric: &Metric, value: f64, appeared: bool) -> OneSided {
    OneSided {
        metric: metric.name.clone(),
        subject,
        unit: metric.unit,
        value,
        appeared,
    }
}

/// `None`: a counter went back, so nobody knows what it counted in between.
fn difference(kind: Kind, before: f64, after: f64) -> Option<f64> {
    let moved = step(kind, before, after);
    (!moved.is_nan()).then_some(moved)
}

/// Its class (memory and I/O, time, count) and how far it moved in the class's unit. A reset comes first in its class.
fn weight(moved: &Moved) -> (u8, f64) {
    let (class, size) = match moved.unit {
        // The common page size; only the order depends on it.
        Unit::Pages => (0, 4096.0),
        Unit::Kibibytes => (0, 1024.0),
        Unit::Sectors => (0, 512.0),
        Unit::Bytes => (0, 1.0),
        Unit::Seconds => (1, 1.0),
        Unit::ClockTicks => (1, 1e-2),
        Unit::Milliseconds => (1, 1e-3),
        Unit::Microseconds => (1, 1e-6),
        Unit::Nanoseconds => (1, 1e-9),
        Unit::Count | Unit::Percent | Unit::Ratio => (2, 1.0),
    };
    (class, moved.by.map_or(f64::INFINITY, |by| by.abs() * size))
}
