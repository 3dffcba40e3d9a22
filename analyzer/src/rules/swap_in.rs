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
