//! The same seconds as sysstat and atop saw them and as our collector did, where these are installed: every column that both have
//! must agree, as far as two readers a few milliseconds apart can.
//!
//! The recorders run for some seconds beside each other; what is compared is what came back out of the databases.

use crate::scratch::Scratch;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Whole seconds that all of them record.
const SECONDS: u64 = 7;

fn is_installed(program: &str, argument: &str) -> bool {
    let found = Command::new(program)
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        eprintln!("not compared with {program}: it is not installed");
    }
    found.is_ok()
}

/// The collector, which a test of this crate does not build: the one beside this test's binaries.
fn collector() -> Option<PathBuf> {
    let path = std::env::current_exe()
        .ok()?
        .parent()?
        .parent()?
        .join("collector");
    if !path.exists() {
        eprintln!("not compared: {} is not built", path.display());
    }
    path.exists().then_some(path)
}

fn spawn(program: &Path, arguments: &[&str], output: Option<&Path>) -> Child {
    let stdout = output.map_or(Stdio::null(), |path| std::fs::File::create(path).unwrap().into());
    Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("S_TIME_FORMAT", "ISO")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Numbers by `metric subject` and tick, with the wall time of each tick.
struct Record {
    cpus: f64,
    ticks: Vec<f64>,
    columns: BTreeMap<String, (model::Column, Vec<f64>)>,
}

/// All numbers of a database, decoded.
fn read(db: &Path) -> Record {
    let reader = store::Reader::open(db).unwrap();
    let span = reader.extent().unwrap().unwrap();
    let stamps = reader.ticks(span).unwrap();
    let ticks: Vec<f64> = stamps.iter().map(|stamp| stamp.at.seconds()).collect();
    let mut columns: BTreeMap<String, (model::Column, Vec<f64>)> = BTreeMap::new();
    for source in sources::all().iter().chain([sources::averages()]) {
        let mut decoded = std::collections::HashMap::new();
        let stretches = reader
            .stretches(
                source.name,
                model::TimeSpan::new(span.from, span.to + 1_000_000_000),
                &mut |template| {
                    let columns = (source.decode)(template);
                    let slots = columns.iter().map(|column| column.slot).collect();
                    decoded.insert(std::sync::Arc::as_ptr(template), columns);
                    store::Slots::Some(slots)
                },
            )
            .unwrap();
        for stretch in stretches {
            for (column, raw) in decoded[&std::sync::Arc::as_ptr(&stretch.template)]
                .iter()
                .zip(&stretch.columns)
            {
                let name = format!("{} {}", column.metric.name, column.subject);
                let (_, values) = columns
                    .entry(name)
                    .or_insert_with(|| (column.clone(), vec![f64::NAN; ticks.len()]));
                for (at, &value) in stretch.at.iter().zip(raw) {
                    let tick = ticks.partition_point(|tick| *tick <= at.seconds() + 1e-6);
                    values[tick.saturating_sub(1)] = column.value(value);
                }
            }
        }
    }
    let cpus = f64::from(reader.boots().unwrap()[0].cpus);
    Record { cpus, ticks, columns }
}

/// What a name of a summed metric is made of on this kernel.
fn parts(name: &str) -> Vec<String> {
    let (metric, subject) = name.split_once(' ').unwrap();
    let parts: &[&str] = match metric {
        "diskstats.ios_completed" => &[
            "diskstats.reads_completed",
            "diskstats.writes_completed",
            "diskstats.discards_completed",
        ],
        "diskstats.io_total_ms" => &["diskstats.read_ms", "diskstats.write_ms", "diskstats.discard_ms"],
        "vmstat.pgsteal" => &["vmstat.pgsteal_anon", "vmstat.pgsteal_file"],
        "vmstat.allocstall" => &[
            "vmstat.allocstall_dma",
            "vmstat.allocstall_dma32",
            "vmstat.allocstall_normal",
            "vmstat.allocstall_movable",
        ],
        _ => &[],
    };
    match parts {
        [] => vec![name.to_owned()],
        parts => parts.iter().map(|part| format!("{part} {subject}")).collect(),
    }
}

/// A record's sum of columns over time, straight between its readings.
fn at(record: &Record, names: &[String], time: f64) -> Option<f64> {
    let after = record.ticks.partition_point(|tick| *tick <= time);
    if after == 0 || after >= record.ticks.len() {
        return None;
    }
    let mut sum = None;
    for name in names {
        // A part that this kernel does not have adds nothing.
        let Some((_, values)) = record.columns.get(name) else {
            continue;
        };
        let (low, high) = (values[after - 1], values[after]);
        let share = (time - record.ticks[after - 1]) / (record.ticks[after] - record.ticks[after - 1]);
        sum = Some(sum.unwrap_or(0.0) + low + (high - low) * share);
    }
    sum.filter(|sum| !sum.is_nan())
}

/// Compares what a peer told with what the collector read: totals of counters over all common ticks, and each gauge. The peer reads
/// some milliseconds before or after us, and in whole seconds of time; how much that can be, our own neighbouring seconds say.
fn compare(peer: &Record, ours: &Record, what: &str) -> (usize, Vec<String>) {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (name, (column, values)) in &peer.columns {
        let names = parts(name);
        // sysstat tells the share of all CPUs, which is one CPU's ticks.
        let is_share = name.starts_with("stat.")
            && name.ends_with(" host")
            && column.metric.unit == model::Unit::ClockTicks;
        let factor = if is_share && what != "atop" {
            1.0 / ours.cpus
        } else {
            1.0
        };
        let known: Vec<usize> = (0..values.len()).filter(|&i| !values[i].is_nan()).collect();
        let (Some(&first), Some(&last)) = (known.first(), known.last()) else {
            continue;
        };
        let is_gauge = column.metric.kind == model::Kind::Gauge;
        let pairs = if is_gauge {
            known.iter().map(|&i| (i, i)).collect()
        } else {
            vec![(first, last)]
        };
        for (from, to) in pairs {
            let value = if is_gauge {
                values[to]
            } else {
                values[to] - values[from]
            };
            let mut bounds: Option<(f64, f64)> = None;
            // A counter's readings lie between ours; a gauge may have gone anywhere between two of them.
            let (steps, early) = if is_gauge { (30, 1.0) } else { (12, 0.1) };
            // A time without a fraction is any within its second; the reader may be late by some of the next one.
            for begin in if is_gauge { 0..=0 } else { 0..=steps } {
                for end in 0..=steps {
                    let (begin, end) = (f64::from(begin) * 0.1 - early, f64::from(end) * 0.1 - early);
                    let (Some(begin), Some(end)) = (
                        at(ours, &names, peer.ticks[from] + begin),
                        at(ours, &names, peer.ticks[to] + end),
                    ) else {
                        continue;
                    };
                    let moved = factor * if is_gauge { end } else { end - begin };
                    let (low, high) = bounds.unwrap_or((moved, moved));
                    bounds = Some((low.min(moved), high.max(moved)));
                }
            }
            let Some((low, high)) = bounds else { continue };
            compared += 1;
            // Two decimals of a rate, of a wait, of a queue: half a hundredth a second of the largest factor.
            let printed = match column.metric.unit {
                model::Unit::Milliseconds => 10.0 * SECONDS as f64 + 0.02 * high.abs(),
                model::Unit::Microseconds => 100.0 * SECONDS as f64,
                _ => 0.02 * SECONDS as f64,
            };
            let gone = if is_gauge { 0.5 * (high - low) } else { 0.0 };
            // sysstat divides by an interval that it measured, and prints times in whole seconds: what came in one second
            // of 1.1 is a tenth too little. atop tells whole numbers.
            let rounding = if what == "atop" { 0.01 } else { 0.1 };
            let slack = printed + gone + rounding * high.abs() + 1.0;
            if value < low - slack || value > high + slack {
                wrong.push(format!("{what}: {name}: {value} instead of {low} to {high}"));
            }
        }
    }
    (compared, wrong)
}

/// Peers print whole seconds of an interval that they measured: on a machine that was held up meanwhile a second is 1.2, and nobody can tell.
/// A wrong unit or column is wrong each time.
const TRIES: usize = 3;

#[test]
fn sysstat_and_atop_say_the_same() {
    let Some(collector) = collector() else { return };
    let mut wrong = Vec::new();
    for _ in 0..TRIES {
        wrong = said_otherwise(&collector);
        if wrong.is_empty() {
            return;
        }
    }
    panic!("{}", wrong.join("\n"));
}

/// What the peers say otherwise than our collector, of the same seconds.
fn said_otherwise(collector: &Path) -> Vec<String> {
    let scratch = Scratch::new();
    let ours = scratch.path("ours.db");
    let (text, json, raw, sa) = (
        scratch.path("sar.txt"),
        scratch.path("sadf.json"),
        scratch.path("atop.raw"),
        scratch.path("sa.bin"),
    );
    let interval = SECONDS.to_string();
    let mut recorder = spawn(
        collector,
        &["run", "--db", ours.to_str().unwrap(), "--interval", "250ms"],
        None,
    );
    std::thread::sleep(Duration::from_secs(2));
    let mut peers = Vec::new();
    let has_sar = is_installed("sar", "-V");
    let has_atop = is_installed("atop", "-V");
    if has_sar {
        let tables = [
            "-o",
            sa.to_str().unwrap(),
            "-B",
            "-W",
            "-S",
            "-q",
            "-w",
            "-d",
            "-r",
            "ALL",
            "-u",
            "ALL",
            "1",
            &interval,
        ];
        peers.push(spawn("sar".as_ref(), &tables, Some(&text)));
    }
    if has_atop {
        peers.push(spawn(
            "atop".as_ref(),
            &["-w", raw.to_str().unwrap(), "1", &interval],
            None,
        ));
    }
    for mut peer in peers {
        peer.wait().unwrap();
    }
    std::thread::sleep(Duration::from_secs(2));
    // It ends as it does on a node, so that the last tick is whole.
    let pid = recorder.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    recorder.wait().unwrap();
    let ours = read(&ours);
    assert!(
        ours.ticks.len() > 4 * SECONDS as usize,
        "the collector wrote {} ticks",
        ours.ticks.len()
    );

    let mut all_wrong = Vec::new();
    let mut check = |kind: &str, file: &Path, at_least: usize| {
        let db = scratch.path(&format!("{kind}.db"));
        let shown = scratch.show(&[
            "import",
            kind,
            file.to_str().unwrap(),
            "--db",
            db.to_str().unwrap(),
        ]);
        assert!(shown.starts_with("exit 0"), "{shown}");
        let (compared, wrong) = compare(&read(&db), &ours, kind);
        assert!(
            compared >= at_least,
            "only {compared} numbers of {kind} were compared:\n{shown}"
        );
        all_wrong.extend(wrong);
    };
    if has_sar {
        check("sar", &text, 60);
        check("sa", &sa, 60);
        let printed = Command::new("sadf")
            .args(["-j", sa.to_str().unwrap(), "--", "-A"])
            .output()
            .unwrap();
        std::fs::write(&json, printed.stdout).unwrap();
        check("sadf", &json, 60);
    }
    if has_atop {
        check("atop", &raw, 60);
    }
    all_wrong
}
