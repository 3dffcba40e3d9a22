//! `memory_removed`: balloon, hotplug or huge-page reservation took memory.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::explain::harm::Wait;
use crate::units;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "memory_removed",
    name: "memory taken from the machine",
    summary: "balloon, hotplug or huge-page reservation took memory",
    manual: "\
What    MemTotal fell, a balloon grew, or memory was set aside for huge pages: free memory goes and no process has it.
For     A step of MemTotal, of HugePages_Total × Hugepagesize, of balloon_inflate, or of the part of memory that no line names.
Against All of these constant.
Like    anon_growth without an owner.
See     kernel.md 4.19.
",
    makes_wait_for: Wait::Memory,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let demand = case.demand();
    let (huge, total) = (case.growth("mem.huge_pages", case.to), case.loss("mem.total"));
    let balloon = case.sum("balloon.inflate") * case.page();
    let finding = case.first("memory-total-changed");
    let is_unnamed = finding.is_some_and(|f| f.signal == "mem.unaccounted_growth");
    let unnamed = match is_unnamed {
        true => case.growth("mem.unaccounted", case.to),
        false => 0.0,
    };
    let taken = huge.max(total).max(balloon).max(unnamed);
    let Some(mover) = finding.filter(|_| taken >= 64e6) else {
        let Some(level) = case.before("mem.total") else {
            return Verdict::Silent;
        };
        let text = format!(
            "MemTotal {} throughout, {} set aside for huge pages",
            units::bytes(level),
            units::bytes(huge)
        );
        return ruled_out(text.clone(), [case.number("mem.total", level, "B", text)]);
    };
    let share = demand.share(demand.taken);
    let weight = if case.short_from.is_some() || case.first("page-cache-drop").is_some() {
        0.95
    } else {
        0.6
    };
    let mut it = Candidate::new(
        weight * (0.4 + 0.6 * share),
        mover,
        format!("{} taken from the machine", units::bytes(taken)),
    );
    it.variant = Some(if huge >= taken {
        "huge_pages"
    } else if balloon >= 0.9 * taken {
        "balloon"
    } else if unnamed >= taken {
        "unnamed"
    } else {
        "hotplug"
    });
    it.story = format!("{}; no process holds it.", mover.headline);
    it.evidence_for.extend(mover.evidence.clone());
    if unnamed >= taken {
        // By what is left over alone: no counter says that it was taken.
        it.at_most = Confidence::Likely;
        it.missing.push(Missing {
            signal: "the balloon's and the drivers' own counters".into(),
            would_tell: "who holds the memory that meminfo does not name".into(),
        });
    }
    let settings = case.scene.window.setting_changes();
    it.settings = settings
        .iter()
        .filter(|c| c.name.contains("hugepages"))
        .map(crate::causes::sysctl_change::shown)
        .collect();
    it.advice.push(Advice {
        text: "Give the memory back (vm.nr_hugepages, the balloon's target), or reserve it at boot".into(),
        because: format!(
            "{} is {:.0} % of what was taken",
            units::bytes(taken),
            100.0 * share
        ),
    });
    candidate(it)
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn huge_pages_are_set_aside() {
        let story = Story::of(60)
            .at(30, |m| {
                m.setting("vm.nr_hugepages", "900");
                *m.meminfo("HugePages_Total") = 900;
                m.take(900 << 21);
            })
            .during(31..40, |m| m.kswapd(20_000, 40 * MB));
        expect![[r#"
            Info: nobody is hurt
            0.95, at most Shown: huge_pages, from 30.50 s (30.00 to 31.00)
            devices [], processes []
            1.89 GB taken from the machine
            memory set aside for huge pages: 0 B → 1.89 GB; no process holds it.
            + memory set aside for huge pages 1.89 GB
        "#]]
        .assert_eq(&story.judges("memory_removed"));
    }

    /// A balloon takes memory; whether MemTotal tells is up to its driver (with deflate-on-oom it does not).
    fn balloon(tells: bool) -> Story<'static> {
        Story::of(60)
            .during(30..40, move |m| {
                m.take(180 * MB);
                m.count("balloon_inflate", 180 * MB / 4096);
                *m.meminfo("MemTotal") -= if tells { 180 * MB } else { 0 };
            })
            .during(38..45, |m| m.kswapd(20_000, 40 * MB))
    }

    #[test]
    fn a_balloon_takes_memory_whether_memtotal_tells_or_not() {
        expect![[r#"
            Info: nobody is hurt
            0.95, at most Shown: balloon, from 30.50 s (30.00 to 31.00)
            devices [], processes []
            1.8 GB taken from the machine
            MemTotal: 8 GB → 6.2 GB; no process holds it.
            + MemTotal 6.2 GB
        "#]]
        .assert_eq(&balloon(true).judges("memory_removed"));
        expect![[r#"
            Info: nobody is hurt
            0.95, at most Shown: balloon, from 30.00 s (30.00 to 31.00)
            devices [], processes []
            1.8 GB taken from the machine
            a balloon takes memory: 0 pages/s → 43,945 pages/s; no process holds it.
            + balloon.inflate: 0 pages/s before, 43,945 pages/s at its height
        "#]]
        .assert_eq(&balloon(false).judges("memory_removed"));
    }

    #[test]
    fn what_no_line_names_was_taken_by_somebody_who_does_not_tell() {
        let story = Story::of(60)
            .during(30..40, |m| m.take(185 * MB))
            .during(38..45, |m| m.kswapd(20_000, 40 * MB));
        expect![[r#"
            Info: nobody is hurt
            0.95, at most Likely: unnamed, from 30.00 s (30.00 to 31.00)
            devices [], processes []
            1.85 GB taken from the machine
            memory that no line of meminfo names grows: 0 B/s → 185 MB/s; no process holds it.
            + mem.unaccounted_growth: 0 B/s before, 185 MB/s at its height
            ? the balloon's and the drivers' own counters: who holds the memory that meminfo does not name
        "#]]
        .assert_eq(&story.judges("memory_removed"));
    }

    #[test]
    fn a_heap_took_nothing_from_the_machine_and_without_meminfo_nobody_knows() {
        let heap = || {
            Story::of(60)
                .during(30..50, |m| m.anon("hog", 100 * MB))
                .during(45..50, |m| m.kswapd(20_000, 40 * MB))
        };
        expect![[r#"
            ruled out: MemTotal 8 GB throughout, 0 B set aside for huge pages
        "#]]
        .assert_eq(&heap().judges("memory_removed"));
        expect![[r#"
            silent
        "#]]
        .assert_eq(&heap().lacking("meminfo", "").judges("memory_removed"));
    }
}
