//! What long histories cost, and how it grows with the span: time from the start of a new process, its CPU time, its memory.

use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::mem::MaybeUninit;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a process took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    seconds: f64,
    cpu_seconds: f64,
    /// The most that was resident.
    memory_mib: f64,
}

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
        let cost = cost(command.arg("--db").arg(&database))?;
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

/// Runs a program to its end.
fn cost(command: &mut Command) -> Result<Cost> {
    let start = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the analyzer")?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both places are ours and large enough; nobody else waits for this child.
    let waited = unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, usage.as_mut_ptr()) };
    let seconds = start.elapsed().as_secs_f64();
    if waited < 0 {
        return Err(std::io::Error::last_os_error()).context("wait4");
    }
    // 4: a part of the span holds no data.
    if !libc::WIFEXITED(status) || ![0, 4].contains(&libc::WEXITSTATUS(status)) {
        bail!("{command:?} ended with wait status {status:#x}");
    }
    // SAFETY: zeroed is a valid rusage, and the kernel filled it in.
    let usage = unsafe { usage.assume_init() };
    let time = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(Cost {
        seconds,
        cpu_seconds: time(usage.ru_utime) + time(usage.ru_stime),
        memory_mib: usage.ru_maxrss as f64 / 1024.0,
    })
}
