//! What long histories cost, and how it grows with the span: time from the start of a new process, its CPU time, its memory.

use super::cost::cost;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// What is asked of a history, and what it should take at most on two idle cores: seconds and MiB.
type Question<'a> = (&'a str, &'a [&'a str], Option<(f64, f64)>);

const QUESTIONS: [Question; 13] = [
    (
        "explain, 10 min",
        &["explain", "--last", "10m"],
        Some((0.1, 300.0)),
    ),
    ("explain, 1 h", &["explain", "--last", "1h"], Some((1.5, 300.0))),
    ("explain, 2 h", &["explain", "--last", "2h"], Some((1.5, 300.0))),
    ("explain, 6 h", &["explain", "--last", "6h"], Some((1.5, 300.0))),
    ("explain, 24 h", &["explain", "--last", "24h"], Some((1.5, 300.0))),
    ("explain, 7 d", &["explain", "--last", "7d"], None),
    (
        "incidents, 24 h, nothing known",
        &["incidents", "--no-cache", "--last", "24h"],
        None,
    ),
    (
        "incidents, 7 d, nothing known",
        &["incidents", "--no-cache", "--last", "7d"],
        Some((10.0, 300.0)),
    ),
    (
        "incidents, 7 d, to be remembered",
        &["incidents", "--last", "7d"],
        None,
    ),
    (
        "incidents, 7 d, remembered",
        &["incidents", "--last", "7d"],
        Some((0.1, 300.0)),
    ),
    (
        "sql, one column of 24 h",
        &["sql", "SELECT max(MemFree) FROM meminfo", "--last", "24h"],
        Some((0.3, 300.0)),
    ),
    (
        "export, vmstat of 24 h as Parquet",
        &[
            "export",
            "--format",
            "parquet",
            "--last",
            "24h",
            "--table",
            "vmstat",
            "--out",
            "OUT/vmstat.parquet",
        ],
        Some((5.0, 1024.0)),
    ),
    (
        "export, all of 24 h as Parquet",
        &["export", "--format", "parquet", "--last", "24h", "--out", "OUT"],
        Some((5.0, 1024.0)),
    ),
];

/// Asks a copy of the history everything once, and answers a table.
pub(super) fn measure(analyzer: &Path, history: &Path, folder: &Path) -> Result<String> {
    let database = folder.join("history.db");
    std::fs::copy(history, &database).with_context(|| history.display().to_string())?;
    let out = folder.join("out");
    std::fs::create_dir_all(&out)?;
    let mut text = format!(
        "A long history, {:.0} MB: each question once, in a new process\n  {:<36} {:>9} {:>9} {:>9}\n",
        std::fs::metadata(&database)?.len() as f64 / 1e6,
        "",
        "time",
        "CPU",
        "memory"
    );
    for (what, arguments, target) in QUESTIONS {
        let mut command = Command::new(analyzer);
        for argument in arguments {
            command.arg(argument.replace("OUT", &out.to_string_lossy()));
        }
        // 4: a part of the span holds no data.
        let cost = cost(command.arg("--db").arg(&database), &[0, 4])?;
        let verdict = target.map_or(String::new(), |(seconds, mib)| {
            let met = cost.seconds <= seconds && cost.memory_mib <= mib;
            format!(
                "target {seconds} s, {mib} MiB: {}",
                if met { "met" } else { "MISSED" }
            )
        });
        let line = format!(
            "  {what:<36} {:>7.2} s {:>7.2} s {:>5.0} MiB   {verdict}",
            cost.seconds, cost.cpu_seconds, cost.memory_mib
        );
        writeln!(text, "{}", line.trim_end())?;
    }
    Ok(text)
}
