//! Decoded values against the procfs crate, on this machine's /proc and on the fixtures: two programs that read the
//! same bytes must read the same numbers.

mod common;

use common::{ERAS, decode, fixture, value};
use procfs::{FromRead, FromReadSI};

/// The text of a source on this machine and in every era. Read once: /proc changes.
fn texts(source: &str) -> Vec<Vec<u8>> {
    let here = std::fs::read(format!("/proc/{source}")).ok();
    here.into_iter()
        .chain(ERAS.iter().filter_map(|era| fixture(era, source)))
        .collect()
}

#[test]
fn meminfo() {
    for text in texts("meminfo") {
        let theirs = procfs::Meminfo::from_read(&*text).expect("procfs reads it");
        let (columns, values) = decode("meminfo", &text);
        let ours = |name: &str| {
            value(&columns, &values, &format!("meminfo.{name}"), "host").map(|kib| kib as u64 * 1024)
        };
        let pairs = [
            ("MemTotal", Some(theirs.mem_total)),
            ("MemFree", Some(theirs.mem_free)),
            ("MemAvailable", theirs.mem_available),
            ("Buffers", Some(theirs.buffers)),
            ("Cached", Some(theirs.cached)),
            ("SwapCached", Some(theirs.swap_cached)),
            ("Active(file)", theirs.active_file),
            ("Inactive(file)", theirs.inactive_file),
            ("Dirty", Some(theirs.dirty)),
            ("Writeback", Some(theirs.writeback)),
            ("AnonPages", theirs.anon_pages),
            ("Mapped", Some(theirs.mapped)),
            ("Shmem", theirs.shmem),
            ("KReclaimable", theirs.k_reclaimable),
            ("SReclaimable", theirs.s_reclaimable),
            ("SUnreclaim", theirs.s_unreclaim),
            ("KernelStack", theirs.kernel_stack),
            ("PageTables", theirs.page_tables),
            ("Committed_AS", Some(theirs.committed_as)),
            ("Percpu", theirs.per_cpu),
            ("Hugepagesize", theirs.hugepagesize),
            ("DirectMap4k", theirs.direct_map_4k),
        ];
        for (name, theirs) in pairs {
            assert_eq!(ours(name), theirs, "{name}");
        }
        assert_eq!(
            value(&columns, &values, "meminfo.HugePages_Total", "host").map(|n| n as u64),
            theirs.hugepages_total
        );
    }
}

#[test]
fn vmstat() {
    for text in texts("vmstat") {
        let theirs = procfs::VmStat::from_read(&*text).expect("procfs reads it").0;
        let (columns, values) = decode("vmstat", &text);
        for (name, number) in &theirs {
            assert_eq!(
                value(&columns, &values, &format!("vmstat.{name}"), "host"),
                Some(*number as f64),
                "{name}"
            );
        }
        assert_eq!(columns.len(), theirs.len());
    }
}

#[test]
fn diskstats() {
    for text in texts("diskstats") {
        let theirs = procfs::DiskStats::from_read(&*text).expect("procfs reads it").0;
        let (columns, values) = decode("diskstats", &text);
        for disk in &theirs {
            let ours = |name: &str| {
                value(&columns, &values, &format!("diskstats.{name}"), &disk.name).map(|number| number as u64)
            };
            let pairs = [
                ("major", u64::try_from(disk.major).ok()),
                ("minor", u64::try_from(disk.minor).ok()),
                ("reads_completed", Some(disk.reads)),
                ("reads_merged", Some(disk.merged)),
                ("read_sectors", Some(disk.sectors_read)),
                ("read_ms", Some(disk.time_reading)),
                ("writes_completed", Some(disk.writes)),
                ("writes_merged", Some(disk.writes_merged)),
                ("write_sectors", Some(disk.sectors_written)),
                ("write_ms", Some(disk.time_writing)),
                ("in_flight", Some(disk.in_progress)),
                ("io_ms", Some(disk.time_in_progress)),
                ("weighted_io_ms", Some(disk.weighted_time_in_progress)),
                ("discards_completed", disk.discards),
                ("discards_merged", disk.discards_merged),
                ("discard_sectors", disk.sectors_discarded),
                ("discard_ms", disk.time_discarding),
                ("flushes_completed", disk.flushes),
                ("flush_ms", disk.time_flushing),
            ];
            for (name, theirs) in pairs {
                assert_eq!(ours(name), theirs, "{name} of {}", disk.name);
            }
        }
    }
}

#[test]
fn stat() {
    for text in texts("stat") {
        let theirs =
            procfs::KernelStats::from_read(&*text, procfs::current_system_info()).expect("procfs reads it");
        let (columns, values) = decode("stat", &text);
        let ours = |name: &str, subject: &str| {
            value(&columns, &values, &format!("stat.{name}"), subject).map(|n| n as u64)
        };
        let cpus = theirs
            .cpu_time
            .iter()
            .enumerate()
            .map(|(i, cpu)| (format!("cpu{i}"), cpu));
        for (subject, cpu) in cpus.chain([("host".to_owned(), &theirs.total)]) {
            let pairs = [
                ("user", Some(cpu.user)),
                ("nice", Some(cpu.nice)),
                ("system", Some(cpu.system)),
                ("idle", Some(cpu.idle)),
                ("iowait", cpu.iowait),
                ("irq", cpu.irq),
                ("softirq", cpu.softirq),
                ("steal", cpu.steal),
                ("guest", cpu.guest),
                ("guest_nice", cpu.guest_nice),
            ];
            for (name, theirs) in pairs {
                assert_eq!(ours(name, &subject), theirs, "{name} of {subject}");
            }
        }
        assert_eq!(ours("ctxt", "host"), Some(theirs.ctxt));
        assert_eq!(ours("btime", "host"), Some(theirs.btime));
        assert_eq!(ours("processes", "host"), Some(theirs.processes));
        assert_eq!(ours("procs_running", "host"), theirs.procs_running.map(u64::from));
        assert_eq!(ours("procs_blocked", "host"), theirs.procs_blocked.map(u64::from));
    }
}

#[test]
fn loadavg() {
    for text in texts("loadavg") {
        let theirs = procfs::LoadAverage::from_read(&*text).expect("procfs reads it");
        let (columns, values) = decode("loadavg", &text);
        let ours = |name: &str| value(&columns, &values, &format!("loadavg.{name}"), "host").expect(name);
        assert_eq!(ours("load1") as f32, theirs.one);
        assert_eq!(ours("load5") as f32, theirs.five);
        assert_eq!(ours("load15") as f32, theirs.fifteen);
        assert_eq!(ours("runnable") as u32, theirs.cur);
        assert_eq!(ours("tasks") as u32, theirs.max);
        assert_eq!(ours("last_pid") as u32, theirs.latest_pid);
    }
}

#[test]
fn pressure() {
    for source in ["pressure/io", "pressure/memory"] {
        for text in texts(source) {
            let theirs = procfs::MemoryPressure::from_read(&*text).expect("procfs reads it");
            let (columns, values) = decode(source, &text);
            for (who, record) in [("some", &theirs.some), ("full", &theirs.full)] {
                let ours = |name: &str| {
                    value(&columns, &values, &format!("{source}.{who}_{name}"), "host").expect(name)
                };
                assert_eq!(ours("avg10") as f32, record.avg10);
                assert_eq!(ours("avg60") as f32, record.avg60);
                assert_eq!(ours("avg300") as f32, record.avg300);
                assert_eq!(ours("total") as u64, record.total);
            }
        }
    }
}
