//! `slab_growth`: dentries, inodes or unreclaimable kernel memory grow.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Missing};
use crate::explain::harm::Wait;
use crate::processes::Measure;
use crate::units;
use model::ProcessCounter;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "slab_growth",
    name: "kernel object growth",
    summary: "dentries, inodes or unreclaimable kernel memory grow",
    manual: "\
What    Walking or creating many files fills dentry and inode caches (reclaimable, with effort); a leak or sockets fill the rest.
For     Slab grew by a large part of what free memory and file cache lost.
Against Slab flat.
Like    pages that drivers take outside slab (`mem.unaccounted`), page tables.
See     kernel.md 4.6.
",
    makes_wait_for: Wait::Memory,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let Some(moved) = case.moved("mem.slab") else {
        return Verdict::CannotTell(Missing {
            signal: "meminfo".into(),
            would_tell: "whether kernel objects grew (Slab)".into(),
        });
    };
    let grown = case.growth("mem.slab", case.to);
    let demand = case.demand();
    let share = demand.share(demand.slab);
    let evidence = case.number("mem.slab", grown, "B", format!("slab {moved}"));
    let mover = case.first("slab-rise");
    let (Some(mover), true) = (mover, grown >= (0.005 * case.memory()).max(64e6) && share >= 0.2) else {
        return ruled_out(format!("slab {moved}"), [evidence]);
    };
    let weight = if case.short_from.is_some() { 0.95 } else { 0.6 };
    let mut it = Candidate::new(
        weight * (0.35 + 0.65 * share),
        mover,
        format!("kernel objects grow by {}", units::bytes(grown)),
    );
    let reclaimable = case.growth("mem.slab_reclaimable", case.to);
    it.variant = Some(if reclaimable >= 0.5 * grown {
        "dentries_inodes"
    } else {
        "unreclaimable"
    });
    it.blame(
        &case.doers(
            mover.from,
            mover.to,
            Measure::Moved(&[ProcessCounter::SystemTicks]),
        ),
        "system CPU time",
    );
    it.story = format!(
        "Slab {moved}, {} of it reclaimable, {:.0} % of what was taken; {} spent most time in the kernel.",
        units::bytes(reclaimable),
        100.0 * share,
        it.who()
    );
    it.evidence_for.push(evidence);
    it.missing.push(Missing {
        signal: "/proc/slabinfo".into(),
        would_tell: "which cache grew (needs root)".into(),
    });
    it.advice.push(Advice {
        text: "Find who walks or creates so many files; vm.vfs_cache_pressure above 100 lets the caches go earlier".into(),
        because: format!("{} of {} is reclaimable", units::bytes(reclaimable), units::bytes(grown)),
    });
    candidate(it)
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// A walk through many files, until what is free is gone.
    fn walk(kind: &'static str) -> Story<'static> {
        Story::of(70)
            .during(30..60, move |m| {
                m.slab(kind, 80 * MB);
                m.process("find").runs(5, 60);
            })
            .during(53..60, |m| m.kswapd(30_000, 60 * MB))
    }

    #[test]
    fn inodes_of_a_walk_take_what_is_free() {
        expect![[r#"
            Info: nobody is hurt
            0.95, at most Shown: dentries_inodes, from 30.00 s (30.00 to 31.00)
            devices [], processes ["find 100 % of system CPU time"]
            kernel objects grow by 2.4 GB
            Slab 300 MB → 2.7 GB, 2.4 GB of it reclaimable, 100 % of what was taken; find (pid 4002) spent most time in the kernel.
            + slab 300 MB → 2.7 GB
            ? /proc/slabinfo: which cache grew (needs root)
        "#]].assert_eq(&walk("SReclaimable").judges("slab_growth"));
        let leak = walk("SUnreclaim").judges("slab_growth");
        assert!(leak.contains(": unreclaimable, from 30.00 s"), "{leak}");
    }

    #[test]
    fn a_heap_is_not_slab_and_without_meminfo_it_cannot_be_told() {
        let heap = || {
            Story::of(70)
                .during(30..60, |m| m.anon("hog", 80 * MB))
                .during(53..60, |m| m.kswapd(30_000, 80 * MB))
        };
        expect![[r#"
            ruled out: slab 300 MB → 300 MB
        "#]]
        .assert_eq(&heap().judges("slab_growth"));
        expect![[r#"
            cannot tell: meminfo would tell whether kernel objects grew (Slab)
        "#]]
        .assert_eq(&heap().lacking("meminfo", "").judges("slab_growth"));
    }
}
