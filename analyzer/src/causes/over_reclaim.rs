//! `over_reclaim`: pages are reclaimed although free memory is far above the high watermark.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::explain::harm::Wait;
use crate::rules::least_free;
use crate::units;
use model::Subject;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "over_reclaim",
    name: "reclaim far above the high watermark",
    summary: "pages are reclaimed although free memory is far above the high watermark",
    manual: "\
What    kswapd works for a block size (order > 0) that fragmented memory cannot give, or towards a raised mark, and frees pages that
        nobody needs freed. On 2.6.32 it does so without end as long as each pass still finds 32 pages, which a read stream
        guarantees; from 3.10 on it gives up after twice the block size.
For     Scanning for 3 seconds or more with free at 3 times high in every zone; steal beyond inflow equals the rise of free memory; no
        direct reclaim; free memory in small pieces (buddyinfo).
Against drop_caches moved; steal is flat; free is near high.
Like    drop_caches, page_cache_flood (which keeps free between low and high).
See     kernel.md 0.2, 1.4, 2.2, 4.10; mm/vmscan.c of 2.6.32, balance_pgdat.
",
    makes_wait_for: Wait::Memory,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let zones: Vec<_> = case.scene.signals.each("zone.over_high").collect();
    if zones.is_empty() || case.signal("reclaim.kswapd_scan").is_none() {
        return Verdict::CannotTell(Missing {
            signal: "zoneinfo".into(),
            would_tell: "whether kswapd reclaimed although free memory was above its marks".into(),
        });
    }
    let Some(finding) = case.first("reclaim-above-high") else {
        let Some(scan) = case.first("kswapd-scan") else {
            return Verdict::Silent;
        };
        // Where kswapd scans with little free, say how little; the zone with most room decides.
        let room = zones
            .iter()
            .map(|z| (z.median(scan.from, scan.to), *z))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((ratio, zone)) = room.filter(|(r, _)| !r.is_nan()) else {
            return Verdict::Silent;
        };
        let evidence = case.scene.number(
            "zone.over_high",
            &zone.subject,
            scan.from,
            ratio,
            "ratio",
            format!(
                "free memory of {} is {ratio:.1} times its high mark with reserve while kswapd scans",
                zone.subject
            ),
        );
        return ruled_out(
            format!("while kswapd scans, the zone with most room has {ratio:.1} times its high mark free"),
            [evidence],
        );
    };
    let page = case.page();
    let (from, to) = (finding.from, finding.to);
    let surplus = case
        .signal("reclaim.surplus")
        .map_or(0.0, |s| s.integral(from, to));
    let stolen = case.signal("reclaim.steal").map_or(0.0, |s| s.integral(from, to)) * page;
    let free = case.signal("mem.free");
    let gained = free
        .and_then(|f| Some(f.max(from, to)?.1 - f.at_or_before(from.saturating_sub(1))?.1))
        .unwrap_or(f64::NAN);
    let ratio = least_free(case.scene.signals, from, to);
    let seconds = case.scene.window.ticks[to]
        .seconds_since(case.scene.window.ticks[from])
        .max(1.0);
    let long = (seconds / 30.0).clamp(0.2, 1.0);
    let mut it = Candidate::new(
        0.5 + 0.35 * long,
        finding,
        "reclaim far above the high watermark".into(),
    );
    it.at_most = Confidence::Likely;
    it.variant = Some("high_order");
    it.story = format!(
        "kswapd freed {} although every zone had at least {} times its high mark free, so it did not work for ordinary (order-0) \
         requests: reads alone cannot keep that much free.",
        units::bytes(stolen),
        units::count(ratio)
    );
    it.evidence_for.extend(finding.evidence.clone());
    it.evidence_for.push(case.number(
        "reclaim.surplus",
        surplus,
        "B",
        format!(
            "steal went {} beyond what was read; free memory rose by {}",
            units::bytes(surplus.max(0.0)),
            units::bytes(gained)
        ),
    ));
    if case.first("direct-reclaim").is_none() {
        let text = "no direct reclaim: nobody was below the min mark".to_string();
        it.evidence_for
            .push(case.number("reclaim.direct_entries", 0.0, "1/s", text));
    }
    let mut told = false;
    for blocks in case.scene.signals.each("buddy.free_blocks_ge4") {
        let Subject::Zone { .. } = blocks.subject else {
            continue;
        };
        let Some(all) = case.scene.signals.of("zone.free", &blocks.subject) else {
            continue;
        };
        let (large, all) = (blocks.median(from, to), all.median(from, to));
        if large.is_nan() || !(all > 0.0) {
            continue;
        }
        told = true;
        let few = large < 0.05 * all;
        let text = format!(
            "{}: {}{} of {} free pages lie in blocks of order 4 or more",
            blocks.subject,
            if few { "only " } else { "" },
            units::count(large),
            units::count(all)
        );
        let evidence = case.scene.number(
            "buddy.free_blocks_ge4",
            &blocks.subject,
            from,
            large,
            "pages",
            text,
        );
        if few {
            it.evidence_for.push(evidence)
        } else {
            it.evidence_against.push(evidence)
        }
    }
    if !told {
        it.missing.push(Missing {
            signal: "buddyinfo".into(),
            would_tell: "which block size (order) kswapd could not find".into(),
        });
    }
    it.missing.push(Missing {
        signal: "tracepoint mm_vmscan_kswapd_wake".into(),
        would_tell: "for which order kswapd was woken, and so who asked for it".into(),
    });
    it.advice.push(Advice {
        text: "Find who asks for large blocks (drivers' buffers, jumbo frames, huge pages) and stop the reads that feed kswapd meanwhile"
            .into(),
        because: "kswapd leaves the order only when a pass finds less than 32 pages (2.6.32), which a stream of reads prevents".into(),
    });
    candidate(it)
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn kswapd_works_for_large_blocks_with_plenty_free() {
        let story = Story::of(80).during(30..70, |m| {
            m.zone(1).whole = 0.0;
            m.kswapd(20_000, 40 * MB);
        });
        expect![[r#"
            Info: nobody is hurt
            0.85, at most Likely: high_order, from 30.00 s (30.00 to 31.00)
            devices [], processes []
            reclaim far above the high watermark
            kswapd freed 1.6 GB although every zone had at least 10 times its high mark free, so it did not work for ordinary (order-0) requests: reads alone cannot keep that much free.
            + reclaim.kswapd_scan: 0 pages/s before, 20,000 pages/s at its height
            + free is 11 times high
            + steal went 1.59 GB beyond what was read; free memory rose by 1.6 GB
            + no direct reclaim: nobody was below the min mark
            + 0/Normal: only 0 of 519,993 free pages lie in blocks of order 4 or more
            - 0/DMA32: 155,648 of 173,331 free pages lie in blocks of order 4 or more
            ? tracepoint mm_vmscan_kswapd_wake: for which order kswapd was woken, and so who asked for it
        "#]].assert_eq(&story.judges("over_reclaim"));
    }

    #[test]
    fn at_the_marks_kswapd_does_what_it_is_for() {
        let story = Story::of(60).at(20, |m| m.cache(1900 * MB)).during(30..50, |m| {
            m.reads_files("vdb", 60 * MB);
            m.kswapd(20_000, 60 * MB);
        });
        expect![[r#"
            ruled out: while kswapd scans, the zone with most room has 1.0 times its high mark free
        "#]]
        .assert_eq(&story.judges("over_reclaim"));
    }

    #[test]
    fn without_zoneinfo_it_cannot_be_told_and_without_scanning_nobody_would_think_of_it() {
        let blind = Story::of(60)
            .during(30..45, |m| m.kswapd(20_000, 40 * MB))
            .lacking("zoneinfo", "");
        expect![[r#"
            cannot tell: zoneinfo would tell whether kswapd reclaimed although free memory was above its marks
        "#]]
        .assert_eq(&blind.judges("over_reclaim"));
        let dropped = Story::of(60).at(30, |m| m.cache(-1500 * MB));
        expect![[r#"
            silent
        "#]]
        .assert_eq(&dropped.judges("over_reclaim"));
    }
}
