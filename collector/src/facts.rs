//! Settings: what an administrator, or a program on his behalf, can change and what bears on memory and disks.

use crate::process_handles::fill;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Of /proc/sys/kernel, those that matter here. All of /proc/sys/vm is read.
const KERNEL: [&str; 12] = [
    "hung_task_timeout_secs",
    "numa_balancing",
    "osrelease",
    "panic_on_oops",
    "pid_max",
    "sched_autogroup_enabled",
    "shmall",
    "shmmax",
    "task_delayacct",
    "threads-max",
    "tainted",
    "watchdog_thresh",
];

/// Of /proc/sys/vm, those that do something when read or written, and hold no setting.
const NO_SETTING: [&str; 3] = ["compact_memory", "drop_caches", "stat_refresh"];

/// Files of /sys, and what we call them.
const SYS: [(&str, &str); 9] = [
    ("kernel/mm/transparent_hugepage/enabled", "sysctl.thp.enabled"),
    ("kernel/mm/transparent_hugepage/defrag", "sysctl.thp.defrag"),
    (
        "kernel/mm/transparent_hugepage/shmem_enabled",
        "sysctl.thp.shmem_enabled",
    ),
    (
        "kernel/mm/transparent_hugepage/khugepaged/defrag",
        "sysctl.thp.khugepaged.defrag",
    ),
    ("kernel/mm/lru_gen/enabled", "sysctl.lru_gen.enabled"),
    ("kernel/mm/lru_gen/min_ttl_ms", "sysctl.lru_gen.min_ttl_ms"),
    ("kernel/mm/ksm/run", "sysctl.ksm.run"),
    ("kernel/mm/numa/demotion_enabled", "sysctl.numa.demotion_enabled"),
    ("kernel/mm/swap/vma_ra_enabled", "sysctl.swap.vma_ra_enabled"),
];

/// Looks after which it is looked anew which settings there are: a module brings some.
const LIST_EVERY: u32 = 60;

/// The settings, their files kept open.
pub(crate) struct Settings {
    proc: PathBuf,
    sys: PathBuf,
    files: Vec<(String, File)>,
    buffer: Vec<u8>,
    looks: u32,
}

impl Settings {
    pub(crate) fn new(proc: &Path, sys: &Path) -> Settings {
        Settings {
            proc: proc.into(),
            sys: sys.into(),
            files: Vec::new(),
            buffer: vec![0; 4096],
            looks: 0,
        }
    }

    /// All of this moment, by the fact's name. What cannot be read is left out.
    pub(crate) fn all(&mut self) -> BTreeMap<String, String> {
        if self.looks.is_multiple_of(LIST_EVERY) {
            self.files = paths(&self.proc, &self.sys)
                .filter_map(|(name, path)| Some((name, File::open(path).ok()?)))
                .collect();
        }
        self.looks = self.looks.wrapping_add(1);
        let mut facts = BTreeMap::new();
        for (name, file) in &self.files {
            if let Ok(len) = fill(&mut self.buffer, |rest, at| file.read_at(rest, at)) {
                let text = String::from_utf8_lossy(&self.buffer[..len]);
                facts.insert(name.clone(), text.trim_end().to_string());
            }
        }
        if let Some(swaps) = read(&self.proc.join("swaps")) {
            facts.insert("swap.devices".to_string(), swap_devices(&swaps));
        }
        facts
    }
}

/// The files of settings, with their facts' names; not all need be there.
fn paths(proc: &Path, sys: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    let vm = std::fs::read_dir(proc.join("sys/vm"))
        .into_iter()
        .flatten()
        .flatten();
    let vm = vm.filter_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (!NO_SETTING.contains(&name.as_str())).then(|| (format!("sysctl.vm.{name}"), entry.path()))
    });
    let kernel = proc.join("sys/kernel");
    let kernel = KERNEL.map(|name| (format!("sysctl.kernel.{name}"), kernel.join(name)));
    let online = ["cpu/online", "node/online"].map(|name| {
        let path = sys.join("devices/system").join(name);
        (format!("node.{}", name.replace('/', "_")), path)
    });
    vm.chain(kernel)
        .chain(SYS.map(|(path, name)| (name.to_string(), sys.join(path))))
        .chain(online)
}

/// A file's text without the end of its line, as `sysctl` shows it.
pub(crate) fn read(path: &Path) -> Option<String> {
    let text = std::fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&text).trim_end().to_string())
}

/// /proc/swaps without what moves by itself (`Used`): device, kind, size in KiB and priority of each, one a line.
fn swap_devices(swaps: &str) -> String {
    let devices = swaps.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [device, kind, size, .., priority] = fields[..] else {
            return None;
        };
        Some(format!("{device} {kind} {size} {priority}"))
    });
    devices.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_of_a_swap_device_is_no_setting() {
        let swaps = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
            /dev/zram0                              partition\t4194300\t\t1234\t\t100\n\
            /swap\\040file                          file\t\t1024\t\t0\t\t-2\n";
        assert_eq!(
            swap_devices(swaps),
            "/dev/zram0 partition 4194300 100\n/swap\\040file file 1024 -2"
        );
        assert_eq!(swap_devices("Filename Type Size Used Priority\n"), "");
    }

    #[test]
    fn settings_are_read_as_sysctl_shows_them() {
        let folder = tempfile::TempDir::new().unwrap();
        let set = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        set("proc/sys/vm/swappiness", "60\n");
        set("proc/sys/vm/lowmem_reserve_ratio", "256\t256\t32\n");
        set("proc/sys/vm/drop_caches", "0\n");
        set("proc/sys/kernel/ns_last_pid", "4711\n");
        set(
            "sys/kernel/mm/transparent_hugepage/enabled",
            "always [madvise] never\n",
        );
        let mut settings = Settings::new(&folder.path().join("proc"), &folder.path().join("sys"));
        settings.all();
        set("proc/sys/vm/swappiness", "10\n");
        let facts = settings.all();
        let told: Vec<String> = facts
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        assert_eq!(
            told,
            [
                "sysctl.thp.enabled = always [madvise] never",
                "sysctl.vm.lowmem_reserve_ratio = 256\t256\t32",
                "sysctl.vm.swappiness = 10",
            ]
        );
    }
}
