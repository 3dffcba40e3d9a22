//! `gap`: a stretch that nobody recorded.

use super::{Finding, Rule, Scene};
use model::{Onset, Subject};

pub(super) const RULE: Rule = Rule {
    id: "gap",
    summary: "a stretch that nobody recorded",
    manual: "\
Finds   Ticks missing for longer than 2.5 intervals, or a gap that the recorder noted.
Why     Under memory or I/O pressure the recorder itself can be late: that is evidence. No order is claimed across it.
Reads   The times of the ticks.
Wrong   about the reason unless the recorder noted one.
See     kernel.md 4.22, 5.5.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    scene
        .window
        .gaps
        .iter()
        .filter(|g| g.source.is_none())
        .map(|gap| {
            let seconds = gap.to.seconds_since(gap.from);
            let headline = format!("no data for {seconds:.0} s: {}", gap.why);
            let onset = Onset::new(gap.from, gap.from, gap.to);
            let mut finding = scene.instant(RULE.id, Subject::Host, onset, headline);
            // It is over with the first tick after it.
            let after = scene.window.ticks.partition_point(|&t| t < gap.to);
            finding.to = after.clamp(finding.from, scene.window.len() - 1);
            finding
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Machine, Story};
    use expect_test::expect;

    #[test]
    fn six_seconds_that_nobody_recorded() {
        let story = Story::of(60).during(30..36, Machine::unrecorded);
        expect![[r#"
            host at 30.00 s (30.00 to 37.00) until 37 s
              no data for 7 s: nothing was recorded
        "#]]
        .assert_eq(&story.finds("gap"));
    }

    #[test]
    fn one_late_tick_and_one_file_that_was_not_read_are_no_gap() {
        let story = Story::of(60)
            .at(30, Machine::unrecorded)
            .during(40..46, |m| m.unread("vmstat"));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("gap"));
    }
}
