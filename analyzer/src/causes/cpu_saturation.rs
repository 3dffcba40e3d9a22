//! `cpu_saturation`: more runnable work than CPUs.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Missing};
use crate::processes::Measure;
use crate::units;
use model::ProcessCounter;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "cpu_saturation",
    name: "more runnable work than CPUs",
    summary: "more runnable work than CPUs, or one thread at the end of one CPU",
    manual: "\
What    More tasks want to run than there are CPUs.
For     CPUs 90 % busy, tasks waiting for a CPU, more running than there are CPUs.
Against CPUs idle; the time is spent in reclaim (kswapd scans) or taken by the hypervisor.
Like    cpu_steal, reclaim burning system time.
See     kernel.md 4.17.
",
    takes_memory: false,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let busy = case.typical("cpu.busy");
    if busy.is_nan() {
        return Verdict::CannotTell(Missing {
            signal: "stat".into(),
            would_tell: "whether the CPUs were busy".into(),
        });
    }
    let waiting = case.typical("psi.cpu_some");
    let running = case.typical("run.running");
    let who = match running.is_nan() {
        true => String::new(),
        false => format!(", {} running", units::value(running, "tasks")),
    };
    let text = format!("CPUs {} busy{who}", units::value(busy, "%"));
    let evidence = case.number("cpu.busy", busy, "%", text.clone());
    let mover = case.first("cpu-saturated");
    let cpus = f64::from(case.scene.window.boot.cpus);
    let (Some(mover), true) = (mover, busy >= 85.0) else {
        return ruled_out(text, [evidence]);
    };
    // Reclaim at work burns system time: then the CPUs are where it shows, not where it comes from.
    let system = case.typical("cpu.system");
    let reclaiming = case.first("kswapd-scan").is_some() || case.first("direct-reclaim").is_some();
    let burnt = if reclaiming && system > 0.5 * busy {
        0.35
    } else {
        0.0
    };
    let crowded = if running >= 1.5 * cpus { 0.12 } else { 0.0 };
    let mut it = Candidate::new(
        0.7 + crowded - burnt,
        mover,
        "more runnable work than CPUs".into(),
    );
    it.blame(
        &case.doers(
            mover.from,
            mover.to,
            Measure::Moved(&[ProcessCounter::UserTicks, ProcessCounter::SystemTicks]),
        ),
        "CPU time",
    );
    it.story = format!(
        "{text} on {} CPUs; {} uses most of it.",
        units::count(cpus),
        it.who()
    );
    it.evidence_for.push(evidence);
    if !waiting.is_nan() {
        it.evidence_for.push(case.number(
            "psi.cpu_some",
            waiting,
            "%",
            format!("tasks wait for a CPU {waiting:.0} % of the time"),
        ));
    }
    it.advice.push(Advice {
        text: format!("Lower the share of {} (cpu.weight, cpu.max) or move it", it.who()),
        because: text,
    });
    candidate(it)
}
