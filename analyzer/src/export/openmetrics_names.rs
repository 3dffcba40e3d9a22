//! What our numbers are called in Prometheus: as node_exporter calls them where it has them, so that its dashboards and alerts
//! work unchanged, and under our own prefix else. In base units: seconds and bytes.

use model::{Column, Subject, Unit};
use std::fmt::Write;

/// A number as others see it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exposed {
    /// `node_disk_read_bytes`: without the `_total` of a counter.
    pub(super) family: String,
    pub(super) shape: Shape,
    /// `{device="vda"}`, or nothing.
    pub(super) labels: String,
    /// From the kernel's unit to the base unit: times the one, by the other. Quotients of decimal numbers print as such.
    pub(super) factor: (f64, f64),
    /// Several of our metrics are one of node_exporter's, told apart by labels.
    pub(super) is_shared: bool,
}

/// OpenMetrics' type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Gauge,
    Counter,
    /// node_exporter does not say which numbers of vmstat are counters.
    Unknown,
}

impl Shape {
    pub(super) fn word(self) -> &'static str {
        match self {
            Shape::Gauge => "gauge",
            Shape::Counter => "counter",
            Shape::Unknown => "unknown",
        }
    }
}

impl Exposed {
    /// `node_disk_read_bytes_total{device="vda"}`
    pub(super) fn sample_name(&self) -> String {
        let total = if self.shape == Shape::Counter {
            "_total"
        } else {
            ""
        };
        format!("{}{total}{}", self.family, self.labels)
    }

    /// The unit that the name ends in, if it is one.
    pub(super) fn unit(&self) -> Option<&'static str> {
        ["seconds", "bytes"]
            .into_iter()
            .find(|unit| self.family.ends_with(&format!("_{unit}")))
    }

    /// Takes another name, where this one is something else's.
    pub(super) fn rename(&mut self) {
        let end = self
            .unit()
            .map_or(self.family.len(), |unit| self.family.len() - unit.len() - 1);
        self.family.insert_str(end, "_x");
    }
}

/// diskstats: our name, node_exporter's.
const DISK: [(&str, &str); 17] = [
    ("reads_completed", "reads_completed"),
    ("reads_merged", "reads_merged"),
    ("read_sectors", "read_bytes"),
    ("read_ms", "read_time_seconds"),
    ("writes_completed", "writes_completed"),
    ("writes_merged", "writes_merged"),
    ("write_sectors", "written_bytes"),
    ("write_ms", "write_time_seconds"),
    ("in_flight", "io_now"),
    ("io_ms", "io_time_seconds"),
    ("weighted_io_ms", "io_time_weighted_seconds"),
    ("discards_completed", "discards_completed"),
    ("discards_merged", "discards_merged"),
    ("discard_ms", "discard_time_seconds"),
    ("flushes_completed", "flush_requests"),
    ("flush_ms", "flush_requests_time_seconds"),
    // In sectors, as there.
    ("discard_sectors", "discarded_sectors"),
];

/// Pages of zones.
const ZONE: [(&str, &str); 6] = [
    ("free", "nr_free_pages"),
    ("min", "min_pages"),
    ("low", "low_pages"),
    ("high", "high_pages"),
    ("managed", "managed_pages"),
    ("present", "present_pages"),
];

/// Single lines of /proc/stat.
const STAT: [(&str, &str); 6] = [
    ("ctxt", "context_switches"),
    ("processes", "forks"),
    ("procs_running", "procs_running"),
    ("procs_blocked", "procs_blocked"),
    ("btime", "boot_time_seconds"),
    ("intr_total", "intr"),
];

const CPU_MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];

/// What a column of a table is called. `hertz`: clock ticks a second.
pub(super) fn exposed(table: &str, column: &Column, hertz: u32) -> Exposed {
    let name = column
        .metric
        .name
        .split_once('.')
        .map_or(&*column.metric.name, |(_, own)| own);
    let (factor, unit) = base(column.metric.unit, hertz);
    let mut labels = labels(&column.subject);
    let find = |names: &[(&str, &str)]| {
        let known = names.iter().find(|(ours, _)| *ours == name);
        known.map(|(_, theirs)| (*theirs).to_owned())
    };
    let is_counter = column.metric.kind.is_counter();
    let mut shape = if is_counter { Shape::Counter } else { Shape::Gauge };
    let mut is_shared = false;
    let mut factor = factor;
    let theirs = match table {
        "meminfo" => Some(match unit {
            "" => format!("memory_{name}"),
            unit => format!("memory_{name}_{unit}"),
        }),
        "vmstat" => {
            // In the kernel's own units, as there.
            (shape, factor) = (Shape::Unknown, (1.0, 1.0));
            Some(format!("vmstat_{name}"))
        }
        "zoneinfo" if name == "spanned" => Some("zoneinfo_spanned_pages".into()),
        "zoneinfo" if name.starts_with("protection_") => Some(format!("zoneinfo_{name}")),
        "zoneinfo" => find(&ZONE).map(|name| format!("zoneinfo_{name}")),
        "buddyinfo" => Some("buddyinfo_blocks".into()),
        "diskstats" => find(&DISK).map(|name| format!("disk_{name}")),
        "loadavg" if name.starts_with("load") => Some(name.to_owned()),
        "stat" => find(&STAT),
        "cpu" if CPU_MODES.contains(&name) => {
            labels.push(("mode", name.to_owned()));
            is_shared = true;
            Some("cpu_seconds".into())
        }
        "cpu" if matches!(name, "guest" | "guest_nice") => {
            labels.push(("mode", if name == "guest" { "user" } else { "nice" }.to_owned()));
            is_shared = true;
            Some("cpu_guest_seconds".into())
        }
        "pressure_cpu" | "pressure_io" | "pressure_memory" | "pressure_irq" => match name {
            "some_total" => Some(format!("{table}_waiting_seconds")),
            "full_total" if table != "pressure_cpu" => Some(format!("{table}_stalled_seconds")),
            _ => None,
        },
        _ => None,
    };
    if theirs.as_deref() == Some("disk_discarded_sectors") {
        factor = (1.0, 1.0);
    }
    let family = match theirs {
        Some(name) => format!("node_{name}"),
        None => {
            let own = strip_unit(name);
            let own = if is_counter {
                own.strip_suffix("_total").unwrap_or(own)
            } else {
                own
            };
            let unit = if unit.is_empty() || own.ends_with(unit) {
                String::new()
            } else {
                format!("_{unit}")
            };
            format!("highwater_{table}_{own}{unit}")
        }
    };
    // A counter's samples end in `_total`; its family's name does not.
    let family = match shape {
        Shape::Counter => family
            .strip_suffix("_total")
            .map_or(family.clone(), str::to_owned),
        _ => family,
    };
    Exposed {
        family: fit(&family),
        shape,
        labels: written(&labels),
        factor,
        is_shared,
    }
}

/// To the base unit, and its name.
fn base(unit: Unit, hertz: u32) -> ((f64, f64), &'static str) {
    match unit {
        Unit::Kibibytes => ((1024.0, 1.0), "bytes"),
        Unit::Bytes => ((1.0, 1.0), "bytes"),
        Unit::Sectors => ((512.0, 1.0), "bytes"),
        Unit::Milliseconds => ((1.0, 1e3), "seconds"),
        Unit::Microseconds => ((1.0, 1e6), "seconds"),
        Unit::Nanoseconds => ((1.0, 1e9), "seconds"),
        Unit::Seconds => ((1.0, 1.0), "seconds"),
        Unit::ClockTicks => ((1.0, f64::from(hertz.max(1))), "seconds"),
        Unit::Pages => ((1.0, 1.0), "pages"),
        Unit::Count | Unit::Percent | Unit::Ratio => ((1.0, 1.0), ""),
    }
}

/// The unit that the kernel's name ends in is not the base unit.
fn strip_unit(name: &str) -> &str {
    let ends = ["_ms", "_usec", "_sectors"];
    ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

fn labels(subject: &Subject) -> Vec<(&'static str, String)> {
    match subject {
        Subject::Host => vec![],
        Subject::Node(node) => vec![("node", node.to_string())],
        Subject::Zone { node, zone } => vec![("node", node.to_string()), ("zone", zone.to_string())],
        Subject::ZoneCpu { node, zone, cpu } => {
            vec![
                ("cpu", cpu.to_string()),
                ("node", node.to_string()),
                ("zone", zone.to_string()),
            ]
        }
        Subject::Order { node, zone, order } => {
            vec![
                ("node", node.to_string()),
                ("size", order.to_string()),
                ("zone", zone.to_string()),
            ]
        }
        Subject::Device(device) => vec![("device", device.to_string())],
        Subject::Cpu(cpu) => vec![("cpu", cpu.to_string())],
        Subject::Cgroup(name) => match sources::cgroup_device(name) {
            (path, None) => vec![("cgroup", path.to_owned())],
            (path, Some(device)) => vec![("cgroup", path.to_owned()), ("device", device.to_owned())],
        },
    }
}

fn written(labels: &[(&str, String)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let mut out = String::from("{");
    for (i, (name, value)) in labels.iter().enumerate() {
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(out, "{comma}{name}=\"{value}\"");
    }
    out + "}"
}

/// `node_memory_Active(anon)_bytes` is `node_memory_Active_anon_bytes`.
fn fit(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().filter(|c| *c != ')') {
        out.push(if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        });
    }
    out
}
