//! `cpu_steal`: the hypervisor or a quota takes the CPU away.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
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
    takes_memory: false,
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
