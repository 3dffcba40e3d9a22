//! `drop_caches`: somebody dropped the caches, or a huge cached file went.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::{Case, Cliff};
use crate::explain::document::{Advice, Missing};
use crate::explain::harm::Wait;
use crate::rules::Finding;
use crate::units;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "drop_caches",
    name: "dropped caches",
    summary: "somebody dropped the caches, or a huge cached file went",
    manual: "\
What    A write to /proc/sys/vm/drop_caches (or an unlinked, truncated or advised-away file) frees clean pages at once; everything that
        was in use must be read again.
For     drop_pagecache or drop_slab moved; 30 % of the cache went within five seconds with pgsteal flat; mapped pages survived.
Against The counters unchanged; steal as large as the loss: that was reclaim.
Like    over_reclaim (steal moves), process-exit-freed (AnonPages falls), DAMON (slow).
See     kernel.md 1.6, 4.11.
",
    makes_wait_for: Wait::Memory,
    judge,
};

/// kernel.md 4.11: a cliff is 30 % of the file cache gone within a few seconds. What leaves more slowly was pushed or paged out.
const CLIFF_SHARE: f64 = 0.3;
const CLIFF_SECONDS: f64 = 5.0;

fn judge(case: &Case) -> Verdict {
    // The cache may have grown since the case began: the cliff knows from where it fell.
    let cliffs = case
        .each("page-cache-drop")
        .filter(|f| f.signal == "mem.file_cache");
    let lost = cliffs
        .map(|f| f.before - f.now)
        .fold(case.loss("mem.file_cache"), f64::max);
    let stolen = case.stolen_bytes();
    let before = case.before("mem.file_cache").unwrap_or(f64::NAN);
    if let Some(finding) = case.first("drop-caches") {
        let slab = case.loss("mem.slab");
        let large = lost >= 0.1 * before || lost + slab >= 0.01 * case.memory();
        let mut it = Candidate::new(
            if large { 0.93 } else { 0.45 },
            finding,
            "caches were dropped".into(),
        );
        it.story = format!(
            "{}: the file cache lost {} at once while reclaim stole {}; what was in use is read again.",
            finding.headline,
            units::bytes(lost),
            units::bytes(stolen)
        );
        it.evidence_for.extend(finding.evidence.clone());
        it.evidence_for.push(case.number(
            "mem.file_cache",
            lost,
            "B",
            format!("the file cache lost {}", units::bytes(lost)),
        ));
        it.advice.push(Advice {
            text: "Find the script that drops caches and remove it".into(),
            because: "the kernel takes clean cache whenever it needs memory; dropping it only makes the next reads slow".into(),
        });
        return candidate(it);
    }
    let counted = case.signal("drop.calls").is_some();
    if let Some(cliff) = case.cliff(CLIFF_SECONDS)
        && cliff.lost >= CLIFF_SHARE * cliff.before
        && case.stolen_bytes_over(cliff.from, cliff.to) < 0.2 * cliff.lost
        && let Some(mover) = case
            .each("page-cache-drop")
            .find(|f| f.signal == "mem.file_cache" && f.from <= cliff.to && cliff.from <= f.to)
    {
        return candidate(invalidation(case, &cliff, mover, counted));
    }
    let steal = case.number(
        "reclaim.steal",
        stolen,
        "B",
        format!("reclaim stole {}", units::bytes(stolen)),
    );
    if counted {
        return ruled_out(
            format!(
                "the counters did not move; reclaim stole {}",
                units::bytes(stolen)
            ),
            [steal],
        );
    }
    if lost > 0.3 * before && stolen >= 0.7 * lost {
        let because = format!(
            "not counted on this kernel, but reclaim stole {} while the cache lost {}: dropping steals nothing",
            units::bytes(stolen),
            units::bytes(lost)
        );
        return ruled_out(because, [steal]);
    }
    Verdict::CannotTell(Missing {
        signal: "vmstat drop_pagecache".into(),
        would_tell: "whether the caches were dropped (this kernel does not count it)".into(),
    })
}

/// Pages went at once and reclaim did not take them: a file went, or (uncounted on old kernels) the caches were dropped.
fn invalidation(case: &Case, cliff: &Cliff, mover: &Finding, counted: bool) -> Candidate {
    let stolen = case.stolen_bytes_over(cliff.from, cliff.to);
    // A file that is deleted hurts nobody unless its pages are asked for again.
    let after = cliff.to + (30.0 / case.scene.window.interval).ceil() as usize;
    let read_again = case
        .signal("io.inflow")
        .map_or(0.0, |s| s.integral(cliff.to + 1, after));
    let hurts = read_again >= 0.3 * cliff.lost;
    let score = match (counted, hurts) {
        (false, true) => 0.75,
        (false, false) | (true, true) => 0.6,
        (true, false) => 0.35,
    };
    let mut it = Candidate::new(score, mover, "a cached file went, or caches were dropped".into());
    it.variant = Some("invalidation");
    it.story = format!(
        "The file cache lost {} of {} within {:.0} s while reclaim stole only {}; {} was read in the 30 s after.",
        units::bytes(cliff.lost),
        units::bytes(cliff.before),
        cliff.seconds,
        units::bytes(stolen),
        units::bytes(read_again)
    );
    it.evidence_for.extend(mover.evidence.clone());
    it.evidence_for.push(case.number(
        "reclaim.steal",
        stolen,
        "B",
        format!("reclaim stole {} meanwhile", units::bytes(stolen)),
    ));
    let read = case.number(
        "io.inflow",
        read_again,
        "B",
        format!("{} read in the 30 s after", units::bytes(read_again)),
    );
    if hurts {
        it.evidence_for.push(read);
    } else {
        it.evidence_against.push(read);
    }
    let (signal, would_tell) = if counted {
        ("unlink and truncate calls", "which file went")
    } else {
        (
            "drop_pagecache",
            "whether the caches were dropped (this kernel does not count)",
        )
    };
    it.missing.push(Missing {
        signal: signal.into(),
        would_tell: would_tell.into(),
    });
    it
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// Most of the cache goes at once, and what was in use is read again.
    fn gone() -> Story<'static> {
        Story::of(80)
            .at(30, |m| m.cache(-1500 * MB))
            .during(31..50, |m| m.reads_files("vda", 60 * MB))
    }

    #[test]
    fn the_kernel_counted_the_call() {
        let story = gone().at(30, |m| m.count("drop_pagecache", 1));
        expect![[r#"
            Info: nobody is hurt
            0.93, at most Shown: no variant, from 30.50 s (30.00 to 31.00)
            devices [], processes []
            caches were dropped
            caches were dropped (1 calls counted): the file cache lost 1.5 GB at once while reclaim stole 0 B; what was in use is read again.
            + drop_pagecache + drop_slab moved by 1
            + the file cache lost 1.5 GB
        "#]].assert_eq(&story.judges("drop_caches"));
    }

    #[test]
    fn nothing_was_counted_so_a_file_went_or_the_kernel_does_not_count() {
        expect![[r#"
            Info: nobody is hurt
            0.60, at most Shown: invalidation, from 30.00 s (30.00 to 31.00)
            devices [], processes []
            a cached file went, or caches were dropped
            The file cache lost 1.5 GB of 2.2 GB within 1 s while reclaim stole only 0 B; 1.15 GB was read in the 30 s after.
            + file cache 700 MB
            + reclaim stole 0 B meanwhile
            + 1.15 GB read in the 30 s after
            ? unlink and truncate calls: which file went
        "#]].assert_eq(&gone().judges("drop_caches"));
        let old = gone().lacking("vmstat", "drop_").judges("drop_caches");
        assert!(
            old.contains("? drop_pagecache: whether the caches were dropped"),
            "{old}"
        );
    }

    #[test]
    fn what_reclaim_took_was_not_dropped() {
        let reclaimed = || Story::of(60).during(30..33, |m| m.kswapd(150_000, 600 * MB));
        expect![[r#"
            ruled out: the counters did not move; reclaim stole 1.8 GB
        "#]]
        .assert_eq(&reclaimed().judges("drop_caches"));
        expect![[r#"
            ruled out: not counted on this kernel, but reclaim stole 1.8 GB while the cache lost 1.8 GB: dropping steals nothing
        "#]].assert_eq(&reclaimed().lacking("vmstat", "drop_").judges("drop_caches"));
    }

    #[test]
    fn on_a_kernel_that_does_not_count_a_cache_that_stayed_tells_nothing() {
        let story = Story::of(60)
            .during(30..45, |m| m.tasks(1, 4))
            .lacking("vmstat", "drop_");
        expect![[r#"
            cannot tell: vmstat drop_pagecache would tell whether the caches were dropped (this kernel does not count it)
        "#]].assert_eq(&story.judges("drop_caches"));
    }

    #[test]
    fn a_policy_that_pages_out_slowly_and_a_process_that_ends_make_no_cliff() {
        let damon = Story::of(90)
            .during(20..70, |m| m.cache(-36 * MB))
            .during(30..50, |m| m.tasks(1, 4));
        expect![[r#"
            ruled out: the counters did not move; reclaim stole 0 B
        "#]]
        .assert_eq(&damon.judges("drop_caches"));
        let ended = Story::of(60)
            .during(5..15, |m| m.anon("hog", 150 * MB))
            .at(30, |m| m.anon("hog", -1500 * MB));
        expect![[r#"
            ruled out: the counters did not move; reclaim stole 0 B
        "#]]
        .assert_eq(&ended.judges("drop_caches"));
    }
}
