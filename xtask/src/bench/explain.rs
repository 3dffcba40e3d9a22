//! How long `analyzer explain` takes from the start of its process.

use super::{line, median};
use crate::{programs, workspace};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs of which the median is told.
const RUNS: usize = 20;
/// Milliseconds for ten minutes.
const TARGET_MS: f64 = 200.0;

/// Explains ten minutes of the published incident, each time in a new process, and answers a table.
pub(super) fn measure(analyzer: &Path, folder: &Path) -> Result<String> {
    let database = folder.join("post.db");
    programs::import(analyzer, &workspace::sample("page-cache-post"), &database)?;
    let database = database.to_string_lossy().into_owned();
    let window = ["--db", &database, "--from", "10:50", "--to", "11:00"];
    let whole = median_ms(analyzer, &[&["explain"], &window[..]].concat())?;
    let json = median_ms(analyzer, &[&["explain", "--json"], &window[..]].concat())?;
    let reading = median_ms(analyzer, &["cat", "meminfo", "--at", "10:55", "--db", &database])?;
    let nothing = median_ms(analyzer, &["--version"])?;
    let ms = |ms: f64| format!("{ms:.1} ms");
    let mut text = format!("Explaining ten minutes, 600 ticks: median of {RUNS} new processes\n");
    text += &line("explain", ms(whole), Some(("200 ms", whole < TARGET_MS)));
    text += &line("explain --json", ms(json), None);
    text += &line("of it: starting the program (--version)", ms(nothing), None);
    text += &line(
        "of it: opening and one reading (cat)",
        ms(reading - nothing),
        None,
    );
    text += &line("of it: columns, rules, causes, report", ms(whole - reading), None);
    Ok(text)
}

/// Median time from start to end of a process.
fn median_ms(analyzer: &Path, arguments: &[&str]) -> Result<f64> {
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = Instant::now();
        let output = Command::new(analyzer)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("cannot start the analyzer")?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("analyzer {}: {}", arguments.join(" "), said.trim());
        }
    }
    median(&times).context("no run")
}
