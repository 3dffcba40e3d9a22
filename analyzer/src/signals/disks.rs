//! What the block devices are asked, and how they answer.
//!
//! | signal (each device) | unit | derivation |
//! |---|---|---|
//! | `disk.read`, `disk.write` | B/s | sectors × 512, at completion |
//! | `disk.own_read`, `disk.own_write` | B/s | without what devices stacked upon it asked for (partitions fold into their disk) |
//! | `disk.reads`, `disk.writes`, `disk.discards`, `disk.flushes` | 1/s | completed requests; the last two since 4.18 and 5.5 |
//! | `disk.busy` | % | time with at least one request in flight: not saturation (kernel.md §5.5) |
//! | `disk.in_flight` | requests | the only gauge |
//! | `disk.queue` | requests | weighted time / time |
//! | `disk.read_wait`, `disk.write_wait`, `disk.wait` | ms | time of completed requests / their number; unknown below 2 a tick |
//! | `disk.leaf_read` (host) | B/s | M3: Σ over devices that stand on no other; against `io.inflow` |

use super::{Signal, Signals};
use crate::topology::Topology;
use crate::window::Window;
use model::Subject;
use std::sync::Arc;

const SECTOR: f64 = 512.0;

pub(super) fn derive(window: &Window, signals: &mut Signals) {
    let topology = Topology::of(window);
    for subject in window.subjects("diskstats.read_sectors") {
        let Subject::Device(name) = &subject else { continue };
        if topology.is_partition(name) {
            continue;
        }
        device(window, &subject, signals);
    }
    own_demand(&topology, signals);
    leaf_sum(window, &topology, signals);
}

fn device(window: &Window, subject: &Subject, signals: &mut Signals) {
    let rates = |metric: &str| {
        window
            .get(metric, subject)
            .map(|s| (s.at.clone(), window.rates(s)))
    };
    let mut add = |name: &'static str, unit: &'static str, at: Arc<[f64]>, values: Vec<f64>| {
        signals.add(Signal {
            name,
            unit,
            subject: subject.clone(),
            at,
            values,
        });
    };
    for (name, unit, metric, factor) in [
        ("disk.read", "B/s", "diskstats.read_sectors", SECTOR),
        ("disk.write", "B/s", "diskstats.write_sectors", SECTOR),
        ("disk.reads", "1/s", "diskstats.reads_completed", 1.0),
        ("disk.writes", "1/s", "diskstats.writes_completed", 1.0),
        ("disk.discards", "1/s", "diskstats.discards_completed", 1.0),
        ("disk.flushes", "1/s", "diskstats.flushes_completed", 1.0),
        // ms a second → percent
        ("disk.busy", "%", "diskstats.io_ms", 0.1),
        ("disk.queue", "requests", "diskstats.weighted_io_ms", 0.001),
    ] {
        if let Some((at, values)) = rates(metric) {
            add(name, unit, at, values.iter().map(|v| v * factor).collect());
        }
    }
    if let Some(series) = window.get("diskstats.in_flight", subject) {
        add(
            "disk.in_flight",
            "requests",
            series.at.clone(),
            series.values.clone(),
        );
    }
    // sar tells reads and writes together only.
    if let (Some((at, ios)), Some((_, ms))) =
        (rates("diskstats.ios_completed"), rates("diskstats.io_total_ms"))
    {
        let wait = ios.iter().zip(&ms).map(|(n, ms)| {
            if *n * window.interval >= 2.0 {
                ms / n
            } else {
                f64::NAN
            }
        });
        add("disk.wait", "ms", at, wait.collect());
    }
    let reads = rates("diskstats.reads_completed");
    let writes = rates("diskstats.writes_completed");
    let read_ms = rates("diskstats.read_ms");
    let write_ms = rates("diskstats.write_ms");
    let (Some((at, reads)), Some((_, writes)), Some((_, read_ms)), Some((_, write_ms))) =
        (reads, writes, read_ms, write_ms)
    else {
        return;
    };
    // A mean of one request is that request: not a level of the device.
    let mean = |ms: f64, count: f64| {
        if count * window.interval >= 2.0 {
            ms / count
        } else {
            f64::NAN
        }
    };
    let each = |f: &dyn Fn(usize) -> f64| (0..reads.len()).map(f).collect::<Vec<_>>();
    add(
        "disk.read_wait",
        "ms",
        at.clone(),
        each(&|i| mean(read_ms[i], reads[i])),
    );
    add(
        "disk.write_wait",
        "ms",
        at.clone(),
        each(&|i| mean(write_ms[i], writes[i])),
    );
    add(
        "disk.wait",
        "ms",
        at,
        each(&|i| mean(read_ms[i] + write_ms[i], reads[i] + writes[i])),
    );
}

/// A device's own demand: its traffic less that of the devices which stand on it. loop1 on a file of loop0 on vda counts once.
fn own_demand(topology: &Topology, signals: &mut Signals) {
    for (own, of) in [("disk.own_read", "disk.read"), ("disk.own_write", "disk.write")] {
        let mut found = Vec::new();
        for signal in signals.each(of) {
            let Subject::Device(name) = &signal.subject else {
                continue;
            };
            let mut values = signal.values.clone();
            for upper in topology.stacked_on(name) {
                let Some(upper) = signals.of(of, &Subject::Device(upper.clone())) else {
                    continue;
                };
                for (value, theirs) in values.iter_mut().zip(&upper.values) {
                    *value -= if theirs.is_nan() { 0.0 } else { *theirs };
                }
            }
            // The lines are read one after the other: a little less than nothing is nothing. Unknown stays unknown.
            values.iter_mut().filter(|v| **v < 0.0).for_each(|v| *v = 0.0);
            found.push(Signal {
                name: own,
                unit: "B/s",
                values,
                ..signal.clone()
            });
        }
        signals.extend(found);
    }
}

fn leaf_sum(window: &Window, topology: &Topology, signals: &mut Signals) {
    let leaves: Vec<&Signal> = signals
        .each("disk.read")
        .filter(|s| matches!(&s.subject, Subject::Device(name) if topology.is_leaf(name)))
        .collect();
    let Some(first) = leaves.first() else { return };
    let values = (0..window.len())
        .map(|i| leaves.iter().map(|l| l.values[i]).sum())
        .collect();
    let sum = Signal {
        name: "disk.leaf_read",
        unit: "B/s",
        subject: Subject::Host,
        at: first.at.clone(),
        values,
    };
    signals.add(sum);
}
