//! `load-rise`: the load average climbs

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;
use model::Onset;

pub(super) const RULE: Rule = Rule {
    id: "load-rise",
    summary: "the load average climbs",
    manual: "\
Finds   The load average above its baseline by 0.25 for each CPU (at least 0.5) and by a third, 5 of 10 seconds.
Why     It confirms; it never times and never causes: it is damped and sampled each 5 s.
Reads   loadavg: the 1-minute average.
Wrong   for an onset: up to 5 s late, and the bounds say so.
See     kernel.md 0.8, 5.5.
",
    find,
};

/// Sampled each 5·HZ + 1 jiffies.
const UPDATE_NS: i64 = 5_010_000_000;

fn find(scene: &Scene) -> Vec<Finding> {
    let floor = (0.25 * f64::from(scene.window.boot.cpus)).max(0.5);
    let pattern = Pattern {
        ratio: 1.33,
        ..Pattern::rise(floor).lasting(5)
    };
    let mut found = scene.rises("load-rise", "load.1", &pattern, |signal, episode| {
        format!("load average {}", from_to(episode, signal.unit))
    });
    for finding in &mut found {
        let onset = finding.onset;
        // Any task that made it rise was there at some instant of the update before.
        finding.onset = Onset::new(
            onset.earliest - 2 * UPDATE_NS,
            onset.best - UPDATE_NS / 2,
            onset.latest,
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn it_is_late_and_its_bounds_say_so() {
        let story = Story::of(80).during(30..80, |m| m.tasks(12, 0));
        expect![[r#"
            host at 27.50 s (19.98 to 31.00) until the end
              load average 1 task → 5.3 tasks
              - load.1: 1 task before, 7.2 tasks at its height
        "#]]
        .assert_eq(&story.finds("load-rise"));
    }

    #[test]
    fn one_task_more_for_half_a_minute_is_no_climb() {
        let story = Story::of(80).during(30..60, |m| m.tasks(2, 0));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("load-rise"));
    }
}
