//! `anon_growth`: a process's anonymous memory grows and takes the cache, then worse.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Missing};
use crate::explain::harm::Wait;
use crate::processes::Measure;
use crate::units;
use model::ProcessCounter;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "anon_growth",
    name: "anonymous memory growth",
    summary: "a process's anonymous memory grows (leak or burst) and takes the cache, then worse",
    manual: "\
What    Heap or stack pages are touched faster than others are given back. They take free memory, then the file cache, then swap, then a
        process.
For     AnonPages grew by most of what free memory and file cache lost; one process grew by as much.
Against AnonPages flat. Shmem grew instead (shmem_growth). The group's own limit was hit with room on the host (cgroup_limit).
Like    a fork storm (many processes), a heap that fills to its configured size, huge pages collapsing (no growth).
See     kernel.md 4.3.
",
    makes_wait_for: Wait::Memory,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let Some(moved) = case.moved("mem.anon") else {
        return Verdict::CannotTell(Missing {
            signal: "meminfo".into(),
            would_tell: "whether anonymous memory grew (AnonPages)".into(),
        });
    };
    let grown = case.growth("mem.anon", case.to);
    let demand = case.demand();
    let share = demand.share(demand.anon);
    let lost = case.loss("mem.free") + case.loss("mem.file_cache");
    let evidence = |value: f64| {
        let text = format!("anonymous memory {moved}");
        let mut line = case.number("mem.anon", value, "B", text);
        line.baseline = case.before("mem.anon");
        line
    };
    let level = case.before("mem.anon").unwrap_or(0.0) + grown;
    let mover = case.first("anon-rise");
    if mover.is_none() || grown < (0.01 * case.memory()).max(100e6) || share < 0.2 {
        let because = format!(
            "anonymous memory {moved} while free memory and file cache lost {}",
            units::bytes(lost)
        );
        return ruled_out(because, [evidence(level)]);
    }
    let mover = mover.expect("tested above");
    let short = case.short_from.is_some();
    let killed_by_group =
        crate::causes::cgroup_limit::killed_in_group(case) || case.first("cgroup-reclaim").is_some();
    let weight = match (short, killed_by_group) {
        (_, true) => 0.45,
        (true, false) => 0.95,
        // It grew and nobody was short: worth a line.
        (false, false) => 0.4,
    };
    let mut it = Candidate::new(weight * (0.35 + 0.65 * share), mover, String::new());
    it.blame(
        &case.doers(mover.from, case.to, Measure::Grew(ProcessCounter::RssPages)),
        "growth of resident memory",
    );
    let seconds = case.scene.window.ticks[mover.to]
        .seconds_since(case.scene.window.ticks[mover.from])
        .max(1.0);
    let rate = mover.now;
    it.variant = Some(if seconds <= 5.0 || rate > 500e6 {
        "burst"
    } else {
        "leak"
    });
    let who = it.who();
    it.headline = format!(
        "{} of anonymous memory taken by {}",
        units::bytes(grown),
        name(&it)
    );
    it.story = format!(
        "{who} grows at {}; anonymous memory {moved} while free memory and file cache lost {}.",
        units::byte_rate(rate),
        units::bytes(lost)
    );
    it.evidence_for.push(evidence(level));
    it.evidence_for.push(case.number(
        "demand.anon_share",
        share,
        "ratio",
        format!(
            "anonymous memory was {:.0} % of what was taken{}",
            100.0 * share,
            if short { " while memory became short" } else { "" }
        ),
    ));
    if demand.file_read > 0.1 * demand.total() {
        let text = format!(
            "{} of file pages were read meanwhile",
            units::bytes(demand.file_read)
        );
        it.evidence_against
            .push(case.number("demand.file_read", demand.file_read, "B", text));
    }
    if it.processes.is_empty() {
        it.missing.push(Missing {
            signal: "/proc/PID/stat".into(),
            would_tell: "which process grew (rss)".into(),
        });
    }
    let free = case.before("mem.free").unwrap_or(0.0) + case.before("mem.file_cache").unwrap_or(0.0);
    it.advice.push(Advice {
        text: format!("Look at {who}; set memory.max (or memory.high) on its cgroup so that it meets its own limit first"),
        because: format!(
            "at {} it takes all free memory and file cache ({}) in {:.0} s",
            units::byte_rate(rate),
            units::bytes(free),
            free / rate.max(1.0)
        ),
    });
    candidate(it)
}

fn name(it: &Candidate) -> String {
    it.processes
        .first()
        .map_or_else(|| "an unknown process".into(), |p| p.comm.clone())
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// A heap takes all that is free in twenty seconds, then the file cache.
    fn heap() -> Story<'static> {
        Story::of(70)
            .during(30..60, |m| m.anon("hog", 100 * MB))
            .during(49..60, |m| m.kswapd(50_000, 100 * MB))
    }

    #[test]
    fn a_heap_takes_what_is_free_and_then_the_cache() {
        expect![[r#"
            Info: nobody is hurt
            0.95, at most Shown: leak, from 30.00 s (30.00 to 31.00)
            devices [], processes ["hog 100 % of growth of resident memory"]
            3 GB of anonymous memory taken by hog
            hog (pid 4002) grows at 100 MB/s; anonymous memory 3 GB → 6 GB while free memory and file cache lost 3 GB.
            + anonymous memory 3 GB → 6 GB
            + anonymous memory was 100 % of what was taken while memory became short
        "#]].assert_eq(&heap().judges("anon_growth"));
    }

    #[test]
    fn tmpfs_and_a_kill_at_a_groups_own_limit_look_like_it() {
        let tmpfs = Story::of(70)
            .during(30..60, |m| m.shmem(100 * MB))
            .during(49..60, |m| m.kswapd(50_000, 100 * MB));
        expect![[r#"
            ruled out: anonymous memory 3 GB → 3 GB while free memory and file cache lost 3 GB
        "#]]
        .assert_eq(&tmpfs.judges("anon_growth"));
        let group = heap().at(59, |m| {
            m.log("Memory cgroup out of memory: Killed process 7 (hog) total-vm:9kB, anon-rss:9kB")
        });
        let judged = group.judges("anon_growth");
        assert!(judged.contains("behind cgroup_limit"), "{judged}");
    }

    #[test]
    fn without_meminfo_it_cannot_be_told() {
        expect![[r#"
            cannot tell: meminfo would tell whether anonymous memory grew (AnonPages)
        "#]]
        .assert_eq(&heap().lacking("meminfo", "").judges("anon_growth"));
    }

    #[test]
    fn a_burst_is_no_leak_and_where_nobody_is_short_it_is_only_a_line() {
        let burst = Story::of(60)
            .during(30..33, |m| m.anon("hog", 630 * MB))
            .during(33..40, |m| m.kswapd(50_000, 50 * MB));
        let told = burst.judges("anon_growth");
        assert!(told.contains("burst, from 30.00 s"), "{told}");
        let fits = Story::of(60).during(30..45, |m| m.anon("hog", 50 * MB));
        expect![[r#"
            Info: nobody is hurt
            0.40, at most Shown: leak, from 30.00 s (30.00 to 31.00)
            devices [], processes ["hog 100 % of growth of resident memory"]
            750 MB of anonymous memory taken by hog
            hog (pid 4002) grows at 50 MB/s; anonymous memory 3 GB → 3.75 GB while free memory and file cache lost 750 MB.
            + anonymous memory 3 GB → 3.75 GB
            + anonymous memory was 100 % of what was taken
        "#]].assert_eq(&fits.judges("anon_growth"));
    }
}
