//! The data that the simple methods see: quantities a second, each with the cause that its movement would name.

use super::recording::Recording;
use std::collections::BTreeMap;

/// One quantity over the recording.
pub(super) struct Series {
    /// Taxonomy id that it speaks for; `None` for the mere effects (faults, iowait, load, pressure).
    pub(super) cause: Option<&'static str>,
    /// Of which device, if of one.
    pub(super) device: Option<String>,
    /// Seconds since 1970.
    pub(super) at: Vec<f64>,
    pub(super) values: Vec<f64>,
}

/// A counter is taken as its rate.
#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

/// Lines of `name value`: file, name, what the value is, and the cause it would name.
const LINES: [(&str, &str, Kind, Option<&str>); 25] = [
    ("meminfo", "MemTotal", Kind::Gauge, Some("memory_removed")),
    ("meminfo", "AnonPages", Kind::Gauge, Some("anon_growth")),
    ("meminfo", "Shmem", Kind::Gauge, Some("shmem_growth")),
    ("meminfo", "Slab", Kind::Gauge, Some("slab_growth")),
    ("meminfo", "Cached", Kind::Gauge, Some("page_cache_flood")),
    ("meminfo", "MemFree", Kind::Gauge, None),
    ("meminfo", "Mapped", Kind::Gauge, None),
    ("meminfo", "Dirty", Kind::Gauge, Some("writeback_storm")),
    ("meminfo", "Writeback", Kind::Gauge, Some("writeback_storm")),
    ("vmstat", "pgpgin", Kind::Counter, Some("page_cache_flood")),
    ("vmstat", "pgpgout", Kind::Counter, Some("writeback_storm")),
    ("vmstat", "pgscan_kswapd", Kind::Counter, None),
    ("vmstat", "pgsteal_kswapd", Kind::Counter, None),
    ("vmstat", "pgmajfault", Kind::Counter, None),
    (
        "vmstat",
        "workingset_refault_file",
        Kind::Counter,
        Some("page_cache_flood"),
    ),
    ("vmstat", "pswpin", Kind::Counter, Some("swap_thrash")),
    ("vmstat", "pswpout", Kind::Counter, Some("swap_thrash")),
    ("vmstat", "compact_stall", Kind::Counter, Some("fragmentation")),
    ("vmstat", "drop_pagecache", Kind::Counter, Some("drop_caches")),
    ("vmstat", "oom_kill", Kind::Counter, Some("cgroup_limit")),
    ("stat", "procs_blocked", Kind::Gauge, Some("blocked_tasks")),
    ("stat", "procs_running", Kind::Gauge, Some("cpu_saturation")),
    ("stat", "ctxt", Kind::Counter, None),
    ("loadavg", "load1", Kind::Gauge, None),
    ("pressure_io", "some", Kind::Counter, None),
];

/// Fields of a diskstats line after the name.
const DISK_FIELDS: [(usize, Option<&str>); 5] = [
    (2, Some("page_cache_flood")),
    (6, Some("writeback_storm")),
    (9, Some("device_saturation")),
    (10, Some("device_saturation")),
    (3, Some("device_slow")),
];

/// All quantities of a recording.
pub(super) fn of(recording: &Recording) -> Vec<Series> {
    let mut series = Vec::new();
    for (file, name, kind, cause) in LINES {
        let points = points(recording, file, |line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let value = match (file, &words[..]) {
                ("loadavg", [load, ..]) => Some(*load),
                (_, [first, .., last])
                    if first.trim_end_matches(':') == name && file.starts_with("pressure") =>
                {
                    last.strip_prefix("total=")
                }
                (_, [first, value, ..]) if first.trim_end_matches(':') == name => Some(*value),
                _ => None,
            };
            value.and_then(|value| value.parse().ok())
        });
        series.extend(finish(points, kind, cause, None));
    }
    let mut devices: BTreeMap<&str, ()> = BTreeMap::new();
    for line in recording
        .text("proc/diskstats.log")
        .lines()
        .filter(|line| !line.starts_with('@'))
    {
        if let Some(name) = line.split_whitespace().nth(2) {
            devices.insert(name, ());
        }
    }
    for device in devices.into_keys() {
        for (field, cause) in DISK_FIELDS {
            let points = points(recording, "diskstats", |line| {
                let mut words = line.split_whitespace().skip(2);
                if words.next() != Some(device) {
                    None
                } else {
                    words.nth(field)?.parse().ok()
                }
            });
            series.extend(finish(points, Kind::Counter, cause, Some(device.to_owned())));
        }
    }
    series
}

/// The first line of each block that `value` finds something in.
fn points(recording: &Recording, file: &str, value: impl Fn(&str) -> Option<f64>) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut at = None;
    for line in recording.text(&format!("proc/{file}.log")).lines() {
        if let Some(stamp) = line.strip_prefix("@ ") {
            at = stamp.parse().ok();
        } else if let (Some(now), Some(value)) = (at, value(line)) {
            points.push((now, value));
            at = None;
        }
    }
    points
}

fn finish(
    points: Vec<(f64, f64)>,
    kind: Kind,
    cause: Option<&'static str>,
    device: Option<String>,
) -> Option<Series> {
    let points: Vec<(f64, f64)> = match kind {
        Kind::Gauge => points,
        Kind::Counter => points
            .windows(2)
            .map(|pair| (pair[1].0, (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)))
            .collect(),
    };
    if points.len() < 8 {
        return None;
    }
    let (at, values) = points.into_iter().unzip();
    Some(Series {
        cause,
        device,
        at,
        values,
    })
}
