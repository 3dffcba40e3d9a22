//! `device_saturation`: a device is at its limit by the I/O asked of it.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::Advice;
use crate::explain::harm::Wait;
use crate::processes::Measure;
use crate::rules::Finding;
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
        (writeback_storm). Slower at equal work (device_slow). It completes nothing (blocked_tasks). It moves what no program asked
        for (raid_resync).
Like    raid_resync.
See     kernel.md 4.14, 5.5.
",
    makes_wait_for: Wait::Disk,
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
    if let Some(because) = not_asked_for(case, full) {
        let evidence = case.scene.number(
            full.signal,
            &full.subject,
            full.to,
            full.now,
            full.unit,
            because.clone(),
        );
        return ruled_out(because, [evidence]);
    }
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
    let moved = |name: &str| {
        let signal = case.scene.signals.of(name, &full.subject);
        signal.map_or(0.0, |s| s.integral(full.from, full.to))
    };
    let (read, written) = (moved("disk.own_read"), moved("disk.own_write"));
    let discards = moved("disk.discards");
    it.variant = Some(match read + written {
        0.0 if discards > 0.0 => "discards",
        _ if read >= written => "reads",
        _ => "writes",
    });
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
    let seconds = seconds_of(case, full);
    let rate = |bytes: f64| units::byte_rate(bytes / seconds);
    // The other direction, which may be another's, where it is no trifle.
    let besides = |bytes: f64, what: &str| match bytes >= 0.05 * (read + written) {
        true => format!(", and {} {what} it", rate(bytes)),
        false => String::new(),
    };
    let asked = match it.variant {
        Some("discards") => format!(
            "{device} is asked to discard {} times a second, as when a file system is trimmed",
            units::count(discards / seconds)
        ),
        Some("reads") => format!(
            "{who} reads {} from {device}{}",
            rate(read),
            besides(written, "are written to")
        ),
        _ => format!(
            "{who} writes {} to {device}{}",
            rate(written),
            besides(read, "are read from")
        ),
    };
    it.story = format!(
        "{asked}; it is busy {:.0} % of the time and has no more to give. Memory has no part: {} reclaimed.",
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

/// The seconds that a finding stands for: each of its ticks covers the time since the tick before.
fn seconds_of(case: &Case, finding: &Finding) -> f64 {
    let ticks = &case.scene.window.ticks;
    let since = finding.from.saturating_sub(1);
    ticks[finding.to]
        .seconds_since(ticks[since])
        .max(case.scene.window.interval)
}

/// Why a full device is not full by what programs ask of it, if it is not.
fn not_asked_for(case: &Case, full: &Finding) -> Option<String> {
    let (from, to, device) = (full.from, full.to, &full.subject);
    let of = |name: &str| case.scene.signals.of(name, device);
    // In flight and nothing completed: it does not answer (kernel.md 4.15), which is no load.
    if let (Some(reads), Some(writes)) = (of("disk.reads"), of("disk.writes")) {
        // Trimming a file system or emptying a cache is an answer, too, on kernels that count it.
        let others: Vec<_> = ["disk.discards", "disk.flushes"]
            .iter()
            .filter_map(|n| of(n))
            .collect();
        let is_silent =
            |i: usize| reads.values[i] + writes.values[i] == 0.0 && !others.iter().any(|s| s.values[i] > 0.0);
        let silent = (from..=to).filter(|&i| is_silent(i)).count();
        if 2 * silent > to - from + 1 {
            let seconds = silent as f64 * case.scene.window.interval;
            return Some(format!(
                "{device} completed no request for {seconds:.0} s: it does not answer"
            ));
        }
    }
    // What md asks of its members is in diskstats and not in pgpgin (kernel.md 4.16, M3).
    let asked: f64 = ["disk.own_read", "disk.own_write"]
        .iter()
        .filter_map(|n| of(n))
        .map(|s| s.integral(from, to))
        .sum();
    let submitted =
        case.signal("io.inflow")?.integral(from, to) + case.signal("io.outflow")?.integral(from, to);
    (submitted < 0.5 * asked).then(|| {
        format!(
            "{device} moved {}, of which the kernel counts {} as asked for by programs (pgpgin, pgpgout)",
            units::bytes(asked),
            units::bytes(submitted)
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// Reads past the cache, as many as the disk can give.
    fn full() -> Story<'static> {
        Story::of(60).during(30..50, |m| {
            m.disk("vdb").reads(1500, 190 * MB).wait_ms(12.0).busy(98.0);
            m.process("fio").reads(190 * MB);
            m.tasks(1, 6);
            m.pressure("io", 80.0, 60.0);
        })
    }

    #[test]
    fn more_is_asked_than_the_disk_gives() {
        expect![[r#"
            Warning: a device is full and tasks wait for I/O 80 % of the time
            0.90, at most Shown: reads, from 30.00 s (30.00 to 31.00)
            devices ["vdb"], processes ["fio 100 % of read bytes"]
            vdb is at its limit
            fio (pid 4002) reads 190 MB/s from vdb; it is busy 98 % of the time and has no more to give. Memory has no part: 0 B reclaimed.
            + disk.busy: 3 % before, 98 % at its height
            + requests wait 12 ms on the median
            + 18 requests in the queue on the mean
            + 0 B of what was read had been evicted before
        "#]].assert_eq(&full().judges("device_saturation"));
    }

    #[test]
    fn a_disk_full_of_evicted_pages_or_of_writeback_is_full_in_consequence() {
        let evicted = full().during(30..50, |m| {
            m.cache(190 * MB);
            m.kswapd(60_000, 190 * MB);
            m.count("workingset_refault_file", 40_000);
        });
        expect![[r#"
            ruled out: vdb is full while reclaim stole 3.8 GB: 3.28 GB came back after eviction
        "#]]
        .assert_eq(&evicted.judges("device_saturation"));
        let writeback = full().during(30..50, |m| *m.meminfo("Dirty") = 400 * MB);
        expect![[r#"
            ruled out: vdb is full of writeback: dirty memory reached 0.98 of the background threshold
        "#]]
        .assert_eq(&writeback.judges("device_saturation"));
    }

    #[test]
    fn a_disk_that_does_not_answer_is_not_loaded() {
        let story = Story::of(60).during(30..50, |m| {
            m.disk("vdb").hangs();
            m.pressure("io", 100.0, 90.0);
        });
        expect![[r#"
            ruled out: vdb completed no request for 20 s: it does not answer
        "#]]
        .assert_eq(&story.judges("device_saturation"));
    }

    #[test]
    fn a_disk_that_is_trimmed_answers() {
        let story = Story::of(60).during(30..50, |m| {
            m.disk("vdb").hangs().discards(40);
            m.pressure("io", 100.0, 90.0);
        });
        expect![[r#"
            Warning: a device is full and tasks wait for I/O 100 % of the time
            0.70, at most Shown: discards, from 30.00 s (30.00 to 31.00)
            devices ["vdb"], processes []
            vdb is at its limit
            vdb is asked to discard 40 times a second, as when a file system is trimmed; it is busy 100 % of the time and has no more to give. Memory has no part: 0 B reclaimed.
            + disk.busy: 3 % before, 100 % at its height
            + 3 requests in the queue on the mean
            + 0 B of what was read had been evicted before
        "#]].assert_eq(&story.judges("device_saturation"));
    }

    #[test]
    fn a_fast_disk_that_is_busy_is_not_full_and_without_diskstats_nobody_knows() {
        let fast = Story::of(60).during(30..50, |m| {
            m.disk("vdb").reads(5000, 600 * MB).wait_ms(0.1).busy(60.0);
            m.tasks(1, 6);
        });
        expect![[r#"
            ruled out: the busiest device, vdb, is busy 60 % on the median
        "#]]
        .assert_eq(&fast.judges("device_saturation"));
        expect![[r#"
            silent
        "#]]
        .assert_eq(&full().lacking("diskstats", "").judges("device_saturation"));
    }

    #[test]
    fn synchronous_writes_fill_a_disk_as_well() {
        let story = Story::of(60).during(30..50, |m| {
            m.disk("vdb").writes(900, 60 * MB).wait_ms(15.0).busy(99.0);
            m.process("journal").writes(60 * MB);
        });
        let told = story.judges("device_saturation");
        assert!(
            told.contains("at most Shown: writes")
                && told.contains("journal (pid 4002) writes 60 MB/s to vdb; it is busy 99 % of the time"),
            "{told}"
        );
    }
}
