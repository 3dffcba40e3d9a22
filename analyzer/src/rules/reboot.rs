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
