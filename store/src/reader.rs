//! Reading: chosen columns of a span, whatever form its ticks are in.

use crate::columns::{Block, ColumnSummary};
use crate::error::{Error, Result, sqlite};
use crate::hot::{Before, HotReading, OFFSET_UNIT};
use crate::schema;
use crate::times;
use crate::writer::RunId;
use model::{Boot, Event, Fact, Gap, LogRecord, Nanos, Run, RunOrigin, Template, TimeSpan, UnixNanos};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads; any number at a time, while a writer writes. Each call sees what is committed when it begins.
pub struct Reader {
    pub(crate) db: Connection,
    pub(crate) path: PathBuf,
}

/// One recorded file.
#[derive(Debug, Clone)]
pub struct StoredReading {
    /// Middle of the read.
    pub at: UnixNanos,
    /// Fixed text.
    pub template: Arc<Template>,
    /// One value a slot.
    pub values: Vec<u64>,
    /// Boot it belongs to: index into [`Reader::boots`].
    pub boot: usize,
    /// Interval of its run.
    pub interval: Nanos,
}

/// When a tick was, and in which boot and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickStamp {
    /// Wall time.
    pub at: UnixNanos,
    /// CLOCK_MONOTONIC.
    pub monotonic: Nanos,
    /// Index into [`Reader::boots`].
    pub boot: usize,
    /// Run.
    pub run: RunId,
    /// The run's nominal interval.
    pub interval: Nanos,
}

/// Consecutive readings of one source with one template in one run.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// Fixed text.
    pub template: Arc<Template>,
    /// Index into [`Reader::boots`].
    pub boot: usize,
    /// Run.
    pub run: RunId,
    /// Middle of each read.
    pub at: Vec<UnixNanos>,
    /// The chosen slots, in the order asked for, each as long as `at`.
    pub columns: Vec<Vec<u64>>,
}

/// Which slots of a template a caller wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slots {
    /// All of them, in order.
    All,
    /// These, in this order.
    Some(Vec<usize>),
}

/// A compacted block as a whole, for charts that need not decode it.
#[derive(Debug, Clone)]
pub struct BlockSummary {
    /// Fixed text.
    pub template: Arc<Template>,
    /// Index into [`Reader::boots`].
    pub boot: usize,
    /// First to last tick.
    pub span: TimeSpan,
    /// Readings in it.
    pub readings: usize,
    /// One for each slot asked for.
    pub columns: Vec<ColumnSummary>,
}

/// What a source takes in compacted form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSize {
    /// Name.
    pub source: Arc<str>,
    /// Readings compacted.
    pub ticks: u64,
    /// Numbers in them: readings × slots.
    pub numbers: u64,
    /// Bytes of their blocks, heads and the times of the readings included.
    pub blob_bytes: u64,
}

/// What is known of a run.
#[derive(Debug, Clone)]
struct RunInfo {
    boot: usize,
    interval: Nanos,
}

impl Reader {
    /// Opens read-only.
    ///
    /// # Errors
    /// When there is no file, it is not ours, or a newer program wrote it.
    pub fn open(path: &Path) -> Result<Reader> {
        Ok(Reader {
            db: schema::open_to_read(path)?,
            path: path.into(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        question(&self.db).map_err(|e| sqlite(&self.path, e))
    }

    pub(crate) fn damaged(&self, what: String) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            what,
        }
    }

    /// All boots, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn boots(&self) -> Result<Vec<Boot>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT boot_id, hostname, kernel, machine, cpus, page_size, clk_tck, memory_bytes, cmdline, tz FROM boot ORDER BY id",
            )?;
            rows.query_map([], |r| {
                Ok(Boot {
                    boot_id: r.get(0)?,
                    hostname: r.get(1)?,
                    kernel: r.get(2)?,
                    machine: r.get(3)?,
                    cpus: r.get(4)?,
                    page_size: r.get(5)?,
                    clk_tck: r.get(6)?,
                    memory_bytes: r.get::<_, Option<i64>>(7)?.map(|b| b as u64),
                    cmdline: r.get(8)?,
                    tz: r.get(9)?,
                })
            })?
            .collect()
        })
    }

    /// Database ids of the boots, in the order of [`Reader::boots`].
    pub(crate) fn boot_places(&self) -> Result<HashMap<i64, usize>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached("SELECT id FROM boot ORDER BY id")?;
            let ids: Vec<i64> = rows
                .query_map([], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(ids
                .into_iter()
                .enumerate()
                .map(|(place, id)| (id, place))
                .collect())
        })
    }

    /// All runs with the boot (index) they belong to, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self) -> Result<Vec<(RunId, usize, Run)>> {
        let places = self.boot_places()?;
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT id, boot, origin, interval_ns, started_ns, import_key FROM run ORDER BY id",
            )?;
            rows.query_map([], |r| {
                let origin = match r.get::<_, String>(2)?.as_str() {
                    "collector" => RunOrigin::Collector,
                    "import_averages" => RunOrigin::ImportAverages,
                    _ => RunOrigin::Import,
                };
                let boot = places.get(&r.get::<_, i64>(1)?).copied().unwrap_or(0);
                let run = Run {
                    origin,
                    interval: r.get(3)?,
                    started: UnixNanos(r.get(4)?),
                    import_key: r.get(5)?,
                };
                Ok((RunId(r.get(0)?), boot, run))
            })?
            .collect()
        })
    }

    fn run_infos(&self) -> Result<HashMap<i64, RunInfo>> {
        let runs = self.runs()?;
        Ok(runs
            .into_iter()
            .map(|(id, boot, run)| {
                (
                    id.0,
                    RunInfo {
                        boot,
                        interval: run.interval,
                    },
                )
            })
            .collect())
    }

    /// First to last tick; `None` when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn extent(&self) -> Result<Option<TimeSpan>> {
        self.ask(|db| {
            db.query_row(
                "SELECT min(a), max(b) FROM (SELECT min(at_ns) AS a, max(at_ns) AS b FROM tick
                 UNION ALL SELECT min(from_ns), max(to_ns) FROM stretch)",
                [],
                |r| Ok((r.get::<_, Option<i64>>(0)?, r.get::<_, Option<i64>>(1)?)),
            )
        })
        .map(|(from, to)| Some(TimeSpan::new(UnixNanos(from?), UnixNanos(to?))))
    }

    /// Bytes that the database takes on disk, its log of writes included.
    pub fn size_bytes(&self) -> u64 {
        ["", "-wal"]
            .iter()
            .filter_map(|end| {
                let mut name = self.path.clone().into_os_string();
                name.push(end);
                std::fs::metadata(name).ok()
            })
            .map(|m| m.len())
            .sum()
    }

    /// Ticks of a span in order.
    ///
    /// # Errors
    /// When the database cannot be read, or a stretch is damaged.
    pub fn ticks(&self, span: TimeSpan) -> Result<Vec<TickStamp>> {
        let runs = self.run_infos()?;
        let mut stamps = Vec::new();
        let mut push = |run: i64, at: i64, monotonic: i64| {
            let at = UnixNanos(at);
            if let (true, Some(info)) = (span.contains(at), runs.get(&run)) {
                stamps.push(TickStamp {
                    at,
                    monotonic,
                    boot: info.boot,
                    run: RunId(run),
                    interval: info.interval,
                });
            }
        };
        for (run, from, times) in self.stretch_rows(span)? {
            let times = times
                .ok_or_else(|| self.damaged(format!("times of the stretch at {} s", from / 1_000_000_000)))?;
            times
                .into_iter()
                .for_each(|(at, monotonic)| push(run, at, monotonic));
        }
        let hot: Vec<(i64, i64, i64)> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT run, at_ns, monotonic_ns FROM tick WHERE at_ns BETWEEN ?1 AND ?2 ORDER BY at_ns",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?))
            })?
            .collect()
        })?;
        hot.into_iter()
            .for_each(|(run, at, monotonic)| push(run, at, monotonic));
        stamps.sort_by_key(|s| (s.at, s.run));
        Ok(stamps)
    }

    /// Run, first time and decoded times of the stretches that overlap a span.
    #[allow(clippy::type_complexity, reason = "private, and used in one place")]
    fn stretch_rows(&self, span: TimeSpan) -> Result<Vec<(i64, i64, Option<Vec<(i64, i64)>>)>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT run, from_ns, stamps FROM stretch WHERE to_ns >= ?1 AND from_ns <= ?2 ORDER BY from_ns",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| {
                Ok((r.get(0)?, r.get(1)?, times::stamps(&r.get::<_, Vec<u8>>(2)?)))
            })?
            .collect()
        })
    }

    /// Recorded gaps that overlap a span.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn gaps(&self, span: TimeSpan) -> Result<Vec<Gap>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT from_ns, to_ns, source, why FROM gap WHERE to_ns >= ?1 AND from_ns <= ?2 ORDER BY from_ns, to_ns",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| {
                Ok(Gap { from: UnixNanos(r.get(0)?), to: UnixNanos(r.get(1)?), source: r.get(2)?, why: r.get(3)? })
            })?
            .collect()
        })
    }

    /// Names of all sources that have readings in a span, sorted.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn sources(&self, span: TimeSpan) -> Result<Vec<Arc<str>>> {
        let mut names: Vec<Arc<str>> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT DISTINCT s.name FROM block b JOIN source s ON s.id = b.source WHERE b.to_ns >= ?1 AND b.from_ns <= ?2",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| r.get::<_, String>(0).map(Arc::from))?.collect()
        })?;
        let ids: HashMap<i64, Arc<str>> = self.ask(|db| {
            let mut rows = db.prepare_cached("SELECT id, name FROM source")?;
            rows.query_map([], |r| Ok((r.get(0)?, Arc::from(r.get::<_, String>(1)?))))?
                .collect()
        })?;
        for (_, _, readings) in self.hot_ticks(span)? {
            names.extend(readings.iter().filter_map(|r| ids.get(&r.source).cloned()));
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The rows of a span that are not compacted yet, decoded: run, time, readings. Each run is begun at a key row.
    fn hot_ticks(&self, span: TimeSpan) -> Result<Vec<(i64, i64, Vec<HotReading>)>> {
        let slots = self.ask(template_slots)?;
        type Rows = Vec<(i64, i64, Vec<u8>)>;
        let rows: Rows = self.ask(|db| {
            let mut runs = db.prepare_cached("SELECT DISTINCT run FROM tick")?;
            let runs: Vec<i64> = runs.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
            let mut all = Vec::new();
            for run in runs {
                let key: Option<i64> = db.query_row(
                    "SELECT max(id) FROM tick WHERE run = ?1 AND key = 1 AND at_ns <= ?2",
                    params![run, span.from.0],
                    |r| r.get(0),
                )?;
                let mut rows = db.prepare_cached(
                    "SELECT run, at_ns, body FROM tick WHERE run = ?1 AND id >= ?2 AND at_ns <= ?3 ORDER BY id",
                )?;
                let rows = rows.query_map(params![run, key.unwrap_or(0), span.to.0], |r| {
                    Ok((r.get(0)?, r.get(1)?, r.get(2)?))
                })?;
                for row in rows {
                    all.push(row?);
                }
            }
            Ok(all)
        })?;
        let mut out = Vec::new();
        let mut before = Before::default();
        let mut run_now = None;
        for (run, at, body) in rows {
            if run_now != Some(run) {
                before.forget();
                run_now = Some(run);
            }
            let readings = before
                .decode(&body, &|t| slots.get(&t).copied())
                .ok_or_else(|| self.damaged(format!("the tick at {} s", at / 1_000_000_000)))?;
            if at >= span.from.0 {
                out.push((run, at, readings));
            }
        }
        Ok(out)
    }

    /// The reading of a source at `at` or the last one before it.
    ///
    /// # Errors
    /// When the database cannot be read, or the block is damaged.
    pub fn reading_at(&self, source: &str, at: UnixNanos) -> Result<Option<StoredReading>> {
        // The middle of a read is a little later than its tick: a block that begins before `at` may hold it.
        let newest_block: Option<i64> = self.ask(|db| {
            db.query_row(
                "SELECT max(b.from_ns) FROM block b JOIN source s ON s.id = b.source WHERE s.name = ?1 AND b.from_ns <= ?2",
                params![source, at.0],
                |r| r.get(0),
            )
        })?;
        let oldest_hot: Option<i64> = self
            .ask(|db| {
                db.query_row(
                    "SELECT max(at_ns) FROM tick WHERE at_ns <= ?1 AND key = 1",
                    [at.0],
                    |r| r.get(0),
                )
                .optional()
            })?
            .flatten();
        let starts = [newest_block, oldest_hot];
        let mut best: Option<StoredReading> = None;
        for from in starts.into_iter().flatten() {
            let span = TimeSpan::new(UnixNanos(from), at);
            for stretch in self.stretches(source, span, &mut |_| Slots::All)? {
                let Some(place) = stretch.at.iter().rposition(|&t| t <= at) else {
                    continue;
                };
                let when = stretch.at[place];
                if best.as_ref().is_none_or(|b| b.at < when) {
                    let values = stretch.columns.iter().map(|c| c[place]).collect();
                    let interval = self.run_infos()?.get(&stretch.run.0).map_or(0, |r| r.interval);
                    best = Some(StoredReading {
                        at: when,
                        template: stretch.template,
                        values,
                        boot: stretch.boot,
                        interval,
                    });
                }
            }
        }
        Ok(best)
    }

    /// Chosen slots of a source over a span, in order of time; the span is that of the ticks. `choose` is asked once for each
    /// distinct template.
    ///
    /// # Errors
    /// When the database cannot be read, or a block is damaged.
    pub fn stretches(
        &self,
        source: &str,
        span: TimeSpan,
        choose: &mut dyn FnMut(&Arc<Template>) -> Slots,
    ) -> Result<Vec<Stretch>> {
        let runs = self.run_infos()?;
        let mut templates = Templates::new(self);
        let mut out: Vec<Stretch> = Vec::new();
        for row in self.block_rows(source, span)? {
            let (template, slots) = templates.choose(row.template, choose)?;
            let broken = || self.damaged(format!("{source} at {} s", row.from / 1_000_000_000));
            let block = Block::open(&row.body).ok_or_else(broken)?;
            let columns = self.block_columns(&row, &block, &slots).ok_or_else(broken)?;
            let ticks = times::stamps(&row.stamps).ok_or_else(broken)?;
            let readings = times::readings(&row.times, row.readings).ok_or_else(broken)?;
            let at: Option<Vec<i64>> = readings.iter().map(|&(i, _)| ticks.get(i).map(|t| t.0)).collect();
            let at = at.ok_or_else(broken)?;
            let inside: Vec<bool> = at.iter().map(|&t| span.contains(UnixNanos(t))).collect();
            let middles: Vec<UnixNanos> = at
                .iter()
                .zip(&readings)
                .map(|(&t, &(_, o))| UnixNanos(t + o * OFFSET_UNIT))
                .collect();
            let keep = |i: usize| inside[i];
            let columns = columns.into_iter().map(|c| filtered(c, &keep)).collect();
            let at = filtered(middles, &keep);
            if let (false, Some(info)) = (at.is_empty(), runs.get(&row.run)) {
                out.push(Stretch {
                    template,
                    boot: info.boot,
                    run: RunId(row.run),
                    at,
                    columns,
                });
            }
        }
        self.hot_stretches(source, span, &runs, &mut templates, choose, &mut out)?;
        out.sort_by_key(|s| s.at[0]);
        Ok(out)
    }

    fn hot_stretches(
        &self,
        source: &str,
        span: TimeSpan,
        runs: &HashMap<i64, RunInfo>,
        templates: &mut Templates,
        choose: &mut dyn FnMut(&Arc<Template>) -> Slots,
        out: &mut Vec<Stretch>,
    ) -> Result<()> {
        let id: Option<i64> = self.ask(|db| {
            db.query_row("SELECT id FROM source WHERE name = ?1", [source], |r| r.get(0))
                .optional()
        })?;
        let Some(id) = id else { return Ok(()) };
        let mut open: BTreeMap<i64, (i64, Stretch)> = BTreeMap::new();
        for (run, at, readings) in self.hot_ticks(span)? {
            for reading in readings.into_iter().filter(|r| r.source == id) {
                let (template, slots) = templates.choose(reading.template, choose)?;
                let Some(info) = runs.get(&run) else { continue };
                let same = open.get(&run).is_some_and(|(t, _)| *t == reading.template);
                if !same {
                    let new = Stretch {
                        template,
                        boot: info.boot,
                        run: RunId(run),
                        at: Vec::new(),
                        columns: vec![Vec::new(); slots.len()],
                    };
                    if let Some((_, done)) = open.insert(run, (reading.template, new)) {
                        out.push(done);
                    }
                }
                let Some((_, stretch)) = open.get_mut(&run) else {
                    continue;
                };
                stretch.at.push(UnixNanos(at + reading.offset * OFFSET_UNIT));
                for (column, &slot) in stretch.columns.iter_mut().zip(slots.iter()) {
                    column.push(reading.values.get(slot).copied().unwrap_or(0));
                }
            }
        }
        out.extend(open.into_values().map(|(_, stretch)| stretch));
        Ok(())
    }

    /// First, last, smallest and largest value of chosen slots for each compacted block that lies wholly in a span.
    ///
    /// # Errors
    /// When the database cannot be read, or a block is damaged.
    pub fn summaries(
        &self,
        source: &str,
        span: TimeSpan,
        choose: &mut dyn FnMut(&Arc<Template>) -> Slots,
    ) -> Result<Vec<BlockSummary>> {
        let runs = self.run_infos()?;
        let mut templates = Templates::new(self);
        let mut out = Vec::new();
        for row in self.block_rows(source, span)? {
            let inside = TimeSpan::new(UnixNanos(row.from), UnixNanos(row.to));
            if !(span.contains(inside.from) && span.contains(inside.to)) {
                continue;
            }
            let (template, slots) = templates.choose(row.template, choose)?;
            let broken = || self.damaged(format!("{source} at {} s", row.from / 1_000_000_000));
            let block = Block::open(&row.body).ok_or_else(broken)?;
            let columns: Option<Vec<_>> = slots.iter().map(|&s| block.summary(s)).collect();
            let boot = runs.get(&row.run).map_or(0, |r| r.boot);
            out.push(BlockSummary {
                template,
                boot,
                span: inside,
                readings: row.readings,
                columns: columns.ok_or_else(broken)?,
            });
        }
        Ok(out)
    }

    /// Chosen columns of a block, with those of its base that they are told against.
    fn block_columns(&self, row: &BlockRow, block: &Block, slots: &[usize]) -> Option<Vec<Vec<u64>>> {
        let needed = block.needs_of_base(slots);
        let mut base = BTreeMap::new();
        if !needed.is_empty() {
            let body: Vec<u8> = self
                .ask(|db| db.query_row("SELECT body FROM block WHERE id = ?1", [row.base], |r| r.get(0)))
                .ok()?;
            base = Block::open(&body)?.steps(&needed, &BTreeMap::new())?;
        }
        block.read(slots, &base)
    }

    fn block_rows(&self, source: &str, span: TimeSpan) -> Result<Vec<BlockRow>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT b.template, b.from_ns, b.to_ns, b.body, t.run, t.stamps, b.times, b.base, b.readings FROM block b
                 JOIN source s ON s.id = b.source JOIN stretch t ON t.id = b.stretch
                 WHERE s.name = ?1 AND b.to_ns >= ?2 AND b.from_ns <= ?3 ORDER BY b.from_ns, b.id",
            )?;
            rows.query_map(params![source, span.from.0, span.to.0], |r| {
                Ok(BlockRow {
                    template: r.get(0)?,
                    from: r.get(1)?,
                    to: r.get(2)?,
                    body: r.get(3)?,
                    run: r.get(4)?,
                    stamps: r.get(5)?,
                    times: r.get(6)?,
                    base: r.get(7)?,
                    readings: r.get::<_, i64>(8)? as usize,
                })
            })?
            .collect()
        })
    }

    /// What each source takes in compacted form.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn sizes(&self) -> Result<Vec<SourceSize>> {
        let slots = self.ask(template_slots)?;
        let rows: Vec<(String, i64, i64, i64)> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT s.name, b.template, sum(b.readings), sum(length(b.body) + length(b.times)) FROM block b JOIN source s ON s.id = b.source
                 GROUP BY s.name, b.template ORDER BY s.name",
            )?;
            rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?.collect()
        })?;
        let mut sizes: Vec<SourceSize> = Vec::new();
        for (name, template, readings, bytes) in rows {
            let numbers = readings as u64 * slots.get(&template).copied().unwrap_or(0) as u64;
            match sizes.last_mut().filter(|s| *s.source == *name) {
                Some(size) => {
                    size.ticks += readings as u64;
                    size.numbers += numbers;
                    size.blob_bytes += bytes as u64;
                }
                None => sizes.push(SourceSize {
                    source: name.into(),
                    ticks: readings as u64,
                    numbers,
                    blob_bytes: bytes as u64,
                }),
            }
        }
        Ok(sizes)
    }

    /// Facts that held at some time in the span: the last before it for each name, and all changes in it, in order of time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn facts(&self, span: TimeSpan) -> Result<Vec<Fact>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT at_ns, name, value FROM fact f WHERE at_ns BETWEEN ?1 AND ?2
                    OR id = (SELECT id FROM fact g WHERE g.name = f.name AND g.at_ns < ?1 ORDER BY at_ns DESC, id DESC LIMIT 1)
                 ORDER BY at_ns, id",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| {
                Ok(Fact { at: UnixNanos(r.get(0)?), name: r.get(1)?, value: r.get(2)? })
            })?
            .collect()
        })
    }

    /// Kernel log records of a span.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn log(&self, span: TimeSpan) -> Result<Vec<LogRecord>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT at_ns, sequence, priority, text FROM log WHERE at_ns BETWEEN ?1 AND ?2 ORDER BY at_ns, sequence",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| {
                Ok(LogRecord {
                    at: UnixNanos(r.get(0)?),
                    sequence: r.get::<_, i64>(1)? as u64,
                    priority: r.get(2)?,
                    text: r.get(3)?,
                })
            })?
            .collect()
        })
    }

    /// Sharp events of a span.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn events(&self, span: TimeSpan) -> Result<Vec<Event>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT at_ns, kind, detail FROM event WHERE at_ns BETWEEN ?1 AND ?2 ORDER BY at_ns, id",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| {
                Ok(Event {
                    at: UnixNanos(r.get(0)?),
                    kind: r.get(1)?,
                    detail: r.get(2)?,
                })
            })?
            .collect()
        })
    }

    /// A text that an analyzer kept under this key, if it is still there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn cached(&self, key: &str) -> Result<Option<String>> {
        self.ask(|db| {
            db.query_row("SELECT value FROM cache WHERE key = ?1", [key], |r| r.get(0))
                .optional()
        })
    }
}

struct BlockRow {
    template: i64,
    from: i64,
    to: i64,
    body: Vec<u8>,
    run: i64,
    stamps: Vec<u8>,
    times: Vec<u8>,
    base: Option<i64>,
    /// Also where there is no slot, and so no column to tell.
    readings: usize,
}

/// Templates by id, each with the slots that the caller chose.
struct Templates<'a> {
    reader: &'a Reader,
    known: HashMap<i64, (Arc<Template>, Arc<Vec<usize>>)>,
}

impl<'a> Templates<'a> {
    fn new(reader: &'a Reader) -> Templates<'a> {
        Templates {
            reader,
            known: HashMap::new(),
        }
    }

    fn choose(
        &mut self,
        id: i64,
        choose: &mut dyn FnMut(&Arc<Template>) -> Slots,
    ) -> Result<(Arc<Template>, Arc<Vec<usize>>)> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        let body: Vec<u8> = self
            .reader
            .ask(|db| db.query_row("SELECT body FROM template WHERE id = ?1", [id], |r| r.get(0)))?;
        let template =
            Template::from_bytes(&body).map_err(|e| self.reader.damaged(format!("template {id}: {e}")))?;
        let template = Arc::new(template);
        let slots = match choose(&template) {
            Slots::All => (0..template.slots().len()).collect(),
            Slots::Some(slots) => slots,
        };
        let known = (template, Arc::new(slots));
        self.known.insert(id, known.clone());
        Ok(known)
    }
}

/// All templates.
pub(crate) fn templates(db: &Connection) -> rusqlite::Result<HashMap<i64, Template>> {
    let mut rows = db.prepare_cached("SELECT id, body FROM template")?;
    let all: Vec<(i64, Vec<u8>)> = rows
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(all
        .into_iter()
        .filter_map(|(id, body)| Template::from_bytes(&body).ok().map(|t| (id, t)))
        .collect())
}

/// How many slots each template has.
fn template_slots(db: &Connection) -> rusqlite::Result<HashMap<i64, usize>> {
    Ok(templates(db)?
        .into_iter()
        .map(|(id, t)| (id, t.slots().len()))
        .collect())
}

fn filtered<T>(values: Vec<T>, keep: &dyn Fn(usize) -> bool) -> Vec<T> {
    values
        .into_iter()
        .enumerate()
        .filter(|(i, _)| keep(*i))
        .map(|(_, v)| v)
        .collect()
}
