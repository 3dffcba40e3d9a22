//! `page_cache_flood`: reads turn the page cache over and evict what others need.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Missing};
use crate::explain::harm::Wait;
use crate::processes::Measure;
use crate::units;
use model::{ProcessCounter, Subject};

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "page_cache_flood",
    name: "page cache flood",
    summary: "reads turn the page cache over and evict what others need",
    manual: "\
What    A stream of reads, or a working set larger than memory, fills free memory with file pages; kswapd wakes and evicts as much
        as comes in; among it are pages that others need, which they read again from their own disks.
For     Steal equals inflow while it scans (M2); the device's reads began before kswapd scanned; file pages took most of the memory
        that went; the evicted pages come back as refaults and major faults.
Against Anonymous, shared or kernel memory grew as much (see those causes); nothing was stolen (the data fitted, or was read directly).
Like    anon_growth, over_reclaim, device_saturation, a backup that fits.
See     kernel.md 4.1, 4.2, 5.1.
",
    makes_wait_for: Wait::Memory,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let stolen = case.stolen_bytes();
    let inflow = case.sum("io.inflow");
    let memory = case.memory();
    if case.signal("io.inflow").is_none() || case.signal("reclaim.steal").is_none() {
        return Verdict::CannotTell(Missing {
            signal: "vmstat".into(),
            would_tell: "whether reads turned the page cache over (pgpgin, pgsteal)".into(),
        });
    }
    let demand = case.demand();
    let share = demand.share(demand.file_read);
    let evidence = case.number(
        "reclaim.steal",
        stolen / case.page(),
        "pages",
        format!(
            "{} of pages were stolen, {} read in",
            units::bytes(stolen),
            units::bytes(inflow)
        ),
    );
    // Turnover worth the name: a hundredth of the memory, evicted.
    if stolen < 0.01 * memory || case.short_from.is_none() {
        let because = format!(
            "{} read in, but only {} of page cache was reclaimed",
            units::bytes(inflow),
            units::bytes(stolen)
        );
        return ruled_out(because, [evidence]);
    }
    let end = case.phase_end();
    let mover = case
        .each("device-read-rise")
        .filter(|f| f.from <= case.short_from.unwrap_or(case.to) + 2)
        .max_by(|a, b| {
            let bytes = |s: &Subject| {
                case.scene
                    .signals
                    .of("disk.own_read", s)
                    .map_or(0.0, |x| x.integral(case.from, end))
            };
            bytes(&a.subject).total_cmp(&bytes(&b.subject))
        });
    let Some(mover) = mover else {
        let faults = case.typical("fault.major");
        let because = format!(
            "no device was read more before memory was short; what is read afterwards comes back by {} page faults a second",
            units::count(if faults.is_nan() { 0.0 } else { faults })
        );
        return ruled_out(because, [evidence]);
    };
    let device = mover.subject.to_string();
    let read = case.scene.signals.of("disk.own_read", &mover.subject);
    let bytes = read.map_or(0.0, |s| s.integral(case.from, end));
    let all: f64 = case
        .scene
        .signals
        .each("disk.own_read")
        .map(|s| s.integral(case.from, end))
        .sum();
    let of_device = if all > 0.0 { bytes / all } else { 0.0 };
    if share < 0.25 {
        let because = format!(
            "{} of file pages were asked for while memory became short, but {} of other memory was taken",
            units::bytes(demand.file_read),
            units::bytes(demand.total() - demand.file_read)
        );
        return ruled_out(because, [evidence]);
    }
    let balance = stolen / inflow.max(1.0);
    let harmed = ["refault-storm", "major-fault-storm"]
        .iter()
        .any(|r| case.first(r).is_some());
    let score = 0.55 + 0.35 * share + if harmed { 0.08 } else { 0.0 };
    let rate = mover.now;
    let mut it = Candidate::new(score, mover, String::new());
    it.devices = vec![device.clone()];
    it.blame(
        &case.doers(case.from, end, Measure::Moved(&[ProcessCounter::ReadBytes])),
        "read bytes",
    );
    let returned = case.sum("refault.file") / (stolen / case.page()).max(1.0);
    let faulted = case.sum("fault.major") * case.page() / inflow.max(1.0);
    it.variant = Some(if returned > 0.5 && faulted < 0.5 {
        "reread"
    } else if faulted >= 0.5 {
        "mapped"
    } else {
        "stream"
    });
    it.headline = format!("page cache flood from {device}");
    let who = it.who();
    // A lead is told where the bounds leave no doubt of it, or a tick is a second.
    let lead = case
        .first("kswapd-scan")
        .filter(|k| case.scene.window.interval <= 1.5 || mover.onset.latest < k.onset.earliest)
        .map(|k| k.onset.best.seconds_since(mover.onset.best));
    let when = match lead {
        Some(lead) if lead >= 0.5 => format!("{lead:.1} s later kswapd woke"),
        _ if case.scene.window.interval > 1.5 => "kswapd woke within the same interval".into(),
        _ => "kswapd woke within the same second".into(),
    };
    let scanned = case.first("kswapd-scan").map_or(case.seconds(), |k| {
        case.scene.window.ticks[k.to].seconds_since(k.onset.best)
    });
    it.story = format!(
        "{who} reads files on {device} at {}, {:.0} % of all that is read. {when} and evicted {} in {:.0} s, as much as came in \
         ({:.0} %).",
        units::byte_rate(rate),
        100.0 * of_device,
        units::bytes(stolen),
        scanned,
        100.0 * balance
    );
    it.evidence_for.extend(mover.evidence.clone());
    it.evidence_for.push(evidence);
    it.evidence_for.push(case.number(
        "demand.file_share",
        share,
        "ratio",
        format!(
            "file pages were {:.0} % of the memory taken while it became short",
            100.0 * share
        ),
    ));
    if let Some((tick, value)) = case.peak("refault.file") {
        let text = format!("{} evicted pages a second are read again", units::count(value));
        it.evidence_for.extend(case.evidence("refault.file", tick, text));
    }
    if demand.anon > 0.1 * demand.total() {
        let text = format!("anonymous memory grew by {} meanwhile", units::bytes(demand.anon));
        it.evidence_against
            .push(case.number("demand.anon", demand.anon, "B", text));
    }
    it.evidence_for.extend(each_row(case));
    it.missing = missing(case, it.processes.is_empty(), &who);
    if case.scene.window.interval > 1.5 {
        it.missing.push(Missing {
            signal: "a reading each second".into(),
            would_tell: format!(
                "what came first: within {:.0} s all of it began",
                case.scene.window.interval
            ),
        });
    }
    let reader = if who == "somebody" {
        "the reader".into()
    } else {
        who.clone()
    };
    it.advice = advice(case, &reader, rate);
    candidate(it)
}

/// Where a row stands for minutes: what reclaim stole of what came in, row by row. The same in each is turnover and no burst.
fn each_row(case: &Case) -> Option<crate::explain::document::Evidence> {
    if case.scene.window.interval < 10.0 {
        return None;
    }
    let (steal, inflow) = (case.signal("reclaim.steal")?, case.signal("io.inflow")?);
    let shares: Vec<f64> = (case.from..=case.to)
        .filter(|&i| steal.values[i] > 0.0 && inflow.values[i] >= 1e6)
        .map(|i| steal.values[i] * case.page() / inflow.values[i])
        .collect();
    let (low, high) = shares
        .iter()
        .fold((f64::INFINITY, 0.0f64), |(l, h), s| (l.min(*s), h.max(*s)));
    (shares.len() >= 2).then(|| {
        let text = format!(
            "in each of {} rows reclaim stole {:.0}–{:.0} % of what was read in",
            shares.len(),
            100.0 * low,
            100.0 * high
        );
        case.number("reclaim.steal", crate::onset::median(&shares), "ratio", text)
    })
}

fn missing(case: &Case, nobody: bool, who: &str) -> Vec<Missing> {
    let mut missing = Vec::new();
    if nobody {
        missing.push(Missing {
            signal: "/proc/PID/io".into(),
            would_tell: "which process reads: read_bytes of each (needs root or the same user)".into(),
        });
    } else {
        missing.push(Missing {
            signal: "open files of the reader".into(),
            would_tell: format!("which file {who} reads: names of open files are not recorded"),
        });
    }
    if case.signal("refault.file").is_none() {
        missing.push(Missing {
            signal: "vmstat workingset_refault".into(),
            would_tell: "whether the faulting pages had been evicted (this kernel does not count it)".into(),
        });
    }
    missing
}

fn advice(case: &Case, who: &str, rate: f64) -> Vec<Advice> {
    let mut advice = Vec::new();
    let inactive = case.before("mem.inactive_file").unwrap_or(0.0);
    advice.push(Advice {
        text: format!(
            "Let {who} read past the page cache (O_DIRECT, or POSIX_FADV_DONTNEED behind it), or hold it back with io.max on its cgroup"
        ),
        because: format!(
            "at {} each GB of memory is filled in {:.1} s; more memory would only move the beginning",
            units::byte_rate(rate),
            1e9 / rate.max(1.0)
        ),
    });
    let needed = case.before("mem.mapped").unwrap_or(0.0);
    if needed > 0.0 && case.first("major-fault-storm").is_some() {
        advice.push(Advice {
            text: format!(
                "Protect what is in use: memory.low of about {} for the services that fault",
                units::bytes(needed)
            ),
            because: format!(
                "{} of file pages were mapped before, and {} were on the inactive list",
                units::bytes(needed),
                units::bytes(inactive)
            ),
        });
    }
    advice
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// A stream of reads that fills what is free in four seconds; what it evicts others fault back.
    fn flood() -> Story<'static> {
        Story::of(90)
            .during(30..80, |m| {
                m.reads_files("vdb", 480 * MB);
                m.process("scanner").reads(480 * MB);
            })
            .during(34..80, |m| {
                m.kswapd(130_000, 480 * MB);
                m.count("workingset_refault_file", 400);
                m.count("pgmajfault", 300);
            })
    }

    #[test]
    fn a_stream_evicts_as_much_as_it_brings() {
        expect![[r#"
            Warning: 300 page faults a second wait for a disk for pages that were evicted
            0.98, at most Shown: stream, from 30.00 s (30.00 to 31.00)
            devices ["vdb"], processes ["scanner 100 % of read bytes"]
            page cache flood from vdb
            scanner (pid 4002) reads files on vdb at 480 MB/s, 100 % of all that is read. 4.0 s later kswapd woke and evicted 22.1 GB in 46 s, as much as came in (92 %).
            + disk.own_read: 164 kB/s before, 480 MB/s at its height
            + 22.1 GB of pages were stolen, 24 GB read in
            + file pages were 100 % of the memory taken while it became short
            + 400 evicted pages a second are read again
            ? open files of the reader: which file scanner (pid 4002) reads: names of open files are not recorded
        "#]].assert_eq(&flood().judges("page_cache_flood"));
    }

    #[test]
    fn without_processes_the_device_is_named_and_without_vmstat_nothing_can_be_told() {
        let nobody = flood().without_processes().judges("page_cache_flood");
        assert!(
            nobody.contains("somebody reads files on vdb") && nobody.contains("? /proc/PID/io"),
            "{nobody}"
        );
        let blind = flood().during(30..80, |m| m.tasks(1, 4)).lacking("vmstat", "");
        expect![[r#"
            cannot tell: vmstat would tell whether reads turned the page cache over (pgpgin, pgsteal)
        "#]]
        .assert_eq(&blind.judges("page_cache_flood"));
    }

    #[test]
    fn a_backup_that_fits_evicts_nothing() {
        let story = Story::of(60).during(30..45, |m| {
            m.reads_files("vdb", 100 * MB);
            m.tasks(1, 4);
        });
        expect![[r#"
            ruled out: 1.51 GB read in, but only 0 B of page cache was reclaimed
        "#]]
        .assert_eq(&story.judges("page_cache_flood"));
    }

    #[test]
    fn a_heap_that_pushes_the_cache_out_makes_reads_but_is_not_made_by_them() {
        let story = Story::of(80)
            .during(30..60, |m| m.anon("hog", 100 * MB))
            .during(48..60, |m| {
                m.kswapd(50_000, 110 * MB);
                m.reads_files("vdb", 10 * MB);
                m.count("pgmajfault", 2000);
            });
        expect![[r#"
            ruled out: 13.8 MB of file pages were asked for while memory became short, but 2.2 GB of other memory was taken
        "#]].assert_eq(&story.judges("page_cache_flood"));
    }

    #[test]
    fn a_working_set_larger_than_memory_reads_what_it_evicted() {
        let reread = Story::of(90)
            .during(30..34, |m| m.reads_files("vdb", 480 * MB))
            .during(34..80, |m| {
                m.reads_files("vdb", 200 * MB);
                m.kswapd(60_000, 200 * MB);
                m.count("workingset_refault_file", 40_000);
            });
        let told = reread.judges("page_cache_flood");
        assert!(told.contains("reread, from 30.00 s"), "{told}");
    }
}
