//! From rows of many tables to ticks: which instants there are, and what each column did between one and the next.

use super::rows::{Interval, RowReader};
use super::{Averages, Group, Kind};
use model::{Nanos, UnixNanos};

/// A row that is this many usual intervals behind the one before it does not tell about all of the time between: rows are missing.
const FOLLOWS: f64 = 1.5;

/// Tables print one sample's time with a second's difference or a few; so much of an interval is one tick.
const SAME_TICK: i64 = 20;

/// The instants of an import.
pub(super) struct Ticks {
    pub(super) at: Vec<UnixNanos>,
    /// The first tick of each life of the machine.
    pub(super) boots: Vec<usize>,
    interval: Nanos,
    /// The usual length of a row's interval, of each group.
    usual: Vec<Nanos>,
}

impl Ticks {
    /// Those at which intervals begin and end, and `also`.
    pub(super) fn of(averages: &Averages, interval: Nanos, also: impl Iterator<Item = UnixNanos>) -> Ticks {
        let mut ticks = Ticks {
            at: Vec::new(),
            boots: Vec::new(),
            interval,
            usual: averages
                .groups
                .iter()
                .map(|group| usual(group, interval))
                .collect(),
        };
        let mut times: Vec<UnixNanos> = also.collect();
        let mut shortest = interval;
        let mut kept = 0;
        for (group, &usual) in averages.groups.iter().zip(&ticks.usual) {
            let mut last = UnixNanos(i64::MIN);
            for row in group.rows.intervals() {
                let (since, at) = ticks.interval(group, usual, row);
                if since != last {
                    times.push(since);
                }
                if at > since {
                    shortest = shortest.min(at.0 - since.0);
                }
                times.push(at);
                last = at;
            }
            // Most tables have the same times: they are thrown together now and then, not after each of thousands of groups.
            if times.len() > 2 * kept + (1 << 16) {
                times.sort_unstable();
                times.dedup();
                kept = times.len();
            }
        }
        times.sort_unstable();
        times.dedup();
        let same = (interval / SAME_TICK).min(shortest / 2);
        for at in times {
            let Some(&last) = ticks.at.last() else {
                ticks.at.push(at);
                ticks.boots.push(0);
                continue;
            };
            let restarted = averages.restarts.range(last + 1..=at).next().is_some();
            if restarted {
                ticks.boots.push(ticks.at.len());
            }
            if restarted || at.0 - last.0 > same {
                ticks.at.push(at);
            }
        }
        ticks
    }

    fn interval(&self, group: &Group, usual: Nanos, (since, at): Interval) -> Interval {
        let length = at.0 - since.0;
        if !group.has_rates {
            (at, at)
        } else if length == 0 {
            (at - self.interval, at)
        } else if !group.exact && length as f64 > FOLLOWS * usual as f64 {
            (at - usual, at)
        } else {
            (since, at)
        }
    }

    /// The tick that an instant belongs to.
    pub(super) fn place(&self, at: UnixNanos) -> usize {
        self.at.partition_point(|&tick| tick <= at).saturating_sub(1)
    }
}

fn usual(group: &Group, otherwise: Nanos) -> Nanos {
    let mut lengths: Vec<Nanos> = group
        .rows
        .intervals()
        .map(|(since, at)| at.0 - since.0)
        .filter(|length| *length > 0)
        .collect();
    let middle = lengths.len().saturating_sub(1) / 2;
    if lengths.is_empty() {
        otherwise
    } else {
        *lengths.select_nth_unstable(middle).1
    }
}

/// What the columns did from the tick before to this one.
pub(super) struct Moves {
    /// A rate over all of that time, or a value at the end of it; NaN where there is none.
    pub(super) values: Vec<f64>,
    /// Whether the next rate's time begins here.
    pub(super) begins: Vec<bool>,
}

/// Goes from tick to tick.
pub(super) struct Walk<'a> {
    averages: &'a Averages,
    ticks: &'a Ticks,
    /// Groups whose rows begin later, the next one last.
    waiting: Vec<Cursor<'a>>,
    active: Vec<Cursor<'a>>,
    pub(super) moves: Moves,
}

/// A group at one of its rows.
struct Cursor<'a> {
    index: usize,
    group: &'a Group,
    reader: RowReader<'a>,
    since: usize,
    at: usize,
    values: Vec<f64>,
}

impl Cursor<'_> {
    /// Goes to the next row; false at the end.
    fn advance(&mut self, ticks: &Ticks) -> bool {
        let Some(row) = self.reader.next(&mut self.values) else {
            return false;
        };
        let (since, at) = ticks.interval(self.group, ticks.usual[self.index], row);
        (self.since, self.at) = (ticks.place(since), ticks.place(at));
        true
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(averages: &'a Averages, ticks: &'a Ticks) -> Walk<'a> {
        let mut waiting = Vec::with_capacity(averages.groups.len());
        for (index, group) in averages.groups.iter().enumerate() {
            let reader = group.rows.read();
            let mut cursor = Cursor {
                index,
                group,
                reader,
                since: 0,
                at: 0,
                values: Vec::new(),
            };
            if cursor.advance(ticks) {
                waiting.push(cursor);
            }
        }
        waiting.sort_by_key(|cursor| std::cmp::Reverse((cursor.since, cursor.index)));
        let columns = averages.columns.len();
        Walk {
            averages,
            ticks,
            waiting,
            active: Vec::new(),
            moves: Moves {
                values: vec![f64::NAN; columns],
                begins: vec![false; columns],
            },
        }
    }

    /// Fills [`Walk::moves`] for the tick `now`; each tick is asked for once, in order.
    pub(super) fn step(&mut self, now: usize) {
        while let Some(next) = self.waiting.pop_if(|next| next.since <= now) {
            self.active.push(next);
        }
        self.moves.values.fill(f64::NAN);
        self.moves.begins.fill(false);
        let (averages, ticks, moves) = (self.averages, self.ticks, &mut self.moves);
        self.active.retain_mut(|cursor| {
            loop {
                if cursor.at <= now {
                    moves.take(averages, cursor, now);
                    if !cursor.advance(ticks) {
                        return false;
                    }
                    continue;
                }
                moves.take(averages, cursor, now);
                return true;
            }
        });
    }
}

impl Moves {
    fn take(&mut self, averages: &Averages, row: &Cursor, now: usize) {
        for (&column, &value) in row.group.columns.iter().zip(&row.values) {
            let is_of_now = match averages.columns[column].kind {
                Kind::Rate => row.since < now && now <= row.at,
                Kind::Gauge | Kind::Counter => now == row.at,
            };
            // A table that was printed twice says the same twice.
            if is_of_now && self.values[column].is_nan() {
                self.values[column] = value;
            }
            self.begins[column] |= row.since == now && now < row.at && !value.is_nan();
        }
    }
}
