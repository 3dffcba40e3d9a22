//! The published incident of 2016-09-10, second by second: what is published holds exactly, the rest is interpolated so
//! that the kernel's own book-keeping (pages read, stolen, cached and free) adds up.
//!
//! Time is in seconds after 10:40:00 throughout. Everything is a pure function of it and of fixed seeds.

mod cpu;
mod curve;
mod disks;
mod facts;
mod memory;
mod published;
mod reclaim;
mod zones;

use anyhow::Result;
use curve::{Noise, Seconds};
use std::collections::BTreeMap;

/// 2016-09-10 10:40:00 UTC.
const START: i64 = 1_473_504_000;
/// Until 11:10:00.
const LENGTH: Seconds = 1800.0;
/// The application begins to read from the SSD at 10:53:23.3. The post says "about 10 seconds" before kswapd.
const STREAM_BEGINS: Seconds = 803.30;
/// The first published reading (10:53:32.92709) is the last before the cache falls; kswapd wakes right after it.
const KSWAPD_WAKES: Seconds = 812.952;
/// Program text begins to go after the second published reading (10:53:35.01732), in which Mapped is still whole.
const FAULTS_BEGIN: Seconds = 815.35;

/// All files of the recording, by their name in it.
pub(super) fn files() -> Result<BTreeMap<String, Vec<u8>>> {
    let published = published::readings()?;
    let disks = disks::Disks::new();
    let memory = memory::Memory::new(&published, &disks);
    let reclaim = reclaim::Reclaim::new(&memory, &disks);
    let mut cpu = cpu::Cpu::new();
    let mut load = cpu::Load::new();

    let mut logs: BTreeMap<&str, String> = BTreeMap::new();
    for tick in ticks(&published) {
        // The recorder reads one file after the other; each takes the kernel a fraction of a millisecond.
        let mut add = |name, offset, text: &dyn Fn(Seconds) -> String| {
            append(&mut logs, name, tick + offset, &text(tick + offset));
        };
        add("meminfo", 0.0, &|t| memory.meminfo(t));
        add("zoneinfo", 350e-6, &|t| zones::zoneinfo(&memory, &reclaim, t));
        add("buddyinfo", 750e-6, &|t| zones::buddyinfo(&memory, t));
        add("vmstat", 950e-6, &|t| reclaim.vmstat(&memory, t));
        add("diskstats", 1150e-6, &|t| disks.diskstats(t));
        append(&mut logs, "stat", tick + 1350e-6, &cpu.stat(tick + 1350e-6));
        append(
            &mut logs,
            "loadavg",
            tick + 1550e-6,
            &load.loadavg(tick + 1550e-6, memory.threads(tick)),
        );
    }
    let mut files: BTreeMap<String, Vec<u8>> = facts::files();
    files.extend(
        logs.into_iter()
            .map(|(name, text)| (format!("proc/{name}.log"), text.into_bytes())),
    );
    Ok(files)
}

/// When the recorder read: on a grid of one second, some tenths of a millisecond late, and late by more while the machine
/// is in trouble. The grid's phase and three latenesses are such that ticks fall on the published readings.
fn ticks(published: &published::Readings) -> Vec<Seconds> {
    let lateness = Noise::new("lateness");
    let phase = 0.9268;
    (0..LENGTH as i64)
        .map(|second| {
            let due = second as Seconds + phase;
            if let Some(at) = published.times().find(|at| (due..due + 1.0).contains(at)) {
                return at;
            }
            let chance = lateness.pick(second);
            let late = if due > KSWAPD_WAKES {
                0.002 + 0.06 * chance.powi(6)
            } else {
                0.0006 * chance
            };
            due + (late * 1e4).floor() / 1e4
        })
        .collect()
}

fn append<'a>(logs: &mut BTreeMap<&'a str, String>, name: &'a str, at: Seconds, text: &str) {
    let microseconds = (at * 1e6).round() as i64;
    let (seconds, rest) = (START + microseconds / 1_000_000, microseconds % 1_000_000);
    let log = logs.entry(name).or_default();
    *log += &format!("@ {seconds}.{rest:06}000\n");
    *log += text;
}
