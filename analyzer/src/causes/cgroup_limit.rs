//! `cgroup_limit`: a container hits its own memory limit while the host has room.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Culprit, Missing};
use crate::explain::harm::Wait;
use crate::processes::Measure;
use crate::rules::kills;
use crate::units;
use model::{ProcessCounter, Subject};

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "cgroup_limit",
    name: "a control group at its memory limit",
    summary: "a container hits its own memory limit while the host has room",
    manual: "\
What    A control group reaches memory.max or memory.high: its own pages are reclaimed, its tasks stall, or one is killed, while the host
        has plenty.
For     Hits of a group's limit, where groups were recorded; the kernel's record of a `Memory cgroup out of memory` kill; pages freed that no global reclaimer freed (M5); pressure for memory
        with free memory comfortable and kswapd asleep.
Against Global reclaim at work; no residual.
Like    over_reclaim (kswapd is busy there), page_cache_flood (free is at its marks there).
See     kernel.md 1.6, 4.12.
",
    makes_wait_for: Wait::Memory,
    judge,
};

/// Whether the kernel logged a kill for a group's limit.
pub(super) fn killed_in_group(case: &Case) -> bool {
    kills(case.scene)
        .iter()
        .any(|k| k.of_cgroup && in_case(case, k.at))
}

fn in_case(case: &Case, at: model::UnixNanos) -> bool {
    let window = case.scene.window;
    let from = window.ticks[case.from.saturating_sub(2)];
    from <= at && at <= window.ticks[case.to] + 2_000_000_000
}

fn judge(case: &Case) -> Verdict {
    let kill = kills(case.scene)
        .into_iter()
        .find(|k| k.of_cgroup && in_case(case, k.at));
    let residual = case.sum("reclaim.memcg_steal") * case.page();
    let reclaim = case.first("cgroup-reclaim");
    let global = case.sum("reclaim.steal") * case.page();
    let pressed = case.signal("psi.memory_some").map_or(f64::NAN, |s| {
        crate::onset::quantile(&s.values[case.from..=case.to], 0.75)
    });
    let roomy = case
        .scene
        .signals
        .each("zone.over_high")
        .map(|z| z.median(case.from, case.to))
        .fold(f64::NAN, f64::max);
    let text = format!(
        "{} freed beyond what the global reclaimers freed",
        units::bytes(residual)
    );
    let evidence = case.number("reclaim.memcg_steal", residual, "B", text.clone());
    let stalled_alone = pressed >= 10.0 && roomy >= 1.5 && case.first("kswapd-scan").is_none();
    if kill.is_none() && reclaim.is_none() && !stalled_alone {
        return match case.signal("reclaim.memcg_steal") {
            Some(_) => ruled_out(text, [evidence]),
            None => Verdict::CannotTell(Missing {
                signal: "memory.events of each cgroup".into(),
                would_tell: "whether a group hit its own limit (this kernel does not split pgsteal)".into(),
            }),
        };
    }
    let alone = residual / (residual + global).max(1.0);
    let of_group = reclaim.is_some_and(|f| matches!(f.subject, Subject::Cgroup(_)));
    let score = match (&kill, reclaim) {
        (Some(_), _) => 0.94,
        // The group's own record needs no residual.
        (None, Some(_)) if of_group && alone.is_nan() => 0.8,
        (None, Some(_)) => (0.4 + 0.5 * alone).max(if of_group { 0.7 } else { 0.0 }),
        (None, None) => 0.62,
    };
    let first = case.findings.iter().find(|f| {
        matches!(
            f.rule,
            "anon-rise" | "cgroup-reclaim" | "shmem-rise" | "refault-storm"
        )
    });
    let Some(mover) = first
        .or_else(|| case.first("oom-kill"))
        .or_else(|| case.findings.first())
    else {
        return Verdict::Silent;
    };
    let mut it = Candidate::new(score, mover, "a control group at its memory limit".into());
    it.evidence_for.push(evidence);
    if !roomy.is_nan() {
        let text = format!("meanwhile the roomiest zone has {roomy:.1} times its high mark free");
        it.evidence_for
            .push(case.number("zone.over_high", roomy, "ratio", text));
    }
    if let Some(kill) = &kill {
        it.headline = format!("{} was killed at its control group's limit", kill.comm);
        it.processes = vec![Culprit {
            pid: kill.pid,
            comm: kill.comm.clone(),
            cgroup: kill.cgroup.clone(),
            share: 1.0,
            of: "memory of the group, by the kernel's own record".into(),
        }];
        let doers = case.doers(case.from, case.to, Measure::Grew(ProcessCounter::RssPages));
        it.culprit_started = doers
            .iter()
            .find(|d| d.identity.pid == kill.pid)
            .map(|d| d.started);
        it.story = format!(
            "{} (pid {}) grew into the limit of its control group and was killed{}; the host had room.",
            kill.comm,
            kill.pid,
            kill.anon_rss_bytes.map_or(String::new(), |b| format!(
                " with {} of anonymous memory",
                units::bytes(b)
            ))
        );
    } else {
        let group = reclaim.filter(|f| matches!(f.subject, Subject::Cgroup(_)));
        if group.is_none() {
            it.at_most = Confidence::Likely;
        }
        let grew = case.doers(case.from, case.to, Measure::Grew(ProcessCounter::RssPages));
        let faulting = case.doers(case.from, case.to, Measure::Moved(&[ProcessCounter::MajorFaults]));
        let reading = case.doers(case.from, case.to, Measure::Moved(&[ProcessCounter::ReadBytes]));
        let by_read = case.sum("io.inflow") > 0.5 * residual;
        match (by_read, faulting.first().is_some_and(|d| d.amount > 100.0)) {
            (_, true) => it.blame(&faulting, "major faults"),
            (true, false) => it.blame(&reading, "read bytes"),
            (false, false) => it.blame(&grew, "growth of resident memory"),
        }
        match group {
            Some(group) => {
                let path = group.subject.to_string();
                // Only its members can have met its limit.
                it.processes.retain(|p| {
                    let is_member = |own: &String| *own == path || own.starts_with(&format!("{path}/"));
                    p.cgroup.as_ref().is_none_or(is_member)
                });
                let limit = case.scene.signals.of("cgroup.memory_limit", &group.subject);
                let limit = limit
                    .map(|limit| limit.median(case.from, case.to))
                    .filter(|v| !v.is_nan());
                it.headline = format!("control group {path} at its memory limit");
                it.story = format!(
                    "{path} met its memory limit{} {:.0} times a second while the host had room.",
                    limit.map_or(String::new(), |v| format!(" of {}", units::bytes(v))),
                    group.now
                );
                it.evidence_for.extend(group.evidence.first().cloned());
            }
            None => {
                it.story = format!(
                    "{text} while the host had room; {} is the likeliest member of the group.",
                    it.who()
                );
                it.missing.push(Missing {
                    signal: "memory.events and memory.max of each cgroup".into(),
                    would_tell: "which group hit which limit".into(),
                });
            }
        }
    }
    it.advice.push(Advice {
        text: "Raise memory.max (or memory.high) of that group, or make its workload smaller; the node itself is not short".into(),
        because: text,
    });
    candidate(it)
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Machine, Story};
    use expect_test::expect;

    /// A group reads its own pages out at its limit of 512 MB, while the host has room.
    fn at_its_limit(m: &mut Machine) {
        let hits = 200 * m.second.saturating_sub(29);
        m.group("/box", "memory.max", "536870912\n".into());
        m.group(
            "/box",
            "memory.events",
            format!("low 0\nhigh 0\nmax {hits}\noom 0\noom_kill 0\n"),
        );
        if m.second >= 30 {
            m.count("pgsteal_file", 5000);
            m.pressure("memory", 30.0, 10.0);
            m.process("tenant").in_group("/box").faults(400);
        }
    }

    #[test]
    fn a_group_meets_its_limit_while_the_host_has_room() {
        let story = Story::of(60).during(0..60, at_its_limit);
        expect![[r#"
            Warning: tasks wait for memory 30 % of the time
            0.90, at most Shown: no variant, from 30.00 s (30.00 to 31.00)
            devices [], processes ["tenant 100 % of major faults"]
            control group /box at its memory limit
            /box met its memory limit of 537 MB 200 times a second while the host had room.
            + 614 MB freed beyond what the global reclaimers freed
            + meanwhile the roomiest zone has 20.3 times its high mark free
            + cgroup.limit_hits: 0/s before, 200/s at its height
        "#]]
        .assert_eq(&story.judges("cgroup_limit"));
    }

    #[test]
    fn the_kernel_names_whom_it_killed_for_it() {
        let story = Story::of(60).during(30..40, |m| m.anon("tenant", 60 * MB)).at(40, |m| {
            m.log("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),task_memcg=/box,task=tenant,pid=4002,uid=0");
            m.log("Memory cgroup out of memory: Killed process 4002 (tenant) total-vm:925996kB, anon-rss:612992kB");
        });
        expect![[r#"
            Critical: tenant (pid 4002) was killed: its control group is out of memory
            0.94, at most Shown: no variant, from 30.00 s (30.00 to 31.00)
            devices [], processes ["tenant 100 % of memory of the group, by the kernel's own record"]
            tenant was killed at its control group's limit
            tenant (pid 4002) grew into the limit of its control group and was killed with 628 MB of anonymous memory; the host had room.
            + 0 B freed beyond what the global reclaimers freed
            + meanwhile the roomiest zone has 16.7 times its high mark free
        "#]].assert_eq(&story.judges("cgroup_limit"));
    }

    #[test]
    fn global_reclaim_is_of_no_group_and_a_kernel_that_does_not_split_cannot_tell() {
        let global = || Story::of(60).during(30..45, |m| m.kswapd(20_000, 60 * MB));
        expect![[r#"
            ruled out: 0 B freed beyond what the global reclaimers freed
        "#]]
        .assert_eq(&global().judges("cgroup_limit"));
        let old = global()
            .lacking("vmstat", "pgsteal_anon")
            .lacking("vmstat", "pgsteal_file");
        expect![[r#"
            cannot tell: memory.events of each cgroup would tell whether a group hit its own limit (this kernel does not split pgsteal)
        "#]].assert_eq(&old.judges("cgroup_limit"));
    }

    #[test]
    fn version_1_counts_the_hits_of_its_limit_too() {
        let story = Story::of(60).during(0..60, |m| {
            let hits = 200 * m.second.saturating_sub(29);
            m.group("/box", "memory.limit_in_bytes", "536870912\n".into());
            m.group("/box", "memory.failcnt", format!("{hits}\n"));
            if m.second >= 30 {
                m.pressure("memory", 30.0, 10.0);
            }
        });
        let told = story
            .lacking("vmstat", "pgsteal_anon")
            .lacking("vmstat", "pgsteal_file")
            .judges("cgroup_limit");
        assert!(
            told.contains("/box met its memory limit of 537 MB 200 times a second"),
            "{told}"
        );
    }
}
