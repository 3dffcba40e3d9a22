//! What a number means: its metric, its unit, its kind, and the thing it is about.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The unit a kernel file prints a number in. Never converted on the way: `analyzer` does that, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Pages of the node's page size (4 KiB on x86).
    Pages,
    /// 1,024 bytes; what /proc prints as `kB`.
    Kibibytes,
    /// Bytes.
    Bytes,
    /// 512-byte sectors, whatever the device's own sector size.
    Sectors,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
    /// Seconds.
    Seconds,
    /// Ticks of USER_HZ, normally 10 ms.
    ClockTicks,
    /// A number of things or events: faults, I/Os, tasks, blocks.
    Count,
    /// 0–100.
    Percent,
    /// A pure number without unit, such as a load average.
    Ratio,
}

impl Unit {
    /// The short form printed behind a number.
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::Pages => "pages",
            Unit::Kibibytes => "kB",
            Unit::Bytes => "B",
            Unit::Sectors => "sectors",
            Unit::Milliseconds => "ms",
            Unit::Microseconds => "µs",
            Unit::Nanoseconds => "ns",
            Unit::Seconds => "s",
            Unit::ClockTicks => "ticks",
            Unit::Count => "",
            Unit::Percent => "%",
            Unit::Ratio => "",
        }
    }
}

/// Whether a number stands for itself or for what has happened since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A state at the moment of reading.
    Gauge,
    /// Counts up since boot; a decrease is a reset.
    Counter,
    /// Counts up since boot and wraps at 2³² on every kernel (the millisecond fields of diskstats).
    Counter32,
}

impl Kind {
    /// Whether differences of it, not its values, carry the meaning.
    pub fn is_counter(self) -> bool {
        !matches!(self, Kind::Gauge)
    }
}

/// The name of a number, with unit and kind: `zoneinfo.free`, `meminfo.MemFree`, `diskstats.read_sectors`.
///
/// The part before the first dot is the source (slashes stay: `pressure/io.some_total`), the rest is the kernel's own name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Metric {
    /// `source.name`.
    pub name: Arc<str>,
    /// The unit the file prints.
    pub unit: Unit,
    /// Gauge or counter.
    pub kind: Kind,
}

/// The thing a number is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Subject {
    /// The whole machine.
    Host,
    /// A NUMA node.
    Node(u32),
    /// A memory zone of a node.
    Zone {
        /// NUMA node.
        node: u32,
        /// `DMA`, `DMA32`, `Normal`, `Movable`, …
        zone: Arc<str>,
    },
    /// The per-CPU page lists of a zone.
    ZoneCpu {
        /// NUMA node.
        node: u32,
        /// Zone name.
        zone: Arc<str>,
        /// CPU number.
        cpu: u32,
    },
    /// Free blocks of one order in a zone.
    Order {
        /// NUMA node.
        node: u32,
        /// Zone name.
        zone: Arc<str>,
        /// Block size is 2^order pages.
        order: u32,
    },
    /// A block device, by its kernel name.
    Device(Arc<str>),
    /// A CPU.
    Cpu(u32),
    /// A control group, by its path.
    Cgroup(Arc<str>),
}

impl Subject {
    /// The kind as a word: `host`, `node`, `zone`, `device`, …
    pub fn kind(&self) -> &'static str {
        match self {
            Subject::Host => "host",
            Subject::Node(_) => "node",
            Subject::Zone { .. } => "zone",
            Subject::ZoneCpu { .. } => "zone_cpu",
            Subject::Order { .. } => "order",
            Subject::Device(_) => "device",
            Subject::Cpu(_) => "cpu",
            Subject::Cgroup(_) => "cgroup",
        }
    }
}

/// The name alone, as a person writes it: `vda`, `0/Normal`, `0/Normal/9`, `cpu3`; `host` for the machine.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Host => write!(f, "host"),
            Subject::Node(node) => write!(f, "node{node}"),
            Subject::Zone { node, zone } => write!(f, "{node}/{zone}"),
            Subject::ZoneCpu { node, zone, cpu } => write!(f, "{node}/{zone}/cpu{cpu}"),
            Subject::Order { node, zone, order } => write!(f, "{node}/{zone}/{order}"),
            Subject::Device(name) | Subject::Cgroup(name) => write!(f, "{name}"),
            Subject::Cpu(cpu) => write!(f, "cpu{cpu}"),
        }
    }
}

/// What a decoder says about one slot of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Index of the slot in the template.
    pub slot: usize,
    /// What is counted or measured.
    pub metric: Metric,
    /// Of what.
    pub subject: Subject,
    /// Decimal digits after the point: the stored integer is the value times 10^scale.
    pub scale: u8,
    /// The text before the slot ends in a minus sign.
    pub negative: bool,
}

impl Column {
    /// The stored integer as a number in the metric's unit.
    pub fn value(&self, raw: u64) -> f64 {
        let magnitude = raw as f64 / 10f64.powi(i32::from(self.scale));
        if self.negative { -magnitude } else { magnitude }
    }
}
