//! `memory-total-changed`: memory was taken from the machine, or given to it.

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;
use crate::units;
use model::{Onset, Subject};

pub(super) const RULE: Rule = Rule {
    id: "memory-total-changed",
    summary: "memory was taken from the machine, or set aside",
    manual: "\
Finds   MemTotal, or HugePages_Total × Hugepagesize, moving by 64 MB or more within 10 seconds; or a balloon that takes as much and
        leaves MemTotal alone.
Why     Hotplug, a balloon or a reservation of huge pages takes memory with no process to blame.
Reads   meminfo: MemTotal, HugePages_Total, Hugepagesize; vmstat: balloon_inflate.
Wrong   for balloons that the kernel does not count (VMware's before 4.x): see `mem.unaccounted`.
See     kernel.md 4.19.
",
    find,
};

/// Less is drivers at work.
const LEAST_BYTES: f64 = 64e6;

fn find(scene: &Scene) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, what) in [
        ("mem.total", "MemTotal"),
        ("mem.huge_pages", "memory set aside for huge pages"),
    ] {
        let Some(signal) = scene.signals.host(name) else {
            continue;
        };
        // A tick without a reading hides no change; another boot or a gap may.
        let known: Vec<usize> = (0..scene.window.len())
            .filter(|&i| !signal.values[i].is_nan())
            .collect();
        let is_step = |k: usize| signal.values[known[k]] != signal.values[known[k - 1]];
        let is_joined = |k: usize| (known[k - 1] + 1..=known[k]).all(|i| scene.window.continuous[i]);
        let mut k = 1;
        while k < known.len() {
            if known[k] < scene.window.first || !is_joined(k) || !is_step(k) {
                k += 1;
                continue;
            }
            // A step can take some ticks: take all of it.
            let joined = (k..known.len().min(k + 10)).take_while(|&k| is_joined(k));
            let last = joined.filter(|&k| is_step(k)).last().unwrap_or(k);
            let (from, begin, end) = (known[k - 1], known[k], known[last]);
            let (before, after) = (signal.values[from], signal.values[end]);
            k = last + 1;
            if (after - before).abs() < LEAST_BYTES {
                continue;
            }
            let (from, to) = (
                scene.window.wall(signal.at[from]),
                scene.window.wall(signal.at[begin]),
            );
            let onset = Onset::new(from, from + (to.0 - from.0) / 2, to);
            let headline = format!("{what}: {} → {}", units::bytes(before), units::bytes(after));
            let mut finding = scene.instant(RULE.id, Subject::Host, onset, headline);
            (finding.from, finding.to) = (begin, end);
            (finding.before, finding.now, finding.unit, finding.signal) = (before, after, "B", signal.name);
            let mut evidence = scene.evidence(signal, end, format!("{what} {}", units::bytes(after)));
            evidence.baseline = Some(before);
            finding.evidence.push(evidence);
            found.push(finding);
        }
    }
    found.extend(balloons(scene, &found));
    found
}

/// Balloons of which MemTotal says nothing.
fn balloons(scene: &Scene, told: &[Finding]) -> Vec<Finding> {
    let page = f64::from(scene.window.boot.page_size);
    let pattern = Pattern::rise(LEAST_BYTES / 10.0 / page);
    let mut found = scene.rises(RULE.id, "balloon.inflate", &pattern, |signal, episode| {
        format!("a balloon takes memory: {}", from_to(episode, signal.unit))
    });
    found.retain(|f| {
        let taken = scene.signals.host("balloon.inflate");
        let taken = taken.map_or(0.0, |s| s.integral(f.from, f.to)) * page;
        taken >= LEAST_BYTES && !told.iter().any(|t| t.from <= f.to && f.from <= t.to)
    });
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn huge_pages_are_set_aside_in_one_step() {
        let story = Story::of(60).at(30, |m| {
            *m.meminfo("HugePages_Total") = 500;
            m.take(500 << 21);
        });
        expect![[r#"
            host at 30.50 s (30.00 to 31.00) until 31 s
              memory set aside for huge pages: 0 B → 1.05 GB
              - memory set aside for huge pages 1.05 GB
        "#]]
        .assert_eq(&story.finds("memory-total-changed"));
    }

    #[test]
    fn a_balloon_that_takes_some_seconds_is_one_change() {
        let story = Story::of(60).during(30..34, |m| {
            *m.meminfo("MemTotal") -= 250 * MB;
            m.take(250 * MB);
        });
        expect![[r#"
            host at 30.50 s (30.00 to 31.00) until 34 s
              MemTotal: 8 GB → 7 GB
              - MemTotal 7 GB
        "#]]
        .assert_eq(&story.finds("memory-total-changed"));
    }

    #[test]
    fn a_file_that_was_not_read_meanwhile_hides_nothing() {
        let story = Story::of(60).at(30, |m| {
            *m.meminfo("MemTotal") -= 500 * MB;
            m.unread("meminfo");
        });
        expect![[r#"
            host at 31.00 s (30.00 to 32.00) until 32 s
              MemTotal: 8 GB → 7.5 GB
              - MemTotal 7.5 GB
        "#]]
        .assert_eq(&story.finds("memory-total-changed"));
    }

    #[test]
    fn some_pages_and_memory_that_is_only_used_are_no_change() {
        let story = Story::of(60)
            .at(20, |m| *m.meminfo("MemTotal") -= 30 * MB)
            .at(30, |m| m.anon("hog", 900 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("memory-total-changed"));
    }
}
