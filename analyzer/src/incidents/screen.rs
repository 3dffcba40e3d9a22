//! Where could anybody have been hurt? A quick look through days by a few columns.
//!
//! An incident needs harm ([`crate::explain::harm`]), and harm is a quantile of a signal above a level. Where no tick reaches that
//! level there was none: a *necessary* condition, so that nothing is missed, and cheap, because a dozen columns decide it. What
//! passes is explained in full and may turn out harmless.

use crate::signals::Signals;
use crate::window::{Chosen, Window};
use model::{Subject, TimeSpan, UnixNanos};
use store::Reader;

/// A level that a signal of the host has to reach for so many ticks of ten to have hurt anybody.
struct Level {
    signal: &'static str,
    least: f64,
    ticks: usize,
}

/// One line for each harm that [`crate::explain::harm::worst`] knows.
const LEVELS: [Level; 11] = [
    Level {
        signal: "oom.kills",
        least: f64::MIN_POSITIVE,
        ticks: 1,
    },
    Level {
        signal: "psi.memory_some",
        least: 10.0,
        ticks: 1,
    },
    Level {
        signal: "fault.major",
        least: 50.0,
        ticks: 1,
    },
    Level {
        signal: "swap.in",
        least: 100.0,
        ticks: 1,
    },
    Level {
        signal: "reclaim.direct_entries",
        least: 5.0,
        ticks: 2,
    },
    Level {
        signal: "psi.io_some",
        least: 40.0,
        ticks: 2,
    },
    Level {
        signal: "cpu.steal",
        least: 10.0,
        ticks: 3,
    },
    Level {
        signal: "psi.cpu_some",
        least: 30.0,
        ticks: 5,
    },
    Level {
        signal: "compact.stall",
        least: 20.0,
        ticks: 2,
    },
    // Everything in D, also what waits for no block device: what the load average counts beside the running.
    Level {
        signal: LOAD_BEYOND_RUNNING,
        least: 0.8,
        ticks: 8,
    },
    // Where the kernel has no pressure files.
    Level {
        signal: WITHOUT_PRESSURE,
        least: 1.0,
        ticks: 3,
    },
];

const LOAD_BEYOND_RUNNING: &str = "load beyond running";
const WITHOUT_PRESSURE: &str = "without pressure files";

const COLUMNS: Chosen<'static> = Chosen {
    sources: &[
        "vmstat",
        "stat",
        "loadavg",
        "pressure/cpu",
        "pressure/io",
        "pressure/memory",
        "averages",
    ],
    wanted,
};

fn wanted(metric: &str, subject: &Subject) -> bool {
    let Some((family, name)) = metric.split_once(['/', '.']) else {
        return false;
    };
    if *subject != Subject::Host {
        return false;
    }
    match family {
        "vmstat" => {
            ["oom_kill", "pgmajfault", "pswpin", "compact_stall"].contains(&name)
                || name.starts_with("allocstall")
        }
        "stat" => !matches!(name, "ctxt" | "processes" | "btime") && !name.starts_with("intr"),
        "loadavg" => name == "load1",
        "pressure" => name.ends_with("some_total"),
        _ => false,
    }
}

/// Seconds looked through at once: bounds the memory, and is what is kept in the cache.
pub(super) const CHUNK_SECONDS: i64 = 3600;

/// Times at which some level was reached, in order, of one chunk.
pub(super) fn suspicious(reader: &Reader, chunk: TimeSpan) -> store::Result<Vec<UnixNanos>> {
    // A rate needs the tick before, and a run of ticks may have begun before the chunk.
    let interval = interval(reader, chunk)?;
    let lead = (15.0f64).max(3.0 * interval) * 1e9;
    let with_lead = TimeSpan::new(chunk.from - lead as i64, chunk.to);
    let Some(window) = Window::load_columns(reader, with_lead, &COLUMNS)? else {
        return Ok(Vec::new());
    };
    let signals = Signals::derive(&window);
    let mut hit = vec![false; window.len()];
    for level in &LEVELS {
        let values = match level.signal {
            LOAD_BEYOND_RUNNING => beyond_running(&signals),
            WITHOUT_PRESSURE => without_pressure(&signals, window.boot.cpus),
            name => signals.host(name).map(|s| s.values.clone()),
        };
        if let Some(values) = values {
            let ticks = if interval >= 5.0 { 1 } else { level.ticks };
            mark(&values, level.least, ticks, &mut hit);
        }
    }
    // A kill that no counter saw stands in the log.
    let kills = reader
        .log(chunk)?
        .into_iter()
        .filter(|r| r.text.contains("Killed process"));
    let mut found: Vec<UnixNanos> = kills.map(|r| r.at).collect();
    let ticks = window
        .ticks
        .iter()
        .zip(&hit)
        .filter(|(at, hit)| **hit && chunk.contains(**at));
    found.extend(ticks.map(|(at, _)| *at));
    found.sort_unstable();
    Ok(found)
}

/// Seconds between the ticks of a span; 1 where there are none.
fn interval(reader: &Reader, span: TimeSpan) -> store::Result<f64> {
    let last = reader.ticks(span)?.last().map(|t| t.interval as f64 / 1e9);
    Ok(last.unwrap_or(1.0))
}

/// Marks the ticks at which the level has been reached often enough in the last ten.
fn mark(values: &[f64], least: f64, ticks: usize, hit: &mut [bool]) {
    let mut recent = std::collections::VecDeque::new();
    for (i, value) in values.iter().enumerate() {
        if *value >= least {
            recent.push_back(i);
        }
        while recent.front().is_some_and(|first| first + 10 <= i) {
            recent.pop_front();
        }
        if *value >= least && recent.len() >= ticks.min(i + 1) {
            hit[i] = true;
        }
    }
}

/// Tasks in the load average beyond those that run or wait for block I/O. The average is taken every 5 s of what is then: compared
/// with the most that ran lately.
fn beyond_running(signals: &Signals) -> Option<Vec<f64>> {
    let (load, running) = (signals.host("load.now")?, signals.host("run.running")?);
    let beyond = |i: usize| {
        let most = running.max(i.saturating_sub(5), i).map_or(f64::NAN, |m| m.1);
        load.values[i] - most
    };
    Some((0..load.values.len()).map(beyond).collect())
}

/// 1 where a kernel without pressure files shows tasks waiting: for disks or for CPUs.
fn without_pressure(signals: &Signals, cpus: u32) -> Option<Vec<f64>> {
    if signals.host("psi.io_some").is_some() {
        return None;
    }
    let value = |name: &str, i: usize| signals.host(name).map_or(f64::NAN, |s| s.values[i]);
    let any = signals.all().next()?;
    let waits = |i: usize| {
        value("cpu.iowait", i) >= 20.0
            || value("cpu.busy", i) >= 95.0
            || value("run.running", i) >= 2.0 * f64::from(cpus)
    };
    Some(
        (0..any.values.len())
            .map(|i| f64::from(u8::from(waits(i))))
            .collect(),
    )
}
