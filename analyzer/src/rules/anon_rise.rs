//! `anon-rise`: anonymous memory grows

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "anon-rise",
    summary: "anonymous memory grows",
    manual: "\
Finds   AnonPages growing by more than 16 MB/s for 3 seconds.
Why     Anonymous memory cannot be dropped: what it takes, the page cache loses, then swap, then a process.
Reads   meminfo: AnonPages.
Wrong   when huge pages collapse (AnonPages keeps the sum, so it does not move) or a heap is merely committed (it is not touched).
        The gauge lags by up to 125 pages a CPU and zone and one second.
See     kernel.md 4.3; Documentation/filesystems/proc.rst.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(16e6).lasting(3);
    scene.rises("anon-rise", "mem.anon_growth", &pattern, |signal, episode| {
        format!("anonymous memory grows: {}", from_to(episode, signal.unit))
    })
}
