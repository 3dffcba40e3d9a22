//! `swap-in`: pages come back from swap

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "swap-in",
    summary: "pages come back from swap",
    manual: "\
Finds   More than 100 pages/s swapped in, 2 of 4 seconds.
Why     Somebody waits for each of them.
Reads   vmstat: pswpin, swpin_zero.
Wrong   with zram only: the cost is CPU, not disk.
See     kernel.md 4.4.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(100.0);
    scene.rises("swap-in", "swap.in", &pattern, |signal, episode| {
        format!("swapped in: {}", from_to(episode, signal.unit))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn pages_come_back_those_of_zeros_too() {
        let story = Story::of(60).during(30..45, |m| {
            m.swap(4 * MB, 0);
            m.count("swpin_zero", 100);
        });
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              swapped in: 0 pages/s → 1,076 pages/s
              - swap.in: 0 pages/s before, 1,076 pages/s at its height
        "#]]
        .assert_eq(&story.finds("swap-in"));
    }

    #[test]
    fn what_only_goes_out_is_waited_for_by_nobody() {
        let story = Story::of(60).during(30..45, |m| m.swap(0, 40 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("swap-in"));
    }
}
