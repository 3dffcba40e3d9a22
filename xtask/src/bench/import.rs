//! How fast `analyzer import sar` takes in a week.

use super::cost::{Cost, cost};
use super::line;
use crate::torture::Random;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

const DAYS: u32 = 7;
/// Seconds between two rows of a table.
const STEP: u32 = 10;
const TARGET_MB: f64 = 50.0;
/// The quickest of so many is told.
const RUNS: usize = 3;

/// A table: its columns, who its rows are about (`""`: the machine), and how large its numbers become.
type TableOfSar = (&'static str, &'static [&'static str], f64);

const TABLES: [TableOfSar; 6] = [
    (
        "CPU %usr %nice %sys %iowait %steal %irq %soft %guest %idle",
        &["all", "0", "1", "2", "3", "4", "5", "6", "7"],
        20.0,
    ),
    (
        "pgpgin/s pgpgout/s fault/s majflt/s pgfree/s pgscank/s pgscand/s pgsteal/s %vmeff",
        &[""],
        700_000.0,
    ),
    (
        "kbmemfree kbmemused %memused kbbuffers kbcached kbcommit %commit",
        &[""],
        9_999_999.0,
    ),
    (
        "DEV tps rd_sec/s wr_sec/s avgrq-sz avgqu-sz await svctm %util",
        &["vgca0", "sda", "sdb", "md0"],
        2_000.0,
    ),
    (
        "IFACE rxpck/s txpck/s rxkB/s txkB/s rxcmp/s txcmp/s rxmcst/s",
        &["lo", "eth0", "eth1"],
        2_000.0,
    ),
    ("runq-sz plist-sz ldavg-1 ldavg-5 ldavg-15 blocked", &[""], 400.0),
];

/// Imports a week of random numbers, which is the worst case for what stores them, and answers a table.
pub(super) fn measure(analyzer: &Path, folder: &Path) -> Result<String> {
    let path = folder.join("week.sar");
    let bytes = write(&path)?;
    let mut best: Option<(Cost, u64)> = None;
    for _ in 0..RUNS {
        let database = folder.join("week.db");
        let _ = std::fs::remove_file(&database);
        let mut command = Command::new(analyzer);
        command
            .args(["import", "sar"])
            .arg(&path)
            .arg("--db")
            .arg(&database);
        let cost = cost(&mut command, &[0])?;
        if best.is_none_or(|(other, _)| cost.seconds < other.seconds) {
            best = Some((cost, std::fs::metadata(&database)?.len()));
        }
    }
    let (cost, stored) = best.context("no run")?;
    let megabytes = bytes as f64 / 1e6;
    let speed = megabytes / cost.seconds;
    let mut text = format!(
        "Importing {DAYS} days of sar's text, {megabytes:.0} MB, a row each {STEP} s: the quickest of {RUNS} runs\n"
    );
    text += &line(
        "MB a second, from start to end",
        format!("{speed:.0}"),
        Some((&TARGET_MB.to_string(), speed >= TARGET_MB)),
    );
    text += &line("seconds", format!("{:.2}", cost.seconds), None);
    text += &line("seconds of processors", format!("{:.2}", cost.cpu_seconds), None);
    text += &line("database", format!("{:.1} MB", stored as f64 / 1e6), None);
    Ok(text)
}

/// Writes it as sar prints it; answers how long it is.
fn write(path: &Path) -> Result<u64> {
    let mut random = Random::new(1);
    let mut out = BufWriter::new(File::create(path)?);
    let mut line = String::new();
    for day in 0..DAYS {
        let date = 10 + day;
        writeln!(
            out,
            "Linux 2.6.32-504.el6.x86_64 (node1) \t09/{date:02}/2016 \t_x86_64_\t(8 CPU)\n"
        )?;
        for (header, rows, largest) in TABLES {
            write!(out, "12:00:00 AM")?;
            for word in header.split(' ') {
                write!(out, "{word:>10}")?;
            }
            writeln!(out)?;
            let columns = header.split(' ').count();
            for second in (STEP..86_400).step_by(STEP as usize) {
                let (hour, half) = (second / 3600, if second < 43_200 { "AM" } else { "PM" });
                for row in rows {
                    line.clear();
                    let hour = (hour + 11) % 12 + 1;
                    write!(
                        line,
                        "{hour:02}:{:02}:{:02} {half}",
                        second / 60 % 60,
                        second % 60
                    )?;
                    if !row.is_empty() {
                        write!(line, "{row:>10}")?;
                    }
                    for _ in usize::from(!row.is_empty())..columns {
                        write!(line, "{:>10.2}", random.part() * largest)?;
                    }
                    line.push('\n');
                    out.write_all(line.as_bytes())?;
                }
            }
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(std::fs::metadata(path)?.len())
}
