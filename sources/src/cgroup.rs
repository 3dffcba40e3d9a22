//! Files of control groups: of version 2 memory.*, io.*, cpu.* and the pressure files; of version 1 those of memory, blkio.throttle
//! and cpu.
//!
//! Metrics are called after the file and the key: `cgroup.memory_current`, `cgroup.memory_events_oom_kill`,
//! `cgroup.io_pressure_some_total`; the `.stat` of memory, io and cpu is left out: `cgroup.memory_anon`,
//! `cgroup.io_rbytes`, `cgroup.cpu_nr_throttled`. Version 1 has names of its own: `cgroup.memory_usage_in_bytes`,
//! `cgroup.blkio_throttle_io_service_bytes_read`, and `cgroup.cpu_throttled_time` in nanoseconds. A limit that reads `max` is no number: it has no column, rather than
//! a large one.

use crate::Source;
use crate::columns::{Columns, Decoded};
use crate::layout::{Line, lines};
use crate::pressure;
use crate::vm_statistics::{Era, meaning};
use model::{Kind, Subject, Template, Unit};

const V2: &str = "Documentation/admin-guide/cgroup-v2.rst";

const V1: &str = "Documentation/admin-guide/cgroup-v1/";

macro_rules! file {
    ($name:literal, $about:literal) => {
        file!($name, $about, V2)
    };
    ($name:literal, $about:literal, $doc:expr) => {
        Source {
            name: $name,
            kernel_doc: $doc,
            about: $about,
            decode: |template| decode("", $name, template).columns,
            describe: |template| decode("", $name, template),
        }
    };
}

pub(crate) static FILES: [Source; 29] = [
    file!("memory.current", "bytes charged to a cgroup and its children"),
    file!(
        "memory.stat",
        "what a cgroup's memory is used for, its reclaim and refaults"
    ),
    file!(
        "memory.events",
        "how often a cgroup met its limits, and OOM kills in it"
    ),
    file!("memory.max", "the limit of a cgroup, in bytes"),
    file!("memory.high", "where a cgroup is slowed down, in bytes"),
    file!("memory.swap.current", "bytes of a cgroup in swap"),
    file!("memory.swap.max", "the swap limit of a cgroup, in bytes"),
    file!("io.stat", "bytes and I/Os of a cgroup by device"),
    file!(
        "cpu.stat",
        "processor time of a cgroup, and how long its quota held it back"
    ),
    file!("memory.pressure", "how long tasks of a cgroup waited for memory"),
    file!("io.pressure", "how long tasks of a cgroup waited for I/O"),
    file!("cpu.pressure", "how long tasks of a cgroup waited for a CPU"),
    file!("io.max", "I/O limits of a cgroup by device"),
    file!("cpu.max", "the CPU quota of a cgroup, and its period"),
    file!(
        "memory.usage_in_bytes",
        "bytes charged to a cgroup and its children",
        V1
    ),
    file!("memory.limit_in_bytes", "the limit of a cgroup", V1),
    file!(
        "memory.soft_limit_in_bytes",
        "to where a cgroup is reclaimed first",
        V1
    ),
    file!(
        "memory.memsw.usage_in_bytes",
        "bytes of a cgroup in memory and swap",
        V1
    ),
    file!(
        "memory.memsw.limit_in_bytes",
        "the limit of memory and swap together",
        V1
    ),
    file!("memory.failcnt", "how often a cgroup met its limit", V1),
    file!("memory.oom_control", "OOM kills in a cgroup", V1),
    file!(
        "blkio.throttle.io_service_bytes",
        "bytes of a cgroup by device",
        V1
    ),
    file!("blkio.throttle.io_serviced", "I/Os of a cgroup by device", V1),
    file!(
        "blkio.throttle.read_bps_device",
        "limit of bytes read a second",
        V1
    ),
    file!(
        "blkio.throttle.write_bps_device",
        "limit of bytes written a second",
        V1
    ),
    file!("blkio.throttle.read_iops_device", "limit of reads a second", V1),
    file!("blkio.throttle.write_iops_device", "limit of writes a second", V1),
    file!("cpu.cfs_quota_us", "the CPU quota of a cgroup; -1: none", V1),
    file!("cpu.cfs_period_us", "the period of that quota", V1),
];

/// `cgroup/system.slice/db.service/memory.stat` is file `memory.stat` of `system.slice/db.service`.
pub(crate) fn path_and_file(source: &str) -> Option<(&str, &str)> {
    let rest = source.strip_prefix("cgroup/")?;
    Some(rest.rsplit_once('/').unwrap_or(("", rest)))
}

/// `/system.slice 259:0` is `/system.slice` and `259:0`.
pub(crate) fn split_device(subject: &str) -> (&str, Option<&str>) {
    match subject.rsplit_once(' ') {
        Some((path, device)) if is_device(device) => (path, Some(device)),
        _ => (subject, None),
    }
}

fn is_device(word: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    word.split_once(':')
        .is_some_and(|(major, minor)| digits(major) && digits(minor))
}

pub(crate) fn decode(path: &str, file: &str, template: &Template) -> Decoded {
    let lines = lines(template);
    let cgroup = Subject::Cgroup(path.into());
    let name = file.strip_suffix(".stat").unwrap_or(file).replace('.', "_");
    let prefix = format!("{name}_");
    let mut columns = Columns::with_prefix("cgroup", &prefix, template);
    for line in &lines {
        match file {
            "io.stat" | "io.max" => put_device(&mut columns, line, path),
            "cpu.max" => {
                // `max 100000` has no quota.
                let names: &[&str] = match line.number(0) {
                    Some(_) => &["cpu_max_quota", "cpu_max_period"],
                    None => &["cpu_max_period"],
                };
                for ((_, number), name) in line.numbers().zip(names) {
                    columns.put(number, name, Unit::Microseconds, Kind::Gauge, cgroup.clone());
                }
            }
            _ if file.starts_with("blkio.throttle.") => put_throttle(&mut columns, line, path, file),
            "memory.failcnt" => put_single(&mut columns, line, &name, Unit::Count, Kind::Counter, &cgroup),
            "cpu.cfs_quota_us" | "cpu.cfs_period_us" => {
                put_single(
                    &mut columns,
                    line,
                    &name,
                    Unit::Microseconds,
                    Kind::Gauge,
                    &cgroup,
                );
            }
            _ if file.ends_with(".pressure") => pressure::put_line(&mut columns, line, &prefix, &cgroup),
            "memory.stat" | "memory.events" | "cpu.stat" | "memory.oom_control" => {
                if let Some((key, number)) = line.pair()
                    && let Some((unit, kind)) = key_meaning(file, key)
                {
                    columns.put(number, &format!("{prefix}{key}"), unit, kind, cgroup.clone());
                }
            }
            _ => put_single(&mut columns, line, &name, Unit::Bytes, Kind::Gauge, &cgroup),
        }
        columns.keep_unknown(line, &cgroup);
    }
    columns.finish(&lines)
}

/// A file that is one number.
fn put_single(columns: &mut Columns, line: &Line, name: &str, unit: Unit, kind: Kind, cgroup: &Subject) {
    if let (Some(number), 1) = (line.number(0), line.tokens.len()) {
        columns.put(number, name, unit, kind, cgroup.clone());
    }
}

/// `259:0 Read 4096` and `Total 4096`; of a limit `259:0 1048576`.
fn put_throttle(columns: &mut Columns, line: &Line, path: &str, file: &str) {
    let unit = if file.contains("bytes") || file.contains("bps") {
        Unit::Bytes
    } else {
        Unit::Count
    };
    let name = file.replace('.', "_");
    let device = line.word(0).filter(|word| is_device(word));
    let subject = Subject::Cgroup(
        device
            .map_or(path.into(), |device| format!("{path} {device}"))
            .into(),
    );
    match (line.word(0), line.word(1), line.number(line.tokens.len() - 1)) {
        (Some(_), Some(what), Some(number)) if device.is_some() => {
            let name = format!("{name}_{}", what.to_lowercase());
            columns.put(number, &name, unit, Kind::Counter, subject.clone());
        }
        (Some(_), None, Some(number)) if device.is_some() => {
            columns.put(number, &name, unit, Kind::Gauge, subject.clone());
        }
        (Some("Total"), None, Some(number)) => {
            columns.put(
                number,
                &format!("{name}_total"),
                unit,
                Kind::Counter,
                subject.clone(),
            );
        }
        _ => {}
    }
    columns.keep_unknown(line, &subject);
}

/// `259:0 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0`
fn put_device(columns: &mut Columns, line: &Line, path: &str) {
    let Some(device) = line.word(0).filter(|word| is_device(word)) else {
        return;
    };
    let subject = Subject::Cgroup(format!("{path} {device}").into());
    for (at, number) in line.numbers() {
        let Some(key) = line.word(at - 1).and_then(|word| word.strip_suffix('=')) else {
            continue;
        };
        if matches!(key, "rbps" | "wbps" | "riops" | "wiops") {
            let unit = if key.ends_with("bps") {
                Unit::Bytes
            } else {
                Unit::Count
            };
            columns.put(
                number,
                &format!("io_max_{key}"),
                unit,
                Kind::Gauge,
                subject.clone(),
            );
            continue;
        }
        let unit = match key {
            "rbytes" | "wbytes" | "dbytes" => Unit::Bytes,
            "rios" | "wios" | "dios" => Unit::Count,
            _ => {
                columns.put_unknown(number, key, &subject);
                continue;
            }
        };
        columns.put(number, &format!("io_{key}"), unit, Kind::Counter, subject.clone());
    }
    columns.keep_unknown(line, &subject);
}

/// Keys of memory.stat that are sizes; all others count up and are called as in vmstat.
const SIZES: &str = "anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped
    zswap_incomp file_mapped file_dirty file_writeback swapcached anon_thp file_thp shmem_thp inactive_anon active_anon
    inactive_file active_file unevictable slab_reclaimable slab_unreclaimable slab hugetlb";

/// Sizes that only version 1 has, or calls so.
const SIZES_V1: &str = "cache rss rss_huge mapped_file dirty writeback swap
    hierarchical_memory_limit hierarchical_memsw_limit";

fn key_meaning(file: &str, key: &str) -> Option<(Unit, Kind)> {
    // In version 1, of a cgroup and all below it.
    let key = key.strip_prefix("total_").unwrap_or(key);
    match (file, key) {
        ("memory.stat", _) if SIZES_V1.split_ascii_whitespace().any(|size| size == key) => {
            Some((Unit::Bytes, Kind::Gauge))
        }
        // Charges, not the kilobytes that vmstat counts by this name.
        ("memory.stat", "pgpgin" | "pgpgout") => Some((Unit::Pages, Kind::Counter)),
        ("memory.oom_control", "oom_kill") => Some((Unit::Count, Kind::Counter)),
        ("memory.oom_control", "oom_kill_disable" | "under_oom") => Some((Unit::Count, Kind::Gauge)),
        ("cpu.stat", "throttled_time" | "burst_time" | "wait_sum") => {
            Some((Unit::Nanoseconds, Kind::Counter))
        }
        ("memory.stat", _) if SIZES.split_ascii_whitespace().any(|size| size == key) => {
            Some((Unit::Bytes, Kind::Gauge))
        }
        ("memory.stat", "pgscan" | "pgsteal") => Some((Unit::Pages, Kind::Counter)),
        // Whatever else a cgroup has of vmstat's names is a counter there too.
        ("memory.stat", _) => meaning(key, Era::NodeLists).filter(|(_, kind)| kind.is_counter()),
        (
            "memory.events",
            "low" | "high" | "max" | "oom" | "oom_kill" | "oom_group_kill" | "sock_throttled",
        ) => Some((Unit::Count, Kind::Counter)),
        ("cpu.stat", "nr_periods" | "nr_throttled" | "nr_bursts") => Some((Unit::Count, Kind::Counter)),
        ("cpu.stat", _) if key.ends_with("_usec") => Some((Unit::Microseconds, Kind::Counter)),
        _ => None,
    }
}
