//! atop's raw logs, which the installed `atop -P` prints; and what it printed.
//!
//! ```text
//! CPU vm 1795525496 2026/11/24 13:04:56 1 100 2 22 92 74 0 0 0 12 0 0 0 0 0 0
//! SEP
//! ```
//!
//! A line has a label, the host, the time at which its interval ended, how long it was in seconds, and then what happened in it, or how
//! things stood at its end. `RESET` before a sample: its interval began when the machine was started. Such a sample tells how things stand, and
//! how much each process had used until then.

mod processes;

use super::averages::{Averages, Beside, Input, Kind, Meaning, Table, write};
use super::text::{Lines, digest, import_key};
use super::{Error, LogOptions, Outcome, Place, Progress, Result, command};
use model::Unit::{ClockTicks, Count, Kibibytes, Microseconds, Milliseconds, Ratio, Sectors};
use model::{Unit, UnixNanos};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use store::Writer;

/// Changes when the same content would be stored differently, so that it can be imported again.
const KEY_VERSION: u32 = 1;

/// How a raw log begins, on machines of either byte order.
const MAGIC: [[u8; 4]; 2] = [[0xef, 0xbe, 0xed, 0xfe], [0xfe, 0xed, 0xbe, 0xef]];

const SYSTEM: &str = "CPU,CPL,MEM,SWP,PAG,PSI,LVM,MDD,DSK";
const PROCESSES: &str = "PRG,PRC,PRM,PRD";

const LACKING: &str = "atop's raw logs are read by atop, which is not installed; print them with `atop -P ALL -r FILE` where it is";

/// What a column is, and the factor that makes its unit of what atop prints.
type Field = (&'static str, Unit, Kind, Factor);

/// What a printed number has to be multiplied with.
#[derive(Debug, Clone, Copy)]
enum Factor {
    One,
    /// A page, which is so many kB as the line says at its start.
    Page,
    /// A clock tick, of which there are so many a second as the line says at its start.
    Tick,
}

const NONE: Field = ("", Count, Kind::Gauge, Factor::One);

const fn rate(metric: &'static str, unit: Unit, factor: Factor) -> Field {
    (metric, unit, Kind::Rate, factor)
}

const fn gauge(metric: &'static str, unit: Unit, factor: Factor) -> Field {
    (metric, unit, Kind::Gauge, factor)
}

/// The columns of a label behind the interval; versions of atop add more at the end.
fn fields(label: &str) -> &'static [Field] {
    use Factor::{One, Page, Tick};
    const CPU: [Field; 11] = [
        NONE,
        NONE,
        rate("stat.system", ClockTicks, Tick),
        rate("stat.user", ClockTicks, Tick),
        rate("stat.nice", ClockTicks, Tick),
        rate("stat.idle", ClockTicks, Tick),
        rate("stat.iowait", ClockTicks, Tick),
        rate("stat.irq", ClockTicks, Tick),
        rate("stat.softirq", ClockTicks, Tick),
        rate("stat.steal", ClockTicks, Tick),
        rate("stat.guest", ClockTicks, Tick),
    ];
    const CPL: [Field; 6] = [
        NONE,
        gauge("loadavg.load1", Ratio, One),
        gauge("loadavg.load5", Ratio, One),
        gauge("loadavg.load15", Ratio, One),
        rate("stat.ctxt", Count, One),
        rate("stat.intr", Count, One),
    ];
    const MEM: [Field; 8] = [
        NONE,
        gauge("meminfo.MemTotal", Kibibytes, Page),
        gauge("meminfo.MemFree", Kibibytes, Page),
        gauge("meminfo.Cached", Kibibytes, Page),
        gauge("meminfo.Buffers", Kibibytes, Page),
        gauge("meminfo.Slab", Kibibytes, Page),
        gauge("meminfo.Dirty", Kibibytes, Page),
        gauge("meminfo.SReclaimable", Kibibytes, Page),
    ];
    const SWP: [Field; 6] = [
        NONE,
        gauge("meminfo.SwapTotal", Kibibytes, Page),
        gauge("meminfo.SwapFree", Kibibytes, Page),
        NONE,
        gauge("meminfo.Committed_AS", Kibibytes, Page),
        gauge("meminfo.CommitLimit", Kibibytes, Page),
    ];
    // Scans are a sum over all names that begin with pgscan_, among them the same pages under two names and events that are no pages.
    const PAG: [Field; 12] = [
        NONE,
        NONE,
        rate("vmstat.allocstall", Count, One),
        NONE,
        rate("vmstat.pswpin", Unit::Pages, One),
        rate("vmstat.pswpout", Unit::Pages, One),
        rate("vmstat.oom_kill", Count, One),
        rate("vmstat.compact_stall", Count, One),
        rate("vmstat.pgmigrate_success", Unit::Pages, One),
        rate("vmstat.numa_pages_migrated", Unit::Pages, One),
        rate("vmstat.pgpgin", Kibibytes, Page),
        rate("vmstat.pgpgout", Kibibytes, Page),
    ];
    const PSI: [Field; 21] = [
        NONE,
        NONE,
        NONE,
        NONE,
        rate("pressure/cpu.some_total", Microseconds, One),
        NONE,
        NONE,
        NONE,
        rate("pressure/memory.some_total", Microseconds, One),
        NONE,
        NONE,
        NONE,
        rate("pressure/memory.full_total", Microseconds, One),
        NONE,
        NONE,
        NONE,
        rate("pressure/io.some_total", Microseconds, One),
        NONE,
        NONE,
        NONE,
        rate("pressure/io.full_total", Microseconds, One),
    ];
    const DISK: [Field; 6] = [
        NONE,
        rate("diskstats.io_ms", Milliseconds, One),
        rate("diskstats.reads_completed", Count, One),
        rate("diskstats.read_sectors", Sectors, One),
        rate("diskstats.writes_completed", Count, One),
        rate("diskstats.write_sectors", Sectors, One),
    ];
    match label {
        "CPU" => &CPU,
        "CPL" => &CPL,
        "MEM" => &MEM,
        "SWP" => &SWP,
        "PAG" => &PAG,
        "PSI" => &PSI,
        "DSK" | "MDD" | "LVM" => &DISK,
        _ => &[],
    }
}

/// A line's head: label, host, when its interval ended, its seconds; and the rest.
pub(super) struct Head<'a> {
    label: &'a str,
    host: &'a str,
    at: UnixNanos,
    seconds: f64,
    rest: &'a str,
}

impl<'a> Head<'a> {
    /// `CPU vm 1795525496 2026/11/24 13:04:56 1 …`
    fn read(line: &'a str) -> Option<Head<'a>> {
        let mut rest = line;
        let mut word = || {
            let (word, behind) = rest.split_once(' ')?;
            rest = behind;
            Some(word)
        };
        let (label, host, epoch, _date, _clock, seconds) =
            (word()?, word()?, word()?, word()?, word()?, word()?);
        let epoch: i64 = epoch.parse().ok()?;
        let seconds: u32 = seconds.parse().ok()?;
        Some(Head {
            label,
            host,
            at: UnixNanos(
                epoch
                    .checked_mul(1_000_000_000)
                    .filter(|at| (0..1i64 << 62).contains(at))?,
            ),
            seconds: f64::from(seconds),
            rest,
        })
    }
}

/// Whether a file is a raw log.
pub(super) fn is_raw(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4).read_to_end(&mut start));
    read.is_ok() && MAGIC.iter().any(|magic| start == magic)
}

/// Whether a line is one that atop prints for programs.
pub(super) fn is_printed(line: &str) -> bool {
    Head::read(line)
        .is_some_and(|head| head.label.len() == 3 && head.label.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// The lines with some labels: of a raw log through atop, of what it printed as they are.
fn lines(path: &Path, labels: &str) -> Result<Lines> {
    if !is_raw(path) {
        return Lines::open(path);
    }
    let absolute = std::path::absolute(path).map_err(|error| Error::io(path, error))?;
    let file = absolute.to_string_lossy();
    let output = command::run("atop", &["-r", &file, "-P", labels], path, LACKING)?;
    Ok(Lines::new(&path.display().to_string(), output))
}

/// Imports raw logs of atop or what `atop -P ALL` printed, of one machine: all of it or nothing.
///
/// # Errors
/// A file that cannot be read, no `atop`, or what it says; with [`LogOptions::strict`] the first line that is not
/// understood; or what the database says.
pub fn import(
    paths: &[impl AsRef<Path>],
    options: &LogOptions,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let mut log = Log::new(options);
    let mut digests = Vec::new();
    let mut bytes = 0;
    let mut order: Vec<(UnixNanos, PathBuf)> = Vec::new();
    for path in paths {
        let path = path.as_ref();
        let begin = log.read(&mut lines(path, SYSTEM)?)?;
        order.extend(begin.map(|at| (at, path.to_owned())));
        let (digest, length) = digest(path)?;
        bytes += length;
        digests.push(digest);
        progress(Progress {
            bytes,
            total_bytes: bytes,
            ticks: log.samples.len() as u64,
        });
    }
    order.sort();
    let Log {
        mut averages,
        boots,
        mut samples,
        ..
    } = log;
    if averages.is_empty() {
        let nothing = || {
            let file = paths
                .iter()
                .map(|path| path.as_ref().display().to_string())
                .collect::<Vec<_>>()
                .join(", ");
            (
                Place { file, line: None },
                "no line of atop's that is understood".to_owned(),
            )
        };
        let (place, reason) = averages.first_broken().unwrap_or_else(nothing);
        return Err(Error::Input { place, reason });
    }
    samples.sort_unstable();
    averages.machine = options.machine.or(&averages.machine);
    averages.notes.insert(
        "atop: page scans were left out: atop adds up names that count the same pages twice".to_owned(),
    );
    let input = Input {
        key: import_key(
            &format!("atop/{KEY_VERSION}"),
            &digests,
            &format!("{} {:?}", options.tz, options.machine),
        ),
        bytes,
        files: paths.len(),
    };
    let beside = Beside {
        times: samples,
        processes: Some(processes::chain(
            order.into_iter().map(|(_, path)| path).collect(),
            boots,
        )),
        ..Beside::default()
    };
    write(&averages, beside, &input, writer, progress)
}

/// What the lines about the machine say.
struct Log<'a> {
    options: &'a LogOptions,
    averages: Averages,
    tables: HashMap<(String, String), Table>,
    /// Ends of intervals.
    samples: Vec<UnixNanos>,
    /// The first sample of each life of the machine.
    boots: Vec<UnixNanos>,
}

impl<'a> Log<'a> {
    fn new(options: &'a LogOptions) -> Log<'a> {
        Log {
            options,
            averages: Averages::new(options.tz),
            tables: HashMap::new(),
            samples: Vec::new(),
            boots: Vec::new(),
        }
    }

    /// Reads one file; when its first sample is.
    fn read(&mut self, lines: &mut Lines) -> Result<Option<UnixNanos>> {
        let mut since_boot = false;
        let mut first = None;
        let file = lines.file.clone();
        loop {
            let Some(line) = lines.next()? else { break };
            match line {
                "SEP" => since_boot = false,
                "RESET" => since_boot = true,
                _ => {
                    let taken = match Head::read(line) {
                        Some(head) => {
                            first = first.or(Some(head.at));
                            self.line(&head, since_boot, &file)
                        }
                        None => Err("not a line of `atop -P`".to_owned()),
                    };
                    if let Err(reason) = taken {
                        if self.options.strict || self.averages.is_empty() && lines.line > 100 {
                            return Err(Error::at(&file, lines.line, reason));
                        }
                        let place = Place {
                            file: file.clone(),
                            line: Some(lines.line),
                        };
                        self.averages.broken(place, &reason);
                    }
                }
            }
        }
        self.averages.check_size(lines)?;
        Ok(first)
    }

    fn line(&mut self, head: &Head, since_boot: bool, file: &str) -> std::result::Result<(), String> {
        let host = &mut self.averages.machine.hostname;
        if host.is_empty() {
            host.push_str(head.host);
        } else if host != head.host {
            return Err(format!("it is of {}, and {host} came before", head.host));
        }
        let fields = fields(head.label);
        if fields.is_empty() {
            return Ok(());
        }
        if self.samples.last() != Some(&head.at) {
            self.sample(head, since_boot);
        }
        let words: Vec<&str> = head.rest.split(' ').collect();
        let is_device = matches!(head.label, "DSK" | "MDD" | "LVM");
        let per = words
            .first()
            .and_then(|word| word.parse::<f64>().ok())
            .filter(|per| *per >= 1.0);
        if head.label == "CPU" {
            self.averages.machine.cpus = words.get(1).and_then(|word| word.parse().ok());
        }
        let mut numbers = vec![f64::NAN; fields.len()];
        for (i, ((_, _, kind, factor), word)) in fields.iter().zip(&words).enumerate() {
            if fields[i].0.is_empty() || since_boot && *kind == Kind::Rate {
                continue;
            }
            let number: f64 = word
                .parse()
                .map_err(|_| format!("{word:?} in {} is not a number", head.label))?;
            let factor = match (factor, per) {
                (Factor::One, _) => 1.0,
                (Factor::Page, Some(bytes)) => bytes / 1024.0,
                (Factor::Tick, Some(per_second)) => 100.0 / per_second,
                (_, None) => f64::NAN,
            };
            let seconds = if *kind == Kind::Rate { head.seconds } else { 1.0 };
            numbers[i] = number * factor / seconds;
        }
        if words.len() < fields.len() && matches!(head.label, "CPU" | "CPL" | "MEM" | "DSK" | "MDD" | "LVM") {
            return Err(format!(
                "{} has fewer columns than atop prints, in {file}",
                head.label
            ));
        }
        if since_boot
            && fields
                .iter()
                .all(|field| field.2 == Kind::Rate || field.0.is_empty())
        {
            return Ok(());
        }
        let key = if is_device { words[0] } else { "" };
        let table = self.table(head.label, since_boot, fields, is_device);
        // Whatever is not a rate is of the end of the interval.
        let table = self.tables.get_mut(&table).ok_or("no table")?;
        if head.seconds > 0.0 && !since_boot {
            table.begin_exactly(head.at - (head.seconds * 1e9) as i64);
        }
        table.add(head.at, key, &numbers, &mut self.averages);
        Ok(())
    }

    fn sample(&mut self, head: &Head, since_boot: bool) {
        let booted = head.at - (head.seconds * 1e9) as i64;
        let last = self.samples.iter().rev().find(|at| **at < head.at).copied();
        // The machine was started after the sample before: counters began again.
        let restarted = since_boot && last.is_some_and(|last| booted > last);
        if restarted {
            self.averages.restart(head.at);
        }
        if restarted || self.samples.is_empty() {
            self.boots.push(head.at);
        }
        self.samples.push(head.at);
    }

    /// The name of the table of a label, which is there then. Samples since the boot have gauges alone.
    fn table(
        &mut self,
        label: &str,
        since_boot: bool,
        fields: &[Field],
        is_device: bool,
    ) -> (String, String) {
        let name = (
            label.to_owned(),
            if since_boot { "gauges" } else { "" }.to_owned(),
        );
        if !self.tables.contains_key(&name) {
            let mut words: Vec<&str> = fields.iter().map(|field| field.0).collect();
            if is_device {
                words[0] = "DEV";
            }
            let meanings: Vec<Meaning> = fields
                .iter()
                .filter(|field| !field.0.is_empty() && (!since_boot || field.2 == Kind::Gauge))
                .map(|&(metric, unit, kind, _)| Meaning {
                    header: metric,
                    metric,
                    unit,
                    kind,
                    factor: 1.0,
                })
                .collect();
            let table = Table::with(&words, is_device.then_some(0), &meanings, &mut self.averages);
            self.tables.insert(name.clone(), table);
        }
        name
    }
}

#[cfg(test)]
mod tests;
