//! Which of PCP's metrics is which metric of ours.

use crate::import::averages::{Kind, Meaning};
use model::Unit::{self, ClockTicks, Count, Microseconds, Milliseconds, Ratio, Sectors};

/// What is asked for; those that an archive does not have are not printed.
pub(super) const TABLES: [&str; 17] = [
    "disk.dev.read",
    "disk.dev.write",
    "disk.dev.read_merge",
    "disk.dev.write_merge",
    "disk.dev.read_bytes",
    "disk.dev.write_bytes",
    "disk.dev.avactive",
    "disk.dev.aveq",
    "disk.dev.read_rawactive",
    "disk.dev.write_rawactive",
    "kernel.all.load",
    "kernel.all.cpu",
    "kernel.all.intr",
    "kernel.all.pswitch",
    "kernel.all.blocked",
    "kernel.all.pressure",
    "kernel.uname.release",
];
/// What says which machine it is.
pub(super) const ALSO: [&str; 3] = ["kernel.uname.nodename", "kernel.uname.machine", "hinv.ncpu"];
/// What becomes lines of kernel files.
pub(super) const FILES: [&str; 3] = ["mem.vmstat", "mem.util", "mem.physmem"];

/// What a metric without instances is, by its name.
pub(super) const HOST: [Meaning; 22] = [
    counter("kernel.all.cpu.user", "stat.user", ClockTicks, 0.1),
    counter("kernel.all.cpu.nice", "stat.nice", ClockTicks, 0.1),
    counter("kernel.all.cpu.sys", "stat.system", ClockTicks, 0.1),
    counter("kernel.all.cpu.idle", "stat.idle", ClockTicks, 0.1),
    counter("kernel.all.cpu.wait.total", "stat.iowait", ClockTicks, 0.1),
    counter("kernel.all.cpu.irq.hard", "stat.irq", ClockTicks, 0.1),
    counter("kernel.all.cpu.irq.soft", "stat.softirq", ClockTicks, 0.1),
    counter("kernel.all.cpu.steal", "stat.steal", ClockTicks, 0.1),
    counter("kernel.all.cpu.guest", "stat.guest", ClockTicks, 0.1),
    counter("kernel.all.cpu.guest_nice", "stat.guest_nice", ClockTicks, 0.1),
    counter("kernel.all.intr", "stat.intr", Count, 1.0),
    counter("kernel.all.pswitch", "stat.ctxt", Count, 1.0),
    counter(
        "kernel.all.pressure.cpu.some.total",
        "pressure/cpu.some_total",
        Microseconds,
        1.0,
    ),
    counter(
        "kernel.all.pressure.io.some.total",
        "pressure/io.some_total",
        Microseconds,
        1.0,
    ),
    counter(
        "kernel.all.pressure.io.full.total",
        "pressure/io.full_total",
        Microseconds,
        1.0,
    ),
    counter(
        "kernel.all.pressure.memory.some.total",
        "pressure/memory.some_total",
        Microseconds,
        1.0,
    ),
    counter(
        "kernel.all.pressure.memory.full.total",
        "pressure/memory.full_total",
        Microseconds,
        1.0,
    ),
    gauge("kernel.all.blocked", "stat.procs_blocked", Count),
    gauge("kernel.all.load-1 minute", "loadavg.load1", Ratio),
    gauge("kernel.all.load-5 minute", "loadavg.load5", Ratio),
    gauge("kernel.all.load-15 minute", "loadavg.load15", Ratio),
    gauge("kernel.all.load-1 min", "loadavg.load1", Ratio),
];

/// What a metric of a disk is, whose name follows behind a dash.
pub(super) const DISK: [Meaning; 10] = [
    counter("disk.dev.read", "diskstats.reads_completed", Count, 1.0),
    counter("disk.dev.write", "diskstats.writes_completed", Count, 1.0),
    counter("disk.dev.read_merge", "diskstats.reads_merged", Count, 1.0),
    counter("disk.dev.write_merge", "diskstats.writes_merged", Count, 1.0),
    counter("disk.dev.read_bytes", "diskstats.read_sectors", Sectors, 2.0),
    counter("disk.dev.write_bytes", "diskstats.write_sectors", Sectors, 2.0),
    counter("disk.dev.avactive", "diskstats.io_ms", Milliseconds, 1.0),
    counter("disk.dev.aveq", "diskstats.weighted_io_ms", Milliseconds, 1.0),
    counter("disk.dev.read_rawactive", "diskstats.read_ms", Milliseconds, 1.0),
    counter(
        "disk.dev.write_rawactive",
        "diskstats.write_ms",
        Milliseconds,
        1.0,
    ),
];

const fn counter(header: &'static str, metric: &'static str, unit: Unit, factor: f64) -> Meaning {
    Meaning {
        header,
        metric,
        unit,
        kind: Kind::Counter,
        factor,
    }
}

const fn gauge(header: &'static str, metric: &'static str, unit: Unit) -> Meaning {
    Meaning {
        header,
        metric,
        unit,
        kind: Kind::Gauge,
        factor: 1.0,
    }
}

/// `mem.util.X` is the line of /proc/meminfo of almost the same name.
pub(super) const MEMINFO: [(&str, &str); 30] = [
    ("mem.physmem", "MemTotal"),
    ("mem.util.free", "MemFree"),
    ("mem.util.available", "MemAvailable"),
    ("mem.util.bufmem", "Buffers"),
    ("mem.util.cached", "Cached"),
    ("mem.util.swapCached", "SwapCached"),
    ("mem.util.active", "Active"),
    ("mem.util.inactive", "Inactive"),
    ("mem.util.active_anon", "Active(anon)"),
    ("mem.util.inactive_anon", "Inactive(anon)"),
    ("mem.util.active_file", "Active(file)"),
    ("mem.util.inactive_file", "Inactive(file)"),
    ("mem.util.unevictable", "Unevictable"),
    ("mem.util.mlocked", "Mlocked"),
    ("mem.util.swapTotal", "SwapTotal"),
    ("mem.util.swapFree", "SwapFree"),
    ("mem.util.dirty", "Dirty"),
    ("mem.util.writeback", "Writeback"),
    ("mem.util.anonpages", "AnonPages"),
    ("mem.util.mapped", "Mapped"),
    ("mem.util.shmem", "Shmem"),
    ("mem.util.slab", "Slab"),
    ("mem.util.slabReclaimable", "SReclaimable"),
    ("mem.util.slabUnreclaimable", "SUnreclaim"),
    ("mem.util.kernelStack", "KernelStack"),
    ("mem.util.pageTables", "PageTables"),
    ("mem.util.commitLimit", "CommitLimit"),
    ("mem.util.committed_AS", "Committed_AS"),
    ("mem.util.vmallocUsed", "VmallocUsed"),
    ("mem.util.anonhugepages", "AnonHugePages"),
];
