//! `fragmentation`: memory is free but not in large enough pieces.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
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
    takes_memory: true,
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
