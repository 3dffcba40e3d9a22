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
            scene.instant(
                RULE.id,
                Subject::Host,
                Onset::new(gap.from, gap.from, gap.to),
                headline,
            )
        })
        .collect()
}
