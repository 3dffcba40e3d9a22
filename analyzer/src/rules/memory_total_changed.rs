//! `memory-total-changed`: memory was taken from the machine, or given to it.

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;
use crate::units;
use model::{Onset, Subject};

pub(super) const RULE: Rule = Rule {
    id: "memory-total-changed",
    summary: "memory was taken from the machine, or set aside",
    manual: "\
Finds   MemTotal, or HugePages_Total × Hugepagesize, moving by 64 MB or more within 10 seconds. Where MemTotal stays: a balloon that
        takes as much, or what no line of meminfo names growing by 16 MB/s for 3 seconds, to 256 MB or more and not by swapping.
Why     Hotplug, a balloon or a reservation of huge pages takes memory with no process to blame.
Reads   meminfo: MemTotal, HugePages_Total, Hugepagesize and all that MemTotal is the sum of (M1); zoneinfo: pagesets, whose pages are
        free and not in MemFree; vmstat: balloon_inflate.
Wrong   about who: what no line names may be a balloon, a driver's buffers or the network's.
See     kernel.md 4.19.
",
    find,
};

/// Less is drivers at work.
const LEAST_BYTES: f64 = 64e6;
/// The buffers of drivers breathe.
const LEAST_UNNAMED_BYTES: f64 = 256e6;

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
    for more in [balloons(scene), unnamed(scene)] {
        let is_told = |f: &Finding| found.iter().any(|t| t.from <= f.to && f.from <= t.to);
        let more: Vec<Finding> = more.into_iter().filter(|f| !is_told(f)).collect();
        found.extend(more);
    }
    found
}

/// Balloons of which MemTotal says nothing.
fn balloons(scene: &Scene) -> Vec<Finding> {
    let page = f64::from(scene.window.boot.page_size);
    let pattern = Pattern::rise(LEAST_BYTES / 10.0 / page);
    let mut found = scene.rises(RULE.id, "balloon.inflate", &pattern, |signal, episode| {
        format!("a balloon takes memory: {}", from_to(episode, signal.unit))
    });
    found.retain(|f| {
        let taken = scene.signals.host("balloon.inflate");
        taken.map_or(0.0, |s| s.integral(f.from, f.to)) * page >= LEAST_BYTES
    });
    found
}

/// Memory that leaves MemTotal alone and that no line of meminfo names: an uncounted balloon, a driver, the network (M1).
fn unnamed(scene: &Scene) -> Vec<Finding> {
    // Free pages move to the CPUs' own lists by the gigabyte, and only zoneinfo tells.
    if !scene.window.has("zoneinfo.pageset_count") {
        return Vec::new();
    }
    let page = f64::from(scene.window.boot.page_size);
    let pattern = Pattern::rise(16e6).lasting(3);
    let mut found = scene.rises(RULE.id, "mem.unaccounted_growth", &pattern, |signal, episode| {
        format!(
            "memory that no line of meminfo names grows: {}",
            from_to(episode, signal.unit)
        )
    });
    let sum = |name: &str, f: &Finding| scene.signals.host(name).map_or(0.0, |s| s.integral(f.from, f.to));
    found.retain(|f| {
        let grown = sum("mem.unaccounted_growth", f);
        // What goes to zram is kept in pages that no line names either.
        grown >= LEAST_UNNAMED_BYTES && sum("swap.out", f) * page < 0.2 * grown
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

    #[test]
    fn a_balloon_that_leaves_memtotal_alone_counted_or_not() {
        let counted = Story::of(60).during(30..40, |m| {
            m.take(100 * MB);
            m.count("balloon_inflate", 24_000);
        });
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 40 s
              a balloon takes memory: 0 pages/s → 24,000 pages/s
              - balloon.inflate: 0 pages/s before, 24,000 pages/s at its height
        "#]]
        .assert_eq(&counted.finds("memory-total-changed"));
        let uncounted = Story::of(60).during(30..40, |m| m.take(100 * MB));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 40 s
              memory that no line of meminfo names grows: 0 B/s → 100 MB/s
              - mem.unaccounted_growth: 0 B/s before, 100 MB/s at its height
        "#]]
        .assert_eq(&uncounted.finds("memory-total-changed"));
    }

    #[test]
    fn what_is_free_in_the_lists_of_cpus_was_not_taken_and_is_not_known_without_zoneinfo() {
        let hidden = Story::of(60).during(30..40, |m| m.keep_in_cpu_lists(100 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&hidden.finds("memory-total-changed"));
        let untold = Story::of(60)
            .during(30..40, |m| m.take(100 * MB))
            .lacking("zoneinfo", "count:");
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&untold.finds("memory-total-changed"));
    }

    #[test]
    fn what_is_swapped_to_zram_is_named_by_no_line_and_was_not_taken() {
        let story = Story::of(60).during(30..40, |m| {
            m.swap(0, 100 * MB);
            m.take(40 * MB);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("memory-total-changed"));
    }
}
