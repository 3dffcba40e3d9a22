//! Reading columns: of a span, of a moment, or only what can be said of them without decoding.

use crate::column::ColumnSummary;
use crate::columns::Block;
use crate::error::Result;
use crate::hot::OFFSET_UNIT;
use crate::reader::{Reader, RunInfo};
use crate::times;
use crate::writer::RunId;
use model::{Nanos, Template, TimeSpan, UnixNanos};
use rusqlite::{OptionalExtension, Row, params};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

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

/// Consecutive readings of one source with one template in one run, in order of time.
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

/// A compacted block, wholly decoded.
pub(crate) struct WholeBlock {
    /// Id of the source.
    pub(crate) source: i64,
    pub(crate) template: Arc<Template>,
    /// Tick (its place in the stretch) and offset of each reading, in units of [`OFFSET_UNIT`].
    pub(crate) readings: Vec<(usize, i64)>,
    pub(crate) columns: Vec<Vec<u64>>,
}

const BLOCK_COLUMNS: &str =
    "b.template, b.from_ns, b.to_ns, b.body, t.run, t.stamps, b.times, b.base, b.readings";
const BLOCK_FROM: &str = "FROM block b JOIN stretch t ON t.id = b.stretch";

pub(crate) struct BlockRow {
    pub(crate) template: i64,
    pub(crate) from: i64,
    to: i64,
    pub(crate) body: Vec<u8>,
    run: i64,
    stamps: Vec<u8>,
    times: Vec<u8>,
    base: Option<i64>,
    /// Also where there is no slot, and so no column to tell.
    readings: usize,
}

/// How well the times of readings must be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moments {
    Exact,
    /// To an interval.
    About,
}

impl BlockRow {
    fn of(row: &Row<'_>) -> rusqlite::Result<BlockRow> {
        Ok(BlockRow {
            template: row.get(0)?,
            from: row.get(1)?,
            to: row.get(2)?,
            body: row.get(3)?,
            run: row.get(4)?,
            stamps: row.get(5)?,
            times: row.get(6)?,
            base: row.get(7)?,
            readings: row.get::<_, i64>(8)? as usize,
        })
    }

    /// The same spread evenly from the first tick to the last. `None` when a tick or a reading is missing between them.
    fn even_moments(&self, interval: Nanos) -> Option<Vec<(i64, UnixNanos)>> {
        let (length, steps) = (self.to.checked_sub(self.from)?, self.readings as i64 - 1);
        let excess = length.checked_sub(steps.checked_mul(interval)?)?;
        let is_whole = steps > 0 && excess.unsigned_abs() < interval.unsigned_abs() / 2;
        let moment = |k: i64| self.from + (i128::from(length) * i128::from(k) / i128::from(steps)) as i64;
        is_whole.then(|| (0..=steps).map(|k| (moment(k), UnixNanos(moment(k)))).collect())
    }

    /// Tick and middle of each reading. `None`: damaged.
    pub(crate) fn moments(&self) -> Option<Vec<(i64, UnixNanos)>> {
        let ticks = times::stamps(&self.stamps)?;
        let readings = times::readings(&self.times, self.readings)?;
        let moment = |(index, offset): (usize, i64)| {
            let at = ticks.get(index)?.0;
            Some((
                at,
                UnixNanos(at.saturating_add(offset.saturating_mul(OFFSET_UNIT))),
            ))
        };
        readings.into_iter().map(moment).collect()
    }
}

impl Reader {
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
        self.stretches_of(source, span, Moments::Exact, choose)
    }

    /// The same for charts of days: the times of a block in which no tick is missing are spread evenly over it, so that they need not
    /// be decoded. They are off by less than an interval.
    ///
    /// # Errors
    /// As for [`Reader::stretches`].
    pub fn stretches_about(
        &self,
        source: &str,
        span: TimeSpan,
        choose: &mut dyn FnMut(&Arc<Template>) -> Slots,
    ) -> Result<Vec<Stretch>> {
        self.stretches_of(source, span, Moments::About, choose)
    }

    fn stretches_of(
        &self,
        source: &str,
        span: TimeSpan,
        how: Moments,
        choose: &mut dyn FnMut(&Arc<Template>) -> Slots,
    ) -> Result<Vec<Stretch>> {
        self.snapshot(|_| {
            let Some(id) = self.source_id(source)? else {
                return Ok(Vec::new());
            };
            let runs = self.run_infos()?;
            let mut chosen = Chosen::new(self, choose);
            let mut out: Vec<Stretch> = Vec::new();
            for row in self.block_rows(id, span)? {
                let (template, slots) = chosen.of(row.template)?;
                let Some(RunInfo { boot, interval }) = runs.get(&row.run).copied() else {
                    continue;
                };
                let broken = || self.damaged(format!("{source} at {} s", row.from / 1_000_000_000));
                let block = Block::open(&row.body).ok_or_else(broken)?;
                let mut columns = self.block_columns(&row, &block, &slots)?.ok_or_else(broken)?;
                let even = (how == Moments::About)
                    .then(|| row.even_moments(interval))
                    .flatten();
                let mut moments = match even {
                    Some(even) => even,
                    None => row.moments().ok_or_else(broken)?,
                };
                let is_inside: Vec<bool> = moments.iter().map(|m| span.contains(UnixNanos(m.0))).collect();
                if is_inside.contains(&false) {
                    moments = chosen_of(&moments, &is_inside);
                    columns = columns.iter().map(|c| chosen_of(c, &is_inside)).collect();
                }
                let at = moments.into_iter().map(|m| m.1).collect();
                push_in_order(
                    Stretch {
                        template,
                        boot,
                        run: RunId(row.run),
                        at,
                        columns,
                    },
                    &mut out,
                );
            }
            self.hot_stretches(id, span, &runs, &mut chosen, &mut out)?;
            out.sort_by_key(|s| s.at.first().copied());
            Ok(out)
        })
    }

    fn hot_stretches(
        &self,
        source: i64,
        span: TimeSpan,
        runs: &HashMap<i64, RunInfo>,
        chosen: &mut Chosen<'_>,
        out: &mut Vec<Stretch>,
    ) -> Result<()> {
        let mut open: Option<(i64, Stretch)> = None;
        let mut trouble = Ok(());
        self.hot_readings(span, &mut |run, at, reading| {
            let Some(info) = runs.get(&run).filter(|_| reading.source == source) else {
                return;
            };
            let run = RunId(run);
            if open
                .as_ref()
                .is_none_or(|(template, s)| *template != reading.template || s.run != run)
            {
                let (template, slots) = match chosen.of(reading.template) {
                    Ok(known) => known,
                    Err(error) => {
                        trouble = Err(error);
                        return;
                    }
                };
                let columns = vec![Vec::new(); slots.len()];
                let new = Stretch {
                    template,
                    boot: info.boot,
                    run,
                    at: Vec::new(),
                    columns,
                };
                if let Some((_, done)) = open.replace((reading.template, new)) {
                    push_in_order(done, out);
                }
            }
            let (Some((_, stretch)), Ok((_, slots))) = (&mut open, chosen.of(reading.template)) else {
                return;
            };
            stretch.at.push(UnixNanos(
                at.saturating_add(reading.offset.saturating_mul(OFFSET_UNIT)),
            ));
            for (column, &slot) in stretch.columns.iter_mut().zip(slots.iter()) {
                column.push(reading.values.get(slot).copied().unwrap_or(0));
            }
        })?;
        if let Some((_, done)) = open {
            push_in_order(done, out);
        }
        trouble
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
        self.snapshot(|_| {
            let Some(id) = self.source_id(source)? else {
                return Ok(Vec::new());
            };
            let runs = self.run_infos()?;
            let mut chosen = Chosen::new(self, choose);
            let mut out = Vec::new();
            for row in self.block_rows(id, span)? {
                let inside = TimeSpan::new(UnixNanos(row.from), UnixNanos(row.to));
                if !(span.contains(inside.from) && span.contains(inside.to)) {
                    continue;
                }
                let (template, slots) = chosen.of(row.template)?;
                let broken = || self.damaged(format!("{source} at {} s", row.from / 1_000_000_000));
                let block = Block::open(&row.body).ok_or_else(broken)?;
                let columns: Option<Vec<_>> = slots.iter().map(|&s| block.summary(s)).collect();
                out.push(BlockSummary {
                    template,
                    boot: runs.get(&row.run).map_or(0, |r| r.boot),
                    span: inside,
                    readings: row.readings,
                    columns: columns.ok_or_else(broken)?,
                });
            }
            Ok(out)
        })
    }

    /// The reading of a source at `at` or the last one before it.
    ///
    /// # Errors
    /// When the database cannot be read, or the block is damaged.
    pub fn reading_at(&self, source: &str, at: UnixNanos) -> Result<Option<StoredReading>> {
        self.snapshot(|_| {
            let Some(id) = self.source_id(source)? else { return Ok(None) };
            let runs = self.run_infos()?;
            let mut best = self.hot_reading_at(id, at, &runs)?;
            // Blocks of several runs can overlap. Those that end last, as seen from `at`, come first.
            let blocks: Vec<(i64, i64)> = self.ask(|db| {
                let mut rows = db.prepare_cached(
                    "SELECT id, min(to_ns, ?2) AS till FROM block WHERE source = ?1 AND from_ns <= ?2 ORDER BY till DESC, from_ns DESC",
                )?;
                rows.query_map(params![id, at.0], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
            })?;
            for (block, till) in blocks {
                // A reading is later than its tick by less than its run's interval.
                if best.as_ref().is_some_and(|b| b.at.0.saturating_sub(b.interval) > till) {
                    break;
                }
                let row = self.ask(|db| {
                    let mut rows = db.prepare_cached(&format!("SELECT {BLOCK_COLUMNS} {BLOCK_FROM} WHERE b.id = ?1"))?;
                    rows.query_row([block], BlockRow::of)
                })?;
                let broken = || self.damaged(format!("{source} at {} s", row.from / 1_000_000_000));
                let moments = row.moments().ok_or_else(broken)?;
                let last = (0..moments.len()).filter(|&i| moments[i].1 <= at).max_by_key(|&i| moments[i].1);
                let Some(place) = last.filter(|&i| best.as_ref().is_none_or(|b| b.at < moments[i].1)) else { continue };
                let template = self.template(row.template)?;
                let block = Block::open(&row.body).ok_or_else(broken)?;
                let all: Vec<usize> = (0..template.slots().len()).collect();
                let columns = self.block_columns(&row, &block, &all)?.ok_or_else(broken)?;
                let info = runs.get(&row.run);
                best = Some(StoredReading {
                    at: moments[place].1,
                    template,
                    values: columns.iter().filter_map(|c| c.get(place).copied()).collect(),
                    boot: info.map_or(0, |r| r.boot),
                    interval: info.map_or(0, |r| r.interval),
                });
            }
            Ok(best)
        })
    }

    /// Wall and monotonic times of the ticks of a stretch, as they were written.
    pub(crate) fn stretch_stamps(&self, stretch: i64) -> Result<Vec<(i64, i64)>> {
        let stamps: Vec<u8> = self.ask(|db| {
            db.query_row("SELECT stamps FROM stretch WHERE id = ?1", [stretch], |r| {
                r.get(0)
            })
        })?;
        times::stamps(&stamps).ok_or_else(|| self.damaged(format!("times of stretch {stretch}")))
    }

    /// All blocks of a stretch.
    pub(crate) fn stretch_blocks(&self, stretch: i64) -> Result<Vec<WholeBlock>> {
        let rows: Vec<(i64, BlockRow)> = self.ask(|db| {
            let mut rows = db.prepare_cached(&format!(
                "SELECT {BLOCK_COLUMNS}, b.source {BLOCK_FROM} WHERE b.stretch = ?1 ORDER BY b.id"
            ))?;
            rows.query_map([stretch], |r| Ok((r.get(9)?, BlockRow::of(r)?)))?
                .collect()
        })?;
        let mut blocks = Vec::with_capacity(rows.len());
        for (source, row) in rows {
            let broken = || self.damaged(format!("source {source} at {} s", row.from / 1_000_000_000));
            let template = self.template(row.template)?;
            let readings = times::readings(&row.times, row.readings).ok_or_else(broken)?;
            let block = Block::open(&row.body).ok_or_else(broken)?;
            let all: Vec<usize> = (0..template.slots().len()).collect();
            let columns = self.block_columns(&row, &block, &all)?.ok_or_else(broken)?;
            if columns.iter().any(|column| column.len() != readings.len()) {
                return Err(broken());
            }
            blocks.push(WholeBlock {
                source,
                template,
                readings,
                columns,
            });
        }
        Ok(blocks)
    }

    fn source_id(&self, source: &str) -> Result<Option<i64>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached("SELECT id FROM source WHERE name = ?1")?;
            rows.query_row([source], |r| r.get(0)).optional()
        })
    }

    /// Chosen columns of a block, with those of its base that they are told against. `None`: damaged.
    pub(crate) fn block_columns(
        &self,
        row: &BlockRow,
        block: &Block<'_>,
        slots: &[usize],
    ) -> Result<Option<Vec<Vec<u64>>>> {
        let needed = block.needs_of_base(slots);
        let mut base = Some(BTreeMap::new());
        if !needed.is_empty() {
            let body: Option<Vec<u8>> = self.ask(|db| {
                let mut rows = db.prepare_cached("SELECT body FROM block WHERE id = ?1")?;
                rows.query_row([row.base], |r| r.get(0)).optional()
            })?;
            base = body.and_then(|body| Block::open(&body)?.steps(&needed, &BTreeMap::new()));
        }
        Ok(base.and_then(|base| block.read(slots, &base)))
    }

    pub(crate) fn block_rows(&self, source: i64, span: TimeSpan) -> Result<Vec<BlockRow>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(&format!(
                "SELECT {BLOCK_COLUMNS} {BLOCK_FROM} WHERE b.source = ?1 AND b.to_ns >= ?2 AND b.from_ns <= ?3 ORDER BY b.from_ns, b.id"
            ))?;
            rows.query_map(params![source, span.from.0, span.to.0], BlockRow::of)?.collect()
        })
    }
}

/// Appends a stretch; where the clock was set back within it, it is cut, so that each is in order of time.
fn push_in_order(mut stretch: Stretch, out: &mut Vec<Stretch>) {
    while let Some(back) = stretch.at.windows(2).position(|w| w[1] < w[0]) {
        let rest = Stretch {
            template: stretch.template.clone(),
            boot: stretch.boot,
            run: stretch.run,
            at: stretch.at.split_off(back + 1),
            columns: stretch
                .columns
                .iter_mut()
                .map(|c| c.split_off(back + 1))
                .collect(),
        };
        out.push(std::mem::replace(&mut stretch, rest));
    }
    if !stretch.at.is_empty() {
        out.push(stretch);
    }
}

fn chosen_of<T: Copy>(values: &[T], keep: &[bool]) -> Vec<T> {
    values
        .iter()
        .zip(keep)
        .filter(|(_, keep)| **keep)
        .map(|(value, _)| *value)
        .collect()
}

/// Templates by id, each with the slots that the caller chose.
struct Chosen<'a> {
    reader: &'a Reader,
    choose: &'a mut dyn FnMut(&Arc<Template>) -> Slots,
    known: HashMap<i64, (Arc<Template>, Arc<[usize]>)>,
}

impl<'a> Chosen<'a> {
    fn new(reader: &'a Reader, choose: &'a mut dyn FnMut(&Arc<Template>) -> Slots) -> Chosen<'a> {
        Chosen {
            reader,
            choose,
            known: HashMap::new(),
        }
    }

    fn of(&mut self, id: i64) -> Result<(Arc<Template>, Arc<[usize]>)> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        let template = self.reader.template(id)?;
        let slots: Arc<[usize]> = match (self.choose)(&template) {
            Slots::All => (0..template.slots().len()).collect(),
            Slots::Some(slots) => slots.into(),
        };
        let known = (template, slots);
        self.known.insert(id, known.clone());
        Ok(known)
    }
}
