//! `setting-changed`: a setting of memory or block I/O was changed.

use super::{Finding, Rule, Scene};
use model::{Onset, Subject};

pub(super) const RULE: Rule = Rule {
    id: "setting-changed",
    summary: "a setting of memory or block I/O was changed",
    manual: "\
Finds   A recorded setting (vm.*, schedulers, huge pages, LRU generations, limits) with another value than before.
Why     min_free_kbytes, swappiness, dirty limits and the like can set reclaim off by themselves.
Reads   The recorded facts, read on change.
Wrong   about the instant: between the look that saw the old value and the one that saw the new.
See     kernel.md 1.1, 4.10.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let changes = scene.window.setting_changes();
    changes
        .iter()
        .filter(|c| scene.window.span.contains(c.at))
        .map(|change| {
            let step = (scene.window.interval * 1e9) as i64;
            let onset = Onset::new(change.at - step, change.at - step / 2, change.at);
            let show = |v: &Option<String>| v.clone().unwrap_or_else(|| "absent".into());
            let headline = format!("{}: {} → {}", change.name, show(&change.was), show(&change.is));
            scene.instant(RULE.id, Subject::Host, onset, headline)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn a_setting_has_another_value() {
        let story = Story::of(60).at(30, |m| m.setting("vm.min_free_kbytes", "400000"));
        expect![[r#"
            host at 30.50 s (30.00 to 31.00) until 31 s
              vm.min_free_kbytes: 64000 → 400000
        "#]]
        .assert_eq(&story.finds("setting-changed"));
    }

    #[test]
    fn what_was_told_again_moves_by_itself_or_bears_on_nothing_is_no_change() {
        let story = Story::of(60)
            .at(0, |m| {
                m.setting("vm.drop_caches", "0");
                m.setting("kernel.ns_last_pid", "100");
            })
            .at(30, |m| {
                m.setting("vm.min_free_kbytes", "64000");
                m.setting("vm.drop_caches", "3");
                m.setting("kernel.ns_last_pid", "200");
            });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("setting-changed"));
    }
}
