//! `fragmentation`: memory is free but not in large enough pieces.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::explain::harm::Wait;
use crate::processes::Measure;
use crate::units;
use model::ProcessCounter;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "fragmentation",
    name: "fragmented memory",
    summary: "memory is free but not in large enough pieces: compaction, huge-page stalls",
    manual: "\
What    Free memory lies in small pieces. Whoever asks for a large one compacts memory himself, or goes without.
For     Direct compactions and huge-page fallbacks rise while free memory is above its marks; most free memory lies in blocks too small
        for a huge page.
Against Free memory at its marks: plain shortage, in which compaction is tried on the way.
Like    over_reclaim, CPU saturation by system time.
See     kernel.md 4.8; mm/vmstat.c, extfrag_for_order.
",
    makes_wait_for: Wait::Memory,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let stalls = case.sum("compact.stall");
    let fallbacks = case.sum("thp.fallback");
    let roomiest = case
        .scene
        .signals
        .each("zone.over_high")
        .map(|z| (z.median(case.from, case.to), z))
        .filter(|z| !z.0.is_nan())
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let Some((room, zone)) = roomiest else {
        return Verdict::Silent;
    };
    let unusable = case
        .scene
        .signals
        .of("buddy.unusable9", &zone.subject)
        .map_or(f64::NAN, |s| s.median(case.from, case.to));
    let text = format!(
        "{} direct compactions, {} huge-page fallbacks; {} has {room:.1} times its high mark free",
        units::count(stalls),
        units::count(fallbacks),
        zone.subject
    );
    let evidence = case.number("compact.stall", stalls, "", text.clone());
    let Some(mover) = case.first("compaction-stall") else {
        return if case.signal("compact.stall").is_some() {
            ruled_out(text, [evidence])
        } else {
            Verdict::Silent
        };
    };
    if room < 1.25 {
        return ruled_out(
            format!("{text}: plain shortage, in which compaction is tried too"),
            [evidence],
        );
    }
    let pieces = if unusable >= 0.8 { 0.15 } else { 0.0 };
    let failed = case.sum("compact.fail") / stalls.max(1.0);
    let mut it = Candidate::new(
        0.62 + pieces + 0.1 * failed.min(1.0),
        mover,
        "free memory is in small pieces".into(),
    );
    it.at_most = Confidence::Likely;
    it.blame(
        &case.doers(case.from, case.to, Measure::Moved(&[ProcessCounter::SystemTicks])),
        "system CPU time",
    );
    it.story = format!(
        "{text}, but {:.0} % of it in blocks too small for a huge page; {:.0} % of the compactions failed.",
        100.0 * unusable,
        100.0 * failed
    );
    it.evidence_for.push(evidence);
    if !unusable.is_nan() {
        let text = format!(
            "{:.0} % of the free memory of {} lies in small blocks",
            100.0 * unusable,
            zone.subject
        );
        it.evidence_for.push(case.scene.number(
            "buddy.unusable9",
            &zone.subject,
            case.to,
            unusable,
            "ratio",
            text,
        ));
    }
    it.missing.push(Missing {
        signal: "/proc/pagetypeinfo, compaction tracepoints".into(),
        would_tell: "which kind of pages stands in the way, and who asks for large blocks".into(),
    });
    it.advice.push(Advice {
        text: "Set transparent huge pages' defrag to madvise or defer, or compact at a quiet time (vm.compact_memory)".into(),
        because: text,
    });
    candidate(it)
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// Somebody wants large blocks, and compacts memory for them.
    fn wants_large_blocks() -> Story<'static> {
        Story::of(60).during(30..50, |m| {
            m.zone(1).whole = 0.02;
            m.count("compact_stall", 40);
            m.count("compact_fail", 30);
            m.count("thp_fault_fallback", 60);
            m.process("java").runs(20, 70);
        })
    }

    #[test]
    fn much_is_free_but_in_small_pieces() {
        expect![[r#"
            Warning: 40 allocations a second stall in compaction
            0.84, at most Likely: no variant, from 30.00 s (30.00 to 31.00)
            devices [], processes ["java 100 % of system CPU time"]
            free memory is in small pieces
            800 direct compactions, 1,200 huge-page fallbacks; 0/Normal has 20.3 times its high mark free, but 98 % of it in blocks too small for a huge page; 75 % of the compactions failed.
            + 800 direct compactions, 1,200 huge-page fallbacks; 0/Normal has 20.3 times its high mark free
            + 98 % of the free memory of 0/Normal lies in small blocks
            ? /proc/pagetypeinfo, compaction tracepoints: which kind of pages stands in the way, and who asks for large blocks
        "#]].assert_eq(&wants_large_blocks().judges("fragmentation"));
    }

    #[test]
    fn in_plain_shortage_compaction_is_tried_too() {
        let story = wants_large_blocks().at(20, |m| m.anon("hog", 1900 * MB));
        expect![[r#"
            ruled out: 800 direct compactions, 1,200 huge-page fallbacks; 0/Normal has 1.0 times its high mark free: plain shortage, in which compaction is tried too
        "#]].assert_eq(&story.judges("fragmentation"));
    }

    #[test]
    fn nobody_compacts_and_without_zoneinfo_nobody_would_think_of_it() {
        let reclaim = Story::of(60).during(30..45, |m| m.kswapd(20_000, 60 * MB));
        expect![[r#"
            ruled out: 0 direct compactions, 0 huge-page fallbacks; 0/Normal has 25.2 times its high mark free
        "#]]
        .assert_eq(&reclaim.judges("fragmentation"));
        expect![[r#"
            silent
        "#]]
        .assert_eq(
            &wants_large_blocks()
                .lacking("zoneinfo", "")
                .judges("fragmentation"),
        );
    }
}
