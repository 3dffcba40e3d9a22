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

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn files_in_tmpfs_grow() {
        let story = Story::of(60).during(30..40, |m| m.shmem(100 * MB));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 40 s
              shared memory grows: 0 B/s → 100 MB/s
              - mem.shmem_growth: 0 B/s before, 100 MB/s at its height
        "#]]
        .assert_eq(&story.finds("shmem-rise"));
    }

    #[test]
    fn file_cache_that_grows_is_not_shared_memory() {
        let story = Story::of(60).during(30..40, |m| m.reads_files("vdb", 100 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("shmem-rise"));
    }
}
