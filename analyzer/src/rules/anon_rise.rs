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

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn a_heap_that_fills_is_dated_to_its_first_second() {
        let story = Story::of(60).during(30..40, |m| m.anon("hog", 100 * MB));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 40 s
              anonymous memory grows: 0 B/s → 100 MB/s
              - mem.anon_growth: 0 B/s before, 100 MB/s at its height
        "#]]
        .assert_eq(&story.finds("anon-rise"));
    }

    #[test]
    fn shared_memory_is_not_anonymous_and_a_slow_heap_is_no_rise() {
        let story = Story::of(60).during(30..40, |m| {
            m.shmem(100 * MB);
            m.anon("slow", 10 * MB);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("anon-rise"));
    }

    #[test]
    fn a_burst_of_a_second_is_no_rise() {
        let story = Story::of(60).at(30, |m| m.anon("hog", 300 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("anon-rise"));
    }
}
