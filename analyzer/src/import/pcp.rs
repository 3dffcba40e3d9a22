//! Archives of Performance Co-Pilot, which the installed `pmrep` prints, value for value as they were logged.
//!
//! PCP's Linux agent keeps the kernel's own counters, under names of its own: `mem.vmstat.pgpgin` is the line `pgpgin` of /proc/vmstat. So
//! they become readings again: those of vmstat and meminfo as the lines of these files, the others as counters.

use super::averages::{Averages, Beside, Input, Kind, Meaning, Table, write};
use super::snapshots::Found;
use super::text::{Lines, digest, import_key};
use super::{Error, LogOptions, Outcome, Progress, Result, command};
use model::Unit::{ClockTicks, Count, Microseconds, Milliseconds, Ratio, Sectors};
use model::{Template, Unit, UnixNanos};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Writer;

/// Changes when the same content would be stored differently, so that it can be imported again.
const KEY_VERSION: u32 = 1;

const LACKING: &str = "archives of PCP are read by its pmrep, which is not installed";

/// What is asked for; those that an archive does not have are not printed.
const TABLES: [&str; 17] = [
    "disk.dev.read",
    "disk.dev.write",
    "disk.dev.read_merge",
    "disk.dev.write_merge",
    "disk.dev.read_bytes",
    "disk.dev.write_bytes",
    "disk.dev.avactive",
    "disk.dev.aveq",
    "disk.dev.read_rawactive",
    "disk.dev.write_rawactive",
    "kernel.all.load",
    "kernel.all.cpu",
    "kernel.all.intr",
    "kernel.all.pswitch",
    "kernel.all.blocked",
    "kernel.all.pressure",
    "kernel.uname.release",
];
const ALSO: [&str; 3] = ["kernel.uname.nodename", "kernel.uname.machine", "hinv.ncpu"];
const FILES: [&str; 3] = ["mem.vmstat", "mem.util", "mem.physmem"];

/// What a metric without instances is, by its name.
const HOST: [Meaning; 22] = [
    counter("kernel.all.cpu.user", "stat.user", ClockTicks, 0.1),
    counter("kernel.all.cpu.nice", "stat.nice", ClockTicks, 0.1),
    counter("kernel.all.cpu.sys", "stat.system", ClockTicks, 0.1),
    counter("kernel.all.cpu.idle", "stat.idle", ClockTicks, 0.1),
    counter("kernel.all.cpu.wait.total", "stat.iowait", ClockTicks, 0.1),
    counter("kernel.all.cpu.irq.hard", "stat.irq", ClockTicks, 0.1),
    counter("kernel.all.cpu.irq.soft", "stat.softirq", ClockTicks, 0.1),
    counter("kernel.all.cpu.steal", "stat.steal", ClockTicks, 0.1),
    counter("kernel.all.cpu.guest", "stat.guest", ClockTicks, 0.1),
    counter("kernel.all.cpu.guest_nice", "stat.guest_nice", ClockTicks, 0.1),
    counter("kernel.all.intr", "stat.intr", Count, 1.0),
    counter("kernel.all.pswitch", "stat.ctxt", Count, 1.0),
    counter(
        "kernel.all.pressure.cpu.some.total",
        "pressure/cpu.some_total",
        Microseconds,
        1.0,
    ),
    counter(
        "kernel.all.pressure.io.some.total",
        "pressure/io.some_total",
        Microseconds,
        1.0,
    ),
    counter(
        "kernel.all.pressure.io.full.total",
        "pressure/io.full_total",
        Microseconds,
        1.0,
    ),
    counter(
        "kernel.all.pressure.memory.some.total",
        "pressure/memory.some_total",
        Microseconds,
        1.0,
    ),
    counter(
        "kernel.all.pressure.memory.full.total",
        "pressure/memory.full_total",
        Microseconds,
        1.0,
    ),
    gauge("kernel.all.blocked", "stat.procs_blocked", Count),
    gauge("kernel.all.load-1 minute", "loadavg.load1", Ratio),
    gauge("kernel.all.load-5 minute", "loadavg.load5", Ratio),
    gauge("kernel.all.load-15 minute", "loadavg.load15", Ratio),
    gauge("kernel.all.load-1 min", "loadavg.load1", Ratio),
];

/// What a metric of a disk is, whose name follows behind a dash.
const DISK: [Meaning; 10] = [
    counter("disk.dev.read", "diskstats.reads_completed", Count, 1.0),
    counter("disk.dev.write", "diskstats.writes_completed", Count, 1.0),
    counter("disk.dev.read_merge", "diskstats.reads_merged", Count, 1.0),
    counter("disk.dev.write_merge", "diskstats.writes_merged", Count, 1.0),
    counter("disk.dev.read_bytes", "diskstats.read_sectors", Sectors, 2.0),
    counter("disk.dev.write_bytes", "diskstats.write_sectors", Sectors, 2.0),
    counter("disk.dev.avactive", "diskstats.io_ms", Milliseconds, 1.0),
    counter("disk.dev.aveq", "diskstats.weighted_io_ms", Milliseconds, 1.0),
    counter("disk.dev.read_rawactive", "diskstats.read_ms", Milliseconds, 1.0),
    counter(
        "disk.dev.write_rawactive",
        "diskstats.write_ms",
        Milliseconds,
        1.0,
    ),
];

const fn counter(header: &'static str, metric: &'static str, unit: Unit, factor: f64) -> Meaning {
    Meaning {
        header,
        metric,
        unit,
        kind: Kind::Counter,
        factor,
    }
}

const fn gauge(header: &'static str, metric: &'static str, unit: Unit) -> Meaning {
    Meaning {
        header,
        metric,
        unit,
        kind: Kind::Gauge,
        factor: 1.0,
    }
}

/// `mem.util.X` is the line of /proc/meminfo of almost the same name.
const MEMINFO: [(&str, &str); 30] = [
    ("mem.physmem", "MemTotal"),
    ("mem.util.free", "MemFree"),
    ("mem.util.available", "MemAvailable"),
    ("mem.util.bufmem", "Buffers"),
    ("mem.util.cached", "Cached"),
    ("mem.util.swapCached", "SwapCached"),
    ("mem.util.active", "Active"),
    ("mem.util.inactive", "Inactive"),
    ("mem.util.active_anon", "Active(anon)"),
    ("mem.util.inactive_anon", "Inactive(anon)"),
    ("mem.util.active_file", "Active(file)"),
    ("mem.util.inactive_file", "Inactive(file)"),
    ("mem.util.unevictable", "Unevictable"),
    ("mem.util.mlocked", "Mlocked"),
    ("mem.util.swapTotal", "SwapTotal"),
    ("mem.util.swapFree", "SwapFree"),
    ("mem.util.dirty", "Dirty"),
    ("mem.util.writeback", "Writeback"),
    ("mem.util.anonpages", "AnonPages"),
    ("mem.util.mapped", "Mapped"),
    ("mem.util.shmem", "Shmem"),
    ("mem.util.slab", "Slab"),
    ("mem.util.slabReclaimable", "SReclaimable"),
    ("mem.util.slabUnreclaimable", "SUnreclaim"),
    ("mem.util.kernelStack", "KernelStack"),
    ("mem.util.pageTables", "PageTables"),
    ("mem.util.commitLimit", "CommitLimit"),
    ("mem.util.committed_AS", "Committed_AS"),
    ("mem.util.vmallocUsed", "VmallocUsed"),
    ("mem.util.anonhugepages", "AnonHugePages"),
];

/// The archive that a file belongs to: `20160910.index`, `.meta` and `.0` are one.
pub(super) fn archive(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".xz").unwrap_or(name);
    let (base, end) = name.rsplit_once('.')?;
    let is_part =
        matches!(end, "index" | "meta") || !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit());
    let base = path.with_file_name(base);
    let meta = PathBuf::from(format!("{}.meta", base.display()));
    (is_part && (meta.exists() || meta.with_extension("meta.xz").exists())).then_some(base)
}

/// Imports archives of PCP, of one machine, each named by any of its files: all of it or nothing.
///
/// # Errors
/// A file that is no part of an archive, no `pmrep`, or what it says; or what the database says.
pub fn import(
    paths: &[impl AsRef<Path>],
    options: &LogOptions,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let mut bases = Vec::new();
    for path in paths {
        let path = path.as_ref();
        let base = archive(path).ok_or_else(|| {
            Error::whole(
                &path.display().to_string(),
                "not a part of an archive of PCP, which has a .meta, an .index and a .0",
            )
        })?;
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    let mut averages = Averages::new(options.tz);
    let (mut digests, mut bytes, mut files) = (Vec::new(), 0, 0);
    let mut times = Vec::new();
    let mut order = Vec::new();
    for base in bases {
        for part in parts(&base)? {
            let (digest, length) = digest(&part)?;
            digests.push(digest);
            bytes += length;
            files += 1;
        }
        let seen = tables(&base, &mut averages)?;
        order.extend(seen.first().map(|first| (*first, base)));
        times.extend(seen);
        progress(Progress {
            bytes,
            total_bytes: bytes,
            ticks: times.len() as u64,
        });
    }
    order.sort();
    times.sort_unstable();
    times.dedup();
    let mut steps: Vec<i64> = times.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.sort_unstable();
    averages.beat = Some(
        steps
            .get(steps.len() / 2)
            .map_or(1_000_000_000, |&step| {
                (step + 5_000_000) / 10_000_000 * 10_000_000
            })
            .max(10_000_000),
    );
    averages.machine = options.machine.or(&averages.machine);
    averages
        .notes
        .insert("processes (proc.*) are not read from archives of PCP".to_owned());
    let input = Input {
        key: import_key(
            &format!("pcp/{KEY_VERSION}"),
            &digests,
            &format!("{} {:?}", options.tz, options.machine),
        ),
        bytes,
        files,
    };
    let readings = order
        .into_iter()
        .flat_map(|(_, base)| match Records::open(&base, &FILES) {
            Ok(records) => Box::new(KernelFiles::new(records)) as Box<dyn Iterator<Item = Result<Found>>>,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
    let beside = Beside {
        times,
        readings: Some(Box::new(readings)),
        ..Beside::default()
    };
    write(&averages, beside, &input, writer, progress)
}

fn parts(base: &Path) -> Result<Vec<PathBuf>> {
    let folder = base
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        if archive(&path).is_some_and(|other| other.file_name() == base.file_name()) {
            parts.push(path);
        }
    }
    parts.sort();
    Ok(parts)
}

/// Rows of numbers as `pmrep` prints them.
struct Records {
    lines: Lines,
    header: Vec<String>,
}

impl Records {
    fn open(base: &Path, metrics: &[&str]) -> Result<Records> {
        let absolute = std::path::absolute(base).map_err(|error| Error::io(base, error))?;
        let file = absolute.to_string_lossy();
        let mut arguments = vec![
            "-a",
            &*file,
            "--raw",
            "--no-interpol",
            "--output=csv",
            "--timezone=UTC",
            "--timestamp-format=%s.%f",
            "--no-unit-info",
            "--ignore-unknown",
        ];
        arguments.extend(metrics);
        let output = command::run("pmrep", &arguments, base, LACKING)?;
        let mut lines = Lines::new(&base.display().to_string(), output);
        let header = loop {
            match lines.next()? {
                // Nothing of what was asked for.
                None => break Vec::new(),
                Some(line) if line.starts_with("Time,") => break fields(line),
                Some(_) => {}
            }
        };
        Ok(Records { lines, header })
    }

    /// The next row: its time, and a word a column.
    fn next(&mut self) -> Result<Option<(UnixNanos, Vec<String>)>> {
        loop {
            let Some(line) = self.lines.next()? else {
                return Ok(None);
            };
            if line.is_empty() {
                continue;
            }
            let words = fields(line);
            let at = words.first().and_then(|word| {
                let (seconds, fraction) = word.split_once('.')?;
                let seconds: i64 = seconds.parse().ok()?;
                let micros: i64 = fraction.parse().ok().filter(|_| fraction.len() == 6)?;
                Some(UnixNanos(seconds.checked_mul(1_000_000_000)? + micros * 1000))
            });
            let Some(at) = at.filter(|_| words.len() == self.header.len()) else {
                let (file, line) = (self.lines.file.clone(), self.lines.line);
                return Err(Error::at(
                    &file,
                    line,
                    "pmrep printed a line that is none of its table",
                ));
            };
            return Ok(Some((at, words)));
        }
    }
}

/// Words between commas, some in double quotes.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => {
                if let Some(field) = fields.last_mut() {
                    field.push(c);
                }
            }
        }
    }
    fields
}

/// Reads what becomes rows of tables; when records are.
fn tables(base: &Path, averages: &mut Averages) -> Result<Vec<UnixNanos>> {
    let metrics: Vec<&str> = TABLES.iter().chain(&ALSO).chain(&FILES).copied().collect();
    let mut records = Records::open(base, &metrics)?;
    let header = records.header.clone();
    let words: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut host = Table::with(&words, None, &HOST, averages);
    // A table a device, of the columns that end with its name.
    let mut disks: BTreeMap<&str, (Vec<usize>, Table)> = BTreeMap::new();
    let devices: Vec<&str> = words
        .iter()
        .filter_map(|word| word.strip_prefix("disk.dev.read-"))
        .collect();
    for device in devices {
        let (places, mut names): (Vec<usize>, Vec<&str>) = words
            .iter()
            .enumerate()
            .filter_map(|(i, word)| {
                let name = word.strip_suffix(device)?.strip_suffix('-')?;
                DISK.iter()
                    .any(|meaning| meaning.header == name)
                    .then_some((i, name))
            })
            .unzip();
        names.push("DEV");
        let table = Table::with(&names, Some(names.len() - 1), &DISK, averages);
        disks.insert(device, (places, table));
    }
    let is_number = |word: &String| word.parse::<f64>().unwrap_or(f64::NAN);
    let mut times = Vec::new();
    while let Some((at, values)) = records.next()? {
        if values[1..].iter().all(String::is_empty) {
            continue;
        }
        times.push(at);
        let numbers: Vec<f64> = values.iter().map(is_number).collect();
        if !host.is_unused() {
            host.add(at, "", &numbers, averages);
        }
        for (device, (places, table)) in &mut disks {
            let mut numbers: Vec<f64> = places.iter().map(|&at| numbers[at]).collect();
            numbers.push(f64::NAN);
            table.add(at, device, &numbers, averages);
        }
        for (name, value) in header.iter().zip(&values).filter(|(_, value)| !value.is_empty()) {
            let machine = &mut averages.machine;
            match name.as_str() {
                "kernel.uname.release" => machine.kernel.clone_from(value),
                "kernel.uname.machine" => machine.architecture.clone_from(value),
                "kernel.uname.nodename" if machine.hostname.is_empty() => machine.hostname.clone_from(value),
                "kernel.uname.nodename" if machine.hostname != *value => {
                    let reason = format!("it is of {value}, and {} came before", machine.hostname);
                    return Err(Error::whole(&base.display().to_string(), reason));
                }
                "hinv.ncpu" => machine.cpus = value.parse().ok(),
                _ => {}
            }
        }
        averages.check_size(&records.lines)?;
    }
    if times.is_empty() {
        let reason = "nothing is in it of what is used here: disk.dev, kernel.all, mem.vmstat, mem.util";
        return Err(Error::whole(&base.display().to_string(), reason));
    }
    Ok(times)
}

/// Lines of vmstat and meminfo.
struct KernelFiles {
    records: Records,
    /// Where in a row stands which line of meminfo, and of vmstat.
    meminfo: Vec<(usize, &'static str)>,
    vmstat: Vec<(usize, String)>,
    templates: BTreeMap<&'static str, Arc<Template>>,
    ready: Vec<Found>,
}

impl KernelFiles {
    fn new(records: Records) -> KernelFiles {
        let place = |name: &str| records.header.iter().position(|other| other == name);
        let meminfo = MEMINFO
            .iter()
            .filter_map(|&(metric, name)| Some((place(metric)?, name)))
            .collect();
        let of_vmstat = |(i, name): (usize, &String)| Some((i, name.strip_prefix("mem.vmstat.")?.to_owned()));
        let vmstat = records.header.iter().enumerate().filter_map(of_vmstat).collect();
        KernelFiles {
            records,
            meminfo,
            vmstat,
            templates: BTreeMap::new(),
            ready: Vec::new(),
        }
    }

    fn found(&mut self, at: UnixNanos, source: &'static str, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut values = Vec::new();
        let template = match self.templates.get(source) {
            Some(template) if template.read(text.as_bytes(), &mut values) => template.clone(),
            _ => {
                let (template, parsed) = Template::parse(text.as_bytes(), None);
                values = parsed;
                Arc::new(template)
            }
        };
        self.templates.insert(source, template.clone());
        self.ready.push(Found {
            at,
            source,
            template,
            values,
        });
    }
}

impl Iterator for KernelFiles {
    type Item = Result<Found>;

    fn next(&mut self) -> Option<Result<Found>> {
        while self.ready.is_empty() {
            let (at, words) = match self.records.next().transpose()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            // Whole numbers only: a value that pmrep scaled would be no line of the kernel's.
            let is_whole =
                |at: &usize| !words[*at].is_empty() && words[*at].bytes().all(|b| b.is_ascii_digit());
            let line =
                |(at, name): &(usize, &str)| is_whole(at).then(|| format!("{name}: {} kB\n", words[*at]));
            let meminfo: String = self.meminfo.iter().filter_map(line).collect();
            let line =
                |(at, name): &(usize, String)| is_whole(at).then(|| format!("{name} {}\n", words[*at]));
            let vmstat: String = self.vmstat.iter().filter_map(line).collect();
            self.found(at, "meminfo", &meminfo);
            self.found(at, "vmstat", &vmstat);
        }
        Some(Ok(self.ready.remove(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_between_commas() {
        assert_eq!(
            fields("Time,\"disk.dev.read-a,b\",,1"),
            ["Time", "disk.dev.read-a,b", "", "1"]
        );
    }

    #[test]
    fn any_part_names_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("2016.09.meta"), "").unwrap();
        for part in ["2016.09.meta", "2016.09.index", "2016.09.0", "2016.09.0.xz"] {
            assert_eq!(
                archive(&folder.path().join(part)),
                Some(folder.path().join("2016.09")),
                "{part}"
            );
        }
        assert_eq!(archive(&folder.path().join("2017.meta")), None);
        assert_eq!(archive(&folder.path().join("x.log")), None);
    }
}
