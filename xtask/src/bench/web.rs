//! The API under load (`wrk -c 200 -t 2`), beside a hello world of Sanic (PyPI) in the same run, and a chart of seven days.
//!
//! The three are asked in turn, several times, and the medians are told: a machine that is busy with something else is so for all. Beside
//! the requests a second, which wrk shares the CPUs with, stands what an answer costs the server itself.

use super::{line, median};
use crate::children::Children;
use crate::command::{in_root, output};
use crate::{programs, tools, workspace};
use anyhow::{Context, Result, bail};
use model::{Boot, Reading, Run, RunOrigin, Template, Tick, UnixNanos};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Times that each is asked, and seconds of each time.
const ROUNDS: usize = 3;
const SECONDS: u32 = 4;
/// Requests a second of the list, against those of hello world.
const TARGET_TIMES: f64 = 3.0;
/// Milliseconds for a chart of one series over seven days.
const TARGET_CHART_MS: f64 = 50.0;
/// Charts of which the median is told.
const CHARTS: usize = 20;
const SECOND: i64 = 1_000_000_000;
const WEEK: i64 = 7 * 86_400;

/// Starts both servers, asks them, and answers a table.
pub(super) fn measure(binaries: &Path, folder: &Path) -> Result<String> {
    let post = folder.join("web-post.db");
    programs::import(
        &binaries.join("analyzer"),
        &workspace::sample("page-cache-post"),
        &post,
    )?;
    let week = folder.join("week.db");
    write_week(&week)?;
    let python = sanic(folder)?;
    let wrk = tools::WRK.ensure()?;

    let mut children = Children::new();
    let (ours, our_group) = serve(&mut children, &binaries.join("web"), &post)?;
    let (weeks, _) = serve(&mut children, &binaries.join("web"), &week)?;
    let hello = free_port()?;
    let hello_group = children.start(
        "sanic",
        in_root(python)
            .arg(workspace::root().join("xtask/src/bench/hello_world.py"))
            .arg(hello.to_string())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null()),
    )?;
    children.wait_until("Sanic", Duration::from_secs(30), || listens(hello))?;

    let day = "from=2016-09-10T00:00:00Z&to=2016-09-10T23:59:59Z";
    let asked = [
        (
            "hello world, Sanic",
            hello_group,
            format!("http://127.0.0.1:{hello}/"),
        ),
        (
            "list of incidents, a day",
            our_group,
            format!("http://127.0.0.1:{ours}/api/v1/incidents?{day}"),
        ),
        (
            "one incident explained, ten minutes",
            our_group,
            format!(
                "http://127.0.0.1:{ours}/api/v1/explain?from=2016-09-10T10:50:00Z&to=2016-09-10T11:00:00Z"
            ),
        ),
    ];
    let mut found: [Vec<Load>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for ((_, group, address), found) in asked.iter().zip(&mut found) {
            found.push(load(&wrk, address, *group)?);
        }
    }
    let chart = chart_ms(weeks)?;
    // Sanic's manager ends with an error code when it is told to end.
    let _ = children.end();

    let [hello, list, explained] = &found;
    let mut text = format!("The API: wrk -c 200 -t 2 -d {SECONDS}s, median of {ROUNDS} rounds in turn\n");
    for ((what, ..), loads) in asked.iter().zip(&found) {
        let (rate, late, errors) = (
            middle(loads, |l| l.rate)?,
            middle(loads, |l| l.p99_ms)?,
            errors(loads),
        );
        text += &line(what, format!("{rate:.0}/s"), None);
        text += &line("  99 % within", format!("{late:.1} ms"), None);
        let cost = middle(loads, |l| l.cpu_us)?;
        text += &line(
            "  CPU of the server for one answer",
            format!("{cost:.0} µs"),
            None,
        );
        text += &line("  errors", errors.to_string(), Some(("none", errors == 0)));
    }
    let times = middle(list, |l| l.rate)? / middle(hello, |l| l.rate)?;
    let late = middle(list, |l| l.p99_ms)? <= middle(hello, |l| l.p99_ms)?;
    text += &line(
        "the list against hello world",
        format!("{times:.1} ×"),
        Some(("3 ×", times >= TARGET_TIMES)),
    );
    let text_late = if late { "within" } else { "above" };
    text += &line(
        "  its 99 % against hello world's",
        text_late.into(),
        Some(("within", late)),
    );
    let times = middle(explained, |l| l.rate)? / middle(hello, |l| l.rate)?;
    text += &line("the explained incident against it", format!("{times:.1} ×"), None);
    text += &line(
        "chart of one series, 7 days of seconds",
        format!("{chart:.1} ms"),
        Some(("50 ms", chart <= TARGET_CHART_MS)),
    );
    Ok(text)
}

/// What wrk says.
#[derive(Debug, PartialEq)]
struct Load {
    rate: f64,
    p99_ms: f64,
    errors: u64,
    answers: u64,
    /// CPU time of the server for each answer.
    cpu_us: f64,
}

/// Asks for an address that the programs of a process group serve.
fn load(wrk: &Path, address: &str, group: u32) -> Result<Load> {
    let seconds = format!("{SECONDS}s");
    let before = cpu_seconds(group);
    let said = output(in_root(wrk).args(["-c", "200", "-t", "2", "-d", &seconds, "--latency", address]))?;
    let mut load = Load::parse(&said).with_context(|| format!("cannot understand wrk: {said}"))?;
    load.cpu_us = (cpu_seconds(group) - before) * 1e6 / load.answers.max(1) as f64;
    Ok(load)
}

/// CPU time of all processes of a group, proc(5).
fn cpu_seconds(group: u32) -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ticks = processes.filter_map(|process| {
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let is_ours = fields.get(2)?.parse() == Ok(group);
        is_ours.then_some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    });
    ticks.sum::<u64>() as f64 / TICKS_A_SECOND
}

impl Load {
    fn parse(said: &str) -> Option<Load> {
        let after = |word: &str| {
            let line = said.lines().map(str::trim).find(|line| line.starts_with(word))?;
            Some(line[word.len()..].trim())
        };
        let errors = |word: &str| -> u64 {
            let numbers = after(word).unwrap_or("");
            let numbers = numbers.split(|c: char| !c.is_ascii_digit());
            numbers.filter_map(|number| number.parse::<u64>().ok()).sum()
        };
        Some(Load {
            rate: after("Requests/sec:")?.parse().ok()?,
            p99_ms: millis(after("99%")?)?,
            errors: errors("Socket errors:") + errors("Non-2xx or 3xx responses:"),
            answers: said
                .lines()
                .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())?,
            cpu_us: 0.0,
        })
    }
}

/// `516.00us`, `1.23ms`, `1.02s`
fn millis(text: &str) -> Option<f64> {
    [("us", 1e-3), ("ms", 1.0), ("s", 1e3)]
        .iter()
        .find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor))
}

fn middle(loads: &[Load], of: impl Fn(&Load) -> f64) -> Result<f64> {
    median(&loads.iter().map(of).collect::<Vec<_>>()).context("nothing was measured")
}

fn errors(loads: &[Load]) -> u64 {
    loads.iter().map(|load| load.errors).sum()
}

/// Milliseconds from a question to its whole answer. Each asks for another span, so that none is remembered.
fn chart_ms(port: u16) -> Result<f64> {
    let mut times = Vec::with_capacity(CHARTS);
    for k in 0..CHARTS {
        let start = Instant::now();
        let mut socket = TcpStream::connect(("127.0.0.1", port))?;
        let target = format!(
            "/api/v1/series?of=meminfo.MemFree&from=@{}&to=@{WEEK}&points=1200",
            k + 1
        );
        write!(
            socket,
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        if !answer.starts_with("HTTP/1.1 200") {
            bail!("{target}: {}", answer.lines().next().unwrap_or("no answer"));
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    median(&times).context("no chart")
}

/// Seven days of meminfo, second by second, as the collector leaves them: full stretches compacted.
fn write_week(path: &Path) -> Result<()> {
    let mut writer = store::Writer::open(path)?;
    let boot = Boot {
        boot_id: "week".into(),
        hostname: "week".into(),
        kernel: "6.18".into(),
        machine: "x86_64".into(),
        cpus: 2,
        page_size: 4096,
        clk_tck: 100,
        memory_bytes: None,
        cmdline: String::new(),
        tz: "UTC".into(),
    };
    let run = Run {
        origin: RunOrigin::Collector,
        interval: SECOND,
        started: UnixNanos(0),
        import_key: None,
    };
    let run = writer
        .begin_run(&boot, &run)?
        .context("a run of that name is there")?;
    let text = "MemTotal:       65842072 kB\nMemFree:        10000000 kB\nBuffers:          204800 kB\nCached:         23456789 kB\n";
    let (template, values) = Template::parse(text.as_bytes(), None);
    let template = Arc::new(template);
    let mut state = 1_u64;
    for hour in 0..WEEK / 3600 {
        writer.transaction(|writer| -> store::Result<()> {
            for second in hour * 3600..(hour + 1) * 3600 {
                // A walk that no coder can guess.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let mut values = values.clone();
                values[1] = 10_000_000 + (state >> 44);
                let reading = Reading {
                    source: "meminfo".into(),
                    offset: 0,
                    template: template.clone(),
                    values,
                };
                let tick = Tick {
                    at: UnixNanos(second * SECOND),
                    monotonic: second * SECOND,
                    readings: vec![reading],
                };
                writer.append(run, &tick)?;
            }
            Ok(())
        })?;
        while writer.compact(false)? {}
    }
    Ok(())
}

/// A Python with Sanic from PyPI, in an environment of its own.
fn sanic(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("sanic");
    output(
        in_root(tools::PYTHON.ensure()?)
            .args(["-m", "venv"])
            .arg(&environment),
    )
    .context("Python's venv is missing: install python3-venv")?;
    let python = environment.join("bin/python");
    output(in_root(&python).args(["-m", "pip", "install", "--quiet", "sanic"]))?;
    Ok(python)
}

/// A server of a database: its port, and its process group.
pub(super) fn serve(children: &mut Children, web: &Path, db: &Path) -> Result<(u16, u32)> {
    let port = free_port()?;
    let group = children.start(
        "web",
        in_root(web)
            .arg("--db")
            .arg(db)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .stderr(std::process::Stdio::null()),
    )?;
    children.wait_until("web", Duration::from_secs(20), || listens(port))?;
    Ok((port, group))
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::Load;

    #[test]
    fn what_wrk_says_is_understood() {
        let said = "\
  Latency Distribution
     50%  516.00us
     99%    1.02s
  3002 requests in 1.08s, 2.86MB read
  Socket errors: connect 0, read 1, write 0, timeout 2
  Non-2xx or 3xx responses: 4
Requests/sec:   2791.73
";
        let load = Load {
            rate: 2791.73,
            p99_ms: 1020.0,
            errors: 7,
            answers: 3002,
            cpu_us: 0.0,
        };
        assert_eq!(Load::parse(said), Some(load));
        assert_eq!(Load::parse("unable to connect"), None);
    }
}
