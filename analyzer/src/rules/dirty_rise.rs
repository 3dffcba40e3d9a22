//! `dirty-rise`: dirty memory passes the background threshold

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "dirty-rise",
    summary: "dirty memory passes the background threshold",
    manual: "\
Finds   Dirty at more than 0.9 of the background threshold for 2 seconds, from below a half of it.
Why     Above it the flusher writes; half way between it and the hard threshold writers are put to sleep.
Reads   meminfo: Dirty; vmstat: nr_dirty_background_threshold (on 2.6.32 from vm.dirty_background_ratio).
Wrong   never by itself: dirty memory is no harm until somebody waits for it.
See     kernel.md 4.5; mm/page-writeback.c, dirty_freerun_ceiling.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern {
        ratio: 1.5,
        ..Pattern::rise(0.4).certain(0.9)
    };
    scene.rises(
        "dirty-rise",
        "dirty.background_share",
        &pattern,
        |signal, episode| {
            format!(
                "dirty memory against the background threshold: {}",
                from_to(episode, signal.unit)
            )
        },
    )
}
