//! Compaction: full stretches of ticks become compressed columns.
//!
//! What is moved is read and packed first; then one short transaction stores the blocks and deletes the rows. Who is killed in between
//! has lost and doubled nothing.

use crate::column::Column;
use crate::columns;
use crate::error::{Result, sqlite};
use crate::hot::{Before, HotReading, KEY_EVERY};
use crate::processes::{self, Live};
use crate::times;
use crate::writer::Writer;
use model::Template;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Ticks in a full stretch.
pub const STRETCH_TICKS: u64 = 10 * KEY_EVERY;

/// The source whose columns those of others over the same ticks are told against: most of meminfo and of zoneinfo's nodes is vmstat
/// again, read in the same milliseconds.
const BASE_SOURCE: &str = "vmstat";

/// A row of a tick.
struct Row {
    id: i64,
    at: i64,
    monotonic: i64,
    key: bool,
    body: Vec<u8>,
}

/// Rows to compact: of which run, how many, and whether more may be told against them later.
struct Due {
    run: i64,
    count: usize,
    is_cut: bool,
}

impl Writer {
    /// Moves one stretch of full length into compressed columns; when `all`, of any length. Runs that nobody writes any more are
    /// compacted to the end. Answers whether there is more to do.
    ///
    /// # Errors
    /// When the disk or another program says no; the ticks then stay as they are.
    pub fn compact(&mut self, all: bool) -> Result<bool> {
        Ok(self.compact_ticks(all)? || self.compact_processes(all)?)
    }

    fn compact_ticks(&mut self, all: bool) -> Result<bool> {
        let Some(due) = self.due("tick", all)? else {
            return Ok(false);
        };
        let rows: Vec<Row> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT id, at_ns, monotonic_ns, key, body FROM tick WHERE run = ?1 ORDER BY id LIMIT ?2",
            )?;
            rows.query_map(params![due.run, due.count as i64], |r| {
                Ok(Row {
                    id: r.get(0)?,
                    at: r.get(1)?,
                    monotonic: r.get(2)?,
                    key: r.get(3)?,
                    body: r.get(4)?,
                })
            })?
            .collect()
        })?;
        let (Some(first), Some(last)) = (rows.first().map(|r| r.id), rows.last().map(|r| r.id)) else {
            return Ok(false);
        };
        let gathered = self.gather(&rows)?;
        let base = self.source_id(BASE_SOURCE)?;
        let base = gathered.blocks.iter().find(|b| b.source == base);
        let mut packed: Vec<(&Gathered, bool, Vec<u8>)> = gathered
            .blocks
            .iter()
            .map(|block| {
                let base = base.filter(|b| b.source != block.source && b.has_ticks_of(block));
                (
                    block,
                    base.is_some(),
                    columns::pack(&block.columns, base.map_or(&[], |b| &b.columns)),
                )
            })
            .collect();
        // The base is stored first, so that the others can name it.
        packed.sort_by_key(|(block, ..)| base.is_none_or(|b| !std::ptr::eq(b, *block)));
        self.atomically(|db| {
            let there: i64 = db.query_row(
                "SELECT count(*) FROM tick WHERE run = ?1 AND id BETWEEN ?2 AND ?3",
                params![due.run, first, last],
                |r| r.get(0),
            )?;
            if there != rows.len() as i64 {
                // Another writer was quicker.
                return Ok(());
            }
            gathered.store_stretch(db, due.run)?;
            let stretch = db.last_insert_rowid();
            let mut base_id = None;
            for (block, is_based, body) in &packed {
                block.store(db, stretch, base_id.filter(|_| *is_based), body)?;
                base_id = base_id.or(Some(db.last_insert_rowid()).filter(|_| base.is_some()));
            }
            for (from, to) in &gathered.lost {
                db.execute(
                    "INSERT INTO gap (from_ns, to_ns, source, why) VALUES (?1, ?2, NULL, 'what was stored was damaged')",
                    params![from, to],
                )?;
            }
            db.execute("DELETE FROM tick WHERE run = ?1 AND id BETWEEN ?2 AND ?3", params![due.run, first, last])?;
            Ok(())
        })?;
        if due.is_cut {
            self.begin_anew();
        }
        Ok(true)
    }

    /// Decodes rows into columns.
    fn gather(&self, rows: &[Row]) -> Result<Stretch> {
        let templates = RowTemplates {
            writer: self,
            known: HashMap::new(),
        };
        let templates = std::cell::RefCell::new(templates);
        let slots = |id: i64| templates.borrow_mut().get(id).map(|t| t.slots().len());
        let mut stretch = Stretch::default();
        let mut open: BTreeMap<i64, usize> = BTreeMap::new();
        let mut before = Before::default();
        let mut is_lost = false;
        for row in rows {
            let index = stretch.stamps.len();
            is_lost &= !row.key;
            let mut readings: Vec<(i64, i64, i64, Vec<u64>)> = Vec::new();
            let decoded = before.decode(&row.body, &slots, &mut |r: HotReading<'_>| {
                readings.push((r.source, r.template, r.offset, r.values.to_vec()));
            });
            is_lost |= decoded.is_none();
            if is_lost {
                stretch.lose(row.at);
                continue;
            }
            stretch.keep(row);
            for (source, template, offset, values) in readings {
                // A file's first template may not know yet how its numbers are padded: where the next one fits the readings before
                // it too, they are told in its terms, and one block serves.
                let place = open.get(&source).copied().filter(|&b| {
                    let mut templates = templates.borrow_mut();
                    let block = &mut stretch.blocks[b];
                    block.template == template
                        || templates
                            .get(block.template)
                            .zip(templates.get(template))
                            .is_some_and(|(old, new)| block.retell(&old, &new, template))
                });
                let place = place.unwrap_or_else(|| {
                    stretch.blocks.push(Gathered::new(source, template, values.len()));
                    stretch.blocks.len() - 1
                });
                open.insert(source, place);
                stretch.blocks[place].push(index, row.at, offset, &values);
            }
        }
        Ok(stretch)
    }

    fn compact_processes(&mut self, all: bool) -> Result<bool> {
        let Some(due) = self.due("process_tick", all)? else {
            return Ok(false);
        };
        let rows: Vec<(i64, i64, bool, Vec<u8>)> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT id, at_ns, key, body FROM process_tick WHERE run = ?1 ORDER BY id LIMIT ?2",
            )?;
            rows.query_map(params![due.run, due.count as i64], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            })?
            .collect()
        })?;
        let (Some(first), Some(last)) = (rows.first().map(|r| r.0), rows.last().map(|r| r.0)) else {
            return Ok(false);
        };
        let (mut live, mut seen) = (Live::default(), BTreeSet::new());
        let mut packed = Vec::new();
        let mut lost: Option<(i64, i64)> = None;
        let mut is_lost = false;
        for (_, at, key, body) in rows {
            is_lost &= !key;
            let decoded = live.decode(&body, key);
            is_lost |= decoded.is_none();
            if is_lost {
                lost = Some((lost.map_or(at, |l| l.0), at));
                continue;
            }
            seen.extend(decoded.iter().flat_map(|(_, listed)| listed).map(|p| p.process));
            if key {
                seen.extend(live.ids());
            }
            packed.push((at, key, body));
        }
        let body = processes::pack(&packed);
        let from = packed.iter().map(|p| p.0).min();
        let to = packed.iter().map(|p| p.0).max();
        self.atomically(|db| {
            let gone = db.execute(
                "DELETE FROM process_tick WHERE run = ?1 AND id BETWEEN ?2 AND ?3",
                params![due.run, first, last],
            )?;
            if gone == 0 {
                // Another writer was quicker.
                return Ok(());
            }
            if !packed.is_empty() {
                db.execute(
                    "INSERT INTO process_block (run, from_ns, to_ns, ticks, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![due.run, from, to, packed.len() as i64, body],
                )?;
            }
            let mut last_seen = db.prepare_cached("UPDATE process SET last_ns = ?2 WHERE id = ?1")?;
            for process in &seen {
                last_seen.execute(params![process, to])?;
            }
            if let Some((from, to)) = lost {
                db.execute(
                    "INSERT INTO gap (from_ns, to_ns, source, why) VALUES (?1, ?2, 'processes', 'what was stored was damaged')",
                    params![from, to],
                )?;
            }
            Ok(())
        })?;
        if due.is_cut {
            self.begin_anew();
        }
        Ok(true)
    }

    /// Rows of a run that are due. What follows them begins with a key row, or nothing follows.
    fn due(&self, table: &str, all: bool) -> Result<Option<Due>> {
        let own = self.current.as_ref().map(|c| c.run.0);
        let look = |db: &Connection| -> rusqlite::Result<Option<Due>> {
            // The newest run of a collector may be written by another process at this moment.
            let written: Option<i64> =
                db.query_row("SELECT max(id) FROM run WHERE origin = 'collector'", [], |r| {
                    r.get(0)
                })?;
            let mut runs = db.prepare_cached(&format!("SELECT DISTINCT run FROM {table} ORDER BY run"))?;
            let runs: Vec<i64> = runs
                .query_map([], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for run in runs {
                let is_own = Some(run) == own;
                let goes_on = is_own || Some(run) == written;
                let key_from = |from: u64, direction: &str| -> rusqlite::Result<Option<i64>> {
                    db.prepare_cached(&format!(
                        "SELECT id FROM (SELECT id, key FROM {table} WHERE run = ?1 ORDER BY id LIMIT -1 OFFSET ?2)
                         WHERE key = 1 ORDER BY id {direction} LIMIT 1"
                    ))?
                    .query_row(params![run, from as i64], |r| r.get(0))
                    .optional()
                };
                let count = |end: i64| -> rusqlite::Result<usize> {
                    db.prepare_cached(&format!(
                        "SELECT count(*) FROM {table} WHERE run = ?1 AND id < ?2"
                    ))?
                    .query_row(params![run, end], |r| r.get::<_, i64>(0))
                    .map(|n| n as usize)
                };
                if let Some(next) = key_from(STRETCH_TICKS, "ASC")? {
                    return Ok(Some(Due {
                        run,
                        count: count(next)?,
                        is_cut: false,
                    }));
                }
                if !goes_on || (is_own && all) {
                    return Ok(Some(Due {
                        run,
                        count: count(i64::MAX)?,
                        is_cut: is_own,
                    }));
                }
                if all && let Some(next) = key_from(1, "DESC")? {
                    return Ok(Some(Due {
                        run,
                        count: count(next)?,
                        is_cut: false,
                    }));
                }
            }
            Ok(None)
        };
        look(&self.db).map_err(|e| sqlite(&self.path, e))
    }
}

/// Templates of rows, read as they are met.
struct RowTemplates<'a> {
    writer: &'a Writer,
    known: HashMap<i64, Option<std::rc::Rc<Template>>>,
}

impl RowTemplates<'_> {
    fn get(&mut self, id: i64) -> Option<std::rc::Rc<Template>> {
        let writer = self.writer;
        self.known
            .entry(id)
            .or_insert_with(|| {
                let body: Vec<u8> = writer
                    .ask(|db| {
                        db.prepare_cached("SELECT body FROM template WHERE id = ?1")?
                            .query_row([id], |r| r.get(0))
                    })
                    .ok()?;
                Template::from_bytes(&body).ok().map(std::rc::Rc::new)
            })
            .clone()
    }
}

/// Rows, turned into columns.
#[derive(Default)]
struct Stretch {
    stamps: Vec<(i64, i64)>,
    blocks: Vec<Gathered>,
    /// From when to when rows could not be read.
    lost: Vec<(i64, i64)>,
    is_losing: bool,
}

impl Stretch {
    fn keep(&mut self, row: &Row) {
        if std::mem::take(&mut self.is_losing)
            && let Some((_, to)) = self.lost.last_mut()
        {
            *to = row.at;
        }
        self.stamps.push((row.at, row.monotonic));
    }

    fn lose(&mut self, at: i64) {
        if !std::mem::replace(&mut self.is_losing, true) {
            self.lost.push((self.stamps.last().map_or(at, |s| s.0), at));
        }
        if let Some((_, to)) = self.lost.last_mut() {
            *to = at;
        }
    }

    fn store_stretch(&self, db: &Connection, run: i64) -> rusqlite::Result<()> {
        let times = || self.stamps.iter().map(|s| s.0);
        // Not first and last: a clock can be set back.
        let (Some(from), Some(to)) = (times().min(), times().max()) else {
            return Ok(());
        };
        db.execute(
            "INSERT INTO stretch (run, from_ns, to_ns, ticks, stamps) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                run,
                from,
                to,
                self.stamps.len() as i64,
                times::pack_stamps(&self.stamps)
            ],
        )?;
        Ok(())
    }
}

/// Readings of one source and template, turned into columns.
struct Gathered {
    source: i64,
    template: i64,
    from: i64,
    to: i64,
    /// Which ticks of the stretch have a reading, and how much later than its tick each was read.
    times: Vec<(usize, i64)>,
    columns: Vec<Column>,
}

impl Gathered {
    fn new(source: i64, template: i64, slots: usize) -> Gathered {
        let columns = vec![Column::EMPTY; slots];
        Gathered {
            source,
            template,
            from: i64::MAX,
            to: i64::MIN,
            times: Vec::new(),
            columns,
        }
    }

    fn push(&mut self, index: usize, at: i64, offset: i64, values: &[u64]) {
        (self.from, self.to) = (self.from.min(at), self.to.max(at));
        self.times.push((index, offset));
        self.columns
            .iter_mut()
            .zip(values)
            .for_each(|(column, &value)| column.push(value));
    }

    fn has_ticks_of(&self, other: &Gathered) -> bool {
        self.times.len() == other.times.len() && self.times.iter().zip(&other.times).all(|(a, b)| a.0 == b.0)
    }

    /// Tells all readings in the terms of another template, if that gives the same bytes. Many readings are left as they are.
    fn retell(&mut self, old: &Template, new: &Template, id: i64) -> bool {
        if self.times.len() > KEY_EVERY as usize {
            return false;
        }
        let mut columns = vec![Column::EMPTY; new.slots().len()];
        let mut values = Vec::new();
        for i in 0..self.times.len() {
            let row: Vec<u64> = self.columns.iter().map(|c| c.get(i)).collect();
            if !new.read(&old.render(&row), &mut values) {
                return false;
            }
            columns
                .iter_mut()
                .zip(&values)
                .for_each(|(column, &value)| column.push(value));
        }
        (self.columns, self.template) = (columns, id);
        true
    }

    fn store(&self, db: &Connection, stretch: i64, base: Option<i64>, body: &[u8]) -> rusqlite::Result<()> {
        db.prepare_cached(
            "INSERT INTO block (stretch, source, template, from_ns, to_ns, readings, times, base, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            stretch,
            self.source,
            self.template,
            self.from,
            self.to,
            self.times.len() as i64,
            times::pack_readings(&self.times),
            base,
            body
        ])?;
        db.prepare_cached("UPDATE template SET last_ns = max(coalesce(last_ns, ?2), ?2) WHERE id = ?1")?
            .execute(params![self.template, self.to])?;
        Ok(())
    }
}
