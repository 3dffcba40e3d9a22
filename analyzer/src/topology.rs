//! Which device stands on which: from the facts that were recorded, never from the machine that reads them.

use crate::window::Window;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The block devices of a window and how they stand on each other.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    devices: BTreeMap<Arc<str>, Device>,
}

#[derive(Debug, Clone, Default)]
struct Device {
    below: BTreeSet<Arc<str>>,
    partition_of: Option<Arc<str>>,
    mounts: Vec<String>,
    rotational: Option<bool>,
}

impl Topology {
    /// From the `block.*` facts; without any, from the names that the kernel gives.
    pub fn of(window: &Window) -> Topology {
        let mut topology = Topology::default();
        let mut files: Vec<(Arc<str>, String)> = Vec::new();
        for fact in &window.facts {
            let Some(name) = fact.name.strip_prefix("block.") else {
                continue;
            };
            let Some(value) = fact.value.as_deref() else {
                continue;
            };
            let Ok(block) = serde_json::from_str::<serde_json::Value>(value) else {
                continue;
            };
            topology.add(name, &block, &mut files);
        }
        for (name, file) in files {
            if let Some(below) = topology.device_of_path(&file) {
                topology
                    .devices
                    .entry(name.clone())
                    .or_default()
                    .below
                    .insert(below);
            }
        }
        if topology.devices.is_empty() {
            topology.guess(window);
        }
        topology
    }

    fn add(&mut self, name: &str, block: &serde_json::Value, files: &mut Vec<(Arc<str>, String)>) {
        let strings = |key: &str| -> Vec<String> {
            let list = block
                .get(key)
                .and_then(|v| v.as_array())
                .cloned()
                .unwrap_or_default();
            list.iter().filter_map(|v| v.as_str()).map(String::from).collect()
        };
        let name: Arc<str> = name.into();
        let device = self.devices.entry(name.clone()).or_default();
        device.below = strings("slaves").into_iter().map(Arc::from).collect();
        device.mounts = strings("mounts");
        device.rotational = block.get("rotational").and_then(|v| v.as_bool());
        for partition in strings("partitions") {
            let partition: Arc<str> = partition.into();
            let entry = self.devices.entry(partition).or_default();
            entry.partition_of = Some(name.clone());
        }
        if let Some(file) = block
            .get("backing_file")
            .and_then(|v| v.as_str())
            .filter(|f| !f.is_empty())
        {
            files.push((name, file.to_string()));
        }
    }

    /// The device whose mount point is the longest prefix of a path.
    fn device_of_path(&self, path: &str) -> Option<Arc<str>> {
        let under = |mount: &str| mount == "/" || path == mount || path.starts_with(&format!("{mount}/"));
        self.devices
            .iter()
            .flat_map(|(name, device)| device.mounts.iter().map(move |mount| (mount.len(), name, mount)))
            .filter(|(_, _, mount)| under(mount))
            .max_by_key(|(len, _, _)| *len)
            .map(|(_, name, _)| name.clone())
    }

    /// No facts were recorded (an imported history): `sda1` is a partition of `sda`; md devices stand on the disks, but on
    /// which is not known, so nothing is subtracted for them.
    fn guess(&mut self, window: &Window) {
        let names: Vec<Arc<str>> = window
            .subjects("diskstats.read_sectors")
            .into_iter()
            .filter_map(|s| {
                if let model::Subject::Device(name) = s {
                    Some(name)
                } else {
                    None
                }
            })
            .collect();
        for name in &names {
            let whole = names.iter().find(|disk| {
                disk.len() < name.len()
                    && name.starts_with(&***disk)
                    && name[disk.len()..].trim_start_matches('p').parse::<u32>().is_ok()
                    && !disk.starts_with("loop")
                    && !disk.starts_with("ram")
                    && !disk.starts_with("md")
                    && !disk.starts_with("dm-")
            });
            self.devices.entry(name.clone()).or_default().partition_of = whole.cloned();
        }
    }

    /// Whether a device is a partition of another.
    pub fn is_partition(&self, name: &str) -> bool {
        self.devices.get(name).is_some_and(|d| d.partition_of.is_some())
    }

    /// Devices that stand directly on this one.
    pub fn stacked_on(&self, name: &str) -> Vec<Arc<str>> {
        let stands_on = |d: &Device| {
            d.below
                .iter()
                .any(|b| &**b == name || self.disk_of(b).as_deref() == Some(name))
        };
        self.devices
            .iter()
            .filter(|(_, d)| stands_on(d))
            .map(|(n, _)| n.clone())
            .collect()
    }

    fn disk_of(&self, name: &str) -> Option<Arc<str>> {
        self.devices.get(name)?.partition_of.clone()
    }

    /// Whether a device stands on no other: a real disk, as far as the node can see.
    pub fn is_leaf(&self, name: &str) -> bool {
        let virtual_name = ["loop", "md", "dm-", "zram", "ram"]
            .iter()
            .any(|p| name.starts_with(p));
        !virtual_name && !self.is_partition(name) && self.devices.get(name).is_none_or(|d| d.below.is_empty())
    }

    /// Whether `upper` stands on `lower`, at any depth.
    pub fn stands_on(&self, upper: &str, lower: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![Arc::<str>::from(upper)];
        while let Some(name) = open.pop() {
            let Some(device) = self.devices.get(&name) else {
                continue;
            };
            for below in device.below.iter().cloned().chain(device.partition_of.clone()) {
                if &*below == lower {
                    return true;
                }
                if seen.insert(below.clone()) {
                    open.push(below);
                }
            }
        }
        false
    }

    /// Mount points of a device and of its partitions.
    pub fn mounts(&self, name: &str) -> Vec<String> {
        let mut mounts: Vec<String> = self
            .devices
            .iter()
            .filter(|(n, d)| &***n == name || d.partition_of.as_deref() == Some(name))
            .flat_map(|(_, d)| d.mounts.iter().cloned())
            .collect();
        mounts.sort();
        mounts.dedup();
        mounts
    }

    /// Whether the kernel calls it rotational; `None` when not recorded.
    pub fn rotational(&self, name: &str) -> Option<bool> {
        self.devices.get(name).and_then(|d| d.rotational)
    }
}
