//! `reclaim-above-high`: kswapd scans although every zone has plenty free.

use super::{Finding, Rule, Scene};
use crate::onset::{Pattern, episodes};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "reclaim-above-high",
    summary: "kswapd scans although free memory is far above the high mark",
    manual: "\
Finds   kswapd scanning more than 1,000 pages/s for 3 seconds while free memory of every zone is at least 3 times high.
Why     An order-0 kswapd cannot scan then: it works for a higher order, or a raised mark. What it frees is not needed.
Reads   vmstat: pgscan_kswapd; zoneinfo: free, high, protection.
Wrong   within a second of crossing high, which the three seconds leave out.
See     kernel.md 0.2, 1.4, 2.2, 4.10.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let Some(scan) = scene.signals.host("reclaim.kswapd_scan") else {
        return Vec::new();
    };
    let zones: Vec<_> = scene.signals.each("zone.over_high").collect();
    if zones.is_empty() {
        return Vec::new();
    }
    let least = |i: usize| zones.iter().map(|z| z.values[i]).fold(f64::INFINITY, f64::min);
    let values: Vec<f64> = (0..scene.window.len())
        .map(
            |i| match (scan.values[i], least(i), i.checked_sub(1).map_or(f64::NAN, least)) {
                (s, now, before) if s.is_nan() || now.is_nan() || before.is_nan() => f64::NAN,
                (s, now, before) if now.min(before) >= 3.0 => s,
                _ => 0.0,
            },
        )
        .collect();
    let pattern = Pattern {
        least_ticks: 3,
        ..Pattern::rise(1000.0)
    };
    episodes(&scan.at, &values, &pattern.scaled(scene.window.interval))
        .iter()
        .filter(|e| e.to >= scene.window.first)
        .map(|episode| {
            let ratio = (episode.from..=episode.to)
                .map(least)
                .filter(|v| v.is_finite())
                .fold(f64::INFINITY, f64::min);
            let mut finding = scene.finding(
                RULE.id,
                scan,
                episode,
                format!(
                    "kswapd scans {} pages/s with at least {} times the high mark free in every zone",
                    units::count(episode.typical),
                    units::count(ratio)
                ),
            );
            let zone = zones
                .iter()
                .min_by(|a, b| a.values[episode.from].total_cmp(&b.values[episode.from]));
            if let Some(zone) = zone {
                let text = format!("free is {} times high", units::count(zone.values[episode.from]));
                finding.evidence.push(scene.evidence(zone, episode.from, text));
            }
            finding
        })
        .collect()
}
