//! `direct-reclaim`: tasks reclaim for themselves

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "direct-reclaim",
    summary: "tasks reclaim for themselves",
    manual: "\
Finds   More than 5 entries a second into direct reclaim, 2 of 4 seconds.
Why     The task that allocates is stopped until it has freed pages: the first real latency.
Reads   vmstat: allocstall* (never pgscan_direct_throttle, which counts events).
Wrong   on node reclaim (zone_reclaim_mode), which scans as direct without an allocstall.
See     kernel.md 1.2, 1.5, 1.6.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(5.0);
    scene.rises(
        "direct-reclaim",
        "reclaim.direct_entries",
        &pattern,
        |signal, episode| format!("tasks enter direct reclaim: {}", from_to(episode, signal.unit)),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn tasks_that_reclaim_are_dated_by_the_kernels_own_event() {
        let story = Story::of(60).during(30..45, |m| m.direct_reclaim(50, 60 * MB));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              tasks enter direct reclaim: 0/s → 50/s
              - reclaim.direct_entries: 0/s before, 50/s at its height
        "#]]
        .assert_eq(&story.finds("direct-reclaim"));
        let traced = story.at(30, |m| m.event("mm_vmscan_direct_reclaim_begin", "order=0"));
        expect![[r#"
            host at 30.25 s (30.25 to 30.25) until 45 s
              tasks enter direct reclaim: 0/s → 50/s
              - reclaim.direct_entries: 0/s before, 50/s at its height
              - a task began to reclaim for itself (order=0)
        "#]]
        .assert_eq(&traced.finds("direct-reclaim"));
    }

    #[test]
    fn throttling_is_counted_in_events_and_node_reclaim_is_no_stall() {
        let story = Story::of(60).during(30..45, |m| {
            m.count("pgscan_direct_throttle", 500);
            m.count("pgscan_direct", 20_000);
            m.count("pgsteal_direct", 20_000);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("direct-reclaim"));
    }
}
