//! The same seconds as sysstat and atop saw them and as our collector did, where these are installed: every column that both have
//! must agree, as far as can be said of two readers who looked at different moments: how far, our own record says.
//!
//! The recorders run for some seconds beside each other; what is compared is what came back out of the databases.

use crate::scratch::Scratch;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Whole seconds that all of them record.
const SECONDS: u64 = 21;

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
    Record { ticks, columns }
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

/// How far apart the beginning of a second and the moment may be at which a peer read in it. It prints whole seconds.
const PHASES: std::ops::RangeInclusive<i32> = -1..=12;
const PHASE: f64 = 0.1;
/// How much sooner or later than a second after its last reading it may read again.
const JITTER: [f64; 3] = [-0.15, 0.0, 0.15];

/// Lowest and highest.
#[derive(Clone, Copy)]
struct Bounds(f64, f64);

impl Bounds {
    fn of(values: impl Iterator<Item = f64>) -> Option<Bounds> {
        values.fold(None, |bounds, value| {
            let Bounds(low, high) = bounds.unwrap_or(Bounds(value, value));
            Some(Bounds(low.min(value), high.max(value)))
        })
    }
}

/// What the peers' columns of a processor's time are shares of.
fn all_time(name: &str) -> Option<Vec<String>> {
    const PARTS: [&str; 8] = [
        "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
    ];
    let (metric, subject) = name.split_once(' ')?;
    let is_time = metric
        .strip_prefix("stat.")
        .is_some_and(|part| PARTS.contains(&part) || part.starts_with("guest"));
    is_time.then(|| {
        PARTS
            .iter()
            .map(|part| format!("stat.{part} {subject}"))
            .collect()
    })
}

/// What our record says that a peer can have printed of its interval from one whole second to another, if it read so much later:
/// a rate over what the interval was in truth, times what it is by its print.
fn rates(ours: &Record, name: &str, names: &[String], (from, to): (f64, f64), phase: f64) -> Option<Bounds> {
    let mut found = Vec::new();
    for begin in JITTER {
        for end in JITTER {
            let (begin, end) = (from + phase + begin, to + phase + end);
            let moved = at(ours, names, end)? - at(ours, names, begin)?;
            let rate = match all_time(name) {
                // Of all time of all processors, or of this one: a hundredth is a clock tick of one.
                Some(all) => 100.0 * moved / (at(ours, &all, end)? - at(ours, &all, begin)?),
                None => moved / (end - begin),
            };
            found.push(rate * (to - from));
        }
    }
    Bounds::of(found.into_iter())
}

/// Half a hundredth, as much as a printed rate may be off, in the units of a second.
fn rounding(ours: &Record, name: &str, unit: model::Unit, (from, to): (f64, f64)) -> f64 {
    const HALF: f64 = 0.005;
    let (metric, subject) = name.split_once(' ').unwrap();
    let moved = |metric: &str| {
        let names = parts(&format!("{metric} {subject}"));
        Some(at(ours, &names, to + 1.3)? - at(ours, &names, from - 0.1)?)
    };
    match (metric, unit) {
        // The product of two printed numbers: requests a second, and how long one took.
        ("diskstats.io_total_ms", _) => {
            let requests = moved("diskstats.ios_completed").unwrap_or(0.0);
            HALF * (requests + moved(metric).unwrap_or(0.0) / requests.max(1.0)) + HALF
        }
        ("diskstats.weighted_io_ms", _) => 1000.0 * HALF,
        (_, model::Unit::Milliseconds) => 10.0 * HALF,
        (_, model::Unit::Microseconds) => 10_000.0 * HALF,
        (_, model::Unit::Sectors) => 2.0 * HALF,
        _ => HALF,
    }
}

/// Compares what a peer told with what the collector read. A counter: from its first reading to its last one, which our readings enclose.
/// A gauge: each reading lies between our neighbouring ones. All bounds follow from our own record: how much a number moves while nobody
/// can tell when the peer looked.
fn compare(peer: &Record, ours: &Record, what: &str) -> (usize, Vec<String>) {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (name, (column, values)) in &peer.columns {
        let names = parts(name);
        let known: Vec<usize> = (0..values.len()).filter(|&i| !values[i].is_nan()).collect();
        let unit = column.metric.unit;
        let mut judge = |when: f64, value: f64, bounds: Option<Bounds>, slack: f64| {
            let Some(Bounds(low, high)) = bounds else { return };
            compared += 1;
            if value < low - slack || value > high + slack {
                wrong.push(format!(
                    "{what}: {name}: at {when} {value} instead of {low} to {high}, give or take {slack}"
                ));
            }
        };
        if column.metric.kind == model::Kind::Gauge {
            let (begin, end) = (ours.ticks[0], ours.ticks[ours.ticks.len() - 1]);
            let moments = (0..((end - begin) / PHASE) as i32).map(|step| begin + f64::from(step) * PHASE);
            let whole: Vec<f64> = moments.filter_map(|time| at(ours, &names, time)).collect();
            // Between two of our readings it may have been beyond both, by what it moves in that time now and then; tasks are counted one
            // by one, and may come and go in less.
            let moved = whole.windows(4).map(|w| (w[3] - w[0]).abs()).fold(0.0, f64::max);
            let step = if unit == model::Unit::Count {
                moved.max(1.0)
            } else {
                moved
            };
            for i in known {
                let time = peer.ticks[i];
                let near: Vec<f64> = (-4..=16)
                    .filter_map(|step| at(ours, &names, time + f64::from(step) * PHASE))
                    .collect();
                judge(time, values[i], Bounds::of(near.into_iter()), step + 0.005);
            }
            continue;
        }
        let (Some(&first), Some(&last)) = (known.first(), known.last()) else {
            continue;
        };
        let total = values[last] - values[first];
        let intervals: Vec<(f64, f64)> = known
            .windows(2)
            .map(|pair| (peer.ticks[pair[0]], peer.ticks[pair[1]]))
            .collect();
        if what == "atop" {
            // It tells counts, in whole numbers an interval.
            let moments = |tick: usize| {
                let tick = peer.ticks[tick];
                PHASES.filter_map(move |phase| at(ours, &parts(name), tick + f64::from(phase) * PHASE))
            };
            let bounds = Bounds::of(moments(first)).zip(Bounds::of(moments(last)));
            let bounds = bounds.map(|(begin, end)| Bounds(end.0 - begin.1, end.1 - begin.0));
            judge(peer.ticks[last], total, bounds, intervals.len() as f64);
            continue;
        }
        let of_phase = |phase: i32| {
            let phase = f64::from(phase) * PHASE;
            let each: Option<Vec<Bounds>> = intervals
                .iter()
                .map(|&interval| rates(ours, name, &names, interval, phase))
                .collect();
            Some(each?.iter().fold(Bounds(0.0, 0.0), |sum, each| {
                Bounds(sum.0 + each.0, sum.1 + each.1)
            }))
        };
        let all: Vec<Bounds> = PHASES.filter_map(of_phase).collect();
        let bounds = Bounds::of(all.iter().flat_map(|bounds| [bounds.0, bounds.1]));
        let slack: f64 = intervals
            .iter()
            .map(|&interval| rounding(ours, name, unit, interval))
            .sum();
        judge(peer.ticks[last], total, bounds, slack);
    }
    (compared, wrong)
}

/// What jumps once between two of our readings and nowhere else is beyond all bounds. A wrong unit or column is wrong each time.
const TRIES: usize = 2;

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
