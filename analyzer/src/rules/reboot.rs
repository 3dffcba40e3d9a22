//! `reboot`: the machine was started anew.

use super::{Finding, Rule, Scene};
use model::{Onset, Subject};

pub(super) const RULE: Rule = Rule {
    id: "reboot",
    summary: "the machine was started anew",
    manual: "\
Finds   A tick with another boot id than the one before.
Why     Every counter starts from zero; nothing is compared across it.
Reads   The boot id.
Wrong   never; btime, which clock steps move, is not used.
See     kernel.md 4.22.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    scene
        .window
        .reboots
        .iter()
        .filter(|&&i| i > scene.window.first)
        .map(|&i| {
            let (before, after) = (scene.window.ticks[i - 1], scene.window.ticks[i]);
            scene.instant(
                RULE.id,
                Subject::Host,
                Onset::new(before, before, after),
                "the machine was rebooted".into(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Machine, Story};
    use expect_test::expect;

    #[test]
    fn another_boot_after_a_while_without_ticks() {
        let story = Story::of(60)
            .during(30..36, Machine::unrecorded)
            .at(36, Machine::reboot);
        expect![[r#"
            host at 30.00 s (30.00 to 37.00) until 30 s
              the machine was rebooted
        "#]]
        .assert_eq(&story.finds("reboot"));
    }

    #[test]
    fn a_gap_and_a_counter_that_went_back_are_no_reboot() {
        let story = Story::of(60)
            .during(30..36, Machine::unrecorded)
            .at(40, |m| m.reset("pgfault"));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("reboot"));
    }
}
