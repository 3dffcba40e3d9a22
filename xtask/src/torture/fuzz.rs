//! Input that nobody wrote: recordings, tables of sar, logs, times and databases with mutated bytes, given to the real `analyzer`
//! under a limit of memory and time; and templates, in this process.
//!
//! It has to answer with an error of one line or with a result. A panic, a signal, a hang, or ticks left behind by an import that
//! failed is a finding; its input is kept.

use super::random::Random;
use super::{Stage, Table, libfuzzer};
use crate::children::Children;
use crate::{archive, command, programs, workspace};
use anyhow::{Context, Result};
use model::Template;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use store::Reader;

const MOST_MEMORY: u64 = 2 << 30;
const PATIENCE: Duration = Duration::from_secs(30);
/// The exit status of a Rust program that panicked.
const PANICKED: i32 = 101;

/// What sar prints first.
const HEAD: &str = "Linux 2.6.32-504.el6.x86_64 (node) \t09/10/2016 \t_x86_64_\t(8 CPU)\n\n";

/// What `sadf -j` prints, of two moments.
const SADF: &str = r#"{"sysstat": {"hosts": [{"nodename": "vm", "sysname": "Linux", "release": "6.1.0", "machine": "x86_64",
"number-of-cpus": 2, "statistics": [
{"timestamp": {"date": "2026-11-24", "time": "07:50:00", "utc": 1, "interval": 60},
 "memory": {"memfree": 1000, "avail": 2000, "memused": 3000, "buffers": 10, "cached": 500, "active": 7, "inactive": 8, "dirty": 9},
 "paging": {"pgpgin": 1.5, "pgpgout": 2.25, "fault": 3.0, "majflt": 0.5, "pgscank": 0.0, "pgscand": 0.0, "pgsteal": 0.0}},
{"timestamp": {"date": "2026-11-24", "time": "07:51:00", "utc": 1, "interval": 60},
 "memory": {"memfree": 900, "avail": 1900, "memused": 3100, "buffers": 10, "cached": 400, "active": 7, "inactive": 8, "dirty": 9},
 "paging": {"pgpgin": 9.5, "pgpgout": 2.25, "fault": 3.0, "majflt": 0.5, "pgscank": 7.0, "pgscand": 0.0, "pgsteal": 1.0}}]}]}}
"#;

/// One kind of input: writes a mutated one into a folder and says what to do with it, or names what is wrong at once.
type Target = (&'static str, fn(&mut Fuzz) -> Result<Vec<Command>>);

const TARGETS: &[Target] = &[
    ("import recording", recording),
    ("import sar", sar),
    ("import sadf", sadf),
    ("import proc-log", log),
    ("import auto", auto),
    ("times", time),
    ("databases", database),
];

struct Fuzz<'a> {
    random: &'a mut Random,
    analyzer: PathBuf,
    /// Of this input.
    folder: PathBuf,
    recording: Vec<(String, Vec<u8>)>,
    tables: Vec<Vec<u8>>,
    log: Vec<u8>,
    database: Vec<u8>,
}

/// Each target for so many seconds.
pub(super) fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let seeds = workspace::root().join("sample-data/page-cache-post-sar");
    let seed = |name: &str| std::fs::read(seeds.join(name)).with_context(|| name.to_owned());
    let analyzer = stage.programs.join("analyzer");
    let whole = stage.folder.join("seed.db");
    programs::import(&analyzer, &workspace::sample("page-cache-flood"), &whole)?;
    let mut recording: Vec<(String, Vec<u8>)> = archive::read(&workspace::sample("page-cache-flood"))?
        .into_iter()
        .collect();
    for (_, bytes) in &mut recording {
        // A few ticks of each file do, and a hundred inputs a second are better than ten.
        let end = bytes.windows(3).take(40_000).rposition(|start| start == b"\n@ ");
        if bytes.len() > 40_000
            && let Some(end) = end
        {
            bytes.truncate(end + 1);
        }
    }
    let mut fuzz = Fuzz {
        random: &mut stage.random,
        analyzer,
        folder: stage.folder.join("input"),
        recording,
        tables: [
            "sar-B.txt",
            "sar-d-1.txt",
            "sar-d-2.txt",
            "sar-r.txt",
            "sar-u.txt",
        ]
        .into_iter()
        .map(|name| Ok([HEAD.as_bytes(), &seed(name)?].concat()))
        .collect::<Result<_>>()?,
        log: seed("meminfo.log")?,
        database: std::fs::read(&whole)?,
    };
    let time = Duration::from_secs(stage.seconds);
    for (name, make) in TARGETS {
        let (mut inputs, mut refused, mut findings) = (0, 0, Vec::new());
        let begun = Instant::now();
        while begun.elapsed() < time && !Children::asked_to_end() {
            let _ = std::fs::remove_dir_all(&fuzz.folder);
            std::fs::create_dir_all(&fuzz.folder)?;
            inputs += 1;
            for mut command in make(&mut fuzz)? {
                match judge(&mut command, &fuzz.folder)? {
                    Ok(is_refused) => refused += u64::from(is_refused),
                    Err(what) => {
                        let kept = stage
                            .folder
                            .join(format!("finding-{}-{inputs}", name.replace(' ', "-")));
                        std::fs::rename(&fuzz.folder, &kept)?;
                        findings.push(format!("{what} ({command:?}, input kept in {})", kept.display()));
                        break;
                    }
                }
            }
        }
        let first = findings
            .first()
            .map_or(String::new(), |first| format!("; {first}"));
        table.must(
            &format!("{name}: panics, hangs, partial imports"),
            format!("{} in {inputs} inputs, {refused} refused{first}", findings.len()),
            findings.is_empty() && inputs > 0,
        );
    }
    let texts = templates(&mut fuzz, time);
    table.must(
        "templates: texts that do not come back",
        format!("{} of {}", texts.1, texts.0),
        texts.1 == 0 && texts.0 > 0,
    );
    libfuzzer::run(stage, table)
}

/// Runs it. `Ok(true)`: it was refused in order; `Err`: what is wrong.
fn judge(command: &mut Command, folder: &Path) -> Result<std::result::Result<bool, String>> {
    command
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let errors = folder.join("stderr");
    command.stderr(std::fs::File::create(&errors)?);
    // SAFETY: setrlimit and prctl are async-signal-safe and touch no memory of ours.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit {
                rlim_cur: MOST_MEMORY,
                rlim_max: MOST_MEMORY,
            };
            libc::setrlimit(libc::RLIMIT_AS, &raw const limit);
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    let mut child = command.spawn().context("cannot start the analyzer")?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(Err(format!("no end after {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let said = String::from_utf8_lossy(&std::fs::read(&errors)?).into_owned();
    let is_import = command.get_args().any(|argument| argument == "import");
    Ok(match status.code() {
        None | Some(PANICKED) => Err(format!("{status}: {}", said.lines().next().unwrap_or_default())),
        Some(0) => Ok(false),
        Some(_) if said.trim().is_empty() => Err(format!("{status} without a word")),
        Some(_) if is_import && left_behind(&folder.join("out.db")) => {
            Err(format!("{status}, but ticks are in the database"))
        }
        Some(_) => Ok(true),
    })
}

fn left_behind(database: &Path) -> bool {
    Reader::open(database)
        .and_then(|reader| reader.extent())
        .is_ok_and(|extent| extent.is_some())
}

impl Fuzz<'_> {
    fn analyzer(&self, arguments: &[&str]) -> Command {
        let mut command = command::in_root(&self.analyzer);
        command.args(arguments);
        command
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().context("a folder")?)?;
        Ok(std::fs::write(path, bytes)?)
    }
}

fn recording(fuzz: &mut Fuzz<'_>) -> Result<Vec<Command>> {
    let hit = fuzz.random.below(fuzz.recording.len());
    for number in 0..fuzz.recording.len() {
        let (name, bytes) = fuzz.recording[number].clone();
        let bytes = if number == hit {
            mutated(fuzz.random, &bytes)
        } else {
            bytes
        };
        fuzz.write(&name, &bytes)?;
    }
    let name = &fuzz.recording[hit].0;
    let top = name.split('/').next().unwrap_or(name).to_owned();
    Ok(vec![fuzz.analyzer(&[
        "import",
        "recording",
        &top,
        "--db",
        "out.db",
    ])])
}

fn sar(fuzz: &mut Fuzz<'_>) -> Result<Vec<Command>> {
    let table = fuzz.tables[fuzz.random.below(fuzz.tables.len())].clone();
    let bytes = mutated(fuzz.random, &table);
    fuzz.write("sar.txt", &bytes)?;
    Ok(vec![
        fuzz.analyzer(&["import", "sar", "sar.txt", "--db", "out.db"]),
    ])
}

fn sadf(fuzz: &mut Fuzz<'_>) -> Result<Vec<Command>> {
    let bytes = mutated(fuzz.random, SADF.as_bytes());
    fuzz.write("sadf.json", &bytes)?;
    Ok(vec![fuzz.analyzer(&[
        "import",
        "sadf",
        "sadf.json",
        "--db",
        "out.db",
    ])])
}

fn log(fuzz: &mut Fuzz<'_>) -> Result<Vec<Command>> {
    let bytes = mutated(fuzz.random, &fuzz.log.clone());
    fuzz.write("meminfo.log", &bytes)?;
    Ok(vec![fuzz.analyzer(&[
        "import",
        "proc-log",
        "meminfo.log",
        "--db",
        "out.db",
    ])])
}

fn auto(fuzz: &mut Fuzz<'_>) -> Result<Vec<Command>> {
    let (one, two) = (
        fuzz.tables[fuzz.random.below(fuzz.tables.len())].clone(),
        fuzz.log.clone(),
    );
    let bytes = mutated(fuzz.random, &one);
    fuzz.write("in/a.txt", &bytes)?;
    let bytes = mutated(fuzz.random, &two);
    fuzz.write("in/b.log", &bytes)?;
    Ok(vec![fuzz.analyzer(&[
        "import", "auto", "in/a.txt", "in/b.log", "--db", "out.db",
    ])])
}

fn time(fuzz: &mut Fuzz<'_>) -> Result<Vec<Command>> {
    const WORDS: [&str; 16] = [
        "10:50",
        "10:50:13",
        "2016-09-10 10:50",
        "2016-09-10T10:50:13Z",
        "@1473497612.5",
        "-1h",
        "1h ago",
        "now",
        "today",
        "yesterday",
        "yesterday 10:50",
        "+02:00",
        "99999999999999999999d",
        "-",
        ".",
        "é",
    ];
    fuzz.write("x.db", &fuzz.database)?;
    let mut word = || {
        let text = WORDS[fuzz.random.below(WORDS.len())].as_bytes().to_vec();
        let mut text = if fuzz.random.below(4) == 0 {
            text
        } else {
            mutated(fuzz.random, &text)
        };
        if fuzz.random.below(3) == 0 {
            text.extend(WORDS[fuzz.random.below(WORDS.len())].as_bytes());
        }
        // No argument has a NUL; other programs hand over UTF-8.
        String::from_utf8_lossy(&text).replace('\0', "")
    };
    let (from, to) = (format!("--from={}", word()), format!("--to={}", word()));
    Ok(vec![
        fuzz.analyzer(&["info", "--db", "x.db"]),
        fuzz.analyzer(&["explain", "--db", "x.db", &from, &to]),
        fuzz.analyzer(&["explain", "--db", "x.db", &from]),
    ])
}

fn database(fuzz: &mut Fuzz<'_>) -> Result<Vec<Command>> {
    let bytes = mutated(fuzz.random, &fuzz.database.clone());
    fuzz.write("x.db", &bytes)?;
    Ok(vec![
        fuzz.analyzer(&["info", "--db", "x.db"]),
        fuzz.analyzer(&["explain", "--db", "x.db", "--last", "10m"]),
        fuzz.analyzer(&["cat", "vmstat", "--db", "x.db", "--at", "now"]),
    ])
}

/// Texts and stored forms of templates: how many were tried, and how many did not come back.
fn templates(fuzz: &mut Fuzz<'_>, time: Duration) -> (u64, u64) {
    let (mut tried, mut wrong) = (0, 0);
    let mut prior: Option<Template> = None;
    let begun = Instant::now();
    while begun.elapsed() < time && !Children::asked_to_end() {
        let seed = fuzz.recording[fuzz.random.below(fuzz.recording.len())].1.clone();
        let start = fuzz.random.below(seed.len());
        let part = seed[start..].get(..3000).unwrap_or(&seed[start..]);
        let text = mutated(fuzz.random, part);
        let (template, values) = Template::parse(&text, prior.as_ref());
        let mut again = Vec::new();
        let is_same = template.render(&values) == text && template.read(&text, &mut again) && again == values;
        let stored = template.to_bytes();
        let is_stored = Template::from_bytes(&stored).is_ok_and(|back| back == template);
        if let Ok(strange) = Template::from_bytes(&mutated(fuzz.random, &stored)) {
            strange.render(&values);
        }
        tried += 1;
        wrong += u64::from(!(is_same && is_stored));
        prior = Some(template);
    }
    (tried, wrong)
}

/// A few changes such as files suffer, and some that hurt parsers.
fn mutated(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    const HURTFUL: [&[u8]; 12] = [
        b"\0",
        b"\n\n",
        b"-",
        b"18446744073709551616",
        b"9e999",
        b"NaN",
        b"\xff\xfe",
        b"\r\n",
        b"@ ",
        b"{\"",
        b"%s%n",
        b"0x",
    ];
    let mut out = bytes.to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(out.len() + 1);
        let end = (at + random.below(200)).min(out.len());
        match random.below(9) {
            0 => out.truncate(at),
            1 => drop(out.drain(at..end)),
            2 => {
                let again = out[at..end].to_vec();
                out.splice(at..at, again);
            }
            3 => drop(out.splice(at..at, HURTFUL[random.below(HURTFUL.len())].iter().copied())),
            4 => out[at..end].fill(0),
            5 => {
                if let Some(digit) = out[at..].iter_mut().find(|byte| byte.is_ascii_digit()) {
                    *digit = b'0' + random.below(10) as u8;
                }
            }
            6 => out.insert(at, b'0' + random.below(10) as u8),
            _ => {
                if let Some(byte) = out.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
    out
}
