//! What the collector tells of itself: `highwater_…`.

use super::families::{Families, Family, Type, labels};
use model::{Nanos, Tick};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Counted wherever it happens, by all threads.
pub(crate) static OWN: Own = Own {
    interval: AtomicI64::new(1_000_000_000),
    lateness: Times::new(),
    cost: Times::new(),
    gaps: AtomicU64::new(0),
    dropped: AtomicU64::new(0),
    database_bytes: AtomicU64::new(UNKNOWN),
};

const UNKNOWN: u64 = u64::MAX;

/// Numbers of one collector, of which there is one in a process.
pub(crate) struct Own {
    interval: AtomicI64,
    lateness: Times,
    cost: Times,
    gaps: AtomicU64,
    dropped: AtomicU64,
    database_bytes: AtomicU64,
}

impl Own {
    /// Ticks are due at this interval from now on.
    pub(crate) fn every(&self, interval: Nanos) {
        self.interval.store(interval, Relaxed);
    }

    pub(super) fn interval(&self) -> Nanos {
        self.interval.load(Relaxed)
    }

    /// A tick was taken, so long after it was due, and it took so long.
    pub(crate) fn tick(&self, late: Nanos, took: Nanos) {
        self.lateness.add(late);
        self.cost.add(took);
    }

    /// A stretch without data was noticed.
    pub(crate) fn gap(&self) {
        self.gaps.fetch_add(1, Relaxed);
    }

    /// A tick found no room in memory.
    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    /// The database has this size.
    pub(crate) fn database(&self, bytes: u64) {
        self.database_bytes.store(bytes, Relaxed);
    }
}

/// Upper ends of a histogram's buckets, in seconds.
const BUCKETS: [f64; 8] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0];

/// A histogram of times.
struct Times {
    /// Not cumulated; the last is for what is longer than all.
    counts: [AtomicU64; BUCKETS.len() + 1],
    nanoseconds: AtomicI64,
}

impl Times {
    const fn new() -> Times {
        Times {
            counts: [const { AtomicU64::new(0) }; BUCKETS.len() + 1],
            nanoseconds: AtomicI64::new(0),
        }
    }

    fn add(&self, time: Nanos) {
        let time = time.max(0);
        let seconds = time as f64 / 1e9;
        let bucket = BUCKETS.iter().position(|end| seconds <= *end);
        self.counts[bucket.unwrap_or(BUCKETS.len())].fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(time, Relaxed);
    }

    fn write(&self, families: &mut Families, name: &str, help: &str) -> u64 {
        let family = family(name, Type::Histogram, help);
        let mut below = 0;
        let ends = BUCKETS.iter().map(ToString::to_string).chain(["+Inf".into()]);
        for (count, end) in self.counts.iter().zip(ends) {
            below += count.load(Relaxed);
            families.line(&family, "_bucket", &labels(&[("le", &end)]), below as f64);
        }
        families.line(&family, "_sum", "", self.nanoseconds.load(Relaxed) as f64 / 1e9);
        families.line(&family, "_count", "", below as f64);
        below
    }
}

fn family(name: &str, is: Type, help: &str) -> Arc<Family> {
    Arc::new(Family {
        name: format!("highwater_{name}"),
        is,
        help: help.into(),
    })
}

/// Adds all of it; `tick` is the last one.
pub(super) fn write(families: &mut Families, tick: Option<&Tick>) {
    let mut add =
        |name: &str, is, help: &str, value: f64| families.sample(&family(name, is, help), "", value);
    add(
        "interval_seconds",
        Type::Gauge,
        "Time between two ticks, as configured.",
        OWN.interval() as f64 / 1e9,
    );
    add(
        "gaps_total",
        Type::Counter,
        "Stretches in which something was not recorded; the database says what and why.",
        OWN.gaps.load(Relaxed) as f64,
    );
    add(
        "ticks_dropped_total",
        Type::Counter,
        "Ticks lost because the database could not be written and memory was full.",
        OWN.dropped.load(Relaxed) as f64,
    );
    let database = OWN.database_bytes.load(Relaxed);
    if database != UNKNOWN {
        let help = "Size of the database and its log.";
        add("database_size_bytes", Type::Gauge, help, database as f64);
    }
    if let Some(seconds) = processor_seconds() {
        let help = "Processor time of the collector, all threads.";
        add("cpu_seconds_total", Type::Counter, help, seconds);
    }
    if let Some(bytes) = resident_bytes() {
        add(
            "resident_memory_bytes",
            Type::Gauge,
            "Resident memory of the collector.",
            bytes,
        );
    }
    if let Some(tick) = tick {
        let help = "Wall time of the last tick.";
        add(
            "last_tick_timestamp_seconds",
            Type::Gauge,
            help,
            tick.at.0 as f64 / 1e9,
        );
    }
    let version = labels(&[("version", env!("CARGO_PKG_VERSION"))]);
    families.sample(
        &family("build_info", Type::Gauge, "The program's version."),
        &version,
        1.0,
    );
    let lateness = "How long after it was due a tick began.";
    let ticks = OWN.lateness.write(families, "tick_lateness_seconds", lateness);
    let cost = "How long a tick took, from its first file to its last.";
    OWN.cost.write(families, "tick_duration_seconds", cost);
    families.sample(
        &family("ticks_total", Type::Counter, "Ticks taken."),
        "",
        ticks as f64,
    );
    if let Some(tick) = tick {
        let up = family("source_up", Type::Gauge, "Whether the last tick has this file.");
        for source in sources::all() {
            let read = tick
                .readings
                .iter()
                .any(|reading| &*reading.source == source.name);
            families.sample(
                &up,
                &labels(&[("source", source.name)]),
                f64::from(u8::from(read)),
            );
        }
    }
}

fn processor_seconds() -> Option<f64> {
    // SAFETY: rusage is numbers, for which zeroes are a value; getrusage writes it.
    let (result, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::getrusage(libc::RUSAGE_SELF, &mut usage), usage)
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (result == 0).then(|| seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}
