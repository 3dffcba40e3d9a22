//! Which of sysstat's (and vmstat's) columns is which metric of ours, in which unit (kernel.md §3.8).
//!
//! What sysstat derives (`%vmeff`, `avgrq-sz`, `svctm`, `%memused`) is not taken: it follows from the rest. What depends on its
//! version is taken only where the table itself tells which version it is.

use super::Kind::{self, Gauge, Rate};
use model::Unit::{self, ClockTicks, Count, Kibibytes, Microseconds, Milliseconds, Pages, Ratio, Sectors};

/// A column by its header, and what becomes of it: `factor` × the printed number, in `unit`.
#[derive(Debug, Clone, Copy)]
pub(in crate::import) struct Meaning {
    pub(in crate::import) header: &'static str,
    pub(in crate::import) metric: &'static str,
    pub(in crate::import) unit: Unit,
    pub(in crate::import) kind: Kind,
    pub(in crate::import) factor: f64,
}

const fn of(header: &'static str, metric: &'static str, unit: Unit, kind: Kind, factor: f64) -> Meaning {
    Meaning {
        header,
        metric,
        unit,
        kind,
        factor,
    }
}

/// Tables of the whole machine: -B, -W, -r, -S, -q, -w.
pub(in crate::import) const HOST: [Meaning; 38] = [
    of("pgpgin/s", "vmstat.pgpgin", Kibibytes, Rate, 1.0),
    of("pgpgout/s", "vmstat.pgpgout", Kibibytes, Rate, 1.0),
    of("fault/s", "vmstat.pgfault", Count, Rate, 1.0),
    of("majflt/s", "vmstat.pgmajfault", Count, Rate, 1.0),
    of("pgfree/s", "vmstat.pgfree", Pages, Rate, 1.0),
    of("pgscank/s", "vmstat.pgscan_kswapd", Pages, Rate, 1.0),
    of("pgscand/s", "vmstat.pgscan_direct", Pages, Rate, 1.0),
    of("pgsteal/s", "vmstat.pgsteal", Pages, Rate, 1.0),
    of("pgprom/s", "vmstat.pgpromote_success", Pages, Rate, 1.0),
    of("pswpin/s", "vmstat.pswpin", Pages, Rate, 1.0),
    of("pswpout/s", "vmstat.pswpout", Pages, Rate, 1.0),
    of("kbmemfree", "meminfo.MemFree", Kibibytes, Gauge, 1.0),
    of("kbavail", "meminfo.MemAvailable", Kibibytes, Gauge, 1.0),
    of("kbbuffers", "meminfo.Buffers", Kibibytes, Gauge, 1.0),
    of("kbcached", "meminfo.Cached", Kibibytes, Gauge, 1.0),
    of("kbcommit", "meminfo.Committed_AS", Kibibytes, Gauge, 1.0),
    of("kbactive", "meminfo.Active", Kibibytes, Gauge, 1.0),
    of("kbinact", "meminfo.Inactive", Kibibytes, Gauge, 1.0),
    of("kbdirty", "meminfo.Dirty", Kibibytes, Gauge, 1.0),
    of("kbanonpg", "meminfo.AnonPages", Kibibytes, Gauge, 1.0),
    of("kbslab", "meminfo.Slab", Kibibytes, Gauge, 1.0),
    of("kbkstack", "meminfo.KernelStack", Kibibytes, Gauge, 1.0),
    of("kbpgtbl", "meminfo.PageTables", Kibibytes, Gauge, 1.0),
    of("kbvmused", "meminfo.VmallocUsed", Kibibytes, Gauge, 1.0),
    of("kbswpfree", "meminfo.SwapFree", Kibibytes, Gauge, 1.0),
    of("kbswpcad", "meminfo.SwapCached", Kibibytes, Gauge, 1.0),
    of("plist-sz", "loadavg.tasks", Count, Gauge, 1.0),
    of("ldavg-1", "loadavg.load1", Ratio, Gauge, 1.0),
    of("ldavg-5", "loadavg.load5", Ratio, Gauge, 1.0),
    of("ldavg-15", "loadavg.load15", Ratio, Gauge, 1.0),
    of("blocked", "stat.procs_blocked", Count, Gauge, 1.0),
    of("proc/s", "stat.processes", Count, Rate, 1.0),
    of("cswch/s", "stat.ctxt", Count, Rate, 1.0),
    // Percent of the interval in which somebody waited: 1 % is 10,000 µs a second.
    of("%scpu", "pressure/cpu.some_total", Microseconds, Rate, 1e4),
    of("%sio", "pressure/io.some_total", Microseconds, Rate, 1e4),
    of("%fio", "pressure/io.full_total", Microseconds, Rate, 1e4),
    of("%smem", "pressure/memory.some_total", Microseconds, Rate, 1e4),
    of("%fmem", "pressure/memory.full_total", Microseconds, Rate, 1e4),
];

/// Why a number of table -B is not to be trusted, from the kernel (major, minor) that it was counted on and whether the table has
/// `%vmeff`, which sysstat printed until 12.7.5. Its columns are sums over names of /proc/vmstat, and not all versions know the
/// names of all kernels.
pub(in crate::import) fn distrust(header: &str, kernel: (u32, u32), has_vmeff: bool) -> Option<&'static str> {
    match header {
        "pgsteal/s" if has_vmeff && kernel >= (5, 8) => Some("this sysstat counts it twice on this kernel"),
        "pgsteal/s" if !has_vmeff && kernel < (5, 8) => {
            Some("this sysstat does not know this kernel's names of it")
        }
        "pgscank/s" | "pgscand/s" if !has_vmeff && kernel < (4, 8) => {
            Some("this sysstat does not know this kernel's names of it")
        }
        _ => None,
    }
}

/// Table -d, by device.
pub(in crate::import) const DEVICE: [Meaning; 9] = [
    of("tps", "diskstats.ios_completed", Count, Rate, 1.0),
    of("rd_sec/s", "diskstats.read_sectors", Sectors, Rate, 1.0),
    of("wr_sec/s", "diskstats.write_sectors", Sectors, Rate, 1.0),
    of("rkB/s", "diskstats.read_sectors", Sectors, Rate, 2.0),
    of("wkB/s", "diskstats.write_sectors", Sectors, Rate, 2.0),
    of("dkB/s", "diskstats.discard_sectors", Sectors, Rate, 2.0),
    of("avgqu-sz", "diskstats.weighted_io_ms", Milliseconds, Rate, 1e3),
    of("aqu-sz", "diskstats.weighted_io_ms", Milliseconds, Rate, 1e3),
    // Percent of the time: 1 % is 10 ms a second.
    of("%util", "diskstats.io_ms", Milliseconds, Rate, 10.0),
];

/// Table -u, by CPU. `%usr` and `%nice` of `-u ALL` leave guests out, which the kernel's `user` and `nice` hold; the
/// guest columns are added to them where they are. Percent of one CPU is a clock tick (of 10 ms) a second.
pub(in crate::import) const CPU: [Meaning; 12] = [
    of("%user", "stat.user", ClockTicks, Rate, 1.0),
    of("%usr", "stat.user", ClockTicks, Rate, 1.0),
    of("%nice", "stat.nice", ClockTicks, Rate, 1.0),
    of("%system", "stat.system", ClockTicks, Rate, 1.0),
    of("%sys", "stat.system", ClockTicks, Rate, 1.0),
    of("%iowait", "stat.iowait", ClockTicks, Rate, 1.0),
    of("%steal", "stat.steal", ClockTicks, Rate, 1.0),
    of("%irq", "stat.irq", ClockTicks, Rate, 1.0),
    of("%soft", "stat.softirq", ClockTicks, Rate, 1.0),
    of("%guest", "stat.guest", ClockTicks, Rate, 1.0),
    of("%gnice", "stat.guest_nice", ClockTicks, Rate, 1.0),
    of("%idle", "stat.idle", ClockTicks, Rate, 1.0),
];

/// What `vmstat` prints. `us` has nice in it and `sy` the interrupts, as the totals of `sar -u` have. `r` leaves vmstat itself out or not, by
/// its version, and `cache` holds the slab that can be reclaimed in some: they are not taken.
pub(in crate::import) const VMSTAT: [Meaning; 15] = [
    of("b", "stat.procs_blocked", Count, Gauge, 1.0),
    of("free", "meminfo.MemFree", Kibibytes, Gauge, 1.0),
    of("buff", "meminfo.Buffers", Kibibytes, Gauge, 1.0),
    of("si", "vmstat.pswpin", Pages, Rate, 0.25),
    of("so", "vmstat.pswpout", Pages, Rate, 0.25),
    of("bi", "vmstat.pgpgin", Kibibytes, Rate, 1.0),
    of("bo", "vmstat.pgpgout", Kibibytes, Rate, 1.0),
    of("in", "stat.intr", Count, Rate, 1.0),
    of("cs", "stat.ctxt", Count, Rate, 1.0),
    of("us", "stat.user", ClockTicks, Rate, 1.0),
    of("sy", "stat.system", ClockTicks, Rate, 1.0),
    of("id", "stat.idle", ClockTicks, Rate, 1.0),
    of("wa", "stat.iowait", ClockTicks, Rate, 1.0),
    of("st", "stat.steal", ClockTicks, Rate, 1.0),
    of("gu", "stat.guest", ClockTicks, Rate, 1.0),
];

/// What `iostat` prints of a device, with and without `-x`, in sectors, kB or MB.
pub(in crate::import) const IOSTAT: [Meaning; 24] = [
    of("tps", "diskstats.ios_completed", Count, Rate, 1.0),
    of("r/s", "diskstats.reads_completed", Count, Rate, 1.0),
    of("w/s", "diskstats.writes_completed", Count, Rate, 1.0),
    of("d/s", "diskstats.discards_completed", Count, Rate, 1.0),
    of("f/s", "diskstats.flushes_completed", Count, Rate, 1.0),
    of("rrqm/s", "diskstats.reads_merged", Count, Rate, 1.0),
    of("wrqm/s", "diskstats.writes_merged", Count, Rate, 1.0),
    of("drqm/s", "diskstats.discards_merged", Count, Rate, 1.0),
    of("rsec/s", "diskstats.read_sectors", Sectors, Rate, 1.0),
    of("wsec/s", "diskstats.write_sectors", Sectors, Rate, 1.0),
    of("rkB/s", "diskstats.read_sectors", Sectors, Rate, 2.0),
    of("wkB/s", "diskstats.write_sectors", Sectors, Rate, 2.0),
    of("dkB/s", "diskstats.discard_sectors", Sectors, Rate, 2.0),
    of("rMB/s", "diskstats.read_sectors", Sectors, Rate, 2048.0),
    of("wMB/s", "diskstats.write_sectors", Sectors, Rate, 2048.0),
    of("dMB/s", "diskstats.discard_sectors", Sectors, Rate, 2048.0),
    of("Blk_read/s", "diskstats.read_sectors", Sectors, Rate, 1.0),
    of("Blk_wrtn/s", "diskstats.write_sectors", Sectors, Rate, 1.0),
    of("kB_read/s", "diskstats.read_sectors", Sectors, Rate, 2.0),
    of("kB_wrtn/s", "diskstats.write_sectors", Sectors, Rate, 2.0),
    of("kB_dscd/s", "diskstats.discard_sectors", Sectors, Rate, 2.0),
    of("avgqu-sz", "diskstats.weighted_io_ms", Milliseconds, Rate, 1e3),
    of("aqu-sz", "diskstats.weighted_io_ms", Milliseconds, Rate, 1e3),
    of("%util", "diskstats.io_ms", Milliseconds, Rate, 10.0),
];
