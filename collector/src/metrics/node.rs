//! Kernel files under node_exporter's names, labels, units and types, so that its dashboards and alerts work unchanged.
//!
//! What the kernel calls a number is `sources`' to say; here stands what node_exporter calls it, and what it multiplies it by. What
//! node_exporter has no name for is not told.

use super::families::{Families, Family, Type, labels, name};
use model::{Column, Reading, Subject, Template};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The series of each file's template, which changes rarely.
#[derive(Default)]
pub(crate) struct Decoded(HashMap<Arc<str>, (Arc<Template>, Vec<Series>)>);

/// One slot as a series.
struct Series {
    column: Column,
    family: Arc<Family>,
    labels: String,
    factor: f64,
}

impl Decoded {
    /// Adds what these readings say.
    pub(crate) fn write(&mut self, families: &mut Families, readings: &[Reading]) {
        for reading in readings {
            let known = self.0.get(&reading.source);
            if !known.is_some_and(|(template, _)| Arc::ptr_eq(template, &reading.template)) {
                let series = series(&reading.source, &reading.template);
                let entry = (reading.template.clone(), series);
                self.0.insert(reading.source.clone(), entry);
            }
            let Some((_, all)) = self.0.get(&reading.source) else {
                continue;
            };
            for series in all {
                let Some(&raw) = reading.values.get(series.column.slot) else {
                    continue;
                };
                let value = series.column.value(raw) * series.factor;
                families.sample(&series.family, &series.labels, value);
            }
            if &*reading.source == "diskstats" {
                disk_info(families, all, &reading.values);
            }
        }
    }
}

/// A device's numbers are values of the file, but labels to who scrapes.
fn disk_info(families: &mut Families, series: &[Series], values: &[u64]) {
    let family = Arc::new(Family {
        name: "node_disk_info".into(),
        is: Type::Gauge,
        help: "Numbers of a block device; what else is known of it is in the database.".into(),
    });
    for one in series.iter().filter(|one| one.family.name == "node_disk_io_now") {
        let Subject::Device(device) = &one.column.subject else {
            continue;
        };
        // major, minor and name begin the line, and the ninth number behind them is in_flight.
        let Some(first) = one.column.slot.checked_sub(10) else {
            continue;
        };
        if let (Some(major), Some(minor)) = (values.get(first), values.get(first + 1)) {
            let (major, minor) = (major.to_string(), minor.to_string());
            let labels = labels(&[("device", device), ("major", &major), ("minor", &minor)]);
            families.sample(&family, &labels, 1.0);
        }
    }
}

fn series(source: &str, template: &Template) -> Vec<Series> {
    let Some(columns) = sources::decode(source, template) else {
        return Vec::new();
    };
    let mut taken = HashSet::new();
    let mut families: HashMap<String, Arc<Family>> = HashMap::new();
    let mut all = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let Some((family, labels, factor)) = named(source, column, &columns[at..]) else {
            continue;
        };
        // A hostile file could say a thing twice; who scrapes would refuse all of it.
        if !taken.insert((family.name.clone(), labels.clone())) {
            continue;
        }
        let family = families
            .entry(family.name.clone())
            .or_insert_with(|| Arc::new(family))
            .clone();
        all.push(Series {
            column: column.clone(),
            family,
            labels,
            factor,
        });
    }
    all
}

/// Family, labels, and what the kernel's number is multiplied by. `rest` begins with the column itself.
fn named(source: &str, column: &Column, rest: &[Column]) -> Option<(Family, String, f64)> {
    let (_, field) = column.metric.name.split_once('.')?;
    match source {
        "meminfo" => Some(meminfo(field, column)),
        "vmstat" => Some(vmstat(field)),
        "loadavg" => loadavg(field),
        "stat" => stat(field, &column.subject),
        "diskstats" => diskstats(field, &column.subject),
        "buddyinfo" => buddyinfo(field, &column.subject),
        "zoneinfo" => zoneinfo(field, rest),
        _ => pressure(source, field),
    }
}

fn family(name: String, is: Type, help: impl Into<String>) -> Family {
    Family {
        name,
        is,
        help: help.into(),
    }
}

/// `Active(anon)` is `node_memory_Active_anon_bytes`.
fn meminfo(field: &str, column: &Column) -> (Family, String, f64) {
    let field = field.replace('(', "_").replace(')', "");
    let (unit, factor) = match column.metric.unit {
        model::Unit::Kibibytes => ("_bytes", 1024.0),
        _ => ("", 1.0),
    };
    let help = format!("Memory information field {field}{unit}.");
    let name = name(&["node_memory_", &field, unit]);
    (family(name, Type::Gauge, help), String::new(), factor)
}

fn vmstat(field: &str) -> (Family, String, f64) {
    let help = format!("/proc/vmstat information field {field}.");
    let name = name(&["node_vmstat_", field]);
    (family(name, Type::Unknown, help), String::new(), 1.0)
}

fn loadavg(field: &str) -> Option<(Family, String, f64)> {
    let minutes = field.strip_prefix("load")?;
    let family = family(
        format!("node_load{minutes}"),
        Type::Gauge,
        format!("{minutes}m load average."),
    );
    Some((family, String::new(), 1.0))
}

/// Processor times are in hundredths of a second on every machine that Linux shows them on.
const CLOCK_TICK: f64 = 0.01;

fn stat(field: &str, subject: &Subject) -> Option<(Family, String, f64)> {
    if let Subject::Cpu(cpu) = subject {
        let cpu = cpu.to_string();
        let of = |mode| labels(&[("cpu", &cpu), ("mode", mode)]);
        let guest = |mode| {
            let help = "Seconds the CPUs spent in guests (VMs) for each mode.";
            (
                family("node_cpu_guest_seconds_total".into(), Type::Counter, help),
                of(mode),
                CLOCK_TICK,
            )
        };
        return match field {
            "guest" => Some(guest("user")),
            "guest_nice" => Some(guest("nice")),
            "user" | "nice" | "system" | "idle" | "iowait" | "irq" | "softirq" | "steal" => {
                let help = "Seconds the CPUs spent in each mode.";
                let family = family("node_cpu_seconds_total".into(), Type::Counter, help);
                Some((family, of(field), CLOCK_TICK))
            }
            _ => None,
        };
    }
    let (name, is, help) = match field {
        "intr_total" => (
            "node_intr_total",
            Type::Counter,
            "Total number of interrupts serviced.",
        ),
        "ctxt" => (
            "node_context_switches_total",
            Type::Counter,
            "Total number of context switches.",
        ),
        "processes" => ("node_forks_total", Type::Counter, "Total number of forks."),
        "btime" => (
            "node_boot_time_seconds",
            Type::Gauge,
            "Node boot time, in unixtime.",
        ),
        "procs_running" => (
            "node_procs_running",
            Type::Gauge,
            "Number of processes in runnable state.",
        ),
        "procs_blocked" => {
            let help = "Number of processes blocked waiting for I/O to complete.";
            ("node_procs_blocked", Type::Gauge, help)
        }
        _ => return None,
    };
    Some((family(name.into(), is, help), String::new(), 1.0))
}

const SECTOR_BYTES: f64 = 512.0;
const MILLISECOND: f64 = 0.001;

/// The kernel's field, node_exporter's name, what it is multiplied by, and what it counts.
const DISKSTATS: [(&str, &str, f64, &str); 17] = [
    ("reads_completed", "reads_completed_total", 1.0, "reads completed"),
    ("reads_merged", "reads_merged_total", 1.0, "reads merged"),
    ("read_sectors", "read_bytes_total", SECTOR_BYTES, "bytes read"),
    (
        "read_ms",
        "read_time_seconds_total",
        MILLISECOND,
        "seconds spent by all reads",
    ),
    (
        "writes_completed",
        "writes_completed_total",
        1.0,
        "writes completed",
    ),
    ("writes_merged", "writes_merged_total", 1.0, "writes merged"),
    (
        "write_sectors",
        "written_bytes_total",
        SECTOR_BYTES,
        "bytes written",
    ),
    (
        "write_ms",
        "write_time_seconds_total",
        MILLISECOND,
        "seconds spent by all writes",
    ),
    ("in_flight", "io_now", 1.0, "I/Os in progress"),
    (
        "io_ms",
        "io_time_seconds_total",
        MILLISECOND,
        "seconds spent doing I/Os",
    ),
    (
        "weighted_io_ms",
        "io_time_weighted_seconds_total",
        MILLISECOND,
        "seconds spent doing I/Os, times the I/Os in progress",
    ),
    (
        "discards_completed",
        "discards_completed_total",
        1.0,
        "discards completed",
    ),
    ("discards_merged", "discards_merged_total", 1.0, "discards merged"),
    (
        "discard_sectors",
        "discarded_sectors_total",
        1.0,
        "sectors discarded",
    ),
    (
        "discard_ms",
        "discard_time_seconds_total",
        MILLISECOND,
        "seconds spent by all discards",
    ),
    (
        "flushes_completed",
        "flush_requests_total",
        1.0,
        "flush requests completed",
    ),
    (
        "flush_ms",
        "flush_requests_time_seconds_total",
        MILLISECOND,
        "seconds spent by all flush requests",
    ),
];

fn diskstats(field: &str, subject: &Subject) -> Option<(Family, String, f64)> {
    let Subject::Device(device) = subject else {
        return None;
    };
    if is_excluded(device) {
        return None;
    }
    let (_, name, factor, help) = DISKSTATS.iter().find(|(kernel, ..)| *kernel == field)?;
    let is = if name.ends_with("_total") {
        Type::Counter
    } else {
        Type::Gauge
    };
    let family = family(format!("node_disk_{name}"), is, format!("The number of {help}."));
    Some((family, labels(&[("device", device)]), *factor))
}

/// Devices that node_exporter leaves out unless told otherwise, so that sums count nothing twice: memory disks, loops, floppies and
/// partitions, `^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`.
fn is_excluded(device: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let stem = device.trim_end_matches(|c: char| c.is_ascii_digit());
    if stem.len() == device.len() {
        return false;
    }
    let is_disk = |prefix| {
        stem.strip_prefix(prefix)
            .is_some_and(|letter: &str| letter.len() == 1 && letter.bytes().all(|b| b.is_ascii_lowercase()))
    };
    let is_nvme = || {
        let (controller, namespace) = stem.strip_prefix("nvme")?.strip_suffix('p')?.split_once('n')?;
        Some(digits(controller) && digits(namespace))
    };
    ["ram", "loop", "fd"].contains(&stem)
        || ["hd", "sd", "vd", "xvd"].into_iter().any(is_disk)
        || is_nvme() == Some(true)
}

fn buddyinfo(field: &str, subject: &Subject) -> Option<(Family, String, f64)> {
    let ("free_blocks", Subject::Order { node, zone, order }) = (field, subject) else {
        return None;
    };
    let (node, order) = (node.to_string(), order.to_string());
    let labels = labels(&[("node", &node), ("size", &order), ("zone", zone)]);
    let help = "Count of free blocks according to size.";
    Some((
        family("node_buddyinfo_blocks".into(), Type::Gauge, help),
        labels,
        1.0,
    ))
}

/// node_exporter's names that are not the kernel's with an ending.
const ZONEINFO: [(&str, &str); 3] = [
    ("nr_kernel_stack", "nr_kernel_stacks"),
    ("nr_anon_transparent_hugepages", "nr_anon_transparent_hugepages"),
    ("nr_mlock_stack", "nr_mlock_stack_pages"),
];

/// Fields in pages: their names end in `_pages`, whether the kernel's do or not.
const ZONEINFO_PAGES: [&str; 23] = [
    "nr_free_pages",
    "min",
    "low",
    "high",
    "scanned",
    "spanned",
    "present",
    "managed",
    "nr_active_anon",
    "nr_inactive_anon",
    "nr_isolated_anon",
    "nr_anon_pages",
    "nr_active_file",
    "nr_inactive_file",
    "nr_isolated_file",
    "nr_file_pages",
    "nr_slab_reclaimable",
    "nr_slab_unreclaimable",
    "nr_mapped",
    "nr_dirty",
    "nr_writeback",
    "nr_unevictable",
    "nr_shmem",
];

const ZONEINFO_TOTALS: [&str; 8] = [
    "nr_dirtied",
    "nr_written",
    "numa_hit",
    "numa_miss",
    "numa_foreign",
    "numa_interleave",
    "numa_local",
    "numa_other",
];

fn zoneinfo(field: &str, rest: &[Column]) -> Option<(Family, String, f64)> {
    // What the kernel says of a node stands in its first populated zone, and node_exporter gives it that zone's label.
    let subject = match &rest.first()?.subject {
        Subject::Node(of) => rest
            .iter()
            .map(|column| &column.subject)
            .find(|subject| matches!(subject, Subject::Zone { node, .. } if node == of))?,
        subject => subject,
    };
    let Subject::Zone { node, zone } = subject else {
        return None;
    };
    let (name, is) = if let Some((_, theirs)) = ZONEINFO.iter().find(|(kernel, _)| *kernel == field) {
        ((*theirs).to_owned(), Type::Gauge)
    } else if ZONEINFO_PAGES.contains(&field) {
        (format!("{}_pages", field.trim_end_matches("_pages")), Type::Gauge)
    } else if ZONEINFO_TOTALS.contains(&field) {
        (format!("{field}_total"), Type::Counter)
    } else if field.starts_with("protection_") {
        (field.to_owned(), Type::Gauge)
    } else {
        return None;
    };
    let family = family(
        format!("node_zoneinfo_{name}"),
        is,
        format!("/proc/zoneinfo information field {field}."),
    );
    let node = node.to_string();
    Some((family, labels(&[("node", &node), ("zone", zone)]), 1.0))
}

const MICROSECOND: f64 = 1e-6;

fn pressure(source: &str, field: &str) -> Option<(Family, String, f64)> {
    let resource = source.strip_prefix("pressure/")?;
    let (what, help) = match (resource, field) {
        // The whole machine never waits for a CPU: node_exporter does not tell the zero.
        ("cpu", "full_total") => return None,
        (_, "some_total") => (
            "waiting",
            format!("Total time in seconds that processes have waited for {resource}."),
        ),
        (_, "full_total") => {
            let help =
                format!("Total time in seconds in which no process could make progress due to {resource}.");
            ("stalled", help)
        }
        _ => return None,
    };
    let name = format!("node_pressure_{resource}_{what}_seconds_total");
    Some((family(name, Type::Counter, help), String::new(), MICROSECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_left_out_and_disks_are_not() {
        for device in [
            "ram0",
            "loop12",
            "fd0",
            "sda1",
            "vdb12",
            "xvda1",
            "hdc3",
            "nvme0n1p2",
        ] {
            assert!(is_excluded(device), "{device}");
        }
        for device in [
            "sda",
            "vdaa1",
            "nvme0n1",
            "dm-0",
            "md127",
            "zram0",
            "mmcblk0p1",
            "sr0",
            "nvme0c1n1p",
        ] {
            assert!(!is_excluded(device), "{device}");
        }
    }
}
