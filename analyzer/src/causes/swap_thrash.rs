//! `swap_thrash`: pages go out to swap and come back.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Missing};
use crate::explain::harm::Wait;
use crate::processes::Measure;
use crate::units;
use model::ProcessCounter;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "swap_thrash",
    name: "swap thrash",
    summary: "pages go out to swap and come back",
    manual: "\
What    More anonymous memory is in use than fits: each page that comes in sends another out.
For     Swap-in and swap-out both above 100 pages/s for 10 seconds; swap-ins are a large part of the major faults.
Against No swap configured; swap-out alone, which tidies cold pages away.
Like    page_cache_flood in its mapped form (major faults, but no swap-in).
See     kernel.md 4.4.
",
    makes_wait_for: Wait::Memory,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let total = case
        .before("mem.swap_total")
        .or(case.peak("mem.swap_total").map(|p| p.1));
    let (read, written) = (case.sum("swap.in"), case.sum("swap.out"));
    let pages = |value: f64, text: String| case.number("swap.in", value, "pages", text);
    if total == Some(0.0) {
        return ruled_out(
            "no swap is configured; 0 pages in or out".into(),
            [pages(0.0, "SwapTotal is 0".into())],
        );
    }
    if case.signal("swap.in").is_none() {
        return Verdict::CannotTell(Missing {
            signal: "vmstat".into(),
            would_tell: "whether pages went to swap and back (pswpin, pswpout)".into(),
        });
    }
    let both = case
        .signal("swap.in")
        .zip(case.signal("swap.out"))
        .map_or(0, |(i, o)| {
            (case.from..=case.to)
                .filter(|&k| i.values[k] > 100.0 && o.values[k] > 100.0)
                .count()
        });
    let because = format!(
        "{} pages came from swap, {} went to it",
        units::count(read),
        units::count(written)
    );
    let mover = case.first("swap-in").or_else(|| case.first("swap-out"));
    let seconds = both as f64 * case.scene.window.interval;
    let Some(mover) = mover.filter(|_| seconds >= 3.0) else {
        return ruled_out(because.clone(), [pages(read, because)]);
    };
    let faults = case.sum("fault.major").max(1.0);
    let part = (read / faults).min(1.0);
    let lasting = (seconds / 10.0).min(1.0);
    let first = case
        .first("swap-out")
        .filter(|o| o.onset.best < mover.onset.best)
        .unwrap_or(mover);
    let mut it = Candidate::new(lasting * (0.7 + 0.25 * part), first, "swap thrash".into());
    it.blame(
        &case.doers(case.from, case.to, Measure::Moved(&[ProcessCounter::MajorFaults])),
        "major faults",
    );
    it.story = format!(
        "{because}; for {seconds:.0} s both at once. {:.0} % of the major faults are swap-ins; {} waits most.",
        100.0 * part,
        it.who()
    );
    it.evidence_for.push(pages(read, because));
    if let Some((device, bytes)) = case.busiest("disk.own_write", case.from, case.to)
        && bytes > 0.3 * written * case.page()
    {
        it.devices.push(device.subject.to_string());
    }
    it.advice.push(Advice {
        text: "Take something off the node, or give the group that grows a limit; faster swap only hides it"
            .into(),
        because: format!(
            "anonymous memory in use exceeds what fits by about {}",
            units::bytes(case.loss("mem.swap_free"))
        ),
    });
    candidate(it)
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn pages_go_out_and_come_back() {
        let story = Story::of(60).during(30..50, |m| {
            m.swap(40 * MB, 40 * MB);
            m.process("db").faults(9000);
            m.disk("vda").writes(600, 40 * MB);
        });
        expect![[r#"
            Warning: 9765 page faults a second wait for a disk for pages that were evicted
            0.95, at most Shown: no variant, from 30.00 s (30.00 to 31.00)
            devices ["vda"], processes ["db 100 % of major faults"]
            swap thrash
            195,300 pages came from swap, 195,300 went to it; for 20 s both at once. 100 % of the major faults are swap-ins; db (pid 4002) waits most.
            + 195,300 pages came from swap, 195,300 went to it
        "#]].assert_eq(&story.judges("swap_thrash"));
    }

    #[test]
    fn cold_pages_that_only_go_out_are_tidied_away() {
        let story = Story::of(60).during(30..50, |m| m.swap(0, 40 * MB));
        expect![[r#"
            ruled out: 0 pages came from swap, 195,300 went to it
        "#]]
        .assert_eq(&story.judges("swap_thrash"));
    }

    #[test]
    fn without_swap_there_is_none_and_without_vmstat_it_cannot_be_told() {
        let short = || {
            Story::of(60)
                .at(0, |m| (*m.meminfo("SwapTotal"), *m.meminfo("SwapFree")) = (0, 0))
                .during(30..45, |m| m.tasks(1, 4))
        };
        expect![[r#"
            ruled out: no swap is configured; 0 pages in or out
        "#]]
        .assert_eq(&short().judges("swap_thrash"));
        let blind = Story::of(60)
            .during(30..45, |m| m.tasks(1, 4))
            .lacking("vmstat", "");
        expect![[r#"
            cannot tell: vmstat would tell whether pages went to swap and back (pswpin, pswpout)
        "#]]
        .assert_eq(&blind.judges("swap_thrash"));
    }
}
