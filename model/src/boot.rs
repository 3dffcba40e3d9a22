//! The life of a machine between two reboots, and the stretches in which somebody recorded it.

use crate::{Nanos, UnixNanos};
use serde::{Deserialize, Serialize};

/// One boot of one machine. Counters are comparable within a boot only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// `/proc/sys/kernel/random/boot_id`, or a name made up by an importer that says so in `hostname`'s record.
    pub boot_id: String,
    /// Host name.
    pub hostname: String,
    /// `uname -r`.
    pub kernel: String,
    /// `uname -m`.
    pub machine: String,
    /// CPUs online when recording began.
    pub cpus: u32,
    /// Bytes in a page.
    pub page_size: u32,
    /// USER_HZ.
    pub clk_tck: u32,
    /// MemTotal in bytes; `None` when not known.
    pub memory_bytes: Option<u64>,
    /// Kernel command line.
    pub cmdline: String,
    /// IANA name of the node's own time zone; `UTC` when not known.
    pub tz: String,
}

/// Who wrote a stretch of ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOrigin {
    /// `collector run` on the machine itself.
    Collector,
    /// `analyzer import`: readings of the very files, at their times.
    Import,
    /// `analyzer import` of averages (sar): a value covers the interval that ends at its time.
    ImportAverages,
}

/// A stretch of ticks written by one program with one interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Who wrote it.
    pub origin: RunOrigin,
    /// Nominal time between two ticks.
    pub interval: Nanos,
    /// When it began.
    pub started: UnixNanos,
    /// For imports: a digest of what was imported, so that importing again changes nothing.
    pub import_key: Option<String>,
}
