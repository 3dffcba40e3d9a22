//! Where the CPU time goes, and how many want it.
//!
//! | signal | unit | derivation |
//! |---|---|---|
//! | `cpu.user`, `cpu.system`, `cpu.iowait`, `cpu.steal`, `cpu.busy` | % of all CPUs | ticks of the state / ticks of all states (M7); iowait is idle time (kernel.md §0.7) |
//! | `run.running`, `run.blocked` | tasks | gauges of /proc/stat; blocked = waiting in io_schedule, not all of D |
//! | `load.1` | tasks | the damped average |
//! | `load.now` | tasks | the average of the last update, by undoing the damping (kernel.md §5.5) |

use super::{Signal, Signals, gauge};
use crate::window::Window;
use model::Subject;

const STATES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];

pub(super) fn derive(window: &Window, signals: &mut Signals) {
    let steps: Vec<(&str, Vec<f64>)> = STATES
        .iter()
        .filter_map(|state| {
            let series = window.get(&format!("stat.{state}"), &Subject::Host)?;
            // idle and iowait may step back by accounting (kernel.md §3.6): such a tick has none of it.
            let steps = match *state {
                "idle" | "iowait" => backward_as_zero(window, series),
                _ => window.steps(series),
            };
            Some((*state, steps))
        })
        .collect();
    if let Some(user) = window.get("stat.user", &Subject::Host) {
        let share = |names: &[&str]| -> Vec<f64> {
            (0..window.len())
                .map(|i| {
                    let all: f64 = steps.iter().map(|(_, s)| s[i]).sum();
                    let part: f64 = steps
                        .iter()
                        .filter(|(n, _)| names.contains(n))
                        .map(|(_, s)| s[i])
                        .sum();
                    if all > 0.0 { 100.0 * part / all } else { f64::NAN }
                })
                .collect()
        };
        for (name, states) in [
            ("cpu.user", &["user", "nice"][..]),
            ("cpu.system", &["system", "irq", "softirq"]),
            ("cpu.iowait", &["iowait"]),
            ("cpu.steal", &["steal"]),
            ("cpu.busy", &["user", "nice", "system", "irq", "softirq", "steal"]),
        ] {
            let values = share(states);
            signals.add(Signal {
                name,
                unit: "%",
                subject: Subject::Host,
                at: user.at.clone(),
                values,
            });
        }
    }
    signals.extend(gauge(window, "run.running", "tasks", "stat.procs_running", 1.0));
    signals.extend(gauge(window, "run.blocked", "tasks", "stat.procs_blocked", 1.0));
    signals.extend(gauge(window, "load.1", "tasks", "loadavg.load1", 1.0));
    let now = signals.host("load.1").map(undamped);
    signals.extend(now);
}

fn backward_as_zero(window: &Window, series: &crate::window::Series) -> Vec<f64> {
    let steps = window.steps(series);
    let mut out = steps;
    for (i, step) in out.iter_mut().enumerate().skip(1) {
        let (before, now) = (series.values[i - 1], series.values[i]);
        if step.is_nan() && window.continuous[i] && now < before && before - now < 1000.0 {
            *step = 0.0;
        }
    }
    out
}

/// n ≈ previous + (new − previous) / (1 − 1884/2048) whenever the average moved.
fn undamped(load: &Signal) -> Signal {
    const WEIGHT: f64 = 1.0 - 1884.0 / 2048.0;
    let mut values = vec![f64::NAN; load.values.len()];
    let mut last = f64::NAN;
    for i in 1..values.len() {
        let (before, now) = (load.values[i - 1], load.values[i]);
        if now != before {
            let undone = before + (now - before) / WEIGHT;
            last = if undone < 0.0 { 0.0 } else { undone };
        }
        values[i] = last;
    }
    Signal {
        name: "load.now",
        unit: "tasks",
        subject: Subject::Host,
        at: load.at.clone(),
        values,
    }
}
