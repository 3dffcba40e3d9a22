//! `swap-out`: pages go out to swap

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "swap-out",
    summary: "pages go out to swap",
    manual: "\
Finds   More than 100 pages/s swapped out, 2 of 4 seconds.
Why     Alone it only tidies cold pages away.
Reads   vmstat: pswpout, swpout_zero.
Wrong   as harm: look for swap-in.
See     kernel.md 4.4.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(100.0);
    scene.rises("swap-out", "swap.out", &pattern, |signal, episode| {
        format!("swapped out: {}", from_to(episode, signal.unit))
    })
}
