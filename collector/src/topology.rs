//! Block devices: which stands on which, where they are mounted, and who they are whatever their name is today.

use crate::facts::read;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Files of /sys/block/NAME that are told when they are there, under these keys.
const PLAIN: [(&str, &str); 12] = [
    ("device/model", "model"),
    ("device/serial", "serial"),
    ("serial", "serial"),
    ("wwid", "wwn"),
    ("device/wwid", "wwn"),
    ("dm/name", "dm_name"),
    ("dm/uuid", "dm_uuid"),
    ("md/level", "md_level"),
    ("md/uuid", "md_uuid"),
    ("md/sync_action", "md_sync_action"),
    ("queue/scheduler", "scheduler"),
    ("comp_algorithm", "zram_algorithm"),
];

/// Limits of the queue: numbers.
const LIMITS: [&str; 4] = ["nr_requests", "read_ahead_kb", "max_sectors_kb", "wbt_lat_usec"];

/// A JSON object for each block device, by the fact's name (`block.vda`).
pub(crate) fn blocks(proc: &Path, sys: &Path) -> BTreeMap<String, String> {
    let mounts = mounts(proc);
    let mut facts = BTreeMap::new();
    for entry in std::fs::read_dir(sys.join("block"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let partitions = partitions(&entry.path());
        let value = block(&entry.path(), &partitions, &mounts);
        facts.insert(format!("block.{name}"), value.to_string());
        for partition in partitions {
            let path = entry.path().join(&partition);
            let block = common(&path, &mounts);
            facts.insert(format!("block.{partition}"), Value::Object(block).to_string());
        }
    }
    facts
}

fn block(path: &Path, partitions: &[String], mounts: &Mounts) -> Value {
    let mut block = common(path, mounts);
    let rotational = read(&path.join("queue/rotational")).map(|r| r == "1");
    block.insert("rotational".into(), json!(rotational));
    block.insert("slaves".into(), json!(names(&path.join("slaves"))));
    block.insert("partitions".into(), json!(partitions));
    block.insert(
        "backing_file".into(),
        json!(read(&path.join("loop/backing_file")).unwrap_or_default()),
    );
    // Nothing is behind it, as of loop devices that wait to be used: who it is and its limits say nothing.
    if block.get("sectors") == Some(&json!(0)) {
        return Value::Object(block);
    }
    for (file, key) in PLAIN {
        if let Some(value) = read(&path.join(file))
            .map(|v| v.trim().to_string())
            .filter(|v| !v.is_empty())
        {
            block.insert(key.into(), json!(value));
        }
    }
    for limit in LIMITS {
        if let Some(value) = read(&path.join("queue").join(limit)).and_then(|v| v.parse::<i64>().ok()) {
            block.insert(limit.into(), json!(value));
        }
    }
    Value::Object(block)
}

/// What a disk and a partition have in common.
fn common(path: &Path, mounts: &Mounts) -> Map<String, Value> {
    let dev = read(&path.join("dev")).unwrap_or_default();
    let mut block = Map::new();
    block.insert(
        "mounts".into(),
        json!(mounts.get(&dev).cloned().unwrap_or_default()),
    );
    block.insert("dev".into(), json!(dev));
    block.insert(
        "sectors".into(),
        json!(read(&path.join("size")).and_then(|s| s.parse::<u64>().ok())),
    );
    block.insert("holders".into(), json!(names(&path.join("holders"))));
    block
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn partitions(disk: &Path) -> Vec<String> {
    let own = disk.file_name().unwrap_or_default().to_string_lossy();
    names(disk)
        .into_iter()
        // They have the disk's name in theirs, and the folder has many others.
        .filter(|name| name.starts_with(&*own) && disk.join(name).join("partition").exists())
        .collect()
}

/// `major:minor` → mount points, of the first process: our own may be in a namespace of its own.
type Mounts = BTreeMap<String, Vec<String>>;

fn mounts(proc: &Path) -> Mounts {
    let text = read(&proc.join("1/mountinfo")).or_else(|| read(&proc.join("self/mountinfo")));
    mounts_of(&text.unwrap_or_default())
}

fn mounts_of(mountinfo: &str) -> Mounts {
    let mut mounts = Mounts::new();
    for line in mountinfo.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let (Some(dev), Some(point)) = (fields.get(2), fields.get(4)) else {
            continue;
        };
        // btrfs and others have a device of no number of their own; they name their device as the source.
        if !dev.starts_with("0:") {
            mounts
                .entry((*dev).to_string())
                .or_default()
                .push(unescaped(point));
        }
    }
    for points in mounts.values_mut() {
        points.sort();
        points.dedup();
    }
    mounts
}

/// `\040` is how mountinfo writes a blank (also tab, newline and the backslash itself).
fn unescaped(point: &str) -> String {
    point
        .replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_by_device() {
        let text = "27 1 254:1 / / rw - ext4 /dev/vda1 rw\n28 27 0:25 / /run rw - tmpfs tmpfs rw\n\
            29 27 254:1 /srv /my\\040data rw - ext4 /dev/vda1 rw\ngarbage\n";
        let mounts = mounts_of(text);
        assert_eq!(
            mounts.into_iter().collect::<Vec<_>>(),
            [("254:1".into(), vec!["/".into(), "/my data".into()])]
        );
    }

    #[test]
    fn a_disk_with_a_partition_under_a_mirror() {
        let folder = tempfile::TempDir::new().unwrap();
        let set = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        set("sys/block/sda/dev", "8:0\n");
        set("sys/block/sda/size", "1000\n");
        set("sys/block/sda/queue/rotational", "1\n");
        set("sys/block/sda/queue/scheduler", "none [mq-deadline]\n");
        set("sys/block/sda/device/wwid", "naa.5000\n");
        set("sys/block/sda/sda1/dev", "8:1\n");
        set("sys/block/sda/sda1/size", "900\n");
        set("sys/block/sda/sda1/partition", "1\n");
        set("sys/block/sda/sda1/holders/md0/dev", "9:0\n");
        set("sys/block/md0/dev", "9:0\n");
        set("sys/block/md0/slaves/sda1/dev", "8:1\n");
        set("sys/block/md0/md/sync_action", "check\n");
        set("proc/1/mountinfo", "27 1 9:0 / /data rw - ext4 /dev/md0 rw\n");
        let blocks = blocks(&folder.path().join("proc"), &folder.path().join("sys"));
        let told: Vec<String> = blocks
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        assert_eq!(
            told,
            [
                r#"block.md0 {"backing_file":"","dev":"9:0","holders":[],"md_sync_action":"check","mounts":["/data"],"partitions":[],"rotational":null,"sectors":null,"slaves":["sda1"]}"#,
                r#"block.sda {"backing_file":"","dev":"8:0","holders":[],"mounts":[],"partitions":["sda1"],"rotational":true,"scheduler":"none [mq-deadline]","sectors":1000,"slaves":[],"wwn":"naa.5000"}"#,
                r#"block.sda1 {"dev":"8:1","holders":["md0"],"mounts":[],"sectors":900}"#,
            ]
        );
    }
}
