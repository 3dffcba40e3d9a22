//! `memory-total-changed`: memory was taken from the machine, or given to it.

use super::{Finding, Rule, Scene};
use crate::units;
use model::{Onset, Subject};

pub(super) const RULE: Rule = Rule {
    id: "memory-total-changed",
    summary: "memory was taken from the machine, or set aside",
    manual: "\
Finds   MemTotal, or HugePages_Total × Hugepagesize, moving by 64 MB or more within 10 seconds.
Why     Hotplug, a balloon or a reservation of huge pages takes memory with no process to blame.
Reads   meminfo: MemTotal, HugePages_Total, Hugepagesize.
Wrong   for balloons that leave MemTotal alone: see `mem.unaccounted`.
See     kernel.md 4.19.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, what) in [
        ("mem.total", "MemTotal"),
        ("mem.huge_pages", "memory set aside for huge pages"),
    ] {
        let Some(signal) = scene.signals.host(name) else {
            continue;
        };
        let mut i = scene.window.first.max(1);
        while i < scene.window.len() {
            let (before, now) = (signal.values[i - 1], signal.values[i]);
            if !scene.window.continuous[i] || (now - before).is_nan() || now == before {
                i += 1;
                continue;
            }
            // A step can take some ticks: take all of it.
            let end = (i..scene.window.len().min(i + 10))
                .rev()
                .find(|&k| signal.values[k] != signal.values[k - 1]);
            let end = end.unwrap_or(i);
            let after = signal.values[end];
            if (after - before).abs() >= 64e6 {
                let (from, to) = (
                    scene.window.wall(signal.at[i - 1]),
                    scene.window.wall(signal.at[i]),
                );
                let onset = Onset::new(from, from + (to.0 - from.0) / 2, to);
                let headline = format!("{what}: {} → {}", units::bytes(before), units::bytes(after));
                let mut finding = scene.instant(RULE.id, Subject::Host, onset, headline);
                (finding.from, finding.to) = (i, end);
                (finding.before, finding.now, finding.unit, finding.signal) =
                    (before, after, "B", signal.name);
                let mut evidence = scene.evidence(signal, end, format!("{what} {}", units::bytes(after)));
                evidence.baseline = Some(before);
                finding.evidence.push(evidence);
                found.push(finding);
            }
            i = end + 1;
        }
    }
    found
}
