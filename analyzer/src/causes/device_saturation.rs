//! `device_saturation`: a device is at its limit by the I/O asked of it.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::Advice;
use crate::processes::Measure;
use crate::units;
use model::{ProcessCounter, Subject};

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "device_saturation",
    name: "a device at its limit",
    summary: "a device is at its limit by the I/O asked of it, without a part for the page cache",
    manual: "\
What    More is asked of a device than it gives: direct or synchronous I/O, or plain reads of data that was never cached. Memory has no part.
For     The device never idle with waits rising; its own demand rose; little was reclaimed, and what it is asked for had not been
        evicted before.
Against Refaults: the device is asked for what reclaim took (page_cache_flood, anon_growth). Dirty memory at its threshold
        (writeback_storm). Slower at equal work (device_slow).
Like    raid_resync.
See     kernel.md 4.14, 5.5.
",
    takes_memory: false,
    judge,
};

fn judge(case: &Case) -> Verdict {
    // The device whose own demand (not that of devices stacked on it) fills it.
    let own = |s: &Subject| {
        ["disk.own_read", "disk.own_write"]
            .iter()
            .filter_map(|n| case.scene.signals.of(n, s))
            .map(|x| x.integral(case.from, case.to))
            .sum::<f64>()
    };
    let full = case
        .each("device-saturated")
        .max_by(|a, b| own(&a.subject).total_cmp(&own(&b.subject)));
    let Some(full) = full else {
        let busiest = case
            .scene
            .signals
            .each("disk.busy")
            .map(|s| (s.median(case.from, case.to), s))
            .filter(|(v, _)| !v.is_nan())
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((busy, signal)) = busiest else {
            return Verdict::Silent;
        };
        let text = format!(
            "the busiest device, {}, is busy {busy:.0} % on the median",
            signal.subject
        );
        let evidence = case
            .scene
            .number("disk.busy", &signal.subject, case.to, busy, "%", text.clone());
        return ruled_out(text, [evidence]);
    };
    let device = full.subject.to_string();
    let stolen = case.stolen_bytes() + case.sum("reclaim.memcg_steal") * case.page();
    let inflow = case.sum("io.inflow").max(1.0);
    let returned = case.sum("refault.file") * case.page();
    let asked = own(&full.subject).max(1.0);
    // Evicted pages coming back, or a cache that turns over: then memory has a part.
    let memory_part = (returned / asked).max(if case.short_from.is_some() {
        stolen.min(inflow) / asked
    } else {
        0.0
    });
    let dirty = case.peak("dirty.background_share").map_or(0.0, |p| p.1);
    let evidence = |text: String| case.number("refault.file", returned / case.page(), "pages", text);
    if memory_part >= 0.3 {
        let back = match case.signal("refault.file") {
            Some(_) => format!("{} came back after eviction", units::bytes(returned)),
            None => "which of them came back is not counted on this kernel".into(),
        };
        let because = format!(
            "{device} is full while reclaim stole {}: {back}",
            units::bytes(stolen)
        );
        return ruled_out(because.clone(), [evidence(because)]);
    }
    if dirty >= 0.85 {
        let because = format!(
            "{device} is full of writeback: dirty memory reached {dirty:.2} of the background threshold"
        );
        return ruled_out(
            because.clone(),
            [case.number("dirty.background_share", dirty, "ratio", because)],
        );
    }
    let rise = case
        .findings
        .iter()
        .find(|f| matches!(f.rule, "device-read-rise" | "device-write-rise") && f.subject == full.subject);
    let mover = rise
        .filter(|r| r.onset.best <= full.onset.best + 2_000_000_000)
        .unwrap_or(full);
    let mut it = Candidate::new(
        0.6 + if rise.is_some() { 0.2 } else { 0.0 } + 0.1 * (1.0 - memory_part),
        mover,
        format!("{device} is at its limit"),
    );
    it.devices = vec![device.clone()];
    let (read, written) = (
        case.scene
            .signals
            .of("disk.own_read", &full.subject)
            .map_or(0.0, |s| s.integral(case.from, case.to)),
        case.scene
            .signals
            .of("disk.own_write", &full.subject)
            .map_or(0.0, |s| s.integral(case.from, case.to)),
    );
    it.variant = Some(if read >= written { "reads" } else { "writes" });
    let counters: &'static [ProcessCounter] = if read >= written {
        &[ProcessCounter::ReadBytes]
    } else {
        &[ProcessCounter::WriteBytes]
    };
    it.blame(
        &case.doers(full.from, full.to, Measure::Moved(counters)),
        if read >= written {
            "read bytes"
        } else {
            "bytes written"
        },
    );
    let who = it.who();
    let seconds = case.seconds();
    it.story = format!(
        "{who} asks {device} for {} ({} written); it is busy {:.0} % of the time and has no more to give. Memory has no part: {} reclaimed.",
        units::byte_rate(read / seconds),
        units::byte_rate(written / seconds),
        full.now,
        units::bytes(stolen)
    );
    it.evidence_for.extend(full.evidence.clone());
    it.evidence_for.push(evidence(format!(
        "{} of what was read had been evicted before",
        units::bytes(returned)
    )));
    it.advice.push(Advice {
        text: format!("Hold {who} back (io.max, ionice where the scheduler honours it) or move its data to another device"),
        because: format!("{device} gives {} at its limit", units::byte_rate((read + written) / seconds)),
    });
    candidate(it)
}
