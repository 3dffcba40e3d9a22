//! What does not add up (kernel.md §5.1) while something was wrong: said, because a sum with a hole in it has a mover that nobody named.

use super::document::Incident;
use crate::rules::Scene;
use crate::units;

/// Ticks of an incident below which a sum is noise.
const LEAST_TICKS: usize = 10;

/// A line for each identity that the worst incident breaks by more than its tolerance and the doubts about when each side is counted.
pub(super) fn notes(scene: &Scene, incidents: &[Incident]) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(first) = incidents.first() else {
        return notes;
    };
    let from = scene.window.ticks.partition_point(|t| *t < first.from.0);
    let to = scene.window.ticks.partition_point(|t| *t <= first.to.0);
    if to < from + LEAST_TICKS {
        return notes;
    }
    let over = |name: &str| {
        scene
            .signals
            .host(name)
            .map_or(f64::NAN, |s| s.median(from, to - 1))
    };
    let inflow = over("io.inflow");
    let leaf = over("identity.m3");
    if inflow >= 10e6 && leaf >= 1.2 {
        notes.push(format!(
            "M3 does not add up: the disks were read {leaf:.2} × as much as the {} that came in through the kernel's page counters: \
             a resync, a guest or another stack reads past them",
            units::byte_rate(inflow)
        ));
    }
    if inflow >= 10e6 && leaf <= 0.8 {
        notes.push(format!(
            "M3 does not add up: of {} that came in, the disks account for {:.0} %: a network, or a device that counts nothing, gave \
             the rest",
            units::byte_rate(inflow),
            100.0 * leaf
        ));
    }
    let time = over("identity.m7");
    if time <= 0.8 {
        notes.push(format!(
            "M7 does not add up: only {:.0} % of the CPUs' time is accounted for: the machine was held, or a CPU is off",
            100.0 * time
        ));
    }
    notes
}
