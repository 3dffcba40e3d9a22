//! A span of a record as a database of its own.
//!
//! Everything goes through the reader and a writer, and through a [`Rewrite`], so that what is copied can be hidden on the way:
//! nothing of the old file's pages gets into the new one.

use crate::error::Result;
use crate::hot::OFFSET_UNIT;
use crate::reader::Reader;
use crate::writer::{RunId, Writer};
use model::{
    Boot, Event, Fact, Gap, LogRecord, Nanos, ProcessIdentity, ProcessTick, Reading, Tick, TimeSpan,
    UnixNanos,
};
use rusqlite::params;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

/// Processes of so much time are in memory at once.
const CHUNK: Nanos = 600_000_000_000;

/// What is changed of the texts that an extract copies. As it stands: nothing.
///
/// It is shown boots first, then facts, processes, sources, and at last gaps, the kernel's log and events, so that it knows the
/// names before it sees the texts that may hold them.
pub trait Rewrite {
    /// A boot.
    fn boot(&mut self, boot: Boot) -> Boot {
        boot
    }
    /// A fact.
    fn fact(&mut self, fact: Fact) -> Fact {
        fact
    }
    /// A process.
    fn process(&mut self, identity: ProcessIdentity) -> ProcessIdentity {
        identity
    }
    /// The name of a source; `None`: none of it is copied.
    fn source(&mut self, name: &str) -> Option<String> {
        Some(name.to_owned())
    }
    /// A gap.
    fn gap(&mut self, gap: Gap) -> Gap {
        gap
    }
    /// A record of the kernel's log.
    fn log(&mut self, record: LogRecord) -> LogRecord {
        record
    }
    /// An event.
    fn event(&mut self, event: Event) -> Event {
        event
    }
}

/// Copies what is there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verbatim;

impl Rewrite for Verbatim {}

/// What an extract holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extracted {
    /// First and last tick; `None`: there was none.
    pub ticks: Option<TimeSpan>,
    /// How many.
    pub tick_count: u64,
    /// Readings of files.
    pub readings: u64,
    /// Rows of processes.
    pub process_rows: u64,
}

impl Reader {
    /// Copies a span into `into`, an empty database: its ticks and processes, the facts that held at its start and changed in it, and
    /// the gaps, log records and events that lie in it. The last row of a process before the span goes into its first.
    ///
    /// # Errors
    /// When either database cannot be read or written, or a value is damaged.
    pub fn extract(&self, span: TimeSpan, into: &mut Writer, rewrite: &mut dyn Rewrite) -> Result<Extracted> {
        self.snapshot(|reader| {
            let mut extract = Extract {
                reader,
                span,
                into,
                rewrite,
                runs: BTreeMap::new(),
                boots: BTreeMap::new(),
                sources: HashMap::new(),
                done: Extracted::default(),
            };
            extract.runs()?;
            extract.facts()?;
            extract.processes()?;
            extract.stretches()?;
            extract.rows()?;
            extract.beside()?;
            while extract.into.compact(true)? {}
            Ok(extract.done)
        })
    }
}

struct Extract<'a> {
    reader: &'a Reader,
    span: TimeSpan,
    into: &'a mut Writer,
    rewrite: &'a mut dyn Rewrite,
    /// Runs here by those there.
    runs: BTreeMap<i64, RunId>,
    /// A run here by the boots there.
    boots: BTreeMap<i64, RunId>,
    /// Names here by the ids of sources there.
    sources: HashMap<i64, Option<Arc<str>>>,
    done: Extracted,
}

impl Extract<'_> {
    /// Boots and runs that have a tick in the span.
    fn runs(&mut self) -> Result<()> {
        let stamps = self.reader.ticks(self.span)?;
        if let (Some(first), Some(last)) = (stamps.first(), stamps.last()) {
            self.done.ticks = Some(TimeSpan::new(first.at, last.at));
        }
        let used: HashSet<RunId> = stamps.iter().map(|stamp| stamp.run).collect();
        let mut boots: Vec<Option<Boot>> = self.reader.boots()?.into_iter().map(Some).collect();
        let mut rewritten: HashMap<usize, Boot> = HashMap::new();
        for (old, boot, mut run) in self.reader.runs()? {
            if !used.contains(&old) {
                continue;
            }
            if let Some(boot_there) = boots.get_mut(boot).and_then(Option::take) {
                rewritten.insert(boot, self.rewrite.boot(boot_there));
            }
            // It is a part: to import the whole is something else.
            run.import_key = None;
            let Some(boot) = rewritten.get(&boot) else {
                continue;
            };
            if let Some(new) = self.into.begin_run(boot, &run)? {
                self.runs.insert(old.0, new);
                let boot: i64 = self
                    .reader
                    .ask(|db| db.query_row("SELECT boot FROM run WHERE id = ?1", [old.0], |r| r.get(0)))?;
                self.boots.insert(boot, new);
            }
        }
        Ok(())
    }

    fn facts(&mut self) -> Result<()> {
        let facts = self.reader.facts(self.span)?;
        let facts: Vec<Fact> = facts.into_iter().map(|fact| self.rewrite.fact(fact)).collect();
        self.into.append_facts(&facts).map(drop)
    }

    fn processes(&mut self) -> Result<()> {
        let (Some(ticks), mut begun) = (self.done.ticks, HashSet::new()) else {
            return Ok(());
        };
        // A look is later than its tick.
        let mut from = ticks.from;
        while from <= self.span.to && from <= ticks.to + CHUNK {
            let chunk = TimeSpan::new(from, (from + (CHUNK - 1)).min(self.span.to));
            let looks = self.reader.processes_by_run(chunk, &mut begun)?;
            self.into.transaction(|into| {
                for (run, look) in looks {
                    let Some(&run) = self.runs.get(&run) else {
                        continue;
                    };
                    let samples = look.samples.into_iter().map(|mut sample| {
                        let identity = Arc::unwrap_or_clone(sample.identity);
                        sample.identity = Arc::new(self.rewrite.process(identity));
                        sample
                    });
                    let look = ProcessTick {
                        samples: samples.collect(),
                        ..look
                    };
                    self.done.process_rows += look.samples.len() as u64;
                    into.append_processes(run, &look)?;
                }
                Ok::<(), crate::Error>(())
            })?;
            while self.into.compact(false)? {}
            from = chunk.to + 1;
        }
        Ok(())
    }

    /// Ticks that are compacted, a stretch at a time.
    fn stretches(&mut self) -> Result<()> {
        let stretches: Vec<(i64, i64)> = self.reader.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT id, run FROM stretch WHERE to_ns >= ?1 AND from_ns <= ?2 ORDER BY run, id",
            )?;
            rows.query_map(params![self.span.from.0, self.span.to.0], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?
            .collect()
        })?;
        for (stretch, run) in stretches {
            let Some(&run) = self.runs.get(&run) else {
                continue;
            };
            let mut ticks: Vec<Tick> = self
                .reader
                .stretch_stamps(stretch)?
                .into_iter()
                .map(|(at, monotonic)| Tick {
                    at: UnixNanos(at),
                    monotonic,
                    readings: Vec::new(),
                })
                .collect();
            for block in self.reader.stretch_blocks(stretch)? {
                let Some(source) = self.source(block.source)? else {
                    continue;
                };
                for (place, &(tick, offset)) in block.readings.iter().enumerate() {
                    if let Some(tick) = ticks.get_mut(tick) {
                        tick.readings.push(Reading {
                            source: source.clone(),
                            offset: offset.saturating_mul(OFFSET_UNIT),
                            template: block.template.clone(),
                            values: block.columns.iter().map(|column| column[place]).collect(),
                        });
                    }
                }
            }
            ticks.retain(|tick| self.span.contains(tick.at));
            self.append(run, &ticks)?;
            while self.into.compact(false)? {}
        }
        Ok(())
    }

    fn append(&mut self, run: RunId, ticks: &[Tick]) -> Result<()> {
        self.into
            .transaction(|into| ticks.iter().try_for_each(|tick| into.append(run, tick)))?;
        self.done.tick_count += ticks.len() as u64;
        self.done.readings += ticks.iter().map(|tick| tick.readings.len() as u64).sum::<u64>();
        Ok(())
    }

    /// Ticks that are not compacted.
    fn rows(&mut self) -> Result<()> {
        let rows: Vec<(i64, i64, i64)> = self.reader.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT run, at_ns, monotonic_ns FROM tick WHERE at_ns BETWEEN ?1 AND ?2 ORDER BY run, id",
            )?;
            rows.query_map(params![self.span.from.0, self.span.to.0], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?))
            })?
            .collect()
        })?;
        let mut open: VecDeque<(i64, Tick)> = rows
            .into_iter()
            .map(|(run, at, monotonic)| {
                let readings = Vec::new();
                (
                    run,
                    Tick {
                        at: UnixNanos(at),
                        monotonic,
                        readings,
                    },
                )
            })
            .collect();
        // Readings come in the order of the rows, without saying which row: the next one begins with another time, or with a file
        // that the row has already.
        let mut full: Vec<(i64, Tick)> = Vec::with_capacity(open.len());
        let mut trouble = Ok(());
        let (reader, span) = (self.reader, self.span);
        reader.hot_readings(span, &mut |run, at, hot| {
            let found = self
                .source(hot.source)
                .and_then(|source| Ok((source, self.reader.template(hot.template)?)));
            let (source, template) = match found {
                Ok((Some(source), template)) => (source, template),
                Ok((None, _)) => return,
                Err(error) => {
                    trouble = Err(error);
                    return;
                }
            };
            while open.front().is_some_and(|(of, tick)| {
                *of != run || tick.at.0 != at || tick.readings.iter().any(|r| r.source == source)
            }) {
                full.extend(open.pop_front());
            }
            if let Some((_, tick)) = open.front_mut() {
                tick.readings.push(Reading {
                    source,
                    offset: hot.offset.saturating_mul(OFFSET_UNIT),
                    template,
                    values: hot.values.to_vec(),
                });
            }
        })?;
        trouble?;
        full.extend(open);
        for part in full.chunk_by(|a, b| a.0 == b.0) {
            let ticks: Vec<Tick> = part.iter().map(|(_, tick)| tick.clone()).collect();
            if let Some(&run) = part.first().and_then(|(run, _)| self.runs.get(run)) {
                self.append(run, &ticks)?;
            }
        }
        Ok(())
    }

    fn source(&mut self, id: i64) -> Result<Option<Arc<str>>> {
        if let Some(known) = self.sources.get(&id) {
            return Ok(known.clone());
        }
        let name: String = self
            .reader
            .ask(|db| db.query_row("SELECT name FROM source WHERE id = ?1", [id], |r| r.get(0)))?;
        let source: Option<Arc<str>> = self.rewrite.source(&name).map(Arc::from);
        self.sources.insert(id, source.clone());
        Ok(source)
    }

    /// Gaps, the kernel's log and events.
    fn beside(&mut self) -> Result<()> {
        for gap in self.reader.gaps(self.span)? {
            self.into.append_gap(&self.rewrite.gap(gap))?;
        }
        for (&boot, &run) in &self.boots {
            let records = self.reader.log_of(boot, self.span)?;
            let records: Vec<LogRecord> = records.into_iter().map(|r| self.rewrite.log(r)).collect();
            self.into.append_log(run, &records)?;
        }
        for (&old, &run) in &self.runs {
            let events = self.reader.events_of(old, self.span)?;
            let events: Vec<Event> = events.into_iter().map(|e| self.rewrite.event(e)).collect();
            self.into.append_events(run, &events)?;
        }
        Ok(())
    }
}

impl Writer {
    /// Ends writing and leaves one file, without its log of writes and without pages that hold nothing: to be sent to somebody.
    ///
    /// # Errors
    /// When the disk says no, or another program has the database open.
    pub fn into_single_file(self) -> Result<()> {
        self.ask(|db| {
            db.execute_batch("VACUUM")?;
            db.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
        })
    }

    /// The file that [`Writer::open`] was given.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
