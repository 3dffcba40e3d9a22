//! What is recorded at one tick, and what is recorded beside the ticks.

use crate::{Nanos, Template, UnixNanos};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One file as it was: its fixed text and one value per slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The path under /proc: `meminfo`, `pressure/io`; or `cgroup/<path>/<file>`.
    pub source: Arc<str>,
    /// When it was read (the middle of the read), relative to the tick.
    pub offset: Nanos,
    /// The file's fixed text.
    pub template: Arc<Template>,
    /// One per slot of the template.
    pub values: Vec<u64>,
}

/// All that was read at one beat of the sampling grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Wall time at which the tick's first read began.
    pub at: UnixNanos,
    /// CLOCK_MONOTONIC at the same instant. Between ticks its steps are true where the wall clock's may not be.
    pub monotonic: Nanos,
    /// What was read. A source that failed is simply not here.
    pub readings: Vec<Reading>,
}

/// A stretch in which nothing, or nothing of one source, was recorded, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last instant before it that has data.
    pub from: UnixNanos,
    /// The first instant after it that has data.
    pub to: UnixNanos,
    /// `None`: every source.
    pub source: Option<String>,
    /// One line for a person.
    pub why: String,
}

/// Something that changes rarely, with the time from which it held.
///
/// Names are dotted: `sysctl.vm.swappiness`, `block.vda` (JSON as in a recording's block.json), `node.cmdline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// When it was first seen to hold.
    pub at: UnixNanos,
    /// What.
    pub name: String,
    /// Its value; `None` when it went away.
    pub value: Option<String>,
}

/// A /dev/kmsg record as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Wall time, from the record's own microseconds since boot.
    pub at: UnixNanos,
    /// The kernel's sequence number.
    pub sequence: u64,
    /// Facility × 8 + level.
    pub priority: u32,
    /// The message, continuation lines (` KEY=value`) included.
    pub text: String,
}

/// A thing that something sharper than a tick saw: a PSI trigger, a tracepoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: UnixNanos,
    /// `psi.memory`, `mm_vmscan_kswapd_wake`, …
    pub kind: String,
    /// The rest, as printed by the kernel (`nid=0 order=9`).
    pub detail: String,
}
