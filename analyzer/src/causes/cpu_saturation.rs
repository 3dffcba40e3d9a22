//! `cpu_saturation`: more runnable work than CPUs.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Missing};
use crate::explain::harm::Wait;
use crate::processes::{Doer, Measure, crowds};
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
    makes_wait_for: Wait::Cpu,
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
    let waiting_too = match running.is_nan() {
        true => String::new(),
        false => format!(", {} running", units::value(running, "tasks")),
    };
    let text = format!("CPUs {} busy{waiting_too}", units::value(busy, "%"));
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
    let counters = &[ProcessCounter::UserTicks, ProcessCounter::SystemTicks];
    let doers = case.doers(mover.from, mover.to, Measure::Moved(counters));
    it.blame(&doers, "CPU time");
    let (who, uses) = blamed(&it, &doers);
    it.story = format!("{text} on {} CPUs; {uses}.", units::count(cpus));
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
        text: format!("Lower the share of {who} (cpu.weight, cpu.max) or move it"),
        because: text,
    });
    candidate(it)
}

/// Who it is, one process or all of a name; and a sentence of how much of the CPU time that is.
fn blamed(it: &Candidate, doers: &[Doer]) -> (String, String) {
    const MUCH: f64 = 0.3;
    let percent = |share: f64| format!("{:.0} % of the processes' CPU time", 100.0 * share);
    match (doers.first(), crowds(doers).first()) {
        (Some(one), _) if one.share >= MUCH => (it.who(), format!("{} has {}", it.who(), percent(one.share))),
        (_, Some(crowd)) if crowd.share >= MUCH => {
            let who = format!("{} ({} processes)", crowd.comm, crowd.count);
            (who.clone(), format!("{who} has {}", percent(crowd.share)))
        }
        (_, Some(crowd)) => (
            "who can wait".into(),
            format!(
                "many share them, {} has most, {}",
                crowd.comm,
                percent(crowd.share)
            ),
        ),
        _ => ("who can wait".into(), "who uses them was not recorded".into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Machine, Story};
    use expect_test::expect;

    fn crowded(m: &mut Machine) {
        m.cpu(90.0, 9.0, 0.0, 0.0);
        m.pressure("cpu", 80.0, 0.0);
        m.tasks(8, 0);
        m.process("burn").runs(180, 10);
    }

    #[test]
    fn more_wants_to_run_than_can() {
        let story = Story::of(60).during(30..50, crowded);
        expect![[r#"
            Warning: tasks wait for a CPU 80 % of the time
            0.82, at most Shown: no variant, from 30.00 s (30.00 to 31.00)
            devices [], processes ["burn 100 % of CPU time"]
            more runnable work than CPUs
            CPUs 99 % busy, 8 tasks running on 2 CPUs; burn (pid 4002) has 100 % of the processes' CPU time.
            + CPUs 99 % busy, 8 tasks running
            + tasks wait for a CPU 80 % of the time
        "#]]
        .assert_eq(&story.judges("cpu_saturation"));
    }

    #[test]
    fn a_build_is_many_processes_of_one_name() {
        let build = Story::of(60).during(30..50, |m| {
            m.cpu(90.0, 9.0, 0.0, 0.0);
            m.pressure("cpu", 80.0, 0.0);
            m.tasks(8, 0);
            for part in 0..8 {
                m.process_of("cc1", part).runs(20, 0);
            }
        });
        expect![[r#"
            Warning: tasks wait for a CPU 80 % of the time
            0.82, at most Shown: no variant, from 30.00 s (30.00 to 31.00)
            devices [], processes ["cc1 12 % of CPU time", "cc1 12 % of CPU time", "cc1 12 % of CPU time", "cc1 12 % of CPU time", "cc1 12 % of CPU time"]
            more runnable work than CPUs
            CPUs 99 % busy, 8 tasks running on 2 CPUs; cc1 (8 processes) has 100 % of the processes' CPU time.
            + CPUs 99 % busy, 8 tasks running
            + tasks wait for a CPU 80 % of the time
        "#]].assert_eq(&build.judges("cpu_saturation"));
    }

    #[test]
    fn reclaim_that_burns_the_cpus_comes_from_elsewhere() {
        let story = Story::of(60).during(30..50, |m| {
            m.kswapd(200_000, 20 * MB);
            m.direct_reclaim(50, 20 * MB);
            m.cpu(5.0, 94.0, 0.0, 0.0);
            m.tasks(3, 0);
            m.pressure("cpu", 80.0, 0.0);
        });
        expect![[r#"
            Warning: tasks stop to reclaim memory for themselves
            behind over_reclaim
            0.35, at most Shown: no variant, from 30.00 s (30.00 to 31.00)
            devices [], processes []
            more runnable work than CPUs
            CPUs 99 % busy, 3 tasks running on 2 CPUs; who uses them was not recorded.
            + CPUs 99 % busy, 3 tasks running
            + tasks wait for a CPU 80 % of the time
        "#]]
        .assert_eq(&story.judges("cpu_saturation"));
    }

    #[test]
    fn a_quota_leaves_the_cpus_idle_and_without_stat_it_cannot_be_told() {
        let quota = Story::of(60).during(30..50, |m| m.pressure("cpu", 80.0, 0.0));
        expect![[r#"
            ruled out: CPUs 3 % busy, 1 task running
        "#]]
        .assert_eq(&quota.judges("cpu_saturation"));
        let blind = Story::of(60).during(30..50, crowded).lacking("stat", "");
        expect![[r#"
            cannot tell: stat would tell whether the CPUs were busy
        "#]]
        .assert_eq(&blind.judges("cpu_saturation"));
    }
}
