//! `iowait-rise`: CPUs idle while tasks wait for I/O

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "iowait-rise",
    summary: "CPUs idle while tasks wait for I/O",
    manual: "\
Finds   iowait above the baseline by 10 % of all CPUs, 3 of 6 seconds.
Why     It confirms that tasks wait for disks. It is idle time: it never causes anything.
Reads   stat: the cpu line.
Wrong   as a measure: it vanishes when CPUs get busy, and is a lower bound on many CPUs.
See     kernel.md 5.5; Documentation/filesystems/proc.rst.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(10.0).lasting(3);
    scene.rises("iowait-rise", "cpu.iowait", &pattern, |signal, episode| {
        format!("iowait {}", from_to(episode, signal.unit))
    })
}
