//! `cargo xtask record`: a real incident, made on this machine and recorded with its truth, for `cargo xtask accuracy`.
//!
//! It does to the machine what its name says: fills its memory, saturates its disks. So it runs only when told twice.

mod demand;
mod facts;
mod scenarios;
mod tracer;

use crate::children::Children;
use anyhow::{Context, Result, bail};
use scenarios::{Scenario, Stage};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

pub(crate) use demand::Arguments as DemandArguments;
pub(crate) use demand::run as demand;

/// Make a real incident on this machine and record it with its truth (root; it does what it says)
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which; without one, they are listed
    scenario: Option<String>,

    /// Really do this to this machine
    #[arg(long)]
    on_this_machine: bool,

    /// Folder on the disk that the scenario's files are made on
    #[arg(long, value_name = "DIR", default_value = "/var/tmp/highwater-record")]
    files: PathBuf,

    /// Folder that the recording becomes a folder of
    #[arg(long, value_name = "DIR", default_value = "target/recordings")]
    out: PathBuf,

    /// Seconds of an ordinary machine before, of trouble, and after
    #[arg(long, value_name = "S,S,S", value_delimiter = ',', default_values_t = [40, 60, 20])]
    seconds: Vec<u64>,
}

/// Lists the scenarios, or runs one.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Some(name) = &arguments.scenario else {
        for scenario in scenarios::ALL {
            println!("{:<22} {}", scenario.name, scenario.what);
        }
        return Ok(());
    };
    let Some(scenario) = scenarios::ALL.iter().find(|scenario| scenario.name == name) else {
        bail!("there is no scenario {name}: `cargo xtask record` lists them");
    };
    if !arguments.on_this_machine {
        bail!(
            "{name}: {}. Say --on-this-machine to have that done to this machine",
            scenario.what
        );
    }
    let [before, trouble, after] = arguments.seconds[..] else {
        bail!("--seconds wants three numbers")
    };
    let stage = Stage::prepare(&arguments.files)?;
    (scenario.prepare)(&stage)?;
    let folder = crate::workspace::root().join(&arguments.out).join(name);
    let mut recorder = Recorder::start(&folder)?;
    let tracer = tracer::Tracer::start();

    let mut ordinary = Children::new();
    stage.appserver(&mut ordinary)?;
    recorder.record(Duration::from_secs(before))?;
    println!("trouble begins");
    let begun = unix_now()?;
    let mut demands = Children::new();
    let end = (scenario.begin)(&stage, &mut demands)?;
    recorder.record(Duration::from_secs(trouble))?;
    // Programs that only know SIGTERM do not end well, and some have ended by themselves: both are meant.
    let _ = demands.end();
    end()?;
    let ended = unix_now()?;
    println!("trouble ended");
    recorder.record(Duration::from_secs(after))?;
    let _ = ordinary.end();

    let events = tracer.map_or_else(|| json!({}), |tracer| tracer.events(begun));
    let truth = truth(scenario, &stage, (begun, ended), events);
    std::fs::write(folder.join("truth.json"), format!("{truth:#}\n"))?;
    stage.clear()?;
    println!("{} is recorded in {}", name, folder.display());
    Ok(())
}

fn truth(scenario: &Scenario, stage: &Stage, (begun, ended): (f64, f64), events: Value) -> Value {
    let mut truth = json!({"case": scenario.name, "cause": scenario.cause, "begun": begun, "ended": ended, "events": events});
    if let Some(process) = scenario.process {
        truth["process"] = json!(process);
    }
    if scenario.on_device
        && let Some(device) = &stage.device
    {
        truth["device"] = json!(device);
    }
    truth
}

fn unix_now() -> Result<f64> {
    Ok(SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs_f64())
}

/// Writes the format of recordings: a log for each kernel file, a block a second.
struct Recorder {
    /// Path below /proc and log.
    logs: Vec<(String, File)>,
    processes: File,
    kernel_log: Option<(File, File)>,
    start: Instant,
    ticks: u32,
}

const SOURCES: [&str; 10] = [
    "meminfo",
    "zoneinfo",
    "buddyinfo",
    "vmstat",
    "diskstats",
    "stat",
    "loadavg",
    "pressure/cpu",
    "pressure/io",
    "pressure/memory",
];

impl Recorder {
    fn start(folder: &Path) -> Result<Recorder> {
        if folder.exists() {
            bail!("{} is there already", folder.display());
        }
        std::fs::create_dir_all(folder.join("proc")).with_context(|| folder.display().to_string())?;
        for (name, text) in facts::files()? {
            std::fs::write(folder.join(name), text)?;
        }
        let log = |name: &str| File::create(folder.join(format!("proc/{}.log", name.replace('/', "_"))));
        let logs = SOURCES
            .iter()
            .map(|name| Ok((format!("/proc/{name}"), log(name)?)))
            .collect::<Result<Vec<_>>>()?;
        let kernel_log = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .ok();
        if let Some(kernel_log) = &kernel_log {
            // SAFETY: seeks in a file that is open; from here on, not what was logged since boot.
            unsafe { libc::lseek(kernel_log.as_raw_fd(), 0, libc::SEEK_END) };
        }
        let kernel_log = kernel_log
            .map(|file| anyhow::Ok((file, log("kmsg")?)))
            .transpose()?;
        Ok(Recorder {
            logs,
            processes: log("pids")?,
            kernel_log,
            start: Instant::now(),
            ticks: 0,
        })
    }

    /// Records so long, on the same beat as before.
    fn record(&mut self, length: Duration) -> Result<()> {
        let until = Instant::now() + length;
        while Instant::now() < until && !Children::asked_to_end() {
            self.tick()?;
            self.ticks += 1;
            let due = self.start + Duration::from_secs(1) * self.ticks;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        if Children::asked_to_end() {
            bail!("interrupted");
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<()> {
        for (path, log) in &mut self.logs {
            let at = stamp()?;
            // A file that this kernel does not have stays an empty block.
            let text = std::fs::read(path).unwrap_or_default();
            log.write_all(&[at.as_bytes(), &text].concat())?;
        }
        let at = stamp()?;
        self.processes
            .write_all(&[at.as_bytes(), &processes()].concat())?;
        if let Some((file, log)) = &mut self.kernel_log {
            let mut records = at.into_bytes();
            let mut record = [0; 8192];
            // One record a read, until there is none.
            while let Ok(length @ 1..) = std::io::Read::read(file, &mut record) {
                records.extend(&record[..length]);
            }
            log.write_all(&records)?;
        }
        Ok(())
    }
}

fn stamp() -> Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(format!("@ {}.{:09}\n", now.as_secs(), now.subsec_nanos()))
}

/// A line a process: its stat, a tab, the numbers of its io.
fn processes() -> Vec<u8> {
    let mut text = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        if !entry
            .file_name()
            .as_encoded_bytes()
            .iter()
            .all(u8::is_ascii_digit)
        {
            continue;
        }
        let Ok(stat) = std::fs::read(entry.path().join("stat")) else {
            continue;
        };
        let io = std::fs::read_to_string(entry.path().join("io")).unwrap_or_default();
        let numbers: Vec<&str> = io.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        text.extend(stat.trim_ascii());
        text.push(b'\t');
        text.extend(numbers.join(" ").bytes());
        text.push(b'\n');
    }
    text
}
