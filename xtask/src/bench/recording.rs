//! What the collector costs on this machine, against the floor, both at the same time.

use super::{Arguments, floor, line, median};
use crate::{children::Children, command};
use anyhow::{Context, Result};
use model::{TimeSpan, UnixNanos};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Seconds of recording as in use, processes included.
const SECONDS_IN_USE: u32 = 60;

/// Runs the collector over `ticks` ticks without processes, then for a minute as it is used, and answers a table.
pub(super) fn measure(collector: &Path, folder: &Path, arguments: &Arguments) -> Result<String> {
    let files = run(collector, folder, arguments, false)?;
    // Processes are looked at once a second whatever the interval: their cost can only be measured as in use.
    let in_use = Arguments {
        ticks: SECONDS_IN_USE,
        interval_ms: 1000,
        beside: None,
        web: false,
        days: None,
        page: false,
        history: None,
        import: false,
    };
    let all = run(collector, folder, &in_use, true)?;
    let (ratio, resident) = (files.median / files.floor, all.resident_mib);
    let mut text = format!(
        "Recording: {} of {} ticks of {} ms without processes, {} of {} ticks of 1 s with them, {} files, storage included\n",
        files.recorded, arguments.ticks, arguments.interval_ms, all.recorded, in_use.ticks, files.files
    );
    let us = |us: f64| format!("{us:.0} µs/tick");
    text += &line(
        "floor: only reading the same files, median",
        us(files.floor),
        None,
    );
    text += &line("collector, these files, median", us(files.median), None);
    text += &line(
        "collector against the floor",
        format!("{ratio:.2} ×"),
        Some(("3 ×", ratio <= 3.0)),
    );
    text += &line("collector, mean, compaction included", us(files.mean), None);
    text += &line("collector with processes at 1 s, median", us(all.median), None);
    text += &line("collector with processes at 1 s, mean", us(all.mean), None);
    text += &line(
        &format!("of one CPU, with {} processes", processes()),
        format!("{:.3} %", all.mean / 1e6 * 100.0),
        None,
    );
    text += &line(
        "resident memory",
        format!("{resident:.1} MiB"),
        Some(("20 MiB", resident <= 20.0)),
    );
    Ok(text + &line("its peak", format!("{:.1} MiB", all.peak_mib), None))
}

/// How many processes there are now.
fn processes() -> usize {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|e| e.file_name().to_string_lossy().parse::<u32>().is_ok())
        .count()
}

/// What one run came to. Times are of the CPU, in µs a tick.
struct Measured {
    files: usize,
    recorded: usize,
    floor: f64,
    median: f64,
    mean: f64,
    resident_mib: f64,
    peak_mib: f64,
}

fn run(collector: &Path, folder: &Path, arguments: &Arguments, processes: bool) -> Result<Measured> {
    let interval = Duration::from_millis(arguments.interval_ms);
    let ticks = arguments.ticks;
    let database = folder.join(if processes { "processes.db" } else { "files.db" });
    let mut children = Children::new();
    let mut command = command::in_root(collector);
    command.args(["run", "--interval", &format!("{}ms", arguments.interval_ms)]);
    if !processes {
        command.args(["--no-processes", "--no-cgroups"]);
    }
    let id = children.start("collector", command.arg("--db").arg(&database))?;
    // Opening files, learning templates and the first transaction are not what a tick costs.
    children.wait(Some(Duration::from_secs(2) + 5 * interval))?;
    let names = {
        let reader = store::Reader::open(&database).context("what the collector wrote")?;
        let all = reader.extent()?.context("the collector recorded nothing")?;
        reader
            .sources(all)?
            .iter()
            .map(|name| name.to_string())
            // Those of /proc: the floor reads the same.
            .filter(|name| !name.starts_with("cgroup/") && !name.starts_with("highwater/"))
            .collect::<Vec<_>>()
    };
    println!(
        "measuring {ticks} ticks of {} ms, {} files …",
        arguments.interval_ms,
        names.len()
    );
    let floor = {
        let names = names.clone();
        std::thread::spawn(move || floor::measure(&names, interval, ticks))
    };
    let begun = SystemTime::now();
    let first = cpu_ns(id)?;
    let (mut before, mut due) = (first, Instant::now());
    let mut costs = Vec::new();
    for _ in 0..ticks {
        due += interval;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let now = cpu_ns(id)?;
        costs.push((now - before) as f64 / 1e3);
        before = now;
    }
    let ended = SystemTime::now();
    let resident = kilobytes(id, "VmRSS")?;
    let peak = kilobytes(id, "VmHWM")?;
    let floor = floor
        .join()
        .map_err(|_| anyhow::anyhow!("the floor's loop panicked"))??;
    children.end()?;

    let span = TimeSpan::new(wall(begun)?, wall(ended)?);
    let recorded = store::Reader::open(&database)?.ticks(span)?.len();
    Ok(Measured {
        files: names.len(),
        recorded,
        floor: median(&floor).context("no tick")?,
        median: median(&costs).context("no tick")?,
        mean: (before - first) as f64 / 1e3 / recorded.max(1) as f64,
        resident_mib: resident as f64 / 1024.0,
        peak_mib: peak as f64 / 1024.0,
    })
}

/// CPU time of all threads of a process.
pub(super) fn cpu_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    let tasks = format!("/proc/{pid}/task");
    for task in std::fs::read_dir(&tasks).with_context(|| tasks.clone())? {
        let schedstat = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let on_cpu = schedstat
            .split(' ')
            .next()
            .and_then(|first| first.parse::<u64>().ok());
        sum += on_cpu.context("schedstat of a thread")?;
    }
    Ok(sum)
}

/// A line of /proc/PID/status in kB.
fn kilobytes(pid: u32, key: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    status
        .lines()
        .find_map(|line| {
            let rest = line.strip_prefix(key)?.strip_prefix(':')?;
            rest.trim().strip_suffix(" kB")?.parse().ok()
        })
        .with_context(|| format!("no {key} in /proc/{pid}/status"))
}

fn wall(time: SystemTime) -> Result<UnixNanos> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(UnixNanos(i64::try_from(since.as_nanos())?))
}
