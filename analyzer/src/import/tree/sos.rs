//! What `sos report` gathers of a machine, as far as it concerns memory and disks.

use super::archive::Tree;
use super::{clock, kernel_files};
use crate::import::averages::{Averages, read_sa, read_sar};
use crate::import::snapshots::Found;
use crate::import::text::{Lines, decoded};
use crate::import::{Error, LogOptions, Machine, Result, SarOptions};
use chrono::{DateTime, Datelike, NaiveDateTime};
use chrono_tz::Tz;
use model::{Fact, LogRecord, UnixNanos};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What was found.
pub(super) struct Report {
    pub(super) averages: Averages,
    /// When it was made.
    pub(super) at: UnixNanos,
    pub(super) readings: Vec<Found>,
    pub(super) facts: Vec<Fact>,
    pub(super) log: Vec<LogRecord>,
    pub(super) files: usize,
}

const LOG_FILES: [&str; 5] = [
    "sos_commands/kernel/dmesg_-T",
    "sos_commands/logs/journalctl_--no-pager_--boot",
    "sos_commands/logs/journalctl_--no-pager_--catalog_--boot",
    "sos_commands/kernel/dmesg",
    "var/log/dmesg",
];

pub(super) fn read(tree: &Tree, options: &LogOptions) -> Result<Report> {
    let mut files = 0;
    let mut text = |names: &[&str]| -> Result<Option<String>> {
        for name in names {
            if let Some(text) = tree.text(name)? {
                files += 1;
                return Ok(Some(text));
            }
        }
        Ok(None)
    };
    let date = text(&[
        "sos_commands/date/date",
        "date",
        "timestamp",
        "sos_commands/general/date",
        "sos_commands/host/date",
    ])?;
    let at = options.at.or_else(|| {
        date.as_deref()?
            .lines()
            .find_map(|line| clock::of_text(line, options.tz))
    });
    let at =
        at.ok_or_else(|| Error::whole(&tree.name("date"), "no file says when this was made; say --at"))?;
    let mut machine = Machine::default();
    if let Some(uname) = text(&[
        "sos_commands/kernel/uname_-a",
        "uname",
        "sos_commands/host/uname_-a",
    ])? {
        // `Linux node1 5.14.0-503.el9.x86_64 #1 SMP … x86_64 x86_64 x86_64 GNU/Linux`
        let words: Vec<&str> = uname.split_ascii_whitespace().collect();
        if let ["Linux", host, kernel, rest @ ..] = words.as_slice() {
            machine.hostname = (*host).to_owned();
            machine.kernel = (*kernel).to_owned();
            machine.architecture = rest.iter().rev().nth(1).map_or("", |word| word).to_owned();
        }
    }
    if machine.hostname.is_empty() {
        let host = text(&[
            "hostname",
            "sos_commands/host/hostname",
            "etc/hostname",
            "proc/sys/kernel/hostname",
        ])?;
        machine.hostname = host.map(|host| host.trim().to_owned()).unwrap_or_default();
    }
    if machine.kernel.is_empty() {
        let release = text(&["proc/sys/kernel/osrelease"])?;
        machine.kernel = release
            .map(|release| release.trim().to_owned())
            .unwrap_or_default();
    }
    if let Some(cpus) = text(&["proc/cpuinfo"])? {
        let count = cpus.lines().filter(|line| line.starts_with("processor")).count() as u32;
        machine.cpus = Some(count).filter(|count| *count > 0);
    }
    let uptime = text(&["proc/uptime"])?.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    let booted = uptime
        .filter(|s| (0.0..1e10).contains(s))
        .map(|seconds| at - (seconds * 1e9) as i64);

    let mut facts = Vec::new();
    let mut fact = |at: UnixNanos, name: String, value: String| {
        facts.push(Fact {
            at,
            name,
            value: Some(value),
        });
    };
    if let Some(settings) = text(&["sos_commands/kernel/sysctl_-a"])? {
        for (name, value) in settings.lines().filter_map(|line| line.split_once('=')) {
            let name = name.trim();
            if !name.is_empty() && !name.contains(char::is_whitespace) {
                fact(at, format!("sysctl.{name}"), value.trim().to_owned());
            }
        }
    }
    if let Some(cmdline) = text(&["proc/cmdline"])? {
        fact(
            booted.unwrap_or(at),
            "node.cmdline".to_owned(),
            cmdline.trim().to_owned(),
        );
    }
    if let Some(devices) = text(&["sos_commands/block/lsblk"])? {
        for (device, description) in block_devices(&devices) {
            // How devices stand on each other is as old as the boot; a setting is known of this instant only.
            fact(
                booted.unwrap_or(at),
                format!("block.{device}"),
                description.to_string(),
            );
        }
    }
    let readings = kernel_files(tree, "", at)?;
    files += readings.len();

    let mut averages = Averages::new(options.tz);
    // What the tree says of itself is nearer than what sar's files say.
    averages.machine = options.machine.or(&machine);
    files += history(tree, options, &mut averages)?;
    averages.machine = options.machine.or(&machine).or(&averages.machine);
    if averages.is_empty() {
        averages.beat = Some(1_000_000_000);
    }
    let mut log = Vec::new();
    for name in LOG_FILES {
        let Some(text) = tree.text(name)? else { continue };
        log = kernel_log(&text, at, booted, options.tz);
        if !log.is_empty() {
            files += 1;
            break;
        }
    }
    if readings.is_empty() && averages.is_empty() {
        return Err(Error::whole(
            &tree.name(""),
            "neither kernel files nor sar's history is in it",
        ));
    }
    let absent: Vec<&str> = ["meminfo", "vmstat", "zoneinfo", "buddyinfo", "diskstats"]
        .into_iter()
        .filter(|name| !readings.iter().any(|found| found.source == *name))
        .collect();
    if !absent.is_empty() {
        averages.notes.insert(format!("not in it: {}", absent.join(", ")));
    }
    Ok(Report {
        averages,
        at,
        readings,
        facts,
        log,
        files,
    })
}

/// sar's history: text where there is text of a day (`sar10`), else the binary file (`sa10`); how many files were used.
fn history(tree: &Tree, options: &LogOptions, averages: &mut Averages) -> Result<usize> {
    let sar = SarOptions {
        date: None,
        tz: options.tz,
        machine: options.machine.clone(),
        strict: options.strict,
    };
    let mut files = 0;
    for folder in ["var/log/sa/", "var/log/sysstat/", "sos_commands/sar/"] {
        let names = tree.list(folder);
        for name in &names {
            let path = format!("{folder}{name}");
            let file = tree.name(&path);
            let day = |prefix: &str| {
                name.strip_prefix(prefix)
                    .filter(|day| day.starts_with(|c: char| c.is_ascii_digit()))
            };
            if day("sar").is_some() && !name.ends_with(".xml") {
                let Some(bytes) = tree.read(&path)? else { continue };
                let mut lines = Lines::new(
                    &file,
                    decoded(bytes).map_err(|error| Error::io(file.as_ref(), error))?,
                );
                read_sar(&mut lines, &sar, averages, &mut |_| {})?;
                files += 1;
            } else if let Some(day) = day("sa") {
                let day = day.split('.').next().unwrap_or(day);
                if names.iter().any(|other| other.starts_with(&format!("sar{day}"))) {
                    continue;
                }
                match tree.file(&path).map(|path| read_sa(&path, &sar, averages)) {
                    Some(Ok(_)) => files += 1,
                    Some(Err(error)) if !options.strict => {
                        averages.notes.insert(format!("{error}; it was left out"));
                    }
                    Some(Err(error)) => return Err(error),
                    None => {
                        averages.notes.insert(format!(
                            "{file}: sadf reads sar's binary files from the disk only; unpack the archive to have this one too"
                        ));
                    }
                }
            }
        }
    }
    Ok(files)
}

/// `lsblk`: a line a device, what stands on it indented below it.
pub(super) fn block_devices(text: &str) -> BTreeMap<String, Value> {
    #[derive(Default)]
    struct Device {
        dev: String,
        kind: String,
        slaves: Vec<String>,
        partitions: Vec<String>,
        mounts: Vec<String>,
    }
    let mut devices: BTreeMap<String, Device> = BTreeMap::new();
    let mut above: Vec<(usize, String)> = Vec::new();
    for line in text.lines().skip_while(|line| !line.starts_with("NAME")).skip(1) {
        let indent = line.chars().take_while(|c| !c.is_ascii_alphanumeric()).count();
        let line: String = line.chars().skip(indent).collect();
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [name, dev, _removable, _size, _read_only, kind, mounts @ ..] = words.as_slice() else {
            continue;
        };
        above.retain(|(depth, _)| *depth < indent);
        let parent = above.last().map(|(_, name)| name.clone());
        above.push((indent, (*name).to_owned()));
        if let Some(parent) = &parent
            && *kind == "part"
            && let Some(parent) = devices.get_mut(parent)
        {
            parent.partitions.push((*name).to_owned());
        }
        let device = devices.entry((*name).to_owned()).or_default();
        (device.dev, device.kind) = ((*dev).to_owned(), (*kind).to_owned());
        device
            .mounts
            .extend(mounts.iter().map(|mount| (*mount).to_owned()));
        if *kind != "part" {
            device.slaves.extend(parent);
        }
    }
    // The kernel calls a volume dm-0, which lsblk tells by its number alone.
    let kernel_name = |name: &str| -> String {
        let minor = devices.get(name).and_then(|device| device.dev.split(':').nth(1));
        match (devices.get(name).map(|device| device.kind.as_str()), minor) {
            (Some("lvm" | "crypt" | "mpath" | "dm"), Some(minor)) => format!("dm-{minor}"),
            _ => name.to_owned(),
        }
    };
    let described = devices.iter().map(|(name, device)| {
        let names = |names: &[String]| names.iter().map(|name| kernel_name(name)).collect::<Vec<_>>();
        let description = json!({
            "dev": device.dev, "slaves": names(&device.slaves), "partitions": names(&device.partitions), "mounts": device.mounts,
        });
        (kernel_name(name), description)
    });
    described.collect()
}

/// Records of the kernel's log in dmesg's (`[  12.345678] text`, `[Tue Sep 13 14:40:01 2016] text`) or the journal's text
/// (`Sep 13 14:40:01 node1 kernel: text`). Levels are not in it, and the numbers are made up, in order.
pub(super) fn kernel_log(text: &str, until: UnixNanos, booted: Option<UnixNanos>, tz: Tz) -> Vec<LogRecord> {
    let year = DateTime::from_timestamp_nanos(until.0).with_timezone(&tz).year();
    let mut log = Vec::new();
    for line in text.lines() {
        let record = match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
            Some((stamp, text)) => match stamp.trim().parse::<f64>() {
                Ok(seconds) if (0.0..1e9).contains(&seconds) => {
                    booted.map(|at| (at + (seconds * 1e9) as i64, text))
                }
                Ok(_) => None,
                Err(_) => clock::of_text(stamp, tz).map(|at| (at, text)),
            },
            None => journal_line(line, year, until, tz),
        };
        if let Some((at, text)) = record {
            log.push(LogRecord {
                at,
                sequence: log.len() as u64,
                priority: 6,
                text: text.to_owned(),
            });
        }
    }
    log.sort_by_key(|record| record.at);
    log
}

fn journal_line(line: &str, year: i32, until: UnixNanos, tz: Tz) -> Option<(UnixNanos, &str)> {
    let (head, text) = line.split_once(" kernel: ")?;
    let stamp = head.get(..15)?;
    let of_year = |year: i32| {
        let at = NaiveDateTime::parse_from_str(&format!("{year} {stamp}"), "%Y %b %e %H:%M:%S").ok()?;
        crate::time_grammar::instant(at, tz, crate::time_grammar::Fold::First).ok()
    };
    // A December in a report of January is last year's.
    let at = of_year(year)
        .filter(|at| *at <= until + 86_400_000_000_000)
        .or_else(|| of_year(year - 1))?;
    Some((at, text))
}
