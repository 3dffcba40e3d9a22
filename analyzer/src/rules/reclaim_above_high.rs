//! `reclaim-above-high`: kswapd scans although every zone has plenty free.

use super::{Finding, Rule, Scene};
use crate::onset::{Pattern, episodes};
use crate::signals::{Signal, Signals};
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

/// Free memory in units of the high mark, from which on an order-0 kswapd has nothing to do.
const FAR_ABOVE: f64 = 3.0;

/// How many times its high mark the zone with least room has free at a tick; unknown where it is of any zone.
fn least_room(zones: &[&Signal], tick: Option<usize>) -> f64 {
    let of = |tick: usize| zones.iter().map(move |z| z.values[tick]);
    match tick {
        Some(tick) if !of(tick).any(f64::is_nan) => of(tick).fold(f64::INFINITY, f64::min),
        _ => f64::NAN,
    }
}

/// What kswapd scans at each tick while every zone has plenty, else 0; and the room that the zone with least of it has at the beginning
/// or the end of that tick.
fn scanning(scan: &Signal, zones: &[&Signal]) -> Vec<(f64, f64)> {
    let tick = |i: usize| {
        let (now, before) = (least_room(zones, Some(i)), least_room(zones, i.checked_sub(1)));
        match scan.values[i] {
            s if s.is_nan() || now.is_nan() || before.is_nan() => (f64::NAN, f64::NAN),
            s if now.min(before) >= FAR_ABOVE => (s, now.min(before)),
            _ => (0.0, now.min(before)),
        }
    };
    (0..scan.values.len()).map(tick).collect()
}

/// The least that any zone had free, in units of its high mark, while kswapd scanned with plenty free in ticks `from..=to`.
pub(crate) fn least_free(signals: &Signals, from: usize, to: usize) -> f64 {
    let zones: Vec<_> = signals.each("zone.over_high").collect();
    let Some(scan) = signals.host("reclaim.kswapd_scan") else {
        return f64::NAN;
    };
    let at_work = scanning(scan, &zones);
    at_work[from..=to]
        .iter()
        .filter(|(scanned, _)| *scanned > 0.0)
        .map(|(_, room)| *room)
        .fold(f64::NAN, f64::min)
}

fn find(scene: &Scene) -> Vec<Finding> {
    let Some(scan) = scene.signals.host("reclaim.kswapd_scan") else {
        return Vec::new();
    };
    let zones: Vec<_> = scene.signals.each("zone.over_high").collect();
    if zones.is_empty() {
        return Vec::new();
    }
    let values: Vec<f64> = scanning(scan, &zones)
        .iter()
        .map(|(scanned, _)| *scanned)
        .collect();
    let pattern = Pattern {
        least_ticks: 3,
        ..Pattern::rise(1000.0)
    };
    episodes(&scan.at, &values, &pattern.scaled(scene.window.interval))
        .iter()
        .filter(|e| e.to >= scene.window.first)
        .map(|episode| {
            let ratio = least_free(scene.signals, episode.from, episode.to);
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

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn kswapd_works_with_plenty_free() {
        let story = Story::of(60).during(30..45, |m| m.kswapd(20_000, 60 * MB));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              kswapd scans 20,000 pages/s with at least 10 times the high mark free in every zone
              - reclaim.kswapd_scan: 0 pages/s before, 20,000 pages/s at its height
              - free is 11 times high
        "#]]
        .assert_eq(&story.finds("reclaim-above-high"));
    }

    #[test]
    fn at_the_marks_it_is_what_kswapd_is_for() {
        let story = Story::of(60).at(20, |m| m.cache(1900 * MB)).during(30..45, |m| {
            m.reads_files("vdb", 60 * MB);
            m.kswapd(20_000, 60 * MB);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("reclaim-above-high"));
    }

    #[test]
    fn zones_that_were_not_read_while_it_scanned_are_not_known_to_have_room() {
        let story = Story::of(60).during(30..45, |m| {
            m.kswapd(20_000, 60 * MB);
            m.unread("zoneinfo");
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("reclaim-above-high"));
    }

    #[test]
    fn without_zoneinfo_nobody_knows_how_much_was_free() {
        let story = Story::of(60)
            .during(30..45, |m| m.kswapd(20_000, 60 * MB))
            .lacking("zoneinfo", "");
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("reclaim-above-high"));
    }
}
