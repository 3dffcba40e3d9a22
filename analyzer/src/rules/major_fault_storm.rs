//! `major-fault-storm`: page faults go to disk

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "major-fault-storm",
    summary: "page faults go to disk",
    manual: "\
Finds   More than 50 major faults a second above the baseline, 2 of 4 seconds.
Why     A program touched its own text or mapped data and had to wait for a disk.
Reads   vmstat: pgmajfault.
Wrong   after a deploy or an exec: a cold start faults too, and nothing was evicted (no refaults).
See     kernel.md 3.1, 4.2.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(50.0);
    scene.rises("major-fault-storm", "fault.major", &pattern, |signal, episode| {
        format!("major faults: {}", from_to(episode, signal.unit))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn faults_that_go_to_disk() {
        let story = Story::of(60).during(30..45, |m| m.count("pgmajfault", 300));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              major faults: 0/s → 300/s
              - fault.major: 0/s before, 300/s at its height
        "#]]
        .assert_eq(&story.finds("major-fault-storm"));
    }

    #[test]
    fn faults_that_need_no_disk_are_not_counted() {
        let story = Story::of(60).during(30..45, |m| m.count("pgfault", 300_000));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("major-fault-storm"));
    }
}
