//! `shmem_growth`: tmpfs or shared memory grows.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Missing};
use crate::explain::harm::Wait;
use crate::processes::Measure;
use crate::units;
use model::ProcessCounter;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "shmem_growth",
    name: "tmpfs or shared memory growth",
    summary: "tmpfs or shared memory grows",
    manual: "\
What    Files in tmpfs, or shared memory, grow. They look like cache (`Cached` rises) but cannot be dropped, only swapped.
For     Shmem grew by most of what free memory and file cache lost; Cached rose with it.
Against Shmem flat.
Like    a healthy, growing cache, when Shmem is not looked at; anon_growth.
See     kernel.md 4.7.
",
    makes_wait_for: Wait::Memory,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let Some(moved) = case.moved("mem.shmem") else {
        return Verdict::CannotTell(Missing {
            signal: "meminfo".into(),
            would_tell: "whether shared memory grew (Shmem)".into(),
        });
    };
    let grown = case.growth("mem.shmem", case.to);
    let demand = case.demand();
    let share = demand.share(demand.shmem);
    let evidence = case.number("mem.shmem", grown, "B", format!("shared memory {moved}"));
    let mover = case.first("shmem-rise");
    let (Some(mover), true) = (mover, grown >= (0.01 * case.memory()).max(100e6) && share >= 0.2) else {
        return ruled_out(format!("shared memory {moved}"), [evidence]);
    };
    let weight = if case.short_from.is_some() { 0.95 } else { 0.5 };
    let mut it = Candidate::new(weight * (0.35 + 0.65 * share), mover, String::new());
    // The pages belong to a file, not to the writer: who wrote most (or mapped most) is the best guess.
    let written = case.doers(
        mover.from,
        mover.to,
        Measure::Moved(&[ProcessCounter::WriteChars]),
    );
    let enough = written.first().is_some_and(|d| d.amount >= 0.5 * grown);
    let doers = if enough {
        written
    } else {
        case.doers(mover.from, mover.to, Measure::Grew(ProcessCounter::RssPages))
    };
    it.blame(
        &doers,
        if enough {
            "bytes written"
        } else {
            "growth of resident memory"
        },
    );
    it.headline = format!("{} of tmpfs or shared memory", units::bytes(grown));
    it.story = format!(
        "Shared memory {moved}, {:.0} % of what was taken; {} writes it.",
        100.0 * share,
        it.who()
    );
    it.evidence_for.push(evidence);
    it.missing.push(Missing {
        signal: "usage of each tmpfs mount".into(),
        would_tell: "which tmpfs the files lie in".into(),
    });
    it.advice.push(Advice {
        text: "Delete or move the files, and mount tmpfs with a size= that the node can spare".into(),
        because:
            "tmpfs pages are neither cache nor anyone's resident memory: only deleting or swap frees them"
                .into(),
    });
    candidate(it)
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn files_in_tmpfs_take_what_is_free() {
        let story = Story::of(70)
            .during(30..60, |m| {
                m.shmem(100 * MB);
                m.process("cp").writes(100 * MB);
            })
            .during(49..60, |m| m.kswapd(50_000, 100 * MB));
        expect![[r#"
            Info: nobody is hurt
            0.95, at most Shown: no variant, from 30.00 s (30.00 to 31.00)
            devices [], processes ["cp 100 % of bytes written"]
            3 GB of tmpfs or shared memory
            Shared memory 100 MB → 3.1 GB, 100 % of what was taken; cp (pid 4002) writes it.
            + shared memory 100 MB → 3.1 GB
            ? usage of each tmpfs mount: which tmpfs the files lie in
        "#]]
        .assert_eq(&story.judges("shmem_growth"));
    }

    #[test]
    fn a_cache_that_grows_is_not_shared_and_without_meminfo_it_cannot_be_told() {
        let cache = || {
            Story::of(60)
                .during(30..45, |m| m.reads_files("vdb", 150 * MB))
                .during(42..50, |m| m.kswapd(30_000, 150 * MB))
        };
        expect![[r#"
            ruled out: shared memory 100 MB → 100 MB
        "#]]
        .assert_eq(&cache().judges("shmem_growth"));
        expect![[r#"
            cannot tell: meminfo would tell whether shared memory grew (Shmem)
        "#]]
        .assert_eq(&cache().lacking("meminfo", "").judges("shmem_growth"));
    }
}
