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
