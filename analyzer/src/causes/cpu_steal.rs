//! `cpu_steal`: the hypervisor or a quota takes the CPU away.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::explain::harm::Wait;
use crate::processes::Measure;
use crate::signals::cgroups::foremost;
use model::ProcessCounter;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "cpu_steal",
    name: "CPU time taken away",
    summary: "the hypervisor or a quota takes the CPU away",
    manual: "\
What    Tasks want to run and may not: the hypervisor runs another guest, or a quota (cpu.max) holds the group back.
For     steal at 5 % or more; or tasks waiting for a CPU while the CPUs are not busy.
Against No steal, and where tasks wait the CPUs are busy.
Like    cpu_saturation.
See     kernel.md 4.17.
",
    makes_wait_for: Wait::Cpu,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let (steal, busy, waiting) = (
        case.typical("cpu.steal"),
        case.typical("cpu.busy"),
        case.typical("psi.cpu_some"),
    );
    if steal.is_nan() {
        return Verdict::Silent;
    }
    let text = format!("steal {steal:.1} %, CPUs {busy:.0} % busy");
    let evidence = case.number("cpu.steal", steal, "%", text.clone());
    if let Some(mover) = case.first("steal-rise").filter(|f| f.now >= 5.0) {
        let mut it = Candidate::new(
            (0.6 + steal / 50.0).min(0.9),
            mover,
            "the hypervisor takes the CPU away".into(),
        );
        it.variant = Some("hypervisor");
        it.story = format!("{text}: the guest wants to run and another one does.");
        it.evidence_for.push(evidence);
        it.advice.push(Advice {
            text: "Move the guest or ask for dedicated CPUs".into(),
            because: text,
        });
        return candidate(it);
    }
    match case.first("cpu-saturated") {
        Some(mover) if waiting >= 20.0 && busy < 75.0 => {
            let mut it = Candidate::new(
                0.55 + 0.4 * (1.0 - busy / 100.0),
                mover,
                "a quota holds tasks back".into(),
            );
            it.variant = Some("quota");
            it.at_most = Confidence::Likely;
            it.blame(
                &case.doers(
                    mover.from,
                    mover.to,
                    Measure::Moved(&[ProcessCounter::UserTicks, ProcessCounter::SystemTicks]),
                ),
                "CPU time",
            );
            it.story = format!(
                "Tasks wait for a CPU {waiting:.0} % of the time while the CPUs are {busy:.0} % busy: a quota holds them back."
            );
            it.evidence_for
                .push(case.number("psi.cpu_some", waiting, "%", it.story.clone()));
            match foremost(case.scene.signals, "cgroup.throttled", mover.from, mover.to) {
                Some((group, throttled)) => {
                    it.at_most = Confidence::Shown;
                    it.headline = format!("a quota holds {} back", group.subject);
                    it.story += &format!(" {} is throttled {throttled:.0} % of the time.", group.subject);
                    let text = format!("{} may not run {throttled:.0} % of the time", group.subject);
                    let evidence =
                        case.scene
                            .number(group.name, &group.subject, mover.to, throttled, group.unit, text);
                    it.evidence_for.push(evidence);
                }
                None => it.missing.push(Missing {
                    signal: "cpu.stat of each cgroup".into(),
                    would_tell: "which group is throttled (nr_throttled)".into(),
                }),
            }
            it.advice.push(Advice {
                text: "Raise cpu.max of the group that is throttled".into(),
                because: text,
            });
            candidate(it)
        }
        Some(_) => ruled_out(text, [evidence]),
        None => Verdict::Silent,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn another_guest_runs() {
        let story = Story::of(60).during(30..50, |m| m.cpu(40.0, 5.0, 0.0, 25.0));
        expect![[r#"
            Warning: 25 % of the CPU time is stolen
            0.90, at most Shown: hypervisor, from 30.00 s (30.00 to 31.00)
            devices [], processes []
            the hypervisor takes the CPU away
            steal 25.0 %, CPUs 70 % busy: the guest wants to run and another one does.
            + steal 25.0 %, CPUs 70 % busy
        "#]]
        .assert_eq(&story.judges("cpu_steal"));
    }

    /// Tasks of a group may run for a fifth of the time.
    fn quota() -> Story<'static> {
        Story::of(60).during(30..50, |m| {
            m.cpu(10.0, 2.0, 0.0, 0.0);
            m.pressure("cpu", 80.0, 0.0);
            m.process("tenant").in_group("/box").runs(20, 2);
        })
    }

    #[test]
    fn a_quota_holds_tasks_back_while_cpus_idle() {
        expect![[r#"
            Warning: tasks wait for a CPU 80 % of the time
            0.90, at most Likely: quota, from 30.00 s (30.00 to 31.00)
            devices [], processes ["tenant 100 % of CPU time"]
            a quota holds tasks back
            Tasks wait for a CPU 80 % of the time while the CPUs are 12 % busy: a quota holds them back.
            + Tasks wait for a CPU 80 % of the time while the CPUs are 12 % busy: a quota holds them back.
            ? cpu.stat of each cgroup: which group is throttled (nr_throttled)
        "#]]
        .assert_eq(&quota().judges("cpu_steal"));
        let known = quota().during(0..60, |m| {
            let us = 800_000 * m.second.saturating_sub(29);
            m.group(
                "/box",
                "cpu.stat",
                format!("usage_usec 1\nnr_throttled 1\nthrottled_usec {us}\n"),
            );
        });
        let known = known.judges("cpu_steal");
        assert!(
            known.contains("a quota holds /box back") && known.contains("at most Shown"),
            "{known}"
        );
    }

    #[test]
    fn busy_cpus_were_not_taken_away_and_idle_ones_make_nobody_think_of_it() {
        let busy = Story::of(60).during(30..50, |m| {
            m.cpu(90.0, 9.0, 0.0, 0.0);
            m.pressure("cpu", 80.0, 0.0);
        });
        expect![[r#"
            ruled out: steal 0.0 %, CPUs 99 % busy
        "#]]
        .assert_eq(&busy.judges("cpu_steal"));
        let disk = Story::of(60).during(30..50, |m| m.tasks(1, 4));
        expect![[r#"
            silent
        "#]]
        .assert_eq(&disk.judges("cpu_steal"));
    }
}
