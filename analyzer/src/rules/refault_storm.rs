//! `refault-storm`: evicted pages come back

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "refault-storm",
    summary: "evicted pages come back",
    manual: "\
Finds   More than 100 file pages a second read again after eviction, 2 of 4 seconds.
Why     The kernel kept a shadow of each evicted page: these are proof that reclaim took what was needed.
Reads   vmstat: workingset_refault_file (workingset_refault before 5.9).
Wrong   on 2.6.32, which has no shadows: silent. After drop_caches: no shadows are left.
See     kernel.md 4.2; mm/workingset.c.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(100.0);
    scene.rises("refault-storm", "refault.file", &pattern, |signal, episode| {
        format!("evicted file pages read again: {}", from_to(episode, signal.unit))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn evicted_pages_come_back_whatever_the_kernel_calls_them() {
        let new = Story::of(60).during(30..45, |m| m.count("workingset_refault_file", 2000));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              evicted file pages read again: 0 pages/s → 2,000 pages/s
              - refault.file: 0 pages/s before, 2,000 pages/s at its height
        "#]]
        .assert_eq(&new.finds("refault-storm"));
        let old = Story::of(60).during(0..60, |m| {
            let pages = if (30..45).contains(&m.second) { 2000 } else { 0 };
            m.count("workingset_refault", pages);
        });
        let old = old.lacking("vmstat", "workingset_refault_");
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              evicted file pages read again: 0 pages/s → 2,000 pages/s
              - refault.file: 0 pages/s before, 2,000 pages/s at its height
        "#]]
        .assert_eq(&old.finds("refault-storm"));
    }

    #[test]
    fn first_reads_leave_no_shadow_and_swapped_pages_are_not_files() {
        let story = Story::of(60).during(30..45, |m| {
            m.reads_files("vdb", 100 * MB);
            m.count("workingset_refault_anon", 2000);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("refault-storm"));
    }
}
