//! `kswapd-scan`: kswapd scans the page lists

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "kswapd-scan",
    summary: "kswapd scans the page lists",
    manual: "\
Finds   kswapd scanning more than 1,000 pages/s above the baseline, for 2 of 4 seconds.
Why     kswapd wakes when free memory of a zone falls below low, or when a high order is missing. Scanning is work, not yet harm.
Reads   vmstat: pgscan_kswapd (pgscan_kswapd_ZONE before 4.8).
Wrong   as a sign of shortage when free is far above high: then see `reclaim-above-high`.
See     kernel.md 1.2-1.4; mm/vmscan.c, balance_pgdat.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(1000.0);
    scene.rises(
        "kswapd-scan",
        "reclaim.kswapd_scan",
        &pattern,
        |signal, episode| format!("kswapd scans {}", from_to(episode, signal.unit)),
    )
}
