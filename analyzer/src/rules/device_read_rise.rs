//! `device-read-rise`: a device is asked for much more data.

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "device-read-rise",
    summary: "a device is asked for much more data",
    manual: "\
Finds   Reads of a device's own above the baseline by 8 MB/s, 3 of 6 seconds, or 100 requests a second.
        Its own: less what devices stacked upon it ask for, so that a loop device on a disk counts once.
Why     Demand is where most chains begin; whether it harms is for others to say.
Reads   diskstats: sectors and requests read; the block topology.
Wrong   at completion time only: a device that hangs reads nothing.
See     kernel.md 3.5, 5.2.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let mut found = Vec::new();
    for signal in scene.signals.each("disk.own_read") {
        let by_bytes = scene.rises_of(RULE.id, signal, &Pattern::rise(8e6).lasting(3), |s, e| {
            format!("{} is read: {}", s.subject, from_to(e, s.unit))
        });
        if !by_bytes.is_empty() {
            found.extend(by_bytes);
        } else if signal.values.iter().any(|v| *v > 4e5)
            && let Some(requests) = scene.signals.of("disk.reads", &signal.subject)
        {
            // Small random reads load a spindle long before they are many bytes.
            found.extend(
                scene.rises_of(RULE.id, requests, &Pattern::rise(100.0).lasting(3), |s, e| {
                    format!("{} is read: {} requests", s.subject, from_to(e, s.unit))
                }),
            );
        }
    }
    found
}
