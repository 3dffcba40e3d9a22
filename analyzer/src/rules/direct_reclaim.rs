//! `direct-reclaim`: tasks reclaim for themselves

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "direct-reclaim",
    summary: "tasks reclaim for themselves",
    manual: "\
Finds   More than 5 entries a second into direct reclaim, 2 of 4 seconds.
Why     The task that allocates is stopped until it has freed pages: the first real latency.
Reads   vmstat: allocstall* (never pgscan_direct_throttle, which counts events).
Wrong   on node reclaim (zone_reclaim_mode), which scans as direct without an allocstall.
See     kernel.md 1.2, 1.5, 1.6.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(5.0);
    scene.rises(
        "direct-reclaim",
        "reclaim.direct_entries",
        &pattern,
        |signal, episode| format!("tasks enter direct reclaim: {}", from_to(episode, signal.unit)),
    )
}
