//! `shmem-rise`: tmpfs or shared memory grows

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "shmem-rise",
    summary: "tmpfs or shared memory grows",
    manual: "\
Finds   Shmem growing by more than 16 MB/s for 3 seconds.
Why     Files in tmpfs count as `Cached` but cannot be dropped, only swapped out.
Reads   meminfo: Shmem.
Wrong   when the memory is a database's shared buffers being touched for the first time: wanted, and bounded.
See     kernel.md 4.7.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(16e6).lasting(3);
    scene.rises("shmem-rise", "mem.shmem_growth", &pattern, |signal, episode| {
        format!("shared memory grows: {}", from_to(episode, signal.unit))
    })
}
