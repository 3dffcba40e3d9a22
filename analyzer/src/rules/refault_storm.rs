//! `refault-storm`: evicted pages come back

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "refault-storm",
    summary: "evicted pages come back",
    manual: "\
Finds   More than 100 file pages a second read again after eviction, 2 of 4 seconds.
Why     The kernel kept a shadow of each evicted page: these are proof that reclaim took what was needed.
Reads   vmstat: workingset_refault_file (workingset_refault before 5.9).
Wrong   on 2.6.32, which has no shadows: silent. After drop_caches: no shadows are left.
See     kernel.md 4.2; mm/workingset.c.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(100.0);
    scene.rises("refault-storm", "refault.file", &pattern, |signal, episode| {
        format!("evicted file pages read again: {}", from_to(episode, signal.unit))
    })
}
