//! Logs that people keep of kernel files with a shell loop, and those of Oracle OSWatcher.
//!
//! A log is a file's text again and again, with the time of each before every line or on a line of its own (see [`stamps`]). Which
//! file it is, the text says: the source most of whose numbers are understood. An excerpt (`grep -A 4 zone /proc/zoneinfo`) will do.

mod stamps;

use super::detect::files;
use super::text::{Lines, import_key};
use super::{Error, Machine, Outcome, Place, Progress, Result, Summary};
use chrono_tz::Tz;
use model::{Nanos, Reading, Run, RunOrigin, Template, Tick, TimeSpan, UnixNanos};
use stamps::{Stamped, Stamps};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use store::Writer;

/// What has to be said about logs that do not say it themselves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The zone of clock times without one.
    pub tz: Tz,
    /// The machine, which such logs do not say.
    pub machine: Machine,
    /// When a file without any time in it was read.
    pub at: Option<UnixNanos>,
    /// Whether a line that is not understood ends the import.
    pub strict: bool,
}

/// Changes when the same content would be stored differently, so that it can be imported again.
const KEY_VERSION: u32 = 1;

/// Lines that each have a time of their own belong together within this, unless the file begins again.
const ONE_READING: Nanos = 500_000_000;

/// What one reading of a file may hold.
const READING_BYTES: usize = 16 << 20;

/// Files of one beat are read one after the other; so much of an interval is one tick.
const SAME_TICK: i64 = 2;

/// A reading that is not put in order yet.
struct Found {
    at: UnixNanos,
    source: &'static str,
    template: Arc<Template>,
    values: Vec<u64>,
}

#[derive(Default)]
struct Snapshots {
    found: Vec<Found>,
    /// Last template of each source.
    templates: BTreeMap<&'static str, Arc<Template>>,
    broken: Vec<(Place, String)>,
    broken_count: u64,
    /// Folders that hold nothing of use.
    left_out: Vec<String>,
    abbreviations: BTreeSet<String>,
}

/// A reading that is being put together from lines.
struct Block {
    at: UnixNanos,
    /// Line on which it began.
    line: u64,
    text: String,
    /// Whether its time stands on a line of its own, so that the lines behind it have none.
    alone: bool,
}

/// Imports logs of kernel files, of one machine, from any number of files and folders of them: all of it or nothing.
///
/// # Errors
/// A file that cannot be read, files in which nothing is understood, with [`Options::strict`] the first line that is not;
/// or what the database says.
pub fn import(
    paths: &[impl AsRef<Path>],
    options: &Options,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let (paths, left_out) = files(paths)?;
    let mut snapshots = Snapshots {
        left_out,
        ..Snapshots::default()
    };
    let mut digests = Vec::new();
    let mut bytes = 0;
    for (index, path) in paths.iter().enumerate() {
        let mut lines = Lines::open(path)?;
        snapshots.read(&mut lines, options)?;
        bytes += lines.bytes;
        digests.push(lines.digest());
        let part = (index + 1) as f64 / paths.len() as f64;
        progress(Progress {
            bytes,
            total_bytes: (bytes as f64 / part) as u64,
            ticks: snapshots.found.len() as u64,
        });
    }
    if snapshots.found.is_empty() {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let nothing = || {
            (
                Place {
                    file: names.join(", "),
                    line: None,
                },
                "no kernel file is recognised".to_owned(),
            )
        };
        let (place, reason) = snapshots.broken.first().cloned().unwrap_or_else(nothing);
        return Err(Error::Input { place, reason });
    }
    let key = import_key(
        &format!("proc-log/{KEY_VERSION}"),
        &digests,
        &format!("{:?} {} {:?}", options.at, options.tz, options.machine),
    );
    Ok(match snapshots.write(key, options, writer)? {
        Outcome::Imported(summary) => Outcome::Imported(Summary {
            bytes,
            files: paths.len(),
            ..summary
        }),
        Outcome::AlreadyThere => Outcome::AlreadyThere,
    })
}

impl Snapshots {
    fn read(&mut self, lines: &mut Lines, options: &Options) -> Result<()> {
        let mut stamps = Stamps::new(options.tz);
        let mut block = options.at.map(|at| Block {
            at,
            line: 1,
            text: String::new(),
            alone: true,
        });
        while let Some(line) = lines.next()?.map(str::to_owned) {
            let (at, text, alone) = match (stamps.read(&line), &block) {
                (Stamped::Alone(at), _) => (Some(at), None, true),
                (Stamped::Before(at, text), Some(block)) if !block.alone && block.goes_on(at, text) => {
                    (None, Some(text), false)
                }
                (Stamped::Before(at, text), _) => (Some(at), Some(text), false),
                (Stamped::None, Some(block)) if block.alone => (None, Some(line.as_str()), true),
                // Blank lines and the dashes between grep's groups mean nothing.
                (Stamped::None, _) if matches!(line.trim(), "" | "--") => continue,
                (Stamped::None, _) => {
                    self.broken(
                        lines,
                        lines.line,
                        "no time before it, and none stood on a line of its own",
                        options,
                    )?;
                    continue;
                }
            };
            if let Some(at) = at {
                let next = Block {
                    at,
                    line: lines.line,
                    text: String::new(),
                    alone,
                };
                if let Some(block) = block.replace(next) {
                    self.keep(lines, block, options)?;
                }
            }
            if let (Some(text), Some(block)) = (text, &mut block) {
                if block.text.len() + text.len() > READING_BYTES {
                    return Err(Error::at(
                        &lines.file,
                        lines.line,
                        "more than 16 MiB without a time",
                    ));
                }
                block.text.push_str(text);
                block.text.push('\n');
            }
        }
        if let Some(block) = block {
            self.keep(lines, block, options)?;
        }
        // Whoever names a zone knows what the abbreviation means.
        if options.tz == Tz::UTC {
            self.abbreviations.extend(stamps.abbreviation);
        }
        Ok(())
    }

    fn keep(&mut self, lines: &Lines, block: Block, options: &Options) -> Result<()> {
        if block.text.trim().is_empty() {
            return Ok(());
        }
        for (&source, template) in &self.templates {
            let mut values = Vec::new();
            if template.read(block.text.as_bytes(), &mut values) {
                self.found.push(Found {
                    at: block.at,
                    source,
                    template: template.clone(),
                    values,
                });
                return Ok(());
            }
        }
        let (template, values) = Template::parse(block.text.as_bytes(), None);
        match recognise(&template) {
            Some(source) => {
                let template = Arc::new(template);
                self.templates.insert(source, template.clone());
                self.found.push(Found {
                    at: block.at,
                    source,
                    template,
                    values,
                });
                Ok(())
            }
            None => self.broken(
                lines,
                block.line,
                "what follows is no kernel file that is known",
                options,
            ),
        }
    }

    fn broken(&mut self, lines: &Lines, line: u64, reason: &str, options: &Options) -> Result<()> {
        const SHOWN: usize = 5;
        if options.strict {
            return Err(Error::at(&lines.file, line, reason));
        }
        self.broken_count += 1;
        if self.broken.len() < SHOWN {
            self.broken.push((
                Place {
                    file: lines.file.clone(),
                    line: Some(line),
                },
                reason.to_owned(),
            ));
        }
        Ok(())
    }

    /// The usual time between two readings of one source.
    fn interval(&self) -> Nanos {
        let mut last: BTreeMap<&str, UnixNanos> = BTreeMap::new();
        let mut steps = Vec::new();
        for found in &self.found {
            let before = last.insert(found.source, found.at);
            steps.extend(
                before
                    .map(|before| found.at.0 - before.0)
                    .filter(|step| *step > 0),
            );
        }
        steps.sort_unstable();
        steps
            .get(steps.len().saturating_sub(1) / 2)
            .copied()
            .unwrap_or(1_000_000_000)
    }

    fn write(mut self, key: String, options: &Options, writer: &mut Writer) -> Result<Outcome> {
        self.found.sort_by_key(|found| found.at);
        let interval = self.interval();
        let (Some(first), Some(last)) = (self.found.first(), self.found.last()) else {
            return Ok(Outcome::AlreadyThere);
        };
        let (first, last) = (first.at, last.at);
        let boot = options.machine.boot(None, self.memory_bytes(), options.tz);
        let run = Run {
            origin: RunOrigin::Import,
            interval,
            started: first,
            import_key: Some(key),
        };
        let mut summary = Summary {
            hostname: boot.hostname.clone(),
            kernel: boot.kernel.clone(),
            span: TimeSpan::new(first, last),
            interval,
            ticks: 0,
            sources: self.templates.keys().map(|source| (*source).to_owned()).collect(),
            files: 0,
            readings: self.found.len() as u64,
            process_rows: 0,
            log_records: 0,
            facts: 0,
            bytes: 0,
            notes: self.notes(options),
        };
        writer.transaction(|writer| {
            let Some(run) = writer.begin_run(&boot, &run)? else {
                return Ok(Outcome::AlreadyThere);
            };
            let mut found = self.found.into_iter().peekable();
            while let Some(first) = found.next() {
                let at = first.at;
                let mut readings = vec![first.reading(at)];
                while let Some(next) = found.next_if(|next| {
                    next.at.0 - at.0 < interval / SAME_TICK
                        && !readings.iter().any(|r| &*r.source == next.source)
                }) {
                    readings.push(next.reading(at));
                }
                summary.ticks += 1;
                writer.append(
                    run,
                    &Tick {
                        at,
                        monotonic: at.0 - summary.span.from.0,
                        readings,
                    },
                )?;
            }
            Ok(Outcome::Imported(summary))
        })
    }

    /// MemTotal of the first meminfo.
    fn memory_bytes(&self) -> Option<u64> {
        let found = self.found.iter().find(|found| found.source == "meminfo")?;
        let columns = sources::decode("meminfo", &found.template)?;
        let total = columns
            .iter()
            .find(|column| &*column.metric.name == "meminfo.MemTotal")?;
        Some(found.values[total.slot] * 1024)
    }

    fn notes(&self, options: &Options) -> Vec<String> {
        let mut notes: Vec<String> = options.machine.note().into_iter().collect();
        notes.extend(self.abbreviations.iter().map(|zone| {
            format!("{zone} was not heeded, since it names no zone for certain; --tz says which")
        }));
        notes.extend(self.left_out.iter().map(|folder| format!("not used: {folder}")));
        notes.extend(
            self.broken
                .iter()
                .map(|(place, reason)| format!("{place}: {reason}; it was left out")),
        );
        let more = self.broken_count - self.broken.len() as u64;
        if more > 0 {
            notes.push(format!("{more} more were left out"));
        }
        notes
    }
}

impl Found {
    fn reading(self, tick: UnixNanos) -> Reading {
        let offset = self.at.0 - tick.0;
        Reading {
            source: self.source.into(),
            offset,
            template: self.template,
            values: self.values,
        }
    }
}

impl Block {
    /// Whether a line with a time of its own belongs to this reading: it does until the file begins again.
    fn goes_on(&self, at: UnixNanos, text: &str) -> bool {
        let label = |line: &str| line.split(|c: char| c.is_ascii_digit()).next().map(str::to_owned);
        at == self.at
            || (at.0 - self.at.0).abs() < ONE_READING
                && label(text) != self.text.lines().next().and_then(label)
    }
}

/// The source that understands most of a text's numbers, and at least half of them.
fn recognise(template: &Template) -> Option<&'static str> {
    let slots = template.slots().len();
    let known = |source: &sources::Source| slots - source.unknown(template).len();
    let (known, source) = sources::all()
        .iter()
        .map(|source| (known(source), source.name))
        .max_by_key(|(known, _)| *known)?;
    (known > 0 && known * 2 >= slots).then_some(source)
}

#[cfg(test)]
mod tests;
