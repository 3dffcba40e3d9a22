//! `drop-caches`: somebody dropped the caches.

use super::{Finding, Rule, Scene};
use crate::units;
use model::{Onset, Subject};

pub(super) const RULE: Rule = Rule {
    id: "drop-caches",
    summary: "somebody dropped the caches",
    manual: "\
Finds   drop_pagecache or drop_slab having moved.
Why     The whole clean, unmapped cache is gone by order, not by need.
Reads   vmstat: drop_pagecache, drop_slab; the kernel log names the caller (`sh (123): drop_caches: 3`).
Wrong   on 2.6.32, which does not count: then see the cause for what the mass balance tells.
        The counters move when the pass ends, which can be seconds after it began.
See     kernel.md 1.6, 4.11; fs/drop_caches.c.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let Some(signal) = scene.signals.host("drop.calls") else {
        return Vec::new();
    };
    let mut found: Vec<Finding> = Vec::new();
    for i in scene.window.first.max(1)..scene.window.len() {
        let calls = signal.values[i] * (signal.at[i] - signal.at[i - 1]);
        if calls.is_nan() || calls < 0.5 {
            continue;
        }
        // Repeated calls are one habit: the first is the event.
        if let Some(last) = found.last_mut().filter(|f| i - f.to <= 30) {
            last.to = i;
            continue;
        }
        let caller = caller(scene, i);
        let exact = caller.as_ref().map(|(at, _)| *at);
        let (earliest, latest) = (
            scene.window.wall(signal.at[i - 1]),
            scene.window.wall(signal.at[i]),
        );
        let onset = match exact {
            Some(at) => Onset::new(at - 10_000_000, at, at + 10_000_000),
            None => Onset::new(earliest, earliest + (latest.0 - earliest.0) / 2, latest),
        };
        let by = caller.map_or_else(String::new, |(_, who)| format!(" by {who}"));
        let mut finding = scene.instant(
            RULE.id,
            Subject::Host,
            onset,
            format!("caches were dropped{by} ({} calls counted)", units::count(calls)),
        );
        (finding.from, finding.to) = (i, i);
        finding.signal = signal.name;
        finding.unit = signal.unit;
        finding.evidence.push(scene.number(
            "drop.calls",
            &Subject::Host,
            i,
            calls,
            "calls",
            format!("drop_pagecache + drop_slab moved by {}", units::count(calls)),
        ));
        found.push(finding);
    }
    found
}

/// `sh (1234)` from a log record of the same seconds.
fn caller(scene: &Scene, tick: usize) -> Option<(model::UnixNanos, String)> {
    let at = scene.window.ticks[tick];
    let record = scene
        .window
        .log
        .iter()
        .find(|r| r.text.contains(": drop_caches: ") && (r.at - at.0).0.abs() < 5_000_000_000)?;
    let who = record.text.split(": drop_caches:").next()?.trim();
    Some((record.at, who.chars().take(40).collect()))
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Machine, Story};
    use expect_test::expect;

    fn dropped(m: &mut Machine) {
        m.cache(-1500 * MB);
        m.count("drop_pagecache", 1);
    }

    #[test]
    fn the_log_names_who_dropped_and_when() {
        let story = Story::of(60).at(30, dropped);
        expect![[r#"
            host at 30.50 s (30.00 to 31.00) until 31 s
              caches were dropped (1 calls counted)
              - drop_pagecache + drop_slab moved by 1
        "#]]
        .assert_eq(&story.finds("drop-caches"));
        let logged = story.at(30, |m| m.log("sh (4711): drop_caches: 1"));
        expect![[r#"
            host at 30.50 s (30.49 to 30.51) until 31 s
              caches were dropped by sh (4711) (1 calls counted)
              - drop_pagecache + drop_slab moved by 1
        "#]]
        .assert_eq(&logged.finds("drop-caches"));
    }

    #[test]
    fn a_habit_is_told_once() {
        let story = Story::of(60)
            .at(20, dropped)
            .at(30, |m| m.count("drop_slab", 1))
            .at(40, |m| m.count("drop_slab", 1));
        expect![[r#"
            host at 20.50 s (20.00 to 21.00) until 41 s
              caches were dropped (1 calls counted)
              - drop_pagecache + drop_slab moved by 1
        "#]]
        .assert_eq(&story.finds("drop-caches"));
    }

    #[test]
    fn a_deleted_file_is_no_drop_and_old_kernels_do_not_count() {
        let deleted = Story::of(60).at(30, |m| m.cache(-1500 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&deleted.finds("drop-caches"));
        let old = Story::of(60).at(30, dropped).lacking("vmstat", "drop_");
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&old.finds("drop-caches"));
    }
}
