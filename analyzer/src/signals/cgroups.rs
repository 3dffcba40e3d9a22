//! Control groups, each by its path. What did not move was not recorded: it holds until it is told again.
//!
//! | signal | unit | derivation |
//! |---|---|---|
//! | `cgroup.memory` | B | memory.current; version 1: memory.usage_in_bytes |
//! | `cgroup.memory_limit` | B | memory.max, else memory.high; version 1: memory.limit_in_bytes; none where there is no limit |
//! | `cgroup.limit_hits` | 1/s | memory.events: max and high; version 1: memory.failcnt. Counted where the limit is and above it |
//! | `cgroup.throttled` | % | cpu.stat: throttled_usec (throttled_time), of one CPU |
//! | `cgroup.io_of_limit` | % | bytes of io.stat (blkio.throttle.io_service_bytes) a second, of io.max (read_bps_device, …); subject: path and device |
//! | `cgroup.io_pressure`, `cgroup.memory_pressure` | % | time in which some task of the group waited |

use super::{Signal, Signals};
use crate::window::{Series, Window};
use model::Subject;

/// The columns that are read of the files of control groups.
pub const READ: &[&str] = &[
    "cgroup.memory_current",
    "cgroup.memory_usage_in_bytes",
    "cgroup.memory_max",
    "cgroup.memory_high",
    "cgroup.memory_limit_in_bytes",
    "cgroup.memory_events_max",
    "cgroup.memory_events_high",
    "cgroup.memory_failcnt",
    "cgroup.cpu_throttled_usec",
    "cgroup.cpu_throttled_time",
    "cgroup.io_rbytes",
    "cgroup.io_wbytes",
    "cgroup.blkio_throttle_io_service_bytes_read",
    "cgroup.blkio_throttle_io_service_bytes_write",
    "cgroup.io_max_rbps",
    "cgroup.io_max_wbps",
    "cgroup.blkio_throttle_read_bps_device",
    "cgroup.blkio_throttle_write_bps_device",
    "cgroup.io_pressure_some_total",
    "cgroup.memory_pressure_some_total",
];

/// Version 1 says this or a little more for no limit: the largest number of whole pages.
const NO_LIMIT: f64 = 9.2e18;

pub(super) fn derive(window: &Window, signals: &mut Signals) {
    for (name, metrics) in [
        (
            "cgroup.memory",
            ["cgroup.memory_current", "cgroup.memory_usage_in_bytes"].as_slice(),
        ),
        (
            "cgroup.memory_limit",
            &[
                "cgroup.memory_max",
                "cgroup.memory_high",
                "cgroup.memory_limit_in_bytes",
            ],
        ),
    ] {
        for metric in metrics {
            for subject in window.subjects(metric) {
                if signals.of(name, &subject).is_none()
                    && let Some(series) = window.get(metric, &subject)
                {
                    let values = held(window, series)
                        .into_iter()
                        .map(|v| if v < NO_LIMIT { v } else { f64::NAN })
                        .collect();
                    signals.add(signal(window, name, "B", &subject, values));
                }
            }
        }
    }
    for (name, unit, metrics, factor) in [
        (
            "cgroup.limit_hits",
            "1/s",
            [
                "cgroup.memory_events_max",
                "cgroup.memory_events_high",
                "cgroup.memory_failcnt",
            ]
            .as_slice(),
            1.0,
        ),
        ("cgroup.throttled", "%", &["cgroup.cpu_throttled_usec"], 1e-4),
        ("cgroup.throttled", "%", &["cgroup.cpu_throttled_time"], 1e-7),
        (
            "cgroup.io_pressure",
            "%",
            &["cgroup.io_pressure_some_total"],
            1e-4,
        ),
        (
            "cgroup.memory_pressure",
            "%",
            &["cgroup.memory_pressure_some_total"],
            1e-4,
        ),
    ] {
        let mut subjects: Vec<Subject> = metrics.iter().flat_map(|m| window.subjects(m)).collect();
        subjects.sort();
        subjects.dedup();
        for subject in subjects {
            let rates = metrics.iter().filter_map(|m| window.get(m, &subject));
            let sum = rates
                .map(|series| held_rates(window, series))
                .reduce(|mut sum, more| {
                    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
                    sum
                });
            let values = sum.into_iter().flatten().map(|v| v * factor).collect();
            signals.add(signal(window, name, unit, &subject, values));
        }
    }
    for (limit, bytes) in [
        ("cgroup.io_max_rbps", "cgroup.io_rbytes"),
        ("cgroup.io_max_wbps", "cgroup.io_wbytes"),
        (
            "cgroup.blkio_throttle_read_bps_device",
            "cgroup.blkio_throttle_io_service_bytes_read",
        ),
        (
            "cgroup.blkio_throttle_write_bps_device",
            "cgroup.blkio_throttle_io_service_bytes_write",
        ),
    ] {
        for subject in window.subjects(limit) {
            let (Some(limit), Some(bytes)) = (window.get(limit, &subject), window.get(bytes, &subject))
            else {
                continue;
            };
            let limits = held(window, limit);
            let mut values: Vec<f64> = held_rates(window, bytes)
                .iter()
                .zip(limits)
                .map(|(rate, limit)| 100.0 * rate / limit)
                .collect();
            // Of two directions the one nearer to its limit.
            if let Some(other) = signals.of("cgroup.io_of_limit", &subject) {
                values
                    .iter_mut()
                    .zip(&other.values)
                    .for_each(|(v, other)| *v = v.max(*other));
            }
            signals.add(signal(window, "cgroup.io_of_limit", "%", &subject, values));
        }
    }
}

fn signal(
    window: &Window,
    name: &'static str,
    unit: &'static str,
    subject: &Subject,
    values: Vec<f64>,
) -> Signal {
    let at = window
        .ticks
        .iter()
        .map(|t| t.seconds_since(window.origin))
        .collect();
    Signal {
        name,
        unit,
        subject: subject.clone(),
        at,
        values,
    }
}

/// Each value until the next one, and not across what was not recorded at all.
fn held(window: &Window, series: &Series) -> Vec<f64> {
    let mut last = f64::NAN;
    let value = |(i, &value): (usize, &f64)| {
        if !window.continuous[i] {
            last = f64::NAN;
        }
        if !value.is_nan() {
            last = value;
        }
        last
    };
    series.values.iter().enumerate().map(value).collect()
}

/// The rate of a counter since the tick before; one that was not told stood still.
fn held_rates(window: &Window, series: &Series) -> Vec<f64> {
    let values = held(window, series);
    let mut rates = vec![f64::NAN; values.len()];
    for i in 1..values.len() {
        let (step, time) = (
            values[i] - values[i - 1],
            window.ticks[i].seconds_since(window.ticks[i - 1]),
        );
        if window.continuous[i] && step >= 0.0 {
            rates[i] = step / time;
        }
    }
    rates
}

/// The group of which a signal was largest over ticks, with its middle value there; of equals the one lowest in the tree, for those
/// above count what those below do.
pub fn foremost<'a>(signals: &'a Signals, name: &str, from: usize, to: usize) -> Option<(&'a Signal, f64)> {
    signals
        .each(name)
        .map(|signal| (signal, signal.median(from, to)))
        .filter(|(_, value)| *value > 0.0)
        .max_by(|a, b| {
            let depth = |s: &Signal| s.subject.to_string().matches('/').count();
            a.1.total_cmp(&b.1)
                .then(depth(a.0).cmp(&depth(b.0)))
                .then(b.0.subject.cmp(&a.0.subject))
        })
}
