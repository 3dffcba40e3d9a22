//! `dirty-rise`: dirty memory passes the background threshold

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;
use crate::signals::Signal;

pub(super) const RULE: Rule = Rule {
    id: "dirty-rise",
    summary: "dirty memory passes the background threshold",
    manual: "\
Finds   Dirty at 0.9 of the background threshold or more for 2 seconds, after a rise by 0.4 of it or more, and dated to that rise.
Why     Above it the flusher writes; half way between it and the hard threshold writers are put to sleep.
Reads   meminfo: Dirty; vmstat: nr_dirty_background_threshold (on 2.6.32 from vm.dirty_background_ratio).
Wrong   never by itself: dirty memory is no harm until somebody waits for it.
See     kernel.md 4.5; mm/page-writeback.c, dirty_freerun_ceiling.
",
    find,
};

/// Of the threshold. It moves with free memory and the cache, and the two are read one after the other.
const REACHED: f64 = 0.9;

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern {
        ratio: 1.5,
        ..Pattern::rise(0.4).certain(REACHED)
    };
    let mut found = scene.rises(
        "dirty-rise",
        "dirty.background_share",
        &pattern,
        |signal, episode| {
            format!(
                "dirty memory against the background threshold: {}",
                from_to(episode, signal.unit)
            )
        },
    );
    // A rise that stays below the threshold wakes no flusher.
    let least_ticks = pattern.scaled(scene.window.interval).least_ticks;
    let share = scene.signals.host("dirty.background_share");
    found.retain(|f| {
        let reached = |s: &Signal| s.values[f.from..=f.to].iter().filter(|v| **v >= REACHED).count();
        share.map_or(0, reached) >= least_ticks
    });
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// The background threshold of the machine is 410 MB.
    fn dirty(megabytes: i64) -> Story<'static> {
        Story::of(60).during(30..45, move |m| *m.meminfo("Dirty") = megabytes * MB)
    }

    #[test]
    fn dirty_memory_at_the_background_threshold_and_half_of_it() {
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until the end
              dirty memory against the background threshold: 0.00 → 0.99
              - dirty.background_share: 0.00 before, 0.99 at its height
        "#]]
        .assert_eq(&dirty(405).finds("dirty-rise"));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&dirty(200).finds("dirty-rise"));
    }

    #[test]
    fn where_the_kernel_does_not_say_the_threshold_it_comes_from_the_setting_or_is_not_known() {
        let old = || dirty(405).lacking("vmstat", "nr_dirty_background_threshold");
        let known = old().at(0, |m| m.setting("vm.dirty_background_ratio", "10"));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until the end
              dirty memory against the background threshold: 0.00 → 0.96
              - dirty.background_share: 0.00 before, 0.96 at its height
        "#]]
        .assert_eq(&known.finds("dirty-rise"));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&old().finds("dirty-rise"));
    }
}
