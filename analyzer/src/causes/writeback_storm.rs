//! `writeback_storm`: writes dirty memory faster than a device takes it.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Evidence, Missing};
use crate::explain::harm::Wait;
use crate::processes::Measure;
use crate::rules::Finding;
use crate::signals::Signal;
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
    makes_wait_for: Wait::Disk,
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
        if let Some(against) = slowed(case, device, mover) {
            it.score *= 0.5;
            it.evidence_against.push(against);
        }
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
    // What it takes while it is full, not what it took before and after.
    let busiest = case.busiest("disk.own_write", case.from, case.to);
    let taken = busiest.map_or(f64::NAN, |(device, _)| {
        let span = case
            .first_of("device-saturated", &device.subject)
            .or(writeback)
            .unwrap_or(mover);
        device.median(span.from, span.to)
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

/// A device that takes less than it did, each request later: dirty memory piles up because completion slowed (kernel.md 4.15).
fn slowed(case: &Case, device: &Signal, mover: &Finding) -> Option<Evidence> {
    let slow = case.first_of("device-latency-rise", &device.subject)?;
    let (before, now) = (case.calm_of(device), device.median(mover.from, mover.to));
    let is_first = slow.onset.best <= mover.onset.best + 2_000_000_000;
    (is_first && before >= 1e6 && now < 0.8 * before).then(|| {
        let text = format!(
            "{} takes {} where it took {} before: it became slow",
            device.subject,
            units::byte_rate(now),
            units::byte_rate(before)
        );
        let (scene, tick) = (case.scene, mover.from);
        scene.number(device.name, &device.subject, tick, now, device.unit, text)
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// A writer, the disk full of it, and so much dirty memory; the background threshold is 410 MB.
    fn writer(dirty_megabytes: i64) -> Story<'static> {
        Story::of(70).during(30..55, move |m| {
            m.process("dd").writes(130 * MB);
            m.disk("vdb").writes(800, 100 * MB).wait_ms(20.0).busy(99.0);
            *m.meminfo("Dirty") = (MB * 100 * (m.second as i64 - 29)).min(dirty_megabytes * MB);
            *m.meminfo("Writeback") = if dirty_megabytes > 100 { 60 * MB } else { 2 * MB };
        })
    }

    #[test]
    fn a_writer_dirties_more_than_the_disk_takes() {
        expect![[r#"
            Info: nobody is hurt
            0.95, at most Shown: no variant, from 30.01 s (30.00 to 31.00)
            devices ["vdb"], processes ["dd 100 % of bytes dirtied"]
            writeback storm on vdb
            dd (pid 4002) writes faster than vdb takes it (100 MB/s): dirty memory at most 405 MB, background threshold 410 MB; up to 60 MB under writeback.
            + dirty memory at most 405 MB, background threshold 410 MB
            + 60 MB under writeback
            + disk.busy: 3 % before, 99 % at its height
            + requests wait 20 ms on the median
            + 16 requests in the queue on the mean
        "#]].assert_eq(&writer(405).judges("writeback_storm"));
    }

    #[test]
    fn a_disk_full_of_synchronous_writes_leaves_nothing_dirty() {
        expect![[r#"
            ruled out: dirty memory at most 20 MB, background threshold 410 MB
        "#]]
        .assert_eq(&writer(20).judges("writeback_storm"));
    }

    #[test]
    fn without_meminfo_it_cannot_be_told() {
        expect![[r#"
            cannot tell: meminfo would tell whether dirty memory piled up (Dirty, Writeback)
        "#]]
        .assert_eq(&writer(405).lacking("meminfo", "").judges("writeback_storm"));
    }

    #[test]
    fn dirty_memory_that_piles_up_because_the_disk_became_slow_is_the_disks_doing() {
        let story = Story::of(90)
            .during(0..30, |m| {
                m.disk("vdb").writes(200, 50 * MB).wait_ms(2.0);
            })
            .during(30..75, |m| {
                m.disk("vdb")
                    .reads(2, 8192)
                    .writes(40, 10 * MB)
                    .wait_ms(80.0)
                    .busy(99.0)
                    .in_flight(8);
                m.pressure("io", 80.0, 60.0);
                *m.meminfo("Dirty") = (40 * MB * (m.second as i64 - 29)).min(405 * MB);
                *m.meminfo("Writeback") = 60 * MB;
            });
        let told = story.judges("writeback_storm");
        assert!(told.contains("behind device_slow"), "{told}");
    }
}
