//! What recording itself costs, as a source like the others: `highwater/self`, a text of numbers that only count up (but for the few
//! that say what holds now), recorded at every third tick.

use crate::beside::Shape;
use crate::clock::{self, Instant};
use model::{Nanos, Reading};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Ticks from one reading to the next: no more than a reader takes for fresh.
const EVERY: u64 = 3;

/// What other threads count.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Looks at processes, their time in µs, and processes now known.
    pub(crate) looks: AtomicU64,
    pub(crate) look_us: AtomicU64,
    pub(crate) processes: AtomicU64,
    /// Processes that began and ended between two looks and did too little to be listed.
    pub(crate) unlisted: AtomicU64,
    /// Looks at which ends of processes were lost.
    pub(crate) overruns: AtomicU64,
    /// Looks at control groups, their time in µs, and groups now known.
    pub(crate) group_looks: AtomicU64,
    pub(crate) group_look_us: AtomicU64,
    pub(crate) groups: AtomicU64,
    /// Messages written, the time that took in µs, and messages that found no room and were dropped.
    pub(crate) written: AtomicU64,
    pub(crate) write_us: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

/// Counts what the beat costs.
pub(crate) struct OwnCost {
    pub(crate) counts: Arc<Counts>,
    ticks: u64,
    late_us: u64,
    latest_us: u64,
    tick_us: u64,
    skipped: u64,
    gaps: u64,
    shape: Shape,
}

impl OwnCost {
    pub(crate) fn new(counts: Arc<Counts>) -> OwnCost {
        OwnCost {
            counts,
            ticks: 0,
            late_us: 0,
            latest_us: 0,
            tick_us: 0,
            skipped: 0,
            gaps: 0,
            shape: Shape::default(),
        }
    }

    /// A tick was begun, so much after it was due; `skipped` beats before it were not kept.
    pub(crate) fn begun(&mut self, late: Nanos, skipped: u64) {
        // The first is taken at once, whenever it was due.
        let late = if self.ticks == 0 { 0 } else { late };
        let late = u64::try_from(late / 1000).unwrap_or(0);
        self.ticks += 1;
        self.late_us += late;
        self.latest_us = self.latest_us.max(late);
        self.skipped += skipped;
    }

    /// Gaps were told.
    pub(crate) fn gaps(&mut self, count: usize) {
        self.gaps += count as u64;
    }

    /// All its files were read. Answers the reading when one is due: `spent` is µs and failures of each source so far.
    pub(crate) fn ended<'a>(
        &mut self,
        tick: &Instant,
        spent: impl Iterator<Item = (&'a str, u64, u64)>,
    ) -> Option<Reading> {
        let now = clock::monotonic();
        self.tick_us += u64::try_from((now - tick.monotonic) / 1000).unwrap_or(0);
        if self.ticks % EVERY != 1 {
            return None;
        }
        let text = self.text(spent);
        let (template, values) = self.shape.of(text.as_bytes());
        self.latest_us = 0;
        Some(Reading {
            source: sources::own().name.into(),
            offset: now - tick.monotonic,
            template,
            values,
        })
    }

    fn text<'a>(&self, spent: impl Iterator<Item = (&'a str, u64, u64)>) -> String {
        let counts = &self.counts;
        let of = |count: &AtomicU64| count.load(Relaxed);
        let mut text = String::with_capacity(1024);
        for (name, value) in [
            ("ticks", self.ticks),
            ("ticks_skipped", self.skipped),
            ("tick_us", self.tick_us),
            ("late_us", self.late_us),
            ("latest_us", self.latest_us),
            ("gaps", self.gaps),
            ("process_looks", of(&counts.looks)),
            ("process_look_us", of(&counts.look_us)),
            ("processes", of(&counts.processes)),
            ("processes_unlisted", of(&counts.unlisted)),
            ("process_ends_lost", of(&counts.overruns)),
            ("cgroup_looks", of(&counts.group_looks)),
            ("cgroup_look_us", of(&counts.group_look_us)),
            ("cgroups", of(&counts.groups)),
            ("written", of(&counts.written)),
            ("write_us", of(&counts.write_us)),
            ("dropped", of(&counts.dropped)),
        ] {
            let _ = writeln!(text, "{name} {value}");
        }
        for (source, microseconds, failed) in spent {
            let _ = writeln!(text, "read {source} us {microseconds} failed {failed}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_happened_and_is_known_to_its_decoder() {
        let mut own = OwnCost::new(Arc::default());
        own.counts.dropped.store(2, Relaxed);
        // The first beat is not late, whenever it was due.
        own.begun(900_000_000, 0);
        own.begun(3_000_000, 4);
        own.gaps(1);
        let spent = || [("meminfo", 35, 0), ("pressure/io", 9, 1)].into_iter();
        let text = own.text(spent());
        let wanted = [
            "ticks 2\nticks_skipped 4\n",
            "late_us 3000\nlatest_us 3000\ngaps 1\n",
            "dropped 2\nread meminfo us 35 failed 0\nread pressure/io us 9 failed 1\n",
        ];
        assert!(wanted.iter().all(|part| text.contains(part)), "{text}");
        let (template, _) = model::Template::parse(text.as_bytes(), None);
        assert!(sources::own().unknown(&template).is_empty());
        // At every third tick from the first.
        let mut own = OwnCost::new(Arc::default());
        let told: Vec<bool> = (0..5)
            .map(|_| {
                own.begun(0, 0);
                own.ended(&Instant::now(), spent()).is_some()
            })
            .collect();
        assert_eq!(told, [true, false, false, true, false]);
    }
}
