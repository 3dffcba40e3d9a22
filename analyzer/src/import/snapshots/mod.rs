//! Logs that people keep of kernel files with a shell loop.
//!
//! A log is a file's text again and again, with the time of each before every line or on a line of its own (see [`stamps`]). Which
//! file it is, the text says: the source most of whose numbers are understood. An excerpt (`grep -A 4 zone /proc/zoneinfo`) will do.

mod stamps;

pub(super) use stamps::{Stamped, Stamps};

use super::detect::files;
use super::text::{Lines, import_key};
use super::{Error, Machine, Outcome, Place, Progress, Result, Summary};
use chrono_tz::Tz;
use model::{Nanos, Reading, Run, RunOrigin, Template, Tick, TimeSpan, UnixNanos};
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
pub(super) struct Found {
    pub(super) at: UnixNanos,
    pub(super) source: &'static str,
    pub(super) template: Arc<Template>,
    pub(super) values: Vec<u64>,
}

#[derive(Default)]
pub(super) struct Snapshots {
    /// Last template of each source.
    templates: BTreeMap<&'static str, Arc<Template>>,
    broken: Vec<(Place, String)>,
    broken_count: u64,
    abbreviations: BTreeSet<String>,
    /// Whether what stands before the first time is a head, and no line of a kernel file.
    has_head: bool,
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
    let paths = files(paths)?;
    let mut snapshots = Snapshots::default();
    let mut found = Vec::new();
    let mut digests = Vec::new();
    let mut bytes = 0;
    for (index, path) in paths.iter().enumerate() {
        let mut lines = Lines::open(path)?;
        found.extend(snapshots.read(&mut lines, options)?);
        bytes += lines.bytes;
        digests.push(lines.digest());
        let part = (index + 1) as f64 / paths.len() as f64;
        progress(Progress {
            bytes,
            total_bytes: (bytes as f64 / part) as u64,
            ticks: found.len() as u64,
        });
    }
    if found.is_empty() {
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
        let (place, reason) = snapshots.first_broken().unwrap_or_else(nothing);
        return Err(Error::Input { place, reason });
    }
    let key = import_key(
        &format!("proc-log/{KEY_VERSION}"),
        &digests,
        &format!("{:?} {} {:?}", options.at, options.tz, options.machine),
    );
    Ok(match snapshots.write(found, key, options, writer)? {
        Outcome::Imported(summary) => Outcome::Imported(Summary {
            bytes,
            files: paths.len(),
            ..summary
        }),
        Outcome::AlreadyThere => Outcome::AlreadyThere,
    })
}

impl Snapshots {
    /// None yet, of files that begin with lines about themselves.
    pub(super) fn with_head() -> Snapshots {
        Snapshots {
            has_head: true,
            ..Snapshots::default()
        }
    }

    /// The readings in one file, in the order in which they stand there.
    pub(super) fn read(&mut self, lines: &mut Lines, options: &Options) -> Result<Vec<Found>> {
        let mut found = Vec::new();
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
                (Stamped::None, None) if self.has_head => continue,
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
                    found.extend(self.keep(lines, block, options)?);
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
            found.extend(self.keep(lines, block, options)?);
        }
        // Whoever names a zone knows what the abbreviation means.
        if options.tz == Tz::UTC {
            self.abbreviations.extend(stamps.abbreviation);
        }
        Ok(found)
    }

    fn keep(&mut self, lines: &Lines, block: Block, options: &Options) -> Result<Option<Found>> {
        if block.text.trim().is_empty() {
            return Ok(None);
        }
        for (&source, template) in &self.templates {
            let mut values = Vec::new();
            if template.read(block.text.as_bytes(), &mut values) {
                return Ok(Some(Found {
                    at: block.at,
                    source,
                    template: template.clone(),
                    values,
                }));
            }
        }
        let (template, values) = Template::parse(block.text.as_bytes(), None);
        match recognise(&template) {
            Some(source) => {
                let template = Arc::new(template);
                self.templates.insert(source, template.clone());
                Ok(Some(Found {
                    at: block.at,
                    source,
                    template,
                    values,
                }))
            }
            None => {
                self.broken(
                    lines,
                    block.line,
                    "what follows is no kernel file that is known",
                    options,
                )?;
                Ok(None)
            }
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

    pub(super) fn first_broken(&self) -> Option<(Place, String)> {
        self.broken.first().cloned()
    }

    /// The usual time between two readings of one source.
    fn interval(found: &[Found]) -> Nanos {
        let mut last: BTreeMap<&str, UnixNanos> = BTreeMap::new();
        let mut steps = Vec::new();
        for found in found {
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

    fn write(
        self,
        mut found: Vec<Found>,
        key: String,
        options: &Options,
        writer: &mut Writer,
    ) -> Result<Outcome> {
        found.sort_by_key(|found| found.at);
        let interval = Self::interval(&found);
        let (Some(first), Some(last)) = (found.first(), found.last()) else {
            return Ok(Outcome::AlreadyThere);
        };
        let (first, last) = (first.at, last.at);
        let boot = options.machine.boot(None, memory_bytes(&found), options.tz);
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
            readings: found.len() as u64,
            process_rows: 0,
            log_records: 0,
            facts: 0,
            bytes: 0,
            notes: options.machine.note().into_iter().chain(self.notes()).collect(),
        };
        writer.import(|writer| {
            let Some(run) = writer.begin_run(&boot, &run)? else {
                return Ok(Outcome::AlreadyThere);
            };
            let mut found = found.into_iter().peekable();
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

    pub(super) fn notes(&self) -> Vec<String> {
        let zone =
            |zone| format!("{zone} was not heeded, since it names no zone for certain; --tz says which");
        let mut notes: Vec<String> = self.abbreviations.iter().map(zone).collect();
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

/// MemTotal of the first meminfo.
pub(super) fn memory_bytes(found: &[Found]) -> Option<u64> {
    let found = found.iter().find(|found| found.source == "meminfo")?;
    let columns = sources::decode("meminfo", &found.template)?;
    let total = columns
        .iter()
        .find(|column| &*column.metric.name == "meminfo.MemTotal")?;
    found.values[total.slot].checked_mul(1024)
}

impl Found {
    pub(super) fn reading(self, tick: UnixNanos) -> Reading {
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
    if is_slabinfo(template) {
        return Some("slabinfo");
    }
    let slots = template.slots().len();
    let known = |source: &sources::Source| slots - source.unknown(template).len();
    let (known, source) = sources::all()
        .iter()
        .map(|source| (known(source), source.name))
        .max_by_key(|(known, _)| *known)?;
    (known > 0 && known * 2 >= slots).then_some(source)
}

/// /proc/slabinfo is kept as it is; nothing here reads its numbers.
fn is_slabinfo(template: &Template) -> bool {
    let zeros = vec![0; template.slots().len()];
    template.render(&zeros).starts_with(b"slabinfo - version:")
}

#[cfg(test)]
mod tests;
