//! `device-latency-rise`: a device answers more slowly than it did.

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "device-latency-rise",
    summary: "a device answers more slowly than it did",
    manual: "\
Finds   The mean wait of a device's requests at three times the baseline and 5 ms above it, 4 of 8 seconds in which it answered.
Why     Slower at the same work is the device; slower at more work is its queue. The causes tell the two apart.
Reads   diskstats: request counts and times.
Wrong   when the size of requests changed, or only a handful was answered.
See     kernel.md 4.15, 5.5.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    scene
        .signals
        .each("disk.wait")
        .flat_map(|signal| {
            scene.rises_of(
                RULE.id,
                signal,
                &Pattern::rise(5.0).times(3.0).lasting(4),
                |s, e| format!("{} answers in {}", s.subject, from_to(e, s.unit)),
            )
        })
        .collect()
}
