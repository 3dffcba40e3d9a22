//! `blocked-tasks`: tasks pile up in uninterruptible sleep.

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "blocked-tasks",
    summary: "tasks pile up in uninterruptible sleep",
    manual: "\
Finds   procs_blocked, or the processes seen in D, above the baseline by 1 on the median, 5 of 10 seconds.
Why     These tasks do nothing until somebody answers them: a disk, a lock, a server.
Reads   stat: procs_blocked (only those that wait for block I/O); the table of processes (all of D).
Wrong   for waits shorter than a tick: both are gauges, read once a second.
See     kernel.md 3.6, 4.18.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(1.0).lasting(5);
    let of = |signal: &str| {
        scene.rises(RULE.id, signal, &pattern, |s, e| {
            let what = if s.name == "run.blocked" {
                "tasks wait for block I/O"
            } else {
                "processes sit in D"
            };
            format!("{what}: {}", from_to(e, ""))
        })
    };
    let mut found = of("task.uninterruptible");
    // The two are views of one thing: the second only where the first saw nothing.
    for finding in of("run.blocked") {
        if !found.iter().any(|f| f.from <= finding.to && finding.from <= f.to) {
            found.push(finding);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn what_waits_for_a_disk_and_what_sits_in_d_are_told_apart() {
        let disk = Story::of(60).during(30..45, |m| m.tasks(1, 4));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              tasks wait for block I/O: 0 → 4
              - run.blocked: 0 tasks before, 4 tasks at its height
        "#]]
        .assert_eq(&disk.finds("blocked-tasks"));
        let server = Story::of(60).during(30..45, |m| {
            for comm in ["a", "b", "c"] {
                m.process(comm).sleeps_in("rpc_wait_bit_killable");
            }
        });
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              processes sit in D: 0 → 3
              - task.uninterruptible: 0 tasks before, 3 tasks at its height
        "#]]
        .assert_eq(&server.finds("blocked-tasks"));
    }

    #[test]
    fn both_views_of_one_wait_are_told_once() {
        let story = Story::of(60).during(30..45, |m| {
            m.tasks(1, 2);
            m.process("a").sleeps_in("folio_wait_bit");
            m.process("b").sleeps_in("folio_wait_bit");
        });
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              processes sit in D: 0 → 2
              - task.uninterruptible: 0 tasks before, 2 tasks at its height
        "#]]
        .assert_eq(&story.finds("blocked-tasks"));
    }

    #[test]
    fn a_short_wait_and_a_kernel_thread_in_d_are_nothing() {
        let story = Story::of(60)
            .during(30..33, |m| m.tasks(1, 6))
            .during(30..50, |m| {
                m.process("kswapd0").sleeps_in("kswapd");
            });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("blocked-tasks"));
    }
}
