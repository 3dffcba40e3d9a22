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

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn every_zone_is_down_to_its_marks() {
        let story = Story::of(60).during(30..40, |m| m.anon("hog", m.free() / 2));
        expect![[r#"
            node0 at 33.50 s (33.00 to 34.00) until the end
              free memory of node 0 is down to its marks (0/DMA32: 7,632 free, low 10,722 with its reserve; 0/Normal: 22,888 free, low 15,000 with its reserve)
              - 7,632 pages free
              - 22,888 pages free
        "#]].assert_eq(&story.finds("watermark-breach"));
    }

    #[test]
    fn one_zone_without_room_leaves_the_other() {
        let story = Story::of(60).during(30..45, |m| m.zone(0).free = 5000);
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("watermark-breach"));
    }

    #[test]
    fn another_node_does_not_help_and_without_zoneinfo_nobody_knows() {
        let full = || {
            Story::of(60)
                .at(0, |m| m.node(0, 1))
                .during(30..45, |m| m.zone(0).free = 5000)
        };
        expect![[r#"
            node1 at 30.50 s (30.00 to 31.00) until the end
              free memory of node 1 is down to its marks (1/DMA32: 5,000 free, low 5,000 with its reserve)
              - 5,000 pages free
        "#]]
        .assert_eq(&full().finds("watermark-breach"));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&full().lacking("zoneinfo", "").finds("watermark-breach"));
    }
}
