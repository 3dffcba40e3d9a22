//! `writeback-rise`: pages under writeback pile up

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "writeback-rise",
    summary: "pages under writeback pile up",
    manual: "\
Finds   Writeback above 8 MB for 4 seconds, and twice the baseline.
Why     Writeback that lasts means that a device takes data more slowly than it is given.
Reads   meminfo: Writeback.
Wrong   on fast devices with deep queues, where some MB are always under way.
See     kernel.md 4.5.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(8e6).lasting(4);
    scene.rises("writeback-rise", "mem.writeback", &pattern, |signal, episode| {
        format!("memory under writeback: {}", from_to(episode, signal.unit))
    })
}
