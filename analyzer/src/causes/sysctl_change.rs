//! `sysctl_change`: a changed setting set it off.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, SettingChange, Time};
use crate::explain::harm::Wait;
use crate::settings::Change;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "sysctl_change",
    name: "a changed setting",
    summary: "a changed setting (min_free_kbytes, swappiness, dirty limits …) set it off",
    manual: "\
What    Somebody changed a setting of memory or I/O, and the kernel did as told.
For     The change was seen within seconds before the first effect; the effect is one that the setting has.
Against No recorded setting changed.
Like    over_reclaim (a raised mark), writeback_storm (a lowered dirty limit), memory_removed (vm.nr_hugepages).
See     kernel.md 1.1, 4.10.
",
    makes_wait_for: Wait::Memory,
    judge,
};

/// Seconds between a change and its first effect. The change is seen up to a tick late.
const EFFECT_WITHIN_S: f64 = 10.0;

/// What a setting can set off.
fn effects(name: &str) -> &'static [&'static str] {
    match name {
        "vm.min_free_kbytes"
        | "vm.watermark_scale_factor"
        | "vm.watermark_boost_factor"
        | "vm.extra_free_kbytes"
        | "vm.lowmem_reserve_ratio" => &[
            "watermark-breach",
            "kswapd-scan",
            "reclaim-above-high",
            "direct-reclaim",
            "page-cache-drop",
            "swap-out",
        ],
        "vm.swappiness" => &["swap-out", "swap-in", "kswapd-scan", "refault-storm"],
        "vm.dirty_background_ratio"
        | "vm.dirty_ratio"
        | "vm.dirty_bytes"
        | "vm.dirty_background_bytes"
        | "vm.dirty_expire_centisecs"
        | "vm.dirty_writeback_centisecs" => &[
            "dirty-rise",
            "writeback-rise",
            "device-write-rise",
            "device-saturated",
            "blocked-tasks",
            "iowait-rise",
        ],
        "vm.nr_hugepages" | "vm.nr_overcommit_hugepages" => &[
            "memory-total-changed",
            "watermark-breach",
            "direct-reclaim",
            "kswapd-scan",
            "page-cache-drop",
            "compaction-stall",
        ],
        "vm.vfs_cache_pressure" => &["slab-rise", "page-cache-drop"],
        "vm.compaction_proactiveness" | "vm.extfrag_threshold" => &["compaction-stall"],
        "vm.zone_reclaim_mode" => &["direct-reclaim", "page-cache-drop", "refault-storm"],
        _ => &[
            "watermark-breach",
            "kswapd-scan",
            "reclaim-above-high",
            "direct-reclaim",
            "page-cache-drop",
        ],
    }
}

/// A change as the document shows it.
pub(super) fn shown(change: &Change) -> SettingChange {
    SettingChange {
        name: change.name.clone(),
        was: change.was.clone(),
        is: change.is.clone(),
        at: Time(change.at),
    }
}

fn judge(case: &Case) -> Verdict {
    let changes = case.scene.window.setting_changes();
    let known = case
        .scene
        .window
        .facts
        .iter()
        .any(|f| f.name.starts_with("sysctl.vm."));
    if changes.is_empty() {
        if !known {
            return Verdict::Silent;
        }
        let count = case
            .scene
            .window
            .facts
            .iter()
            .filter(|f| f.name.starts_with("sysctl.vm."))
            .count();
        let text = format!("none of {count} recorded vm settings changed");
        return ruled_out(text.clone(), [case.number("settings.changed", 0.0, "", text)]);
    }
    let effect_of = |change: &Change| {
        case.findings.iter().find(|f| {
            let lag = f.onset.best.seconds_since(change.at);
            effects(&change.name).contains(&f.rule) && (-1.5..=EFFECT_WITHIN_S).contains(&lag)
        })
    };
    let Some((change, effect)) = changes.iter().find_map(|c| effect_of(c).map(|f| (c, f))) else {
        let c = &changes[0];
        let text = format!(
            "{} changed, but nothing that it bears on began within {EFFECT_WITHIN_S:.0} s",
            c.name
        );
        return ruled_out(
            text.clone(),
            [case.number("settings.changed", changes.len() as f64, "", text)],
        );
    };
    let Some(mover) = case
        .each("setting-changed")
        .find(|f| f.headline.starts_with(&change.name))
    else {
        return Verdict::Silent;
    };
    // What began long before the change was not set off by it.
    let earlier = case
        .short_from
        .is_some_and(|s| case.scene.window.ticks[s].seconds_since(change.at) < -3.0);
    // vm.nr_hugepages sets memory aside: that has a cause of its own, which says more.
    let other = change.name.contains("hugepages");
    let mut it = Candidate::new(
        if earlier {
            0.35
        } else if other {
            0.8
        } else {
            0.92
        },
        mover,
        format!("{} was changed", change.name),
    );
    it.settings = changes
        .iter()
        .filter(|c| effect_of(c).is_some())
        .map(shown)
        .collect();
    it.story = format!(
        "{}; {:.1} s later: {}.",
        mover.headline,
        effect.onset.best.seconds_since(change.at).max(0.0),
        effect.headline
    );
    it.evidence_for.extend(effect.evidence.clone());
    if earlier {
        let text = "memory was short before the change".to_string();
        it.evidence_against
            .push(case.number("settings.changed", changes.len() as f64, "", text));
    }
    it.advice.push(Advice {
        text: format!(
            "Set {} back to {}",
            change.name,
            change.was.as_deref().unwrap_or("its default")
        ),
        because: mover.headline.clone(),
    });
    candidate(it)
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn a_raised_mark_makes_kswapd_work_a_second_later() {
        let story = Story::of(60)
            .at(30, |m| m.setting("vm.min_free_kbytes", "1500000"))
            .during(31..45, |m| m.kswapd(30_000, 80 * MB));
        expect![[r#"
            Info: nobody is hurt
            0.92, at most Shown: no variant, from 30.50 s (30.00 to 31.00)
            devices [], processes []
            vm.min_free_kbytes was changed
            vm.min_free_kbytes: 64000 → 1500000; 0.0 s later: kswapd scans 0 pages/s → 30,000 pages/s.
            + reclaim.kswapd_scan: 0 pages/s before, 30,000 pages/s at its height
        "#]]
        .assert_eq(&story.judges("sysctl_change"));
    }

    #[test]
    fn a_change_long_before_and_one_that_does_not_bear_on_it() {
        let early = Story::of(60)
            .at(10, |m| m.setting("vm.min_free_kbytes", "80000"))
            .during(40..50, |m| m.kswapd(30_000, 80 * MB));
        expect![[r#"
            ruled out: vm.min_free_kbytes changed, but nothing that it bears on began within 10 s
            ruled out: vm.min_free_kbytes changed, but nothing that it bears on began within 10 s
        "#]]
        .assert_eq(&early.judges("sysctl_change"));
        let other = Story::of(60)
            .at(30, |m| m.setting("vm.vfs_cache_pressure", "200"))
            .during(31..45, |m| m.tasks(1, 4));
        expect![[r#"
            ruled out: none of 4 recorded vm settings changed
        "#]]
        .assert_eq(&other.judges("sysctl_change"));
    }

    #[test]
    fn nothing_changed() {
        let story = Story::of(60).during(30..45, |m| m.kswapd(30_000, 80 * MB));
        expect![[r#"
            ruled out: none of 3 recorded vm settings changed
        "#]]
        .assert_eq(&story.judges("sysctl_change"));
    }

    #[test]
    fn lowered_dirty_limits_make_the_writing_that_follows() {
        let story = Story::of(60)
            .at(0, |m| m.setting("vm.dirty_background_bytes", "400000000"))
            .at(30, |m| m.setting("vm.dirty_background_bytes", "1000000"))
            .during(31..50, |m| {
                m.disk("vdb").writes(800, 100 * MB).wait_ms(20.0).busy(99.0);
            });
        let told = story.judges("sysctl_change");
        assert!(told.contains("vm.dirty_background_bytes was changed"), "{told}");
    }
}
