//! `compaction-stall`: allocations stall in compaction

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "compaction-stall",
    summary: "allocations stall in compaction",
    manual: "\
Finds   More than 5 direct compactions a second, 2 of 4 seconds.
Why     Memory is free but in pieces too small; the task that wants a larger one moves pages itself.
Reads   vmstat: compact_stall.
Wrong   beside plain shortage, where compaction is tried on the way: then free memory is at low too.
See     kernel.md 4.8.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(5.0);
    scene.rises(
        "compaction-stall",
        "compact.stall",
        &pattern,
        |signal, episode| format!("direct compactions: {}", from_to(episode, signal.unit)),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn tasks_that_compact_for_themselves() {
        let story = Story::of(60).during(30..45, |m| m.count("compact_stall", 40));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              direct compactions: 0/s → 40/s
              - compact.stall: 0/s before, 40/s at its height
        "#]]
        .assert_eq(&story.finds("compaction-stall"));
    }

    #[test]
    fn compaction_in_the_background_stalls_nobody() {
        let story = Story::of(60).during(30..45, |m| {
            m.count("compact_daemon_wake", 40);
            m.count("compact_migrate_scanned", 40_000);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("compaction-stall"));
    }
}
