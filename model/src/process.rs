//! Processes are rows, not templates: they come and go.

use crate::UnixNanos;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which process: a pid alone is reused, so its start time belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Process id (thread group id).
    pub pid: u32,
    /// Field 22 of /proc/PID/stat: clock ticks after boot.
    pub start_ticks: u64,
    /// Field 2 of /proc/PID/stat. Hostile text.
    pub comm: String,
    /// /proc/PID/cmdline with spaces for NULs; empty for kernel threads; `None` when not read.
    pub cmdline: Option<String>,
    /// Path of the cgroup (v2, or v1's memory hierarchy); `None` when not read.
    pub cgroup: Option<String>,
}

macro_rules! process_counters {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A number that is kept for each process. The order is the storage order: append only.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(usize)]
        pub enum ProcessCounter { $($(#[$doc])* $variant),* }

        impl ProcessCounter {
            /// All of them, in storage order.
            pub const ALL: &[ProcessCounter] = &[$(ProcessCounter::$variant),*];
            /// The column name, with its unit.
            pub fn name(self) -> &'static str {
                match self { $(ProcessCounter::$variant => $name),* }
            }
        }
    };
}

process_counters! {
    /// stat field 14, USER_HZ.
    UserTicks = "utime_ticks";
    /// stat field 15, USER_HZ.
    SystemTicks = "stime_ticks";
    /// stat field 10.
    MinorFaults = "minflt";
    /// stat field 12.
    MajorFaults = "majflt";
    /// stat field 20 (gauge).
    Threads = "threads";
    /// stat field 24, pages (gauge).
    RssPages = "rss_pages";
    /// stat field 42, USER_HZ; 0 when delay accounting is off.
    BlkioDelayTicks = "blkio_delay_ticks";
    /// io: bytes returned by read-like calls.
    ReadChars = "rchar";
    /// io: bytes given to write-like calls.
    WriteChars = "wchar";
    /// io: read-like calls.
    ReadCalls = "syscr";
    /// io: write-like calls.
    WriteCalls = "syscw";
    /// io: bytes of bios submitted in the task's context.
    ReadBytes = "read_bytes";
    /// io: bytes dirtied.
    WriteBytes = "write_bytes";
    /// io: dirtied bytes that were truncated before being written.
    CancelledWriteBytes = "cancelled_write_bytes";
    /// status: RssAnon, kB (gauge).
    RssAnonKib = "rss_anon_kb";
    /// status: RssFile, kB (gauge).
    RssFileKib = "rss_file_kb";
    /// status: RssShmem, kB (gauge).
    RssShmemKib = "rss_shmem_kb";
    /// status: VmSwap, kB (gauge).
    SwapKib = "swap_kb";
    /// status: voluntary_ctxt_switches.
    VoluntarySwitches = "voluntary_ctxt_switches";
    /// status: nonvoluntary_ctxt_switches.
    InvoluntarySwitches = "nonvoluntary_ctxt_switches";
    /// schedstat field 1; of a process with several threads their sum, if known.
    RunNanos = "sched_run_ns";
    /// schedstat field 2: waiting on a run queue.
    WaitNanos = "sched_wait_ns";
    /// oom_score_adj + 1000, so that it is never negative (gauge).
    OomScoreAdjPlus1000 = "oom_score_adj_plus_1000";
    /// Threads seen in D (gauge); of very many, some are looked at each time.
    BlockedThreads = "threads_in_d";
    /// status: VmHWM, or hiwater_rss of taskstats, kB: the most that was resident so far (gauge).
    RssPeakKib = "rss_peak_kb";
}

/// The counters of one process at one instant. `None` means not read, never zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSample {
    /// Who. Shared by all samples of one life: there are thousands of them, and its texts are long.
    pub identity: Arc<ProcessIdentity>,
    /// stat field 3: `R`, `S`, `D`, …; `D` also when a thread other than the first is; `X` for a process that was seen to have ended (counters are the last known).
    pub state: char,
    /// Where a task in D waits, if known. Hostile text.
    pub wchan: Option<String>,
    /// Indexed by [`ProcessCounter`].
    pub counters: [Option<u64>; ProcessCounter::ALL.len()],
}

impl ProcessSample {
    /// The value of one counter.
    pub fn get(&self, counter: ProcessCounter) -> Option<u64> {
        self.counters[counter as usize]
    }
}

/// The processes of one instant: those that did something since the last one, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessTick {
    /// The middle of the scan.
    pub at: UnixNanos,
    /// Whether every process is listed (as in a recording), or only those that moved: an unlisted process then kept its
    /// last counters.
    pub complete: bool,
    /// Rows.
    pub samples: Vec<ProcessSample>,
}
