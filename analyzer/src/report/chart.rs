//! The few signals that decide, thinned so that a terminal or a page can draw them.

use crate::causes::Candidate;
use crate::explain::case::Case;
use crate::explain::document::{Chart, Time};
use crate::signals::{Signal, Signals};
use model::Subject;

/// Points of a chart at most.
const POINTS: usize = 120;

/// Charts of a case: the culprit's device, free memory, reclaim, the victim.
pub fn of_case<'a>(case: &Case<'a>, verdict: Option<&Candidate>) -> Vec<Chart> {
    let signals: &'a Signals = case.scene.signals;
    let device = |name: &str| Subject::Device(name.into());
    let mut chosen: Vec<(String, &'a Signal)> = Vec::new();
    let mut add = |label: &str, signal: Option<&'a Signal>| {
        if let Some(signal) = signal
            && !chosen
                .iter()
                .any(|(_, s)| s.name == signal.name && s.subject == signal.subject)
        {
            chosen.push((label.to_string(), signal));
        }
    };
    let culprit = verdict.and_then(|v| v.devices.first().cloned());
    if let Some(name) = &culprit {
        let writes = verdict.is_some_and(|v| v.id == "writeback_storm" || v.variant == Some("writes"));
        add(
            name,
            signals.of(if writes { "disk.write" } else { "disk.read" }, &device(name)),
        );
    }
    for finding in &case.findings {
        match finding.rule {
            "anon-rise" => add("anon", signals.host("mem.anon")),
            "shmem-rise" => add("shmem", signals.host("mem.shmem")),
            "slab-rise" => add("slab", signals.host("mem.slab")),
            "dirty-rise" => add("dirty", signals.host("mem.dirty")),
            "swap-in" => add("swap in", signals.host("swap.in")),
            "cpu-saturated" => add("cpu", signals.host("cpu.busy")),
            "watermark-breach" | "page-cache-drop" | "process-exit-freed" => {
                add("free", signals.host("mem.free"))
            }
            "kswapd-scan" => add("scan", signals.host("reclaim.kswapd_scan")),
            "cgroup-reclaim" => add("group", signals.host("reclaim.memcg_steal")),
            "major-fault-storm" => add("faults", signals.host("fault.major")),
            "device-saturated" => add(
                &format!("{} busy", finding.subject),
                signals.of("disk.busy", &finding.subject),
            ),
            _ => {}
        }
    }
    chosen
        .into_iter()
        .take(7)
        .map(|(label, signal)| thin(case, label, signal))
        .collect()
}

fn thin(case: &Case, label: String, signal: &Signal) -> Chart {
    let window = case.scene.window;
    let margin = ((case.to - case.from) / 3).max(10);
    let (from, to) = (
        case.from.saturating_sub(margin),
        (case.to + margin).min(window.len() - 1),
    );
    let count = (to - from + 1).min(POINTS);
    // The highest value of each stretch: a spike is what a reader looks for.
    let values = (0..count)
        .map(|k| {
            let (a, b) = (
                from + k * (to - from + 1) / count,
                from + (k + 1) * (to - from + 1) / count,
            );
            let highest = signal.values[a..b.max(a + 1)]
                .iter()
                .copied()
                .filter(|v| !v.is_nan())
                .fold(f64::NAN, f64::max);
            (!highest.is_nan()).then(|| crate::rules::rounded(highest))
        })
        .collect();
    Chart {
        label,
        signal: signal.name.into(),
        subject: signal.subject.to_string(),
        unit: signal.unit.into(),
        from: Time(window.ticks[from]),
        to: Time(window.ticks[to]),
        values,
    }
}
