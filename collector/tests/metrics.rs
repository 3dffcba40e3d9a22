//! What is served to Prometheus, beside what node_exporter says of the same files, and what a bad scraper can do.

mod common;

use common::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MEMINFO: &str = "MemTotal:       16384 kB\nMemFree:         1234 kB\n";

/// A collector that serves metrics; ended when dropped.
struct Serving {
    child: Option<Child>,
    address: String,
}

impl Serving {
    fn start(machine: &Machine) -> Serving {
        let arguments = [
            "run",
            "--interval",
            "50ms",
            "--metrics",
            "127.0.0.1:0",
            "--no-processes",
        ];
        let mut child = start(machine.collector(&arguments));
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "ended without serving");
            if let Some(rest) = line.trim().strip_prefix("collector: metrics at http://") {
                break rest.strip_suffix("/metrics").unwrap().to_owned();
            }
        };
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Serving {
            child: Some(child),
            address,
        }
    }

    /// The answer to these bytes, head and body.
    fn ask(&self, question: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(question.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn metrics(&self, accept: &str) -> String {
        let (head, body) = self.ask(&format!(
            "GET /metrics HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n\r\n",
            self.address
        ));
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{head}"
        );
        body
    }

    /// The metrics, once they have this line or beginning of a line.
    fn await_line(&self, line: &str) -> String {
        let begun = Instant::now();
        loop {
            let text = self.metrics("text/plain");
            if text.lines().any(|each| each.starts_with(line)) {
                return text;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "never {line}: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            terminate(child);
        }
    }
}

/// Value of each series, and type of each family.
#[derive(Default)]
struct Parsed {
    values: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

/// Understands the older format: labels in order of their names, and empty ones, which mean nothing, left out.
fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, is) = rest.split_once(' ').unwrap();
            parsed.types.insert(name.into(), is.into());
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let mut labels: Vec<&str> = labels
                .strip_suffix('}')
                .unwrap()
                .split(',')
                .filter(|label| !label.is_empty() && !label.ends_with("=\"\""))
                .collect();
            labels.sort_unstable();
            let series = format!("{name}{{{}}}", labels.join(","));
            let twice = parsed.values.insert(series.clone(), value.parse().unwrap());
            assert!(twice.is_none(), "{series} is there twice");
        }
    }
    parsed
}

fn installed(program: &str) -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file());
    if found.is_none() {
        println!("{program} is not installed: nothing is compared with it");
    }
    found
}

/// Kernels whose files are at hand.
fn eras() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sources/tests/fixtures");
    let mut eras: Vec<PathBuf> = std::fs::read_dir(fixtures)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    eras.sort();
    eras
}

/// A machine that has the files of an era, and the collector's answer to who scrapes it.
fn machine_of(era: &Path) -> Machine {
    let machine = Machine::new(&[]);
    for entry in std::fs::read_dir(era).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.ends_with(".columns") {
            let text = std::fs::read_to_string(&path).unwrap();
            machine.set(&name.replacen("pressure_", "pressure/", 1), &text);
        }
    }
    machine
}

#[test]
fn the_same_as_node_exporter() {
    let Some(node_exporter) = installed("prometheus-node-exporter") else {
        return;
    };
    for era in eras() {
        let machine = machine_of(&era);
        let theirs = parse(&theirs(&node_exporter, &machine));
        let serving = Serving::start(&machine);
        let ours = parse(&serving.await_line("node_memory_MemTotal_bytes"));
        let era = era.file_name().unwrap().to_str().unwrap();
        let compared = compare(era, &ours, &theirs);
        println!("{era}: {compared} series as node_exporter has them");
        assert!(compared > 200, "{era}: {compared}");
    }
}

/// What node_exporter says of a machine's files.
fn theirs(program: &Path, machine: &Machine) -> String {
    let sys = machine.folder.path().join("sys");
    std::fs::create_dir_all(&sys).unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut command = Command::new(program);
    command
        .arg(format!("--path.procfs={}", machine.proc().display()))
        .arg(format!("--path.sysfs={}", sys.display()))
        .arg(format!("--path.udev.data={}", sys.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args([
            "--web.disable-exporter-metrics",
            "--collector.disable-defaults",
            "--collector.vmstat.fields=.*",
        ]);
    for collector in [
        "meminfo",
        "vmstat",
        "diskstats",
        "stat",
        "cpu",
        "loadavg",
        "pressure",
        "zoneinfo",
        "buddyinfo",
    ] {
        command.arg(format!("--collector.{collector}"));
    }
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let exporter = Serving {
        child: Some(child),
        address: format!("127.0.0.1:{port}"),
    };
    let begun = Instant::now();
    while TcpStream::connect(&exporter.address).is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "node_exporter does not listen"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let (head, body) = exporter.ask("GET /metrics HTTP/1.0\r\n\r\n");
    assert!(head.contains(" 200 "), "{head}");
    body
}

/// Every series that either has is the other's too; answers how many there are.
fn compare(era: &str, ours: &Parsed, theirs: &Parsed) -> usize {
    let of_node = |name: &str| {
        name.starts_with("node_") && !name.starts_with("node_scrape_") && !name.starts_with("node_exporter_")
    };
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (series, theirs) in theirs.values.iter().filter(|(series, _)| of_node(series)) {
        match ours.values.get(series) {
            Some(ours) if (ours - theirs).abs() <= 1e-9 * theirs.abs() => compared += 1,
            Some(ours) => wrong.push(format!("{series}: ours {ours}, theirs {theirs}")),
            // What an old kernel does not count, node_exporter calls zero.
            None if *theirs == 0.0 && is_not_in_old_files(series) => {}
            None => wrong.push(format!("{series}: missing, theirs {theirs}")),
        }
    }
    for series in ours.values.keys().filter(|series| of_node(series)) {
        if !theirs.values.contains_key(series) {
            wrong.push(format!("{series}: ours alone"));
        }
    }
    for (name, is) in ours.types.iter().filter(|(name, _)| of_node(name)) {
        if theirs.types.get(name) != Some(is) {
            wrong.push(format!(
                "{name}: ours a {is}, theirs {:?}",
                theirs.types.get(name)
            ));
        }
    }
    assert!(wrong.is_empty(), "{era}:\n{}", wrong.join("\n"));
    compared
}

fn is_not_in_old_files(series: &str) -> bool {
    series.starts_with("node_cpu_")
}

#[test]
fn promtool_finds_nothing_in_our_own_names() {
    let Some(promtool) = installed("promtool") else {
        return;
    };
    let machine = machine_of(eras().last().unwrap());
    let serving = Serving::start(&machine);
    let text = serving.await_line("node_memory_MemTotal_bytes");
    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    // node_exporter's names are as they are; that they could be parsed at all is told by what is found in them.
    let lints: Vec<&str> = said.lines().filter(|line| !line.starts_with("node_")).collect();
    assert_eq!(lints, [""; 0]);
    assert!(
        said.contains("node_memory_MemTotal_bytes") || output.status.success(),
        "{said}"
    );
}

#[test]
fn openmetrics_where_it_is_asked_for() {
    let machine = machine_of(eras().last().unwrap());
    let serving = Serving::start(&machine);
    serving.await_line("node_memory_MemTotal_bytes");
    let accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3";
    let text = serving.metrics(accept);
    assert_eq!(text.matches("# EOF").count(), 1);
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    // Each sample stands under its family, whose name a counter's samples continue with _total.
    let (mut family, mut is) = ("", "");
    let mut families = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            (family, is) = rest.split_once(' ').unwrap();
            assert!(families.insert(family), "{family} is there twice");
            assert!(!family.ends_with("_total"), "{line}");
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            let (name, unit) = rest.split_once(' ').unwrap();
            assert!(name == family && family.ends_with(&format!("_{unit}")), "{line}");
        } else if !line.starts_with('#') {
            let name = &line[..line.find(['{', ' ']).unwrap()];
            let endings: &[&str] = match is {
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(
                name.strip_prefix(family)
                    .is_some_and(|ending| endings.contains(&ending)),
                "{line} under {family} {is}"
            );
        }
    }
    assert!(
        families.contains("node_cpu_seconds") && families.contains("highwater_ticks"),
        "{families:?}"
    );
}

#[test]
fn what_cannot_be_read_is_not_told() {
    let machine = Machine::new(&[("meminfo", MEMINFO), ("loadavg", "0.00 0.01 0.05 1/9 7\n")]);
    let serving = Serving::start(&machine);
    let text = serving.await_line("node_memory_MemFree_bytes 1263616");
    assert!(text.contains("node_load5 0.01\n"), "{text}");
    assert!(
        text.contains("highwater_source_up{source=\"meminfo\"} 1\n"),
        "{text}"
    );
    assert!(
        text.contains("highwater_source_up{source=\"vmstat\"} 0\n"),
        "{text}"
    );
    assert!(text.contains("highwater_interval_seconds 0.05\n"), "{text}");
    machine.remove("meminfo");
    let text = serving.await_line("highwater_source_up{source=\"meminfo\"} 0");
    assert!(!text.contains("node_memory"), "{text}");
    // A device and a name that want escaping, and a line that comes twice.
    machine.set(
        "diskstats",
        " 7 0 a\"b\\c 1 2 3 4 5 6 7 8 9 10 11\n 7 0 a\"b\\c 1 2 3 4 5 6 7 8 9 10 11\n",
    );
    let text = serving.await_line("node_disk_io_now{device=\"a\\\"b\\\\c\"} 9");
    assert_eq!(text.matches("\nnode_disk_io_now{").count(), 1, "{text}");
}

#[test]
fn bad_and_slow_scrapers_keep_nobody_waiting() {
    let machine = Machine::new(&[("meminfo", MEMINFO)]);
    let serving = Serving::start(&machine);
    serving.await_line("node_memory_MemTotal_bytes");
    assert!(
        serving
            .ask("GET /other HTTP/1.1\r\n\r\n")
            .0
            .starts_with("HTTP/1.1 404 ")
    );
    assert!(
        serving
            .ask("PUT /metrics HTTP/1.1\r\n\r\n")
            .0
            .starts_with("HTTP/1.1 405 ")
    );
    assert!(serving.ask("\u{0}\u{1}\r\n\r\n").0.starts_with("HTTP/1.1 400 "));
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(10_000));
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    // It may hang up before it has taken all of it.
    let _ = stream.write_all(long.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "),
        "{answer:?}"
    );

    let count = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with("highwater_ticks_total "))
            .unwrap();
        line.split(' ').nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = count(&serving.metrics("*/*"));
    // All turns are taken by who says nothing; one more is sent away at once, and the beat goes on.
    let silent: Vec<TcpStream> = (0..8)
        .map(|_| TcpStream::connect(&serving.address).unwrap())
        .collect();
    let mut one_more = TcpStream::connect(&serving.address).unwrap();
    assert!(matches!(one_more.read(&mut [0; 1]), Ok(0) | Err(_)));
    std::thread::sleep(Duration::from_millis(500));
    drop(silent);
    let begun = Instant::now();
    let after = loop {
        // Until the turns are free again, it is sent away.
        let mut stream = TcpStream::connect(&serving.address).unwrap();
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n");
        let mut text = String::new();
        if stream.read_to_string(&mut text).is_ok() && text.contains("highwater_ticks_total ") {
            break count(&text);
        }
        assert!(begun.elapsed() < Duration::from_secs(60));
    };
    assert!(after > before, "{before} {after}");
}
