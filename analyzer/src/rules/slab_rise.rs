//! `slab-rise`: kernel objects grow

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "slab-rise",
    summary: "kernel objects grow",
    manual: "\
Finds   Slab growing by more than 4 MB/s for 5 seconds.
Why     Dentries and inodes take memory quickly when a tree is walked; unreclaimable slab is a leak or sockets.
Reads   meminfo: Slab (SReclaimable and SUnreclaim stand in the cause's evidence).
Wrong   for pages that drivers take outside slab: see `mem.unaccounted`.
See     kernel.md 4.6.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(4e6).lasting(5);
    scene.rises("slab-rise", "mem.slab_growth", &pattern, |signal, episode| {
        format!("slab grows: {}", from_to(episode, signal.unit))
    })
}
