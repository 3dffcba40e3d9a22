//! Onsets that the kernel dated itself: where a tracepoint was recorded, a tick's bounds shrink to the event.
//!
//! A second's counters say in which second something began. The first event of the kind that lies between an onset's bounds says when.
//! An event outside of them is of something else and changes nothing.

use super::{Finding, Scene};
use crate::explain::document::{Evidence, Time};
use model::Onset;

/// Tracepoint, the rule whose onset it dates, and what it is in words.
const DATES: [(&str, &str, &str); 3] = [
    ("mm_vmscan_kswapd_wake", "kswapd-scan", "the kernel woke kswapd"),
    (
        "mm_vmscan_direct_reclaim_begin",
        "direct-reclaim",
        "a task began to reclaim for itself",
    ),
    ("mark_victim", "oom-kill", "the OOM killer chose its victim"),
];

/// Half of what an event's time is uncertain by: reading the trace's clock beside the wall's.
const HALF_NS: i64 = 1_000_000;

pub(super) fn sharpen(scene: &Scene, found: &mut [Finding]) {
    for finding in found {
        let Some((kind, _, what)) = DATES.iter().find(|(_, rule, _)| *rule == finding.rule) else {
            continue;
        };
        let Onset { earliest, latest, .. } = finding.onset;
        let event = scene
            .window
            .events
            .iter()
            .find(|e| e.kind == *kind && earliest <= e.at && e.at <= latest);
        if let Some(event) = event {
            finding.onset = Onset::new(event.at - HALF_NS, event.at, event.at + HALF_NS);
            finding.evidence.push(Evidence {
                signal: (*kind).into(),
                subject: finding.subject.to_string(),
                at: Time(event.at),
                value: 1.0,
                unit: "event".into(),
                baseline: None,
                threshold: None,
                text: format!("{what} ({})", event.detail.chars().take(80).collect::<String>()),
            });
        }
    }
}
