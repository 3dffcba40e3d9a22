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
