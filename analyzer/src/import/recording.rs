//! A recording as CONTRACT.md describes it: node.json, logs of whole /proc files with one block a tick, and facts.

use super::blocks::Block;
use super::files::Files;
use super::logs::{Beat, Logs, TickBlock, memory_bytes};
use super::node::{self, Node};
use super::{Error, Outcome, Progress, Result, Summary, kmsg, processes};
use model::{Gap, ProcessTick, Reading, Run, RunOrigin, Template, Tick, TimeSpan, UnixNanos};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use store::{RunId, Writer};

/// Changes when the same content would be stored differently, so that it can be imported again.
const KEY_VERSION: u32 = 1;

/// Two ticks further apart than so many intervals have a gap between them.
const GAP_INTERVALS: i64 = 3;

/// The files of the format. Others under proc/ are imported as well, under their own names.
const EXPECTED: [&str; 14] = [
    "sysctl.txt",
    "block.json",
    "proc/meminfo.log",
    "proc/zoneinfo.log",
    "proc/buddyinfo.log",
    "proc/vmstat.log",
    "proc/diskstats.log",
    "proc/stat.log",
    "proc/loadavg.log",
    "proc/pressure_cpu.log",
    "proc/pressure_io.log",
    "proc/pressure_memory.log",
    "proc/pids.log",
    "proc/kmsg.log",
];

/// Imports the folder or `.tar.xz` at `path`, all of it or nothing. `progress` is told after every tick.
///
/// # Errors
/// The first thing that is wrong with the input, with file and line; or what the database says.
pub fn import(path: &Path, writer: &mut Writer, progress: &mut dyn FnMut(Progress)) -> Result<Outcome> {
    let files = Files::open(path)?;
    let node = Node::read(&files)?;
    let (digest, total_bytes) = files.digest()?;
    let beat = Beat::of(&files)?;
    let boot = node.boot(memory_bytes(&files)?);
    let run = Run {
        origin: RunOrigin::Import,
        interval: beat.interval,
        started: beat.first,
        import_key: Some(format!("recording/{KEY_VERSION}:{digest}")),
    };
    let missing = EXPECTED
        .iter()
        .filter(|file| !files.names().any(|name| name == **file));
    let summary = Summary {
        hostname: boot.hostname.clone(),
        kernel: boot.kernel.clone(),
        span: TimeSpan::new(beat.first, beat.first),
        interval: beat.interval,
        ticks: 0,
        sources: Vec::new(),
        files: files.names().count(),
        readings: 0,
        process_rows: 0,
        log_records: 0,
        facts: 0,
        bytes: total_bytes,
        notes: missing.map(|file| format!("{file} is missing")).collect(),
    };
    writer.import(|writer| {
        let Some(run) = writer.begin_run(&boot, &run)? else {
            return Ok(Outcome::AlreadyThere);
        };
        let mut logs = Logs::open(&files)?;
        let kinds = logs.names().map(Kind::of).collect();
        let mut import = Import {
            run,
            writer,
            node: &node,
            kinds,
            summary,
            sources: BTreeMap::new(),
        };
        let mut bytes = 0;
        while let Some(tick) = logs.next_tick()? {
            bytes += tick.iter().map(|b| b.block.text.len() as u64).sum::<u64>();
            import.tick(tick)?;
            progress(Progress {
                bytes,
                total_bytes,
                ticks: import.summary.ticks,
            });
        }
        import.summary.facts = import.writer.append_facts(&node::facts(&files, beat.first)?)?;
        import.end()?;
        Ok(Outcome::Imported(import.summary))
    })
}

struct Import<'a> {
    run: RunId,
    writer: &'a mut Writer,
    node: &'a Node,
    /// What each log holds, by its index.
    kinds: Vec<Kind>,
    summary: Summary,
    /// When each source was read last.
    sources: BTreeMap<Arc<str>, UnixNanos>,
}

impl Import<'_> {
    /// Says which sources there were, and which of them end before the recording does: a log may have been cut short.
    fn end(&mut self) -> Result<()> {
        let end = self.summary.span.to;
        for (source, &last) in &self.sources {
            self.summary.sources.push(source.to_string());
            if end.0 - last.0 > GAP_INTERVALS * self.summary.interval {
                let missing = end.seconds_since(last);
                self.summary
                    .notes
                    .push(format!("{source} ends {missing:.0} s before the recording does"));
                let why = "the recording holds no more of it".to_owned();
                self.writer.append_gap(&Gap {
                    from: last,
                    to: end,
                    source: Some(source.to_string()),
                    why,
                })?;
            }
        }
        Ok(())
    }

    fn tick(&mut self, blocks: Vec<TickBlock>) -> Result<()> {
        let Some(at) = blocks.iter().map(|b| b.block.at).min() else {
            return Ok(());
        };
        let last = self.summary.span.to;
        if at.0 - last.0 > GAP_INTERVALS * self.summary.interval {
            let why = "the recorder did not read anything".to_owned();
            self.writer.append_gap(&Gap {
                from: last,
                to: at,
                source: None,
                why,
            })?;
        }
        let mut readings = Vec::new();
        for TickBlock { log, block, is_last } in blocks {
            match &mut self.kinds[log] {
                // The recorder leaves a file empty that it could not read.
                Kind::Source(_) if block.text.is_empty() => {}
                Kind::Source(source) => readings.push(source.reading(&block, at, is_last)?),
                Kind::Processes => {
                    let samples = processes::read("proc/pids.log", block.line, &block.text)?;
                    self.summary.process_rows += samples.len() as u64;
                    self.writer.append_processes(
                        self.run,
                        &ProcessTick {
                            at: block.at,
                            complete: true,
                            samples,
                        },
                    )?;
                }
                Kind::KernelLog => {
                    let offset = self.node.realtime_minus_monotonic_ns;
                    let records = kmsg::read("proc/kmsg.log", block.line, &block.text, offset)?;
                    self.summary.log_records += records.len() as u64;
                    self.writer.append_log(self.run, &records)?;
                }
            }
        }
        self.summary.ticks += 1;
        self.summary.span.to = at;
        self.summary.readings += readings.len() as u64;
        self.sources
            .extend(readings.iter().map(|reading| (reading.source.clone(), at)));
        let monotonic = at.0.saturating_sub(self.node.realtime_minus_monotonic_ns);
        Ok(self.writer.append(
            self.run,
            &Tick {
                at,
                monotonic,
                readings,
            },
        )?)
    }
}

/// What a log holds.
enum Kind {
    Source(SourceLog),
    Processes,
    KernelLog,
}

impl Kind {
    fn of(log: &str) -> Kind {
        match log {
            "pids" => Kind::Processes,
            "kmsg" => Kind::KernelLog,
            _ => Kind::Source(SourceLog {
                file: format!("proc/{log}.log"),
                name: log.replacen("pressure_", "pressure/", 1).into(),
                template: Arc::default(),
                values: Vec::new(),
            }),
        }
    }
}

/// A kernel file, with the template and values that it had last.
struct SourceLog {
    file: String,
    /// `pressure/cpu` for `pressure_cpu.log`.
    name: Arc<str>,
    template: Arc<Template>,
    values: Vec<u64>,
}

impl SourceLog {
    fn reading(&mut self, block: &Block, tick: UnixNanos, is_last: bool) -> Result<Reading> {
        let mut values = Vec::with_capacity(self.values.len());
        if !self.template.read(&block.text, &mut values) {
            if is_last && is_beginning_of(&block.text, &self.template.render(&self.values)) {
                let reason =
                    "the last block has fewer lines than the one before it: the recording was cut short";
                return Err(Error::at(&self.file, block.line, reason));
            }
            let (template, parsed) = Template::parse(&block.text, Some(&self.template));
            if parsed.is_empty() && sources::find(&self.name).is_some() {
                let reason = format!("there is no number in this block: it is not {}", self.name);
                return Err(Error::at(&self.file, block.line, reason));
            }
            self.template = Arc::new(template);
            values = parsed;
        }
        self.values.clone_from(&values);
        let offset = block.at.0 - tick.0;
        Ok(Reading {
            source: self.name.clone(),
            offset,
            template: self.template.clone(),
            values,
        })
    }
}

/// Whether `text` has the first lines of `whole`, by their first words, but not all of them.
fn is_beginning_of(text: &[u8], whole: &[u8]) -> bool {
    fn first_words(text: &[u8]) -> Vec<&[u8]> {
        let first_word =
            |line: &'_ [u8]| -> usize { line.iter().take_while(|b| !b.is_ascii_whitespace()).count() };
        let lines = text
            .split_inclusive(|&b| b == b'\n')
            .map(<[u8]>::trim_ascii_start);
        lines.map(|line| &line[..first_word(line)]).collect()
    }
    let (words, whole) = (first_words(text), first_words(whole));
    words.len() < whole.len() && whole.starts_with(&words)
}
