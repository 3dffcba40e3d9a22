//! `cpu-saturated`: more runnable work than CPUs.

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "cpu-saturated",
    summary: "more runnable work than CPUs",
    manual: "\
Finds   Pressure: tasks waiting for a CPU in more than 20 points more of the time, 5 of 10 seconds. Without pressure files: 95 % of
        the CPU time used.
Why     Runnable tasks that wait are slowed, whoever they are.
Reads   pressure/cpu: total; stat: the cpu line.
Wrong   about the reason when a quota holds tasks back: then the CPUs are not busy (see `cpu_steal`).
See     kernel.md 4.17.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let by_pressure = scene.signals.host("psi.cpu_some").is_some();
    let (signal, pattern) = if by_pressure {
        (
            "psi.cpu_some",
            Pattern {
                ratio: 1.5,
                ..Pattern::rise(20.0).lasting(5).certain(60.0)
            },
        )
    } else {
        (
            "cpu.busy",
            Pattern {
                ratio: 1.2,
                ..Pattern::rise(20.0).lasting(5).certain(95.0)
            },
        )
    };
    let mut found = scene.rises(RULE.id, signal, &pattern, |s, e| {
        let what = if by_pressure {
            "tasks wait for a CPU"
        } else {
            "CPUs are busy"
        };
        format!("{what}: {}", from_to(e, s.unit))
    });
    if !by_pressure {
        found.retain(|f| f.now >= 95.0);
    }
    for finding in &mut found {
        if let Some(busy) = scene.signals.host("cpu.busy") {
            let level = busy.median(finding.from, finding.to);
            let text = format!("CPUs {} busy", units::value(level, "%"));
            finding
                .evidence
                .push(scene.number("cpu.busy", &busy.subject, finding.from, level, "%", text));
        }
    }
    found
}
