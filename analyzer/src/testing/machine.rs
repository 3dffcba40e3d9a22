//! The machine of a story: two CPUs, 8 GB in two zones, two disks in ordinary use. Its counters are those of a kernel 6.18.
//!
//! What a story can say of it stands in `deeds.rs`.

use super::disk::Disk;
use super::process::Process;
use model::{Event, Fact, LogRecord};
use std::collections::BTreeMap;

/// Bytes.
pub(crate) const MB: i64 = 1_000_000;
/// Bytes.
pub(crate) const GB: i64 = 1_000_000_000;
pub(super) const PAGE: i64 = 4096;
/// Clock ticks after boot at which a story begins.
pub(super) const UPTIME_TICKS: u64 = 100_000;

/// A zone, in pages.
pub(crate) struct Zone {
    pub(super) node: u32,
    pub(super) name: &'static str,
    pub(super) managed: i64,
    pub(crate) free: i64,
    pub(crate) min: i64,
    pub(crate) low: i64,
    pub(crate) high: i64,
    /// Largest entry of `protection`.
    pub(crate) reserve: i64,
    /// Free pages in the CPUs' own lists, not among `free`.
    pub(super) in_cpu_lists: i64,
    /// Share of the free memory that lies in blocks of order 9 and 10, 0–1.
    pub(crate) whole: f64,
}

/// What changes from second to second. What is a rate, a state or a share of time holds for one second and is quiet again after it;
/// memory and counters stay.
pub(crate) struct Machine {
    pub(crate) second: usize,
    pub(super) meminfo: BTreeMap<&'static str, i64>,
    pub(super) vmstat: BTreeMap<&'static str, i64>,
    pub(super) zones: Vec<Zone>,
    pub(super) disks: BTreeMap<String, Disk>,
    pub(super) processes: BTreeMap<String, Process>,
    pub(super) ended: Vec<Process>,
    pub(super) cpu: [f64; 4],
    pub(super) cpu_ticks: [f64; 5],
    pub(super) running: i64,
    pub(super) blocked: i64,
    pub(super) load: f64,
    pub(super) pressure: BTreeMap<&'static str, (f64, f64)>,
    pub(super) pressure_us: BTreeMap<&'static str, (f64, f64)>,
    pub(super) groups: BTreeMap<String, String>,
    pub(super) facts: Vec<(String, String)>,
    pub(super) log: Vec<String>,
    pub(super) events: Vec<(String, String)>,
    pub(super) unread: Vec<&'static str>,
    pub(super) is_recorded: bool,
    pub(super) is_looked_at: bool,
    pub(super) boots: u32,
}

impl Machine {
    pub(super) fn quiet() -> Machine {
        let meminfo = [
            ("MemTotal", 8 * GB),
            ("Buffers", 100 * MB),
            ("Cached", 2200 * MB),
            ("SwapCached", 0),
            ("Active(file)", 1000 * MB),
            ("Inactive(file)", 1200 * MB),
            ("SwapTotal", 2 * GB),
            ("SwapFree", 2 * GB),
            ("Dirty", MB),
            ("Writeback", 0),
            ("AnonPages", 3 * GB),
            ("Mapped", 400 * MB),
            ("Shmem", 100 * MB),
            ("Slab", 300 * MB),
            ("SReclaimable", 200 * MB),
            ("SUnreclaim", 100 * MB),
            ("KernelStack", 10 * MB),
            ("PageTables", 20 * MB),
            ("Percpu", MB),
            ("HugePages_Total", 0),
        ];
        let zone = |name, managed, free, high| Zone {
            node: 0,
            name,
            managed,
            free,
            min: high * 2 / 3,
            low: high * 5 / 6,
            high,
            reserve: 0,
            in_cpu_lists: 0,
            whole: 0.9,
        };
        let mut machine = Machine {
            second: 0,
            meminfo: meminfo.into(),
            vmstat: COUNTERS.iter().map(|name| (*name, 1000)).collect(),
            zones: vec![
                zone("DMA32", 488_281, 122_070, 6000),
                zone("Normal", 1_464_844, 366_210, 18_000),
            ],
            disks: BTreeMap::new(),
            processes: BTreeMap::new(),
            ended: Vec::new(),
            cpu: [0.0; 4],
            cpu_ticks: [10_000.0; 5],
            running: 1,
            blocked: 0,
            load: 1.0,
            pressure: BTreeMap::new(),
            pressure_us: [("cpu", (0.0, 0.0)), ("io", (0.0, 0.0)), ("memory", (0.0, 0.0))].into(),
            groups: BTreeMap::new(),
            facts: Vec::new(),
            log: Vec::new(),
            events: Vec::new(),
            unread: Vec::new(),
            is_recorded: true,
            is_looked_at: true,
            boots: 1,
        };
        machine.zones[0].reserve = 5722;
        machine.vmstat.insert("nr_dirty_background_threshold", 100_000);
        for name in ["vda", "vdb"] {
            machine.disks.insert(name.into(), Disk::in_use(name));
        }
        machine
            .processes
            .insert("init".into(), Process::new(1, "init", 1));
        machine
            .processes
            .insert("kswapd0".into(), Process::kernel_thread(60, "kswapd0"));
        for (name, value) in [
            ("vm.min_free_kbytes", "64000"),
            ("vm.swappiness", "60"),
            ("vm.nr_hugepages", "0"),
        ] {
            machine.setting(name, value);
        }
        machine.begin_second();
        machine
    }

    /// What holds for one second is quiet again.
    pub(super) fn begin_second(&mut self) {
        self.cpu = [2.0, 1.0, 0.0, 0.0];
        (self.running, self.blocked) = (1, 0);
        self.pressure.clear();
        self.unread.clear();
        self.is_recorded = true;
        self.is_looked_at = true;
        for process in self.processes.values_mut() {
            (process.sample.state, process.sample.wchan) = ('S', None);
        }
    }

    /// What was told of the second goes into the counters.
    pub(super) fn end_second(&mut self) {
        let is_possible = self.zones.iter().all(|z| z.free >= 0) && self.meminfo.values().all(|v| *v >= 0);
        assert!(is_possible, "second {}: more is taken than there is", self.second);
        let (mut read, mut written) = (0.0, 0.0);
        for disk in self.disks.values_mut() {
            let (r, w) = disk.counted();
            (read, written) = (read + r, written + w);
            disk.end_second();
        }
        self.count("pgpgin", (read / 1024.0).round() as i64);
        self.count("pgpgout", (written / 1024.0).round() as i64);
        let [user, system, iowait, steal] = self.cpu;
        let idle = 100.0 - user - system - iowait - steal;
        for (ticks, percent) in self.cpu_ticks.iter_mut().zip([user, system, idle, iowait, steal]) {
            *ticks += 2.0 * percent;
        }
        for (kind, (some, full)) in &self.pressure {
            let us = self.pressure_us.get_mut(kind).expect("cpu, io or memory");
            (us.0, us.1) = (us.0 + 1e4 * some, us.1 + 1e4 * full);
        }
        let in_d = self.processes.values().filter(|p| p.sample.state == 'D').count() as i64;
        if self.second.is_multiple_of(5) {
            // kernel/sched/loadavg.c: of what runs or sleeps uninterruptibly at this instant.
            let active = (self.running + self.blocked.max(in_d)) as f64;
            self.load = (self.load * 1884.0 + active * 164.0) / 2048.0;
        }
        self.count("pgfault", 1000);
        self.count("pgfree", 1000);
        self.ended = self.processes.values().filter(|p| p.ended).cloned().collect();
        self.processes.retain(|_, process| !process.ended);
    }

    pub(super) fn free_pages(&self) -> i64 {
        self.zones.iter().map(|z| z.free).sum()
    }

    /// What stands beside the files and was told since it was asked last.
    pub(super) fn beside(&mut self, at: model::UnixNanos) -> (Vec<Fact>, Vec<LogRecord>, Vec<Event>) {
        let facts = self.facts.drain(..).map(|(name, value)| Fact {
            at,
            name,
            value: Some(value),
        });
        let sequence = 100 * self.second as u64;
        let log = self
            .log
            .drain(..)
            .zip(sequence..)
            .map(|(text, sequence)| LogRecord {
                at: at - 500_000_000,
                sequence,
                priority: 4,
                text,
            });
        let events = self.events.drain(..).map(|(kind, detail)| Event {
            at: at - 750_000_000,
            kind,
            detail,
        });
        (facts.collect(), log.collect(), events.collect())
    }
}

/// The counters of /proc/vmstat that anything here looks at.
const COUNTERS: [&str; 41] = [
    "allocstall_movable",
    "allocstall_normal",
    "balloon_inflate",
    "compact_fail",
    "compact_migrate_scanned",
    "compact_stall",
    "compact_success",
    "drop_pagecache",
    "drop_slab",
    "nr_dirtied",
    "nr_written",
    "numa_miss",
    "oom_kill",
    "pgfault",
    "pgfree",
    "pgmajfault",
    "pgpgin",
    "pgpgout",
    "pgscan_anon",
    "pgscan_direct",
    "pgscan_direct_throttle",
    "pgscan_file",
    "pgscan_khugepaged",
    "pgscan_kswapd",
    "pgscan_proactive",
    "pgsteal_anon",
    "pgsteal_direct",
    "pgsteal_file",
    "pgsteal_khugepaged",
    "pgsteal_kswapd",
    "pgsteal_proactive",
    "pswpin",
    "pswpout",
    "slabs_scanned",
    "swpin_zero",
    "swpout_zero",
    "thp_fault_alloc",
    "thp_fault_fallback",
    "workingset_activate_file",
    "workingset_refault_anon",
    "workingset_refault_file",
];
