//! What a recording says of the machine: node.json, sysctl.txt, block.json.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

/// The files.
pub(super) fn files() -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("node.json", format!("{:#}\n", node()?)),
        ("sysctl.txt", settings()),
        ("block.json", format!("{:#}\n", Value::Object(devices()))),
    ])
}

fn node() -> Result<Value> {
    let read = |path: &str| {
        Ok::<_, anyhow::Error>(
            std::fs::read_to_string(path)
                .with_context(|| path.to_owned())?
                .trim()
                .to_owned(),
        )
    };
    // SAFETY: sysconf reads a number, clock_gettime writes to the structure it is given.
    let (page_size, clk_tck, monotonic) = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time);
        (
            libc::sysconf(libc::_SC_PAGESIZE),
            libc::sysconf(libc::_SC_CLK_TCK),
            time.tv_sec * 1_000_000_000 + time.tv_nsec,
        )
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(json!({
        "hostname": read("/proc/sys/kernel/hostname")?,
        "kernel": read("/proc/sys/kernel/osrelease")?,
        "machine": std::env::consts::ARCH,
        "boot_id": read("/proc/sys/kernel/random/boot_id")?,
        "page_size": page_size,
        "clk_tck": clk_tck,
        "cpus": std::thread::available_parallelism()?.get(),
        "cmdline": read("/proc/cmdline")?,
        "realtime_minus_monotonic_ns": i64::try_from(now.as_nanos())? - monotonic,
    }))
}

fn settings() -> String {
    let mut lines = BTreeMap::new();
    for group in ["vm", "kernel"] {
        for entry in std::fs::read_dir(format!("/proc/sys/{group}"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let Ok(value) = std::fs::read_to_string(entry.path()) else {
                continue;
            };
            let value = value.trim();
            if !value.is_empty() && !value.contains('\n') {
                lines.insert(
                    format!("{group}.{}", entry.file_name().to_string_lossy()),
                    value.to_owned(),
                );
            }
        }
    }
    lines
        .iter()
        .map(|(name, value)| format!("{name} = {value}\n"))
        .collect()
}

fn devices() -> Map<String, Value> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut devices = Map::new();
    for entry in std::fs::read_dir("/sys/block").into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let text = |file: &str| {
            std::fs::read_to_string(path.join(file))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let dev = text("dev");
        let mounted: Vec<&str> = mounts
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .filter(|words| words.get(2) == Some(&&*dev))
            .filter_map(|words| words.get(4).copied())
            .collect();
        let partitions: Vec<String> = names(&path)
            .into_iter()
            .filter(|file| file.starts_with(&name))
            .collect();
        let device = json!({
            "dev": dev,
            "rotational": text("queue/rotational") == "1",
            "sectors": text("size").parse::<u64>().unwrap_or(0),
            "slaves": names(&path.join("slaves")),
            "holders": names(&path.join("holders")),
            "partitions": partitions,
            "backing_file": text("loop/backing_file"),
            "mounts": mounted,
        });
        devices.insert(name, device);
    }
    devices
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
