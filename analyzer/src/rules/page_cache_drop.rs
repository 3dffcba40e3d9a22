//! `page-cache-drop`: the file cache shrinks fast.

use super::{Finding, Rule, Scene};
use crate::onset::{Pattern, episodes};
use crate::signals::Signal;
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "page-cache-drop",
    summary: "the file cache, or the part of it that programs have mapped, shrinks fast",
    manual: "\
Finds   Cached + Buffers - Shmem, or Mapped, losing more than 5 % of itself a second (at least 32 MB/s), 2 of 4 seconds or a
        third of it at once.
Why     What is gone must be read again; mapped pages are program text and data in use.
Reads   meminfo: Cached, Buffers, Shmem, Mapped.
Wrong   about who took it: reclaim (pgsteal moves), an explicit drop or an unlinked file (it does not), a policy that pages out
        cold memory (DAMON: neither pgscan nor pgsteal moves).
See     kernel.md 2.1, 4.10, 4.11.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let mut found = Vec::new();
    for (level, growth, what) in [
        ("mem.file_cache", "mem.file_cache_growth", "file cache"),
        ("mem.mapped", "mem.mapped_growth", "mapped file memory"),
    ] {
        let (Some(level), Some(growth)) = (scene.signals.host(level), scene.signals.host(growth)) else {
            continue;
        };
        let loss: Vec<f64> = growth.values.iter().map(|v| -v).collect();
        let before = |i: usize| level.at_or_before(i.saturating_sub(1)).map_or(0.0, |(_, v)| v);
        for least_ticks in [2, 1] {
            let pattern = Pattern {
                least_ticks,
                ..Pattern::rise(32e6)
            };
            let cliffs: Vec<_> = episodes(&growth.at, &loss, &pattern.scaled(scene.window.interval))
                .into_iter()
                .filter(|e| e.to >= scene.window.first)
                .filter(|e| {
                    let lost = before(e.from) - level.at_or_before(e.to).map_or(0.0, |(_, v)| v);
                    let share = if least_ticks == 1 { 0.33 } else { 0.1 };
                    e.peak.1 >= 0.05 * before(e.from) && lost >= share * before(e.from)
                })
                .collect();
            if cliffs.is_empty() {
                continue;
            }
            for cliff in cliffs {
                let (start, end) = (
                    before(cliff.from),
                    level.at_or_before(cliff.to).map_or(0.0, |(_, v)| v),
                );
                let signal = Signal {
                    values: loss.clone(),
                    ..growth.clone()
                };
                let headline = format!(
                    "{what}: {} → {} in {} s",
                    units::bytes(start),
                    units::bytes(end),
                    units::count(growth.at[cliff.to] - cliff.earliest)
                );
                let mut finding = scene.finding(RULE.id, &signal, &cliff, headline);
                finding.evidence =
                    vec![scene.evidence(level, cliff.to, format!("{what} {}", units::bytes(end)))];
                finding.evidence[0].baseline = Some(start);
                finding.signal = level.name;
                finding.unit = level.unit;
                finding.before = start;
                finding.now = end;
                found.push(finding);
            }
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn reclaim_takes_it_in_seconds_and_a_deleted_file_at_once() {
        let reclaimed = Story::of(60).during(30..33, |m| m.kswapd(150_000, 600 * MB));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 33 s
              file cache: 2.2 GB → 400 MB in 3 s
              - file cache 400 MB
        "#]]
        .assert_eq(&reclaimed.finds("page-cache-drop"));
        let deleted = Story::of(60).at(30, |m| m.cache(-1500 * MB));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 31 s
              file cache: 2.2 GB → 700 MB in 1 s
              - file cache 700 MB
        "#]]
        .assert_eq(&deleted.finds("page-cache-drop"));
    }

    #[test]
    fn mapped_memory_is_looked_at_by_itself() {
        let story = Story::of(60).during(30..33, |m| *m.meminfo("Mapped") -= 120 * MB);
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 33 s
              mapped file memory: 400 MB → 40 MB in 3 s
              - mapped file memory 40 MB
        "#]]
        .assert_eq(&story.finds("page-cache-drop"));
    }

    #[test]
    fn files_of_tmpfs_are_no_file_cache_and_a_slow_loss_is_no_cliff() {
        let story = Story::of(60)
            .at(10, |m| m.shmem(900 * MB))
            .at(30, |m| m.shmem(-900 * MB))
            .during(20..50, |m| m.kswapd(5000, 20 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("page-cache-drop"));
    }
}
