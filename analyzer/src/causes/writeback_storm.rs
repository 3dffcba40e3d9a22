//! `writeback_storm`: writes dirty memory faster than a device takes it.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Missing};
use crate::processes::Measure;
use crate::units;
use model::ProcessCounter;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "writeback_storm",
    name: "writeback storm",
    summary: "writes dirty memory faster than a device takes it",
    manual: "\
What    A writer dirties pages faster than the disk takes them. Above the background threshold the flusher keeps the disk full; half way
        to the hard threshold every writer to that disk is put to sleep.
For     Dirty at the background threshold, pages under writeback for seconds, the device that is written is full.
Against Dirty far below the background threshold: then no story of writeback may be told.
Like    device_slow (writes pile up because completion slowed), synchronous writes (no dirty memory).
See     kernel.md 4.5; mm/page-writeback.c.
",
    takes_memory: false,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let Some((tick, dirty)) = case.peak("mem.dirty") else {
        return Verdict::CannotTell(Missing {
            signal: "meminfo".into(),
            would_tell: "whether dirty memory piled up (Dirty, Writeback)".into(),
        });
    };
    let share = case.peak("dirty.background_share").map_or(f64::NAN, |p| p.1);
    let limit = if share > 0.0 {
        case.signal("dirty.background_share")
            .and_then(|s| s.max(case.from, case.to))
            .and_then(|(i, s)| Some(case.signal("mem.dirty")?.values[i] / s))
    } else {
        None
    };
    let text = match limit {
        Some(limit) => format!(
            "dirty memory at most {}, background threshold {}",
            units::bytes(dirty),
            units::bytes(limit)
        ),
        None => format!("dirty memory at most {}", units::bytes(dirty)),
    };
    let evidence = case.evidence("mem.dirty", tick, text.clone()).map(|mut e| {
        e.threshold = limit;
        e
    });
    let writeback = case.first("writeback-rise");
    let over = share >= 0.85;
    // Without a threshold to compare with, a twentieth of the memory dirty is a lot on any setting.
    let piled = over || (share.is_nan() && dirty > 0.05 * case.memory());
    let lasting = writeback.is_some_and(|w| case.lasted(w, 5.0));
    let slow = lasting && share >= 0.4;
    if !(piled || slow) {
        return ruled_out(text, evidence);
    }
    let mover = case
        .first("dirty-rise")
        .or(writeback)
        .or_else(|| case.first("device-write-rise"));
    let Some(mover) = mover else {
        return ruled_out(text, evidence);
    };
    let full = case.first("device-saturated").is_some();
    // Dirty at its threshold is what the threshold is for. A storm is when the device does not keep up.
    let base = if over && (full || lasting) { 0.55 } else { 0.4 };
    let mut it = Candidate::new(
        base + if full { 0.25 } else { 0.0 } + if lasting { 0.15 } else { 0.0 },
        mover,
        "writeback storm".into(),
    );
    if let Some((device, _)) = case.busiest("disk.own_write", case.from, case.to) {
        it.devices = vec![device.subject.to_string()];
        it.headline = format!("writeback storm on {}", device.subject);
    }
    let writers = case.doers(case.from, case.to, Measure::Moved(&[ProcessCounter::WriteBytes]));
    it.blame(&writers, "bytes dirtied");
    // The writer began before its pages were many enough to see: its first tick of dirtying is the onset.
    let growth = case.signal("mem.dirty_growth");
    if let Some(first) = growth.and_then(|s| {
        let pattern = crate::onset::Pattern {
            least_ticks: 1,
            ..crate::onset::Pattern::rise(8e6)
        };
        crate::onset::episodes(&s.at, &s.values, &pattern)
            .into_iter()
            .rfind(|e| e.from <= mover.from && mover.from <= e.to + 30)
    }) {
        let earlier = case.scene.onset(&first);
        if earlier.best < it.onset.best {
            it.onset = earlier;
        }
    }
    let who = it.who();
    let taken = case
        .busiest("disk.own_write", case.from, case.to)
        .map_or(f64::NAN, |(s, bytes)| {
            bytes / (s.at[case.to] - s.at[case.from.saturating_sub(1)]).max(1.0)
        });
    it.story = format!(
        "{who} writes faster than {} takes it ({}): {text}; up to {} under writeback.",
        it.devices.first().map_or("the device", |d| d.as_str()),
        units::byte_rate(taken),
        units::bytes(case.peak("mem.writeback").map_or(0.0, |p| p.1))
    );
    it.evidence_for.extend(evidence);
    if let Some((tick, value)) = case.peak("mem.writeback") {
        it.evidence_for.extend(case.evidence(
            "mem.writeback",
            tick,
            format!("{} under writeback", units::bytes(value)),
        ));
    }
    for full in case.each("device-saturated") {
        it.evidence_for.extend(full.evidence.clone());
    }
    if !over {
        it.evidence_against.push(case.number(
            "dirty.background_share",
            share,
            "ratio",
            format!("dirty memory reached {share:.2} of the background threshold"),
        ));
    }
    it.advice.push(Advice {
        text: format!(
            "Hold {who} below {} (io.max or its own rate limit), or lower vm.dirty_background_bytes so that writing begins earlier",
            units::byte_rate(taken)
        ),
        because: format!(
            "{} of dirty memory takes the device {:.0} s to write",
            units::bytes(dirty),
            dirty / taken.max(1.0)
        ),
    });
    candidate(it)
}
