//! `process-exit-freed`: memory became free because a process ended.

use super::{Finding, Rule, Scene};
use crate::units;
use model::{Onset, Subject};

pub(super) const RULE: Rule = Rule {
    id: "process-exit-freed",
    summary: "memory became free because a process ended",
    manual: "\
Finds   AnonPages or Shmem falling by 256 MB or more within 3 seconds, what went to swap left out, while free memory, that in the CPUs' own
        lists included, rises by at least two thirds of that.
Why     It looks like a cliff in the free memory and is no trouble by itself.
Reads   meminfo: AnonPages, Shmem, MemFree; zoneinfo: pagesets; vmstat: pswpout, swpout_zero; the table of processes for the name.
Wrong   when the process was killed: then `oom-kill` says so.
See     kernel.md 4.21.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let (Some(anon), Some(shmem), Some(free)) = (
        scene.signals.host("mem.anon"),
        scene.signals.host("mem.shmem"),
        scene.signals.host("mem.free"),
    ) else {
        return Vec::new();
    };
    // What is freed goes to the CPUs' own lists first, by the gigabyte since 6.7, and only from there to where MemFree counts it.
    let lists = scene.signals.host("mem.cpu_lists");
    let free = |i: usize| free.values[i] + lists.map_or(0.0, |s| s.values[i]);
    let held = |i: usize| anon.values[i] + shmem.values[i];
    let page = f64::from(scene.window.boot.page_size);
    let swapped = |from: usize, to: usize| {
        let out = scene.signals.host("swap.out");
        out.map_or(0.0, |s| s.integral(from, to)) * page
    };
    let mut found = Vec::new();
    let mut i = scene.window.first.max(1);
    while i < scene.window.len() {
        let end = (i + 2).min(scene.window.len() - 1);
        let freed = held(i - 1) - held(end) - swapped(i, end);
        let gained = free(end) - free(i - 1);
        let starts_here = held(i - 1) - held(i) >= 0.2 * freed;
        if freed >= 256e6 && gained >= 0.66 * freed && starts_here {
            let (from, to) = (scene.window.wall(anon.at[i - 1]), scene.window.wall(anon.at[i]));
            let onset = Onset::new(from, from + (to.0 - from.0) / 2, to);
            let headline = format!("{} of process memory became free", units::bytes(freed));
            let mut finding = scene.instant(RULE.id, Subject::Host, onset, headline);
            (finding.from, finding.to) = (i, end);
            (finding.before, finding.now, finding.unit, finding.signal) =
                (anon.values[i - 1], anon.values[end], "B", "mem.anon");
            let mut evidence = scene.evidence(
                anon,
                end,
                format!("anonymous memory {}", units::bytes(anon.values[end])),
            );
            evidence.baseline = Some(anon.values[i - 1]);
            finding.evidence.push(evidence);
            found.push(finding);
            i = end + 1;
        } else {
            i += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn a_process_ends_and_its_memory_is_free() {
        let story = Story::of(60)
            .during(10..20, |m| m.anon("hog", 150 * MB))
            .at(30, |m| {
                m.anon("hog", -1500 * MB);
                m.process("hog").ends();
            });
        expect![[r#"
            host at 30.50 s (30.00 to 31.00) until 33 s
              1.5 GB of process memory became free
              - anonymous memory 3 GB
        "#]]
        .assert_eq(&story.finds("process-exit-freed"));
    }

    #[test]
    fn what_is_freed_into_the_lists_of_cpus_is_free_too() {
        let grown = Story::of(60).during(10..20, |m| m.anon("hog", 150 * MB));
        let story = grown.at(30, |m| {
            m.anon("hog", -600 * MB);
            m.keep_in_cpu_lists(500 * MB);
        });
        expect![[r#"
            host at 30.50 s (30.00 to 31.00) until 33 s
              600 MB of process memory became free
              - anonymous memory 3.9 GB
        "#]]
        .assert_eq(&story.finds("process-exit-freed"));
    }

    #[test]
    fn memory_that_went_to_swap_is_nobodys_end() {
        let story = Story::of(60).during(30..33, |m| m.swap(0, 200 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("process-exit-freed"));
    }

    #[test]
    fn a_dropped_cache_frees_no_process_memory() {
        let story = Story::of(60).at(30, |m| m.cache(-1500 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("process-exit-freed"));
    }
}
