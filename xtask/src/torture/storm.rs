//! A reclaim storm: anonymous memory takes nearly all there is, and random reads of a file that does not fit into the rest turn the
//! page cache over, on the disk that the database is on.

use super::grid::{ALWAYS, Record};
use super::{Stage, Table, now, pause};
use crate::command;
use anyhow::{Context, Result, bail, ensure};
use std::time::Duration;

const SECONDS: u64 = 60;
/// Four ticks a second, so that one late tick in a hundred can be told from none.
const INTERVAL: &str = "250ms";
const MOST_LATE_MS: f64 = 50.0;
/// What anonymous memory leaves for everybody else, MiB.
const LEFT: u64 = 3072;
const THREADS: &str = "8";

/// Loads the machine for a minute, once it is full.
pub(super) fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    stage.load_program()?;
    let available = kilobytes("/proc/meminfo", "MemAvailable:")? / 1024;
    ensure!(
        available > 2 * LEFT,
        "{available} MiB are available: too few for a storm"
    );
    let file = stage.folder.join("large");
    let mib = 2 * LEFT;
    println!("  writing {mib} MiB to read from …");
    command::output(
        command::in_root("dd")
            .args([
                "if=/dev/urandom",
                "bs=1M",
                "oflag=direct",
                &format!("count={mib}"),
            ])
            .arg(format!("of={}", file.display())),
    )?;
    let held = measure(stage, table, &file.to_string_lossy(), available - LEFT, mib);
    std::fs::remove_file(&file)?;
    held
}

fn measure(stage: &mut Stage, table: &mut Table, file: &str, anonymous: u64, mib: u64) -> Result<()> {
    let database = stage.folder.join("x.db");
    let mut collector = stage.start(stage.collector(&database, &["--interval", INTERVAL]))?;
    collector.await_ticks(8)?;
    println!("  taking {anonymous} MiB, then reading for {SECONDS} s …");
    let eater = stage.load(&["t-eater", "anon", &anonymous.to_string(), "2000"])?;
    let readers = stage.load(&["t-reader", "randread", file, &mib.to_string(), "16", THREADS, "0"])?;
    let full = anonymous * 1024 * 9 / 10;
    for _ in 0..120 {
        if kilobytes(&format!("/proc/{}/status", eater.id()), "VmRSS:")? >= full {
            break;
        }
        pause(Duration::from_millis(500))?;
    }
    let (scanned, refaulted) = (counters("pgscan_")?, counters("workingset_refault_")?);
    let (before, since) = (collector.ticks(), now()?);
    pause(Duration::from_secs(SECONDS))?;
    let (during, until) = (collector.ticks() - before, now()?);
    let (scanned, refaulted) = (
        counters("pgscan_")? - scanned,
        counters("workingset_refault_")? - refaulted,
    );
    drop((readers, eater));
    collector.await_ticks(8)?;
    let (seen, status, _) = collector.end()?;
    table.told(
        "pages scanned and refaulted a second",
        format!("{} and {}", scanned / SECONDS, refaulted / SECONDS),
    );
    let record = Record::read(&database, ALWAYS.from)?;
    let stored = record.ticks() as u64 + 1;
    let of_storm = record
        .runs
        .iter()
        .flatten()
        .filter(|(at, _)| (since..=until).contains(at));
    let mut late: Vec<f64> = of_storm.map(|(_, late)| *late as f64 / 1e6).collect();
    late.sort_by(f64::total_cmp);
    let at = |part: f64| {
        late.get(((late.len() as f64 * part).ceil() as usize).saturating_sub(1))
            .copied()
            .unwrap_or(f64::NAN)
    };
    table.told(
        "ticks in the storm",
        format!("{during} seen, {} stored", late.len()),
    );
    table.must(
        &format!("99 % of ticks late by at most {MOST_LATE_MS} ms"),
        format!(
            "median {:.1}, 99 % {:.1}, most {:.1} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        ),
        at(0.99) <= MOST_LATE_MS,
    );
    table.must("beats without a tick", record.why(), record.missing == 0);
    table.must("ticks seen, stored", format!("{seen}, {stored}"), seen == stored);
    table.must("ended well", status, status.success());
    Ok(())
}

/// A number of a file such as /proc/meminfo.
fn kilobytes(path: &str, key: &str) -> Result<u64> {
    let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix(key) {
            return Ok(rest.trim().trim_end_matches(" kB").parse()?);
        }
    }
    bail!("no {key} in {path}")
}

/// The sum of all counters of /proc/vmstat that begin so, without those that split the same pages otherwise.
fn counters(start: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/vmstat")?;
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(start)?.split_once(' '));
    let ways = ["kswapd", "direct", "khugepaged", "proactive", "anon", "file"];
    let of_pages = |name: &str| {
        if start == "pgscan_" {
            ways[..4].contains(&name)
        } else {
            ways[4..].contains(&name)
        }
    };
    Ok(lines
        .filter(|(name, _)| of_pages(name))
        .filter_map(|(_, value)| value.parse::<u64>().ok())
        .sum())
}
