//! `drop_caches`: somebody dropped the caches, or a huge cached file went.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Missing};
use crate::units;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "drop_caches",
    name: "dropped caches",
    summary: "somebody dropped the caches, or a huge cached file went",
    manual: "\
What    A write to /proc/sys/vm/drop_caches (or an unlinked, truncated or advised-away file) frees clean pages at once; everything that
        was in use must be read again.
For     drop_pagecache or drop_slab moved; the cache fell off a cliff with pgsteal flat; mapped pages survived.
Against The counters unchanged; steal as large as the loss: that was reclaim.
Like    over_reclaim (steal moves), process-exit-freed (AnonPages falls), DAMON (slow).
See     kernel.md 1.6, 4.11.
",
    takes_memory: true,
    judge,
};

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
    let cliff = case
        .each("page-cache-drop")
        .find(|f| f.signal == "mem.file_cache");
    if let Some(cliff) = cliff
        && stolen < 0.2 * lost
    {
        // Pages went, reclaim did not take them: a file went, or (uncounted on old kernels) the caches were dropped.
        let mut it = Candidate::new(0.6, cliff, "a cached file went, or caches were dropped".into());
        it.variant = Some("invalidation");
        it.story = format!(
            "The file cache lost {} while reclaim stole only {}.",
            units::bytes(lost),
            units::bytes(stolen)
        );
        it.evidence_for.extend(cliff.evidence.clone());
        it.evidence_for.push(case.number(
            "reclaim.steal",
            stolen,
            "B",
            format!("reclaim stole {}", units::bytes(stolen)),
        ));
        it.missing.push(Missing {
            signal: if counted {
                "unlink and truncate calls".into()
            } else {
                "drop_pagecache".into()
            },
            would_tell: if counted {
                "which file went".into()
            } else {
                "whether the caches were dropped (this kernel does not count)".into()
            },
        });
        return candidate(it);
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
