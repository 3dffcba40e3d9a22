//! `watermark-breach`: no zone has free memory to spare.

use super::{Finding, Rule, Scene};
use crate::onset::{Pattern, episodes};
use crate::signals::Signal;
use crate::units;
use model::Subject;
use std::collections::BTreeMap;

pub(super) const RULE: Rule = Rule {
    id: "watermark-breach",
    summary: "no zone of a node has free memory to spare",
    manual: "\
Finds   Every zone of a node (those of 2 % of the memory or more) with free memory at or below 1.5 times its high mark plus reserve, 2 of 4 seconds.
        A request fails the low mark only when no zone passes it, and kswapd restores high within milliseconds: between two readings
        free memory is seen anywhere between the marks.
Why     Below low kswapd is woken (asynchronous); below min the allocating task reclaims itself (synchronous).
Reads   zoneinfo: free, low, high, protection of each zone.
Wrong   by up to 125 pages a CPU, by which the counters may lag.
See     kernel.md 1.1, 1.2; mm/page_alloc.c, __zone_watermark_ok.
",
    find,
};

/// kswapd restores high within milliseconds and overshoots a little: at a reading, "at its marks" is anything up to this.
const NEAR: f64 = 1.5;

fn find(scene: &Scene) -> Vec<Finding> {
    let mut nodes: BTreeMap<u32, Vec<&Signal>> = BTreeMap::new();
    for signal in scene.signals.each("zone.over_high") {
        if let Subject::Zone { node, .. } = &signal.subject {
            nodes.entry(*node).or_default().push(signal);
        }
    }
    let mut found = Vec::new();
    for (node, zones) in nodes {
        // 1 where the zone with most room has none, else 0.
        let best: Vec<f64> = (0..scene.window.len())
            .map(|i| zones.iter().map(|z| z.values[i]).fold(f64::NAN, f64::max))
            .collect();
        let pressed: Vec<f64> = best
            .iter()
            .map(|b| {
                if b.is_nan() {
                    f64::NAN
                } else {
                    f64::from(*b <= NEAR)
                }
            })
            .collect();
        let pattern = Pattern {
            ratio: 1.0,
            ..Pattern::rise(0.5).certain(0.5)
        };
        for episode in episodes(&zones[0].at, &pressed, &pattern.scaled(scene.window.interval)) {
            if episode.to < scene.window.first {
                continue;
            }
            let signal = Signal {
                subject: Subject::Node(node),
                values: best.clone(),
                ..zones[0].clone()
            };
            let lines: Vec<String> = zones
                .iter()
                .filter_map(|z| {
                    let free = scene.signals.of("zone.free", &z.subject)?.values[episode.from];
                    let low = scene.signals.of("zone.low", &z.subject)?.values[episode.from];
                    let (free, low) = (units::count(free), units::count(low));
                    Some(format!("{}: {free} free, low {low} with its reserve", z.subject))
                })
                .collect();
            let mut finding = scene.finding(
                RULE.id,
                &signal,
                &episode,
                format!(
                    "free memory of node {node} is down to its marks ({})",
                    lines.join("; ")
                ),
            );
            finding.evidence.clear();
            for zone in &zones {
                if let Some(free) = scene.signals.of("zone.free", &zone.subject) {
                    let mut line = scene.evidence(
                        free,
                        episode.from,
                        format!("{} pages free", units::count(free.values[episode.from])),
                    );
                    line.threshold = scene
                        .signals
                        .of("zone.low", &zone.subject)
                        .map(|low| low.values[episode.from]);
                    finding.evidence.push(line);
                }
            }
            // Seen at a reading, the crossing lies anywhere since the reading before: the gauge says no more.
            let (before, at) = (finding.onset.earliest, finding.onset.latest);
            finding.onset = model::Onset::new(before, before + (at.0 - before.0) / 2, at);
            let zone = zones.iter().max_by(|a, b| {
                a.values[episode.from]
                    .total_cmp(&b.values[episode.from])
                    .then(a.subject.cmp(&b.subject))
            });
            let free = zone.and_then(|z| scene.signals.of("zone.free", &z.subject));
            if let Some(free) = free {
                finding.signal = "zone.free";
                finding.unit = "pages";
                finding.before = free.median(episode.from.saturating_sub(20), episode.from.saturating_sub(1));
                finding.now = free.median(episode.from, episode.to);
            }
            found.push(finding);
        }
    }
    found
}
