//! Archives of Oracle OSWatcher: what meminfo, vmstat, iostat, slabinfo, top and ps said, every half a minute or so.
//!
//! A folder for each tool, a file for each hour (`oswvmstat/node1_vmstat_16.09.13.1400.dat`, also `.gz`), in it a line
//! `zzz ***Tue Sep 13 14:40:01 UTC 2016` before each answer of the tool. What a file holds is told by what is in it.
//!
//! meminfo and slabinfo are kernel files and stay what they are. vmstat and iostat are asked for three rows a second apart: the first is an
//! average since the machine was started and says nothing of this time, the others are of one second each, and nothing is known of
//! the time until the next answer.
//!
//! Files are read twice: once to see what there is and whether it can be read, and once more, hour by hour in the order of time, to be
//! written. So an archive of weeks needs the memory of an hour.

mod processes;
mod tables;

use super::averages::{Averages, Beside, Input, write};
use super::detect::files;
use super::snapshots::{Found, Snapshots, Stamped, Stamps};
use super::text::{Lines, import_key};
use super::{Error, LogOptions, Outcome, Place, Progress, Result};
use model::{Nanos, ProcessTick, UnixNanos};
use processes::Tool;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use store::Writer;

/// Changes when the same content would be stored differently, so that it can be imported again.
const KEY_VERSION: u32 = 1;

/// What one answer of a tool may hold.
const ANSWER_BYTES: usize = 16 << 20;

/// So many lines decide what a file is.
const LOOKED_AT: usize = 60;

/// What a file of the archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Content {
    /// meminfo or slabinfo.
    KernelFile,
    Iostat,
    Vmstat,
    Top,
    Ps,
}

/// Whether a folder or a file is of OSWatcher, by its name: `oswmeminfo`, `node1_meminfo_16.09.13.1400.dat.gz`.
pub(super) fn is_named_so(path: &Path) -> bool {
    let is_folder = |name: &str| name.starts_with("osw") && name[3..].bytes().all(|b| b.is_ascii_lowercase());
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    if name(path).is_some_and(|name| is_folder(&name) || host_of(&name).is_some()) {
        return true;
    }
    let Ok(entries) = std::fs::read_dir(path) else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| is_folder(&entry.file_name().to_string_lossy()) && entry.path().is_dir())
}

/// The host in a name `node1_vmstat_16.09.13.1400.dat`.
fn host_of(name: &str) -> Option<&str> {
    let name = name.split_once(".dat").map(|(name, _)| name)?;
    let (rest, date) = name.rsplit_once('_')?;
    let (host, _tool) = rest.rsplit_once('_')?;
    let is_date = date.bytes().all(|b| b.is_ascii_digit() || b == b'.') && date.len() >= 11;
    (is_date && !host.is_empty()).then_some(host)
}

/// Imports an archive of OSWatcher, of one machine: folders, or files of them; all of it or nothing.
///
/// # Errors
/// As [`super::proc_log`].
pub fn import(
    paths: &[impl AsRef<Path>],
    options: &LogOptions,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let paths = files(paths)?;
    let total_bytes: u64 = paths
        .iter()
        .filter_map(|path| path.metadata().ok())
        .map(|m| m.len())
        .sum();
    let mut archive = Archive::new(options);
    let mut digests = Vec::new();
    let (mut bytes, mut files) = (0, 0);
    for path in &paths {
        let Some(content) = content(path, options)? else {
            archive.leave_out(path);
            continue;
        };
        let mut lines = Lines::open(path)?;
        archive.first_look(path, &mut lines, content)?;
        bytes += lines.bytes;
        files += 1;
        digests.push(lines.digest());
        progress(Progress {
            bytes,
            total_bytes: total_bytes.max(bytes),
            ticks: archive.times.len() as u64,
        });
    }
    archive.end(&paths)?;
    let key = import_key(
        &format!("oswatcher/{KEY_VERSION}"),
        &digests,
        &format!("{} {:?}", options.tz, options.machine),
    );
    let input = Input { key, bytes, files };
    let Archive {
        averages,
        order,
        times,
        memory_bytes,
        ..
    } = archive;
    let of = |content: Content| -> Vec<PathBuf> {
        order
            .iter()
            .filter(|((c, _), _)| *c == content)
            .map(|(_, path)| path.clone())
            .collect()
    };
    let (top, ps) = (of(Content::Top), of(Content::Ps));
    let has_top = !top.is_empty();
    let processes = Merged::new(
        vec![
            processes::chain(
                top,
                Tool {
                    is_top: true,
                    counts: true,
                },
                options,
            ),
            processes::chain(
                ps,
                Tool {
                    is_top: false,
                    counts: !has_top,
                },
                options,
            ),
        ],
        |tick: &ProcessTick| tick.at,
    );
    let kernel_files = order.keys().filter(|(c, _)| *c == Content::KernelFile);
    let readings = kernel_readings(kernel_files.map(|key| order[key].clone()).collect(), options);
    let beside = Beside {
        times,
        readings: Some(Box::new(readings)),
        processes: Some(Box::new(processes)),
        memory_bytes,
        ..Beside::default()
    };
    write(&averages, beside, &input, writer, progress)
}

/// What the first look at the files gathers.
struct Archive<'a> {
    options: &'a LogOptions,
    averages: Averages,
    kernel_files: Snapshots,
    /// Files by what they hold and when they begin.
    order: BTreeMap<(Content, UnixNanos), PathBuf>,
    /// When tools were asked.
    times: Vec<UnixNanos>,
    beats: BTreeMap<Nanos, u64>,
    left_out: BTreeSet<String>,
    memory_bytes: Option<u64>,
}

impl<'a> Archive<'a> {
    fn new(options: &'a LogOptions) -> Archive<'a> {
        Archive {
            options,
            averages: Averages::new(options.tz),
            kernel_files: Snapshots::with_head(),
            order: BTreeMap::new(),
            times: Vec::new(),
            beats: BTreeMap::new(),
            left_out: BTreeSet::new(),
            memory_bytes: None,
        }
    }

    fn leave_out(&mut self, path: &Path) {
        let folder = path
            .parent()
            .and_then(Path::file_name)
            .filter(|name| name.to_string_lossy().starts_with("osw"));
        let name = folder.or(path.file_name()).unwrap_or_default();
        self.left_out.insert(name.to_string_lossy().into_owned());
    }

    fn first_look(&mut self, path: &Path, lines: &mut Lines, content: Content) -> Result<()> {
        self.host(path)?;
        let asked = match content {
            Content::KernelFile => {
                let found = self.kernel_files.read(lines, self.options)?;
                self.memory_bytes = self
                    .memory_bytes
                    .or_else(|| super::snapshots::memory_bytes(&found));
                found.into_iter().map(|found| found.at).collect()
            }
            Content::Vmstat => tables::vmstat(lines, self.options, &mut self.averages)?,
            Content::Iostat => tables::iostat(lines, self.options, &mut self.averages)?,
            Content::Top => processes::first_look(lines, true, self.options, &mut self.averages)?,
            Content::Ps => processes::first_look(lines, false, self.options, &mut self.averages)?,
        };
        let Some(&first) = asked.iter().min() else {
            return Ok(());
        };
        for pair in asked.windows(2) {
            *self.beats.entry(pair[1].0 - pair[0].0).or_default() += u64::from(pair[1] > pair[0]);
        }
        self.times.extend(asked);
        // Two files that begin in the same second are the same hour twice.
        let mut begin = first;
        while self.order.contains_key(&(content, begin)) {
            begin = begin + 1;
        }
        self.order.insert((content, begin), path.to_owned());
        Ok(())
    }

    fn host(&mut self, path: &Path) -> Result<()> {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let Some(host) = host_of(&name) else { return Ok(()) };
        let seen = &mut self.averages.machine.hostname;
        if seen.is_empty() {
            *seen = host.to_owned();
        } else if seen != host {
            let reason =
                format!("it is of {host}, and {seen} came before: import each into a database of its own");
            return Err(Error::whole(&path.display().to_string(), reason));
        }
        Ok(())
    }

    /// Says what there was; an error when there was nothing.
    fn end(&mut self, paths: &[PathBuf]) -> Result<()> {
        self.times.sort_unstable();
        self.times.dedup();
        if self.times.is_empty() {
            let (place, reason) = self.averages.first_broken().or(self.kernel_files.first_broken()).unwrap_or((
                Place {
                    file: paths.first().map(|path| path.display().to_string()).unwrap_or_default(),
                    line: None,
                },
                "no answer of a tool is recognised; an archive of OSWatcher has `zzz ***` and a date before each".to_owned(),
            ));
            return Err(Error::Input { place, reason });
        }
        let half = self.beats.values().sum::<u64>().div_ceil(2);
        let mut seen = 0;
        let beat = self.beats.iter().find_map(|(&beat, &count)| {
            seen += count;
            (seen >= half && beat > 0).then_some(beat)
        });
        self.averages.beat = self.averages.beat.or(beat).or(Some(30_000_000_000));
        self.averages.machine = self.options.machine.or(&self.averages.machine);
        let mut notes = self.kernel_files.notes();
        notes.extend(self.left_out.iter().map(|name| format!("not used: {name}")));
        let has = |content: Content| self.order.keys().any(|(c, _)| *c == content);
        if has(Content::Vmstat) || has(Content::Iostat) {
            notes.push(
                "vmstat and iostat: each row is the average over the second before it; the first row of each answer is one since the \
                 machine was started and was left out; of the time between answers nothing is known"
                    .to_owned(),
            );
        }
        if has(Content::Vmstat) {
            notes.push(
                "vmstat: r, swpd and cache were left out: what they count depends on its version".to_owned(),
            );
        }
        if has(Content::Top) {
            notes.push("top: TIME+ is user and system time together, and stands as user time".to_owned());
        }
        self.averages.notes.extend(notes);
        Ok(())
    }
}

/// What is in a file; `None`: nothing that is used here.
fn content(path: &Path, options: &LogOptions) -> Result<Option<Content>> {
    let mut lines = Lines::open(path)?;
    let mut stamps = Stamps::new(options.tz);
    for _ in 0..LOOKED_AT {
        let Some(line) = lines.next()? else { break };
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let has = |word: &str| words.contains(&word);
        let content = match words.as_slice() {
            ["slabinfo", "-", "version:", ..] | ["MemTotal:" | "MemFree:", ..] => Content::KernelFile,
            ["Device" | "Device:", ..] => Content::Iostat,
            ["top", "-", ..] => Content::Top,
            ["r", "b", "swpd", ..] => Content::Vmstat,
            _ if has("PID") && has("PPID") && (has("CMD") || has("COMMAND")) => Content::Ps,
            _ => {
                stamps.read(line);
                continue;
            }
        };
        return Ok(Some(content));
    }
    Ok(None)
}

/// An answer of a tool: when, the line of its stamp, and its lines.
struct Answer {
    at: UnixNanos,
    line: u64,
    text: String,
}

/// Cuts a file into answers.
struct Answers<'a> {
    lines: &'a mut Lines,
    stamps: Stamps,
    next: Option<(UnixNanos, u64)>,
    /// `CPU_COUNT`, which stands before the first stamp.
    cpus: Option<u32>,
    /// `SNAP_INTERVAL`, likewise.
    interval: Option<Nanos>,
}

impl<'a> Answers<'a> {
    fn new(lines: &'a mut Lines, options: &LogOptions) -> Answers<'a> {
        Answers {
            lines,
            stamps: Stamps::new(options.tz),
            next: None,
            cpus: None,
            interval: None,
        }
    }

    fn next(&mut self) -> Result<Option<Answer>> {
        let mut answer: Option<Answer> = self.next.take().map(|(at, line)| Answer {
            at,
            line,
            text: String::new(),
        });
        while let Some(line) = self.lines.next()? {
            let stamp = if line.starts_with("zzz") {
                match self.stamps.read(line) {
                    Stamped::Alone(at) => Some(at),
                    _ => None,
                }
            } else {
                None
            };
            match (stamp, &mut answer) {
                (Some(at), Some(_)) => {
                    self.next = Some((at, self.lines.line));
                    return Ok(answer);
                }
                (Some(at), None) => {
                    answer = Some(Answer {
                        at,
                        line: self.lines.line,
                        text: String::new(),
                    });
                }
                (None, Some(answer)) => {
                    if answer.text.len() + line.len() > ANSWER_BYTES {
                        let (file, line) = (self.lines.file.clone(), self.lines.line);
                        return Err(Error::at(&file, line, "more than 16 MiB without a time"));
                    }
                    answer.text.push_str(line);
                    answer.text.push('\n');
                }
                (None, None) => {
                    if let Some((name, number)) = line.split_once(' ') {
                        match name {
                            "CPU_COUNT" => self.cpus = number.trim().parse().ok().filter(|cpus| *cpus > 0),
                            "SNAP_INTERVAL" => {
                                let seconds = number
                                    .trim()
                                    .parse::<i64>()
                                    .ok()
                                    .filter(|s| (1..=86_400).contains(s));
                                self.interval = seconds.map(|seconds| seconds * 1_000_000_000);
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        Ok(answer)
    }

    /// Takes what stood before the first stamp.
    fn head(&self, averages: &mut Averages) {
        averages.machine.cpus = averages.machine.cpus.or(self.cpus);
        averages.beat = averages.beat.or(self.interval);
    }
}

/// Readings of kernel files, of one file after the other.
fn kernel_readings(paths: Vec<PathBuf>, options: &LogOptions) -> impl Iterator<Item = Result<Found>> {
    let options = LogOptions {
        strict: false,
        ..options.clone()
    };
    let (slabs, memory) = paths
        .into_iter()
        .partition(|path| path.to_string_lossy().contains("slabinfo"));
    let chain = |paths: Vec<PathBuf>, options: LogOptions| {
        let mut snapshots = Snapshots::with_head();
        let read = move |path: PathBuf| -> Vec<Result<Found>> {
            let found = Lines::open(&path).and_then(|mut lines| snapshots.read(&mut lines, &options));
            match found {
                Ok(mut found) => {
                    found.sort_by_key(|found| found.at);
                    found.into_iter().map(Ok).collect()
                }
                Err(error) => vec![Err(error)],
            }
        };
        Box::new(paths.into_iter().flat_map(read)) as Chain<Found>
    };
    let chains = vec![chain(memory, options.clone()), chain(slabs, options)];
    Merged::new(chains, |found: &Found| found.at)
}

type Chain<T> = Box<dyn Iterator<Item = Result<T>>>;

/// Several sequences in order of time, as one.
struct Merged<T> {
    chains: Vec<std::iter::Peekable<Chain<T>>>,
    at: fn(&T) -> UnixNanos,
}

impl<T> Merged<T> {
    fn new(chains: Vec<Chain<T>>, at: fn(&T) -> UnixNanos) -> Merged<T> {
        Merged {
            chains: chains.into_iter().map(Iterator::peekable).collect(),
            at,
        }
    }
}

impl<T> Iterator for Merged<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let mut first: Option<(UnixNanos, usize)> = None;
        for (i, chain) in self.chains.iter_mut().enumerate() {
            let at = match chain.peek() {
                None => continue,
                Some(Ok(item)) => (self.at)(item),
                Some(Err(_)) => UnixNanos(i64::MIN),
            };
            if first.is_none_or(|(earliest, _)| at < earliest) {
                first = Some((at, i));
            }
        }
        self.chains[first?.1].next()
    }
}

#[cfg(test)]
mod tests;
