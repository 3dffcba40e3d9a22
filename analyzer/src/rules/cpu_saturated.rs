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

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn tasks_that_wait_for_a_cpu() {
        let story = Story::of(60).during(30..45, |m| {
            m.cpu(90.0, 9.0, 0.0, 0.0);
            m.pressure("cpu", 80.0, 0.0);
        });
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              tasks wait for a CPU: 0 % → 80 %
              - psi.cpu_some: 0 % before, 80 % at its height
              - CPUs 99 % busy
        "#]]
        .assert_eq(&story.finds("cpu-saturated"));
    }

    #[test]
    fn without_pressure_files_only_full_cpus_tell() {
        let busy = |percent: f64| {
            let story = Story::of(60).during(30..45, move |m| m.cpu(percent, 3.0, 0.0, 0.0));
            story.lacking("pressure/cpu", "").finds("cpu-saturated")
        };
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              CPUs are busy: 3 % → 99 %
              - cpu.busy: 3 % before, 99 % at its height
              - CPUs 99 % busy
        "#]]
        .assert_eq(&busy(96.0));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&busy(80.0));
    }

    #[test]
    fn busy_cpus_for_which_nobody_waits_are_used_well() {
        let story = Story::of(60).during(30..45, |m| m.cpu(90.0, 8.0, 0.0, 0.0));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("cpu-saturated"));
    }
}
