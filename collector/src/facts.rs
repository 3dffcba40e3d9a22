//! What changes rarely: settings, and through [`crate::topology`] the block devices.

use crate::topology;
use model::{Fact, UnixNanos};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Of kernel.*, those that bear on memory, tasks and what the record means. Others (ns_last_pid, random.*) move by themselves.
const KERNEL_SETTINGS: [&str; 12] = [
    "dmesg_restrict",
    "hung_task_timeout_secs",
    "numa_balancing",
    "osrelease",
    "panic_on_oops",
    "perf_event_paranoid",
    "pid_max",
    "sched_autogroup_enabled",
    "task_delayacct",
    "threads-max",
    "version",
    "yama/ptrace_scope",
];

/// Files under /sys that are settings, and the names they are recorded under.
const SYS_SETTINGS: [(&str, &str); 7] = [
    ("kernel/mm/transparent_hugepage/enabled", "sysctl.thp.enabled"),
    ("kernel/mm/transparent_hugepage/defrag", "sysctl.thp.defrag"),
    ("kernel/mm/transparent_hugepage/khugepaged/defrag", "sysctl.thp.khugepaged_defrag"),
    ("kernel/mm/lru_gen/enabled", "sysctl.lru_gen.enabled"),
    ("kernel/mm/lru_gen/min_ttl_ms", "sysctl.lru_gen.min_ttl_ms"),
    ("kernel/mm/ksm/run", "sysctl.ksm.run"),
    ("module/damon_reclaim/parameters/enabled", "sysctl.damon_reclaim.enabled"),
];

/// vm.* files that are no settings: writing them does something, or they report.
const NOT_SETTINGS: [&str; 3] = ["compact_memory", "drop_caches", "stat_refresh"];

/// Looks at settings and devices.
pub(crate) struct Facts {
    proc: PathBuf,
    sys: PathBuf,
    devices: BTreeSet<String>,
}

impl Facts {
    pub(crate) fn new(proc: &Path) -> Facts {
        // A /proc of a test or a container has its /sys beside it.
        let beside = proc.parent().map(|p| p.join("sys")).filter(|p| p.exists());
        Facts { proc: proc.into(), sys: beside.unwrap_or_else(|| "/sys".into()), devices: BTreeSet::new() }
    }

    /// Everything as it is now; the store keeps what is new.
    pub(crate) fn look(&mut self, at: UnixNanos) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut add = |name: String, value: String| facts.push(Fact { at, name, value: Some(value) });
        let vm = self.proc.join("sys/vm");
        let mut names: Vec<_> = std::fs::read_dir(&vm).into_iter().flatten().flatten().map(|e| e.file_name()).collect();
        names.sort();
        for name in names {
            let name = name.to_string_lossy().into_owned();
            if !NOT_SETTINGS.contains(&name.as_str())
                && let Some(value) = setting(&vm.join(&name))
            {
                add(format!("sysctl.vm.{name}"), value);
            }
        }
        for name in KERNEL_SETTINGS {
            if let Some(value) = setting(&self.proc.join("sys/kernel").join(name)) {
                add(format!("sysctl.kernel.{}", name.replace('/', ".")), value);
            }
        }
        for (path, name) in SYS_SETTINGS {
            if let Some(value) = setting(&self.sys.join(path)) {
                add(name.to_string(), value);
            }
        }
        if let Some(swaps) = setting(&self.proc.join("swaps")) {
            // The size in use moves; which devices there are does not.
            let devices: Vec<&str> =
                swaps.lines().skip(1).filter_map(|l| l.split_whitespace().next()).collect();
            add("node.swap_devices".into(), devices.join(" "));
        }
        let devices = topology::devices(&self.sys, &self.proc);
        let now: BTreeSet<String> = devices.keys().cloned().collect();
        for (name, json) in devices {
            add(format!("block.{name}"), json);
        }
        for gone in std::mem::replace(&mut self.devices, now).difference(&self.devices) {
            facts.push(Fact { at, name: format!("block.{gone}"), value: None });
        }
        facts
    }
}

fn setting(path: &Path) -> Option<String> {
    let value = std::fs::read_to_string(path).ok()?;
    let value = value.trim();
    (!value.is_empty() && value.len() < 4096).then(|| value.replace('\t', " "))
}
