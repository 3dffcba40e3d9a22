//! `steal-rise`: the hypervisor takes CPU time

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "steal-rise",
    summary: "the hypervisor takes CPU time",
    manual: "\
Finds   steal above 5 % of all CPUs, 3 of 6 seconds.
Why     Work takes longer than the CPU time it uses.
Reads   stat: the cpu line.
Wrong   for a quota of a control group, which is not steal.
See     kernel.md 4.17.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(5.0).lasting(3);
    scene.rises("steal-rise", "cpu.steal", &pattern, |signal, episode| {
        format!("CPU time stolen: {}", from_to(episode, signal.unit))
    })
}
