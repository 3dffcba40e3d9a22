//! `oom-kill`: the kernel killed a process for its memory.

use super::{Finding, Rule, Scene};
use crate::units;
use model::{Onset, Subject};

pub(super) const RULE: Rule = Rule {
    id: "oom-kill",
    summary: "the kernel killed a process for its memory",
    manual: "\
Finds   A kill in the kernel log, else oom_kill having moved.
Why     The end of a shortage: of the machine's, or of one control group's (`Memory cgroup out of memory`).
Reads   /dev/kmsg; vmstat: oom_kill (4.13 and later). The two can differ: kills of tasks that exit anyway are counted and not logged.
Wrong   never as a fact; it says who was killed, not who was guilty.
See     kernel.md 4.13; mm/oom_kill.c.
",
    find,
};

/// What a log record says of a kill: pid, name, and whether a control group's limit was the reason.
pub(crate) struct Kill {
    pub(crate) pid: u32,
    pub(crate) comm: String,
    pub(crate) of_cgroup: bool,
    pub(crate) cgroup: Option<String>,
    pub(crate) anon_rss_bytes: Option<f64>,
    pub(crate) at: model::UnixNanos,
}

/// Kills that the kernel logged.
pub(crate) fn kills(scene: &Scene) -> Vec<Kill> {
    let mut found = Vec::new();
    let mut cgroup: Option<String> = None;
    for record in &scene.window.log {
        // oom-kill:constraint=CONSTRAINT_MEMCG,…,task_memcg=/tenant,task=tenant,pid=1,uid=0
        if let Some(rest) = record.text.strip_prefix("oom-kill:") {
            cgroup = rest
                .split(',')
                .find_map(|part| part.strip_prefix("task_memcg="))
                .map(String::from);
        }
        // Killed process 24031 (tenant) total-vm:925996kB, anon-rss:612992kB, …
        let Some((before, after)) = record.text.split_once("Killed process ") else {
            continue;
        };
        let Some((pid, rest)) = after.split_once(' ') else {
            continue;
        };
        let Ok(pid) = pid.trim_end_matches(',').parse() else {
            continue;
        };
        let comm = rest
            .split_once('(')
            .and_then(|(_, r)| r.rsplit_once(") ").map(|(c, _)| c))
            .unwrap_or("?");
        let comm = comm.split(')').next().unwrap_or(comm);
        let rss = rest
            .split("anon-rss:")
            .nth(1)
            .and_then(|r| r.split("kB").next())
            .and_then(|r| r.parse::<f64>().ok());
        found.push(Kill {
            pid,
            comm: comm.chars().take(32).collect(),
            of_cgroup: before.contains("cgroup"),
            cgroup: cgroup.take(),
            anon_rss_bytes: rss.map(|kib| kib * 1024.0),
            at: record.at,
        });
    }
    found
}

fn find(scene: &Scene) -> Vec<Finding> {
    let mut found: Vec<Finding> = kills(scene)
        .into_iter()
        .filter(|kill| scene.window.span.contains(kill.at))
        .map(|kill| {
            let onset = Onset::new(kill.at - 1_000_000, kill.at, kill.at + 1_000_000);
            let whose = if kill.of_cgroup {
                "its control group is out of memory"
            } else {
                "the machine is out of memory"
            };
            let mut finding = scene.instant(
                RULE.id,
                Subject::Host,
                onset,
                format!("{} (pid {}) was killed: {whose}", kill.comm, kill.pid),
            );
            if let Some(rss) = kill.anon_rss_bytes {
                let text = format!("{} held {} of anonymous memory", kill.comm, units::bytes(rss));
                let tick = finding.from;
                finding
                    .evidence
                    .push(scene.number("oom.victim_anon", &Subject::Host, tick, rss, "B", text));
            }
            finding
        })
        .collect();
    if found.is_empty()
        && let Some(signal) = scene.signals.host("oom.kills")
    {
        for i in scene.window.first.max(1)..scene.window.len() {
            let kills = signal.values[i] * (signal.at[i] - signal.at[i - 1]);
            if kills >= 0.5 {
                let (from, to) = (
                    scene.window.wall(signal.at[i - 1]),
                    scene.window.wall(signal.at[i]),
                );
                let onset = Onset::new(from, from + (to.0 - from.0) / 2, to);
                let headline = format!(
                    "{} processes were killed (the log does not say which)",
                    units::count(kills)
                );
                let mut finding = scene.instant(RULE.id, Subject::Host, onset, headline);
                finding.evidence.push(scene.number(
                    "oom.kills",
                    &Subject::Host,
                    i,
                    kills,
                    "kills",
                    "oom_kill moved".into(),
                ));
                found.push(finding);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn a_kill_of_the_machine_and_one_of_a_group() {
        let story = Story::of(60)
            .at(30, |m| m.log("Out of memory: Killed process 4711 (hog) total-vm:6100000kB, anon-rss:5000000kB, file-rss:0kB"))
            .at(40, |m| {
                m.log("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),task_memcg=/box,task=tenant,pid=4712,uid=0");
                m.log("Memory cgroup out of memory: Killed process 4712 (tenant) total-vm:925996kB, anon-rss:612992kB");
            });
        expect![[r#"
            host at 30.50 s (30.50 to 30.50) until 31 s
              hog (pid 4711) was killed: the machine is out of memory
              - hog held 5.12 GB of anonymous memory
            host at 40.50 s (40.50 to 40.50) until 41 s
              tenant (pid 4712) was killed: its control group is out of memory
              - tenant held 628 MB of anonymous memory
        "#]]
        .assert_eq(&story.finds("oom-kill"));
    }

    #[test]
    fn without_a_log_the_counter_says_that_somebody_was_killed() {
        let story = Story::of(60).at(30, |m| m.count("oom_kill", 2));
        expect![[r#"
            host at 30.50 s (30.00 to 31.00) until 31 s
              2 processes were killed (the log does not say which)
              - oom_kill moved
        "#]]
        .assert_eq(&story.finds("oom-kill"));
    }

    #[test]
    fn a_process_that_ends_and_a_report_without_a_kill_are_none() {
        let story = Story::of(60)
            .during(20..30, |m| m.anon("hog", 200 * MB))
            .at(30, |m| {
                m.anon("hog", -2000 * MB);
                m.process("hog").ends();
                m.log("hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0");
            });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("oom-kill"));
    }
}
