//! What a record lacks: beats of the collector's grid without a tick, and whether a gap tells of them.

use anyhow::Result;
use model::{Nanos, TimeSpan, UnixNanos};
use std::collections::BTreeMap;
use std::path::Path;
use store::Reader;

pub(super) const ALWAYS: TimeSpan = TimeSpan {
    from: UnixNanos(i64::MIN),
    to: UnixNanos(i64::MAX),
};

/// What was recorded from some time on.
pub(super) struct Record {
    /// For each run, its ticks: when they were, and how much later than their beat, in ns.
    pub(super) runs: Vec<Vec<(UnixNanos, Nanos)>>,
    /// Beats between two ticks of a run that have none.
    pub(super) missing: u64,
    /// Those of them that no gap tells of.
    pub(super) untold: u64,
    /// Reasons of the gaps that tell of missing beats, and for how many each.
    pub(super) reasons: BTreeMap<String, u64>,
}

impl Record {
    /// Reads the ticks of runs that began at `since` or later.
    pub(super) fn read(database: &Path, since: UnixNanos) -> Result<Record> {
        let reader = Reader::open(database)?;
        let span = TimeSpan {
            from: since,
            to: ALWAYS.to,
        };
        let gaps = reader.gaps(span)?;
        let mut record = Record {
            runs: Vec::new(),
            missing: 0,
            untold: 0,
            reasons: BTreeMap::new(),
        };
        for (id, _, run) in reader.runs()? {
            let mut ticks: Vec<_> = reader
                .ticks(span)?
                .into_iter()
                .filter(|tick| tick.run == id)
                .collect();
            // By the clock that nobody sets.
            ticks.sort_by_key(|tick| tick.monotonic);
            if run.started < since || ticks.is_empty() {
                continue;
            }
            for pair in ticks.windows(2) {
                let beat = |monotonic: Nanos| monotonic.div_euclid(run.interval);
                let missing = (beat(pair[1].monotonic) - beat(pair[0].monotonic) - 1).max(0) as u64;
                if missing == 0 {
                    continue;
                }
                record.missing += missing;
                let (from, to) = (pair[0].at.min(pair[1].at), pair[0].at.max(pair[1].at));
                let told = gaps
                    .iter()
                    .find(|gap| gap.source.is_none() && gap.from <= from && gap.to >= to);
                match told {
                    Some(gap) => *record.reasons.entry(without_numbers(&gap.why)).or_default() += missing,
                    None => record.untold += missing,
                }
            }
            let late = |tick: &store::TickStamp| (tick.at, tick.monotonic.rem_euclid(run.interval));
            // The first tick is taken at once, not on a beat.
            record.runs.push(ticks.iter().skip(1).map(late).collect());
        }
        Ok(record)
    }

    /// Ticks, but for the first of each run.
    pub(super) fn ticks(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    /// Why beats have no tick, for a table.
    pub(super) fn why(&self) -> String {
        let reasons = self.reasons.iter().map(|(why, count)| format!("{count}: {why}"));
        let untold = (self.untold > 0).then(|| format!("{} that no gap tells of", self.untold));
        let all: Vec<String> = reasons.chain(untold).collect();
        if all.is_empty() {
            "0".into()
        } else {
            all.join("; ")
        }
    }
}

/// Reasons that differ in their numbers only are one.
fn without_numbers(why: &str) -> String {
    let mut out = String::new();
    for part in why.split(|c: char| c.is_ascii_digit() || c == '.') {
        if !out.is_empty() && !out.ends_with('…') {
            out.push('…');
        }
        out += part;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::without_numbers;

    #[test]
    fn reasons_of_one_kind() {
        assert_eq!(without_numbers("late by 0.3 s"), "late by … s");
        assert_eq!(without_numbers("the disk"), "the disk");
    }
}
