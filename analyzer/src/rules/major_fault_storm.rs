//! `major-fault-storm`: page faults go to disk

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "major-fault-storm",
    summary: "page faults go to disk",
    manual: "\
Finds   More than 50 major faults a second above the baseline, 2 of 4 seconds.
Why     A program touched its own text or mapped data and had to wait for a disk.
Reads   vmstat: pgmajfault.
Wrong   after a deploy or an exec: a cold start faults too, and nothing was evicted (no refaults).
See     kernel.md 3.1, 4.2.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(50.0);
    scene.rises("major-fault-storm", "fault.major", &pattern, |signal, episode| {
        format!("major faults: {}", from_to(episode, signal.unit))
    })
}
