//! Files of control groups, version 2: memory.*, io.stat, cpu.stat and the pressure files.
//!
//! Metrics are called after the file and the key: `cgroup.memory_current`, `cgroup.memory_events_oom_kill`,
//! `cgroup.io_pressure_some_total`; the `.stat` of memory, io and cpu is left out: `cgroup.memory_anon`,
//! `cgroup.io_rbytes`, `cgroup.cpu_nr_throttled`. A limit that reads `max` is no number: it has no column, rather than
//! a large one.

use crate::Source;
use crate::columns::{Columns, Decoded};
use crate::layout::{Line, lines};
use crate::pressure;
use crate::vm_statistics::{Era, meaning};
use model::{Kind, Subject, Template, Unit};

const V2: &str = "Documentation/admin-guide/cgroup-v2.rst";

macro_rules! file {
    ($name:literal, $about:literal) => {
        Source {
            name: $name,
            kernel_doc: V2,
            about: $about,
            decode: |template| decode("", $name, template).columns,
            describe: |template| decode("", $name, template),
        }
    };
}

pub(crate) static FILES: [Source; 12] = [
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
            "io.stat" => put_device(&mut columns, line, path),
            _ if file.ends_with(".pressure") => pressure::put_line(&mut columns, line, &prefix, &cgroup),
            "memory.stat" | "memory.events" | "cpu.stat" => {
                if let Some((key, number)) = line.pair()
                    && let Some((unit, kind)) = key_meaning(file, key)
                {
                    columns.put(number, &format!("{prefix}{key}"), unit, kind, cgroup.clone());
                }
            }
            _ => {
                if let (Some(number), 1) = (line.number(0), line.tokens.len()) {
                    columns.put(number, &name, Unit::Bytes, Kind::Gauge, cgroup.clone());
                }
            }
        }
        columns.keep_unknown(line, &cgroup);
    }
    columns.finish(&lines)
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

fn key_meaning(file: &str, key: &str) -> Option<(Unit, Kind)> {
    match (file, key) {
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
