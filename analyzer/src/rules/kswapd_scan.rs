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

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Machine, Story};
    use expect_test::expect;

    #[test]
    fn kswapd_is_dated_to_its_second_and_by_the_kernels_own_event() {
        let story = Story::of(60).during(30..45, |m| m.kswapd(20_000, 60 * MB));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              kswapd scans 0 pages/s → 20,000 pages/s
              - reclaim.kswapd_scan: 0 pages/s before, 20,000 pages/s at its height
        "#]]
        .assert_eq(&story.finds("kswapd-scan"));
        let traced = story.at(30, |m| m.event("mm_vmscan_kswapd_wake", "nid=0 order=0"));
        expect![[r#"
            host at 30.25 s (30.25 to 30.25) until 45 s
              kswapd scans 0 pages/s → 20,000 pages/s
              - reclaim.kswapd_scan: 0 pages/s before, 20,000 pages/s at its height
              - the kernel woke kswapd (nid=0 order=0)
        "#]]
        .assert_eq(&traced.finds("kswapd-scan"));
    }

    #[test]
    fn a_task_that_reclaims_for_itself_is_not_kswapd() {
        let story = Story::of(60).during(30..45, |m| m.direct_reclaim(50, 60 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("kswapd-scan"));
    }

    #[test]
    fn a_counter_that_went_back_a_gap_and_a_reboot_are_not_scanning() {
        let story = Story::of(60)
            .at(0, |m| m.count("pgscan_kswapd", 9_000_000))
            .at(20, |m| m.reset("pgscan_kswapd"))
            .during(30..36, Machine::unrecorded)
            .at(33, |m| m.kswapd(9_000_000, 0))
            .at(45, Machine::reboot)
            .at(46, |m| m.unread("vmstat"));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("kswapd-scan"));
    }
}
