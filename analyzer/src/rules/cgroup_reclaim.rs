//! `cgroup-reclaim`: a control group's limit reclaims

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "cgroup-reclaim",
    summary: "a control group's limit reclaims",
    manual: "\
Finds   More than 500 pages/s freed by reclaim that no global reclaimer did, 2 of 4 seconds.
Why     A container at its limit evicts its own pages while the host has room.
Reads   vmstat: pgsteal_anon + pgsteal_file minus pgsteal_{kswapd,direct,khugepaged,proactive}.
Wrong   before 5.8, where the split counters do not exist: the rule is silent.
See     kernel.md 1.6, identity M5.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(500.0);
    scene.rises(
        "cgroup-reclaim",
        "reclaim.memcg_steal",
        &pattern,
        |signal, episode| {
            format!(
                "pages freed by a control group's limit: {}",
                from_to(episode, signal.unit)
            )
        },
    )
}
