//! `swap-out`: pages go out to swap

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "swap-out",
    summary: "pages go out to swap",
    manual: "\
Finds   More than 100 pages/s swapped out, 2 of 4 seconds.
Why     Alone it only tidies cold pages away.
Reads   vmstat: pswpout, swpout_zero.
Wrong   as harm: look for swap-in.
See     kernel.md 4.4.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(100.0);
    scene.rises("swap-out", "swap.out", &pattern, |signal, episode| {
        format!("swapped out: {}", from_to(episode, signal.unit))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn pages_go_to_swap() {
        let story = Story::of(60).during(30..45, |m| m.swap(0, 40 * MB));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              swapped out: 0 pages/s → 9,765 pages/s
              - swap.out: 0 pages/s before, 9,765 pages/s at its height
        "#]]
        .assert_eq(&story.finds("swap-out"));
    }

    #[test]
    fn writes_to_a_disk_and_freed_memory_are_no_swap() {
        let story = Story::of(60).during(30..45, |m| {
            m.disk("vda").writes(300, 40 * MB);
            m.anon("hog", -40 * MB);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("swap-out"));
    }
}
