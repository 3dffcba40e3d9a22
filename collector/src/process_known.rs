//! What is known of a process from look to look, and how much of a move is much.

use crate::process_children::Reaped;
use crate::process_files::{Counters, Stat};
use crate::process_handles::Handles;
use model::{ProcessCounter, ProcessIdentity, ProcessSample};
use std::sync::Arc;

/// The `status` of a process that moved a little is read at every so many of its readings.
pub(crate) const LIGHT_EVERY: u32 = 8;

/// Running longer than this between two looks is much.
pub(crate) const MUCH_NANOS: u64 = 2_000_000;

/// So is this much memory more or less.
const MUCH_PAGES: u64 = 256;

/// Kernel threads that are read and listed at each look, moved or not, by the beginning of their names.
const ALWAYS: [&str; 6] = ["kswapd", "kcompactd", "khugepaged", "md", "flush-", "writeback"];

pub(crate) const NOTHING: Counters = [None; ProcessCounter::ALL.len()];

/// What is known of a process.
pub(crate) struct Known {
    pub(crate) identity: Arc<ProcessIdentity>,
    pub(crate) handles: Handles,
    pub(crate) state: char,
    pub(crate) counters: Counters,
    pub(crate) parent: u32,
    pub(crate) reaped: Reaped,
    /// What schedstat said last, when it says something and the process has one thread.
    pub(crate) ran: Option<Vec<u8>>,
    /// It ran long enough since the last look to count as moved, though no clock tick met it.
    pub(crate) ran_much: bool,
    /// Run time and memory when `status` was last read.
    pub(crate) seen: (u64, u64),
    pub(crate) kernel_thread: bool,
    /// Listed at each look.
    pub(crate) always: bool,
    /// It has or had several threads: the first one's numbers are not the process's.
    pub(crate) threaded: bool,
    /// One of its threads was in D.
    pub(crate) blocked: bool,
    /// It had read from or written to a device when `io` was last read.
    pub(crate) did_io: bool,
    /// The look that saw it last, and the one at which it last moved.
    pub(crate) look: u64,
    pub(crate) moved: u64,
    /// Looks in a row at which its `stat` was read.
    pub(crate) in_a_row: u64,
    pub(crate) readings: u32,
    /// Readings since `status` was read.
    pub(crate) light: u32,
}

impl Known {
    /// Somebody new.
    pub(crate) fn new(identity: ProcessIdentity, stat: &Stat, look: u64) -> Known {
        Known {
            identity: Arc::new(identity),
            handles: Handles::default(),
            state: '?',
            counters: NOTHING,
            parent: stat.parent,
            reaped: Reaped::default(),
            ran: None,
            ran_much: false,
            seen: (0, 0),
            kernel_thread: stat.kernel_thread,
            always: stat.kernel_thread && ALWAYS.iter().any(|name| stat.comm.starts_with(name)),
            threaded: false,
            blocked: false,
            did_io: false,
            look: 0,
            moved: look,
            in_a_row: 0,
            readings: 0,
            light: LIGHT_EVERY,
        }
    }

    /// Whether so much moved that the dearer file is worth it.
    pub(crate) fn is_much(&self, counters: &Counters) -> bool {
        use ProcessCounter::{BlkioDelayTicks, MajorFaults};
        let (ran, pages) = weight(counters);
        let moved = |counter: ProcessCounter| self.counters[counter as usize] != counters[counter as usize];
        self.light >= LIGHT_EVERY
            || self.state == 'D'
            || ran.abs_diff(self.seen.0) >= MUCH_NANOS
            || pages.abs_diff(self.seen.1) >= MUCH_PAGES
            || moved(MajorFaults)
            || moved(BlkioDelayTicks)
    }

    /// Whether a file is still of it.
    pub(crate) fn is(&self, stat: &Stat) -> bool {
        self.identity.start_ticks == stat.start_ticks
            && (stat.kernel_thread || self.identity.comm == stat.comm)
    }

    /// Its last words.
    pub(crate) fn ended(self) -> ProcessSample {
        ProcessSample {
            identity: self.identity,
            state: 'X',
            wchan: None,
            counters: self.counters,
        }
    }
}

/// Run time in nanoseconds, and resident pages.
pub(crate) fn weight(counters: &Counters) -> (u64, u64) {
    use ProcessCounter::{RssPages, RunNanos, SystemTicks, UserTicks};
    let of = |counter: ProcessCounter| counters[counter as usize];
    // Without the exact time, that in ticks of 10 ms or so: each of them is much.
    let ticks = of(UserTicks)
        .unwrap_or(0)
        .saturating_add(of(SystemTicks).unwrap_or(0));
    let ran = of(RunNanos).unwrap_or(ticks.saturating_mul(MUCH_NANOS));
    (ran, of(RssPages).unwrap_or(0))
}

/// Whether something that was read is not what was known.
pub(crate) fn differ(known: &Counters, read: &Counters) -> bool {
    known
        .iter()
        .zip(read)
        .any(|(known, read)| read.is_some() && known != read)
}

/// What was read replaces what was known.
pub(crate) fn merge(known: &mut Counters, read: &Counters) {
    for (known, read) in known.iter_mut().zip(read) {
        *known = read.or(*known);
    }
}
