//! `compaction-stall`: allocations stall in compaction

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "compaction-stall",
    summary: "allocations stall in compaction",
    manual: "\
Finds   More than 5 direct compactions a second, 2 of 4 seconds.
Why     Memory is free but in pieces too small; the task that wants a larger one moves pages itself.
Reads   vmstat: compact_stall.
Wrong   beside plain shortage, where compaction is tried on the way: then free memory is at low too.
See     kernel.md 4.8.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(5.0);
    scene.rises(
        "compaction-stall",
        "compact.stall",
        &pattern,
        |signal, episode| format!("direct compactions: {}", from_to(episode, signal.unit)),
    )
}
