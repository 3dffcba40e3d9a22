//! Compaction: full stretches of ticks become compressed columns. And retention: what is too old, or too much, goes.

use crate::columns;
use crate::error::{Error, Result, sqlite};
use crate::hot::{Before, KEY_EVERY};
use crate::processes;
use crate::reader::templates;
use crate::times;
use crate::writer::Writer;
use model::{Nanos, Template, UnixNanos};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// Ticks in a full stretch.
pub const STRETCH_TICKS: u64 = 10 * KEY_EVERY;

/// What [`Writer::retain`] did, and which limit bites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Data before this is gone; `None`: nothing was deleted by this call.
    pub deleted_to: Option<UnixNanos>,
    /// The age limit deleted it.
    pub by_age: bool,
    /// The size limit deleted it.
    pub by_size: bool,
    /// Whether another call would delete more.
    pub more: bool,
}

/// Oldest stretch and its end, newest tick, bytes used.
type Limits = (Option<(i64, i64)>, Option<i64>, i64);

/// The source whose columns those of others over the same ticks are told against.
const BASE_SOURCE: &str = "vmstat";

type Row = (i64, i64, i64, bool, Vec<u8>);
type ProcessRow = (i64, i64, bool, Vec<u8>);

impl Writer {
    /// Moves one stretch of full length (or, when `all`, of any length) into compressed columns, in one short transaction.
    /// Answers whether there is more to do.
    ///
    /// # Errors
    /// When the disk or another program says no; the ticks then stay as they are.
    pub fn compact(&mut self, all: bool) -> Result<bool> {
        let done = self.compact_ticks(all)? || self.compact_processes(all)?;
        if done && all {
            // What was cut off in the middle of a stretch is no longer there to tell the next row against.
            self.begin_anew();
        }
        Ok(done)
    }

    fn compact_ticks(&mut self, all: bool) -> Result<bool> {
        let Some((run, count)) = self.due("tick", all)? else {
            return Ok(false);
        };
        let rows = self.rows(run, count)?;
        let Some(first) = rows.first() else {
            return Ok(false);
        };
        let last = &rows[rows.len() - 1];
        let templates = templates(&self.db).map_err(|e| sqlite(&self.path, e))?;
        let slots = |id: i64| templates.get(&id).map(|t| t.slots().len());
        let mut before = Before::default();
        let mut blocks: Vec<Gathered> = Vec::new();
        let mut open: BTreeMap<i64, usize> = BTreeMap::new();
        for (index, (_, at, _, _, body)) in rows.iter().enumerate() {
            let readings = before.decode(body, &slots).ok_or_else(|| Error::Damaged {
                path: self.path.clone(),
                what: format!("the tick at {} s", at / 1_000_000_000),
            })?;
            for reading in readings {
                let place = open.get(&reading.source).copied();
                // A file's first template may not know yet how its numbers are padded: where the next one fits the readings
                // before it too, they are told in its terms, and one block serves.
                let fits = place.is_some_and(|b| {
                    blocks[b].template == reading.template
                        || templates
                            .get(&blocks[b].template)
                            .zip(templates.get(&reading.template))
                            .is_some_and(|(old, new)| blocks[b].retell(old, new, reading.template))
                });
                let place = place.filter(|_| fits).unwrap_or_else(|| {
                    blocks.push(Gathered::new(
                        reading.source,
                        reading.template,
                        reading.values.len(),
                    ));
                    blocks.len() - 1
                });
                open.insert(reading.source, place);
                blocks[place].push(index, *at, reading.offset, &reading.values);
            }
        }
        let stamps: Vec<(i64, i64)> = rows.iter().map(|row| (row.1, row.2)).collect();
        let stamps = times::pack_stamps(&stamps);
        // Most of meminfo and of zoneinfo's nodes is vmstat again, read in the same millisecond.
        let base = self
            .source_place(BASE_SOURCE)
            .and_then(|id| blocks.iter().position(|b| b.source == id));
        let bodies: Vec<(Vec<u8>, bool)> = blocks
            .iter()
            .enumerate()
            .map(|(i, block)| {
                let base = base.filter(|&b| b != i && blocks[b].has_ticks_of(block));
                (
                    columns::pack(&block.columns, base.map_or(&[], |b| &blocks[b].columns)),
                    base.is_some(),
                )
            })
            .collect();
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        // The base is stored first, so that the others can name it.
        order.sort_by_key(|&i| Some(i) != base);
        let (first_id, last_id, from, to) = (first.0, last.0, first.1, last.1);
        let ticks = rows.len() as i64;
        self.atomically(|db| {
            db.execute(
                "INSERT INTO stretch (run, from_ns, to_ns, ticks, stamps) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![run, from, to, ticks, stamps],
            )?;
            let stretch = db.last_insert_rowid();
            let mut base_id = None;
            for i in order {
                let (block, (body, is_based)) = (&blocks[i], &bodies[i]);
                db.execute(
                    "INSERT INTO block (stretch, source, template, from_ns, to_ns, readings, times, base, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    params![
                        stretch,
                        block.source,
                        block.template,
                        block.from,
                        block.to,
                        block.times.len() as i64,
                        times::pack_readings(&block.times),
                        base_id.filter(|_| *is_based),
                        body
                    ],
                )?;
                if Some(i) == base {
                    base_id = Some(db.last_insert_rowid());
                }
            }
            db.execute("DELETE FROM tick WHERE run = ?1 AND id BETWEEN ?2 AND ?3", params![run, first_id, last_id])?;
            Ok(())
        })?;
        Ok(true)
    }

    fn compact_processes(&mut self, all: bool) -> Result<bool> {
        let Some((run, count)) = self.due("process_tick", all)? else {
            return Ok(false);
        };
        let read = |db: &Connection| -> rusqlite::Result<Vec<ProcessRow>> {
            let mut rows = db.prepare(
                "SELECT id, at_ns, key, body FROM process_tick WHERE run = ?1 ORDER BY id LIMIT ?2",
            )?;
            rows.query_map(params![run, count as i64], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            })?
            .collect()
        };
        let rows = read(&self.db).map_err(|e| sqlite(&self.path, e))?;
        let (Some(first), Some(last)) = (rows.first().map(|r| (r.0, r.1)), rows.last().map(|r| (r.0, r.1)))
        else {
            return Ok(false);
        };
        let packed: Vec<_> = rows
            .into_iter()
            .map(|(_, at, key, body)| (at, key, body))
            .collect();
        let body = processes::pack(&packed);
        self.atomically(|db| {
            db.execute(
                "INSERT INTO process_block (run, from_ns, to_ns, ticks, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![run, first.1, last.1, packed.len() as i64, body],
            )?;
            db.execute(
                "DELETE FROM process_tick WHERE run = ?1 AND id BETWEEN ?2 AND ?3",
                params![run, first.0, last.0],
            )?;
            Ok(())
        })?;
        Ok(true)
    }

    /// A run with rows to compact, and how many of them: a full stretch, or all of a run that is not written any more. The
    /// row after them is a key row or none.
    fn due(&self, table: &str, all: bool) -> Result<Option<(i64, u64)>> {
        let current = self.current_run().map_or(-1, |r| r.0);
        let look = |db: &Connection| -> rusqlite::Result<Option<(i64, u64)>> {
            let mut counts = db.prepare_cached(&format!(
                "SELECT run, count(*) FROM {table} GROUP BY run ORDER BY run"
            ))?;
            let counts: Vec<(i64, i64)> = counts
                .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            for (run, count) in counts {
                let count = count as u64;
                if count <= STRETCH_TICKS {
                    // A short rest: only when asked for, or when nobody will add to it.
                    if count > 0 && (all || run != current) {
                        return Ok(Some((run, count)));
                    }
                    continue;
                }
                // The first key row at or after a full stretch begins the next one.
                let cut: Option<i64> = db
                    .query_row(
                        &format!(
                            "SELECT id FROM (SELECT id, key FROM {table} WHERE run = ?1 ORDER BY id LIMIT -1 OFFSET ?2)
                             WHERE key = 1 LIMIT 1"
                        ),
                        params![run, STRETCH_TICKS as i64],
                        |r| r.get(0),
                    )
                    .optional()?;
                if let Some(cut) = cut {
                    let count: i64 = db.query_row(
                        &format!("SELECT count(*) FROM {table} WHERE run = ?1 AND id < ?2"),
                        params![run, cut],
                        |r| r.get(0),
                    )?;
                    return Ok(Some((run, count as u64)));
                }
                if all || run != current {
                    return Ok(Some((run, count)));
                }
            }
            Ok(None)
        };
        look(&self.db).map_err(|e| sqlite(&self.path, e))
    }

    fn rows(&self, run: i64, count: u64) -> Result<Vec<Row>> {
        let read = |db: &Connection| -> rusqlite::Result<Vec<Row>> {
            let mut rows = db.prepare_cached(
                "SELECT id, at_ns, monotonic_ns, key, body FROM tick WHERE run = ?1 ORDER BY id LIMIT ?2",
            )?;
            rows.query_map(params![run, count as i64], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
            })?
            .collect()
        };
        read(&self.db).map_err(|e| sqlite(&self.path, e))
    }

    fn atomically(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Result<()> {
        let path = self.path.clone();
        let step = self.db.savepoint().map_err(|e| sqlite(&path, e))?;
        work(&step).map_err(|e| sqlite(&path, e))?;
        step.commit().map_err(|e| sqlite(&path, e))
    }

    /// Deletes the oldest stretch that is older than `max_age` before the newest data, or while the data is larger than
    /// `max_bytes`. One call deletes at most one stretch of each kind, so that it never costs a tick.
    ///
    /// # Errors
    /// When the disk or another program says no.
    pub fn retain(&mut self, max_age: Option<Nanos>, max_bytes: Option<u64>) -> Result<Retention> {
        let path = self.path.clone();
        let look = |db: &Connection| -> rusqlite::Result<Limits> {
            let oldest = db
                .query_row("SELECT id, to_ns FROM stretch ORDER BY to_ns LIMIT 1", [], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })
                .optional()?;
            let newest = db.query_row(
                "SELECT max(at) FROM (SELECT max(at_ns) AS at FROM tick UNION ALL SELECT max(to_ns) FROM stretch)",
                [],
                |r| r.get(0),
            )?;
            let used: i64 = db.query_row(
                "SELECT (c.page_count - f.freelist_count) * s.page_size FROM pragma_page_count c, pragma_freelist_count f, pragma_page_size s",
                [],
                |r| r.get(0),
            )?;
            Ok((oldest, newest, used))
        };
        let (oldest, newest, used) = look(&self.db).map_err(|e| sqlite(&path, e))?;
        let (Some((stretch, to)), Some(newest)) = (oldest, newest) else {
            return Ok(Retention::default());
        };
        let by_age = max_age.is_some_and(|age| newest - to > age);
        let by_size = max_bytes.is_some_and(|most| used as u64 > most);
        if !(by_age || by_size) {
            return Ok(Retention::default());
        }
        self.atomically(|db| {
            db.execute("DELETE FROM block WHERE stretch = ?1", [stretch])?;
            db.execute("DELETE FROM stretch WHERE id = ?1", [stretch])?;
            for table in ["process_block", "gap"] {
                db.execute(&format!("DELETE FROM {table} WHERE to_ns <= ?1"), [to])?;
            }
            for table in ["log", "event"] {
                db.execute(&format!("DELETE FROM {table} WHERE at_ns <= ?1"), [to])?;
            }
            // Facts stay: the last one before the oldest data still holds.
            db.execute_batch("PRAGMA incremental_vacuum(256)")
        })?;
        Ok(Retention {
            deleted_to: Some(UnixNanos(to)),
            by_age,
            by_size,
            more: true,
        })
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
    columns: Vec<Vec<u64>>,
}

impl Gathered {
    fn new(source: i64, template: i64, slots: usize) -> Gathered {
        let columns = vec![Vec::new(); slots];
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
        // Not first and last: a clock can be set back.
        (self.from, self.to) = (self.from.min(at), self.to.max(at));
        self.times.push((index, offset));
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(*value);
        }
    }

    fn has_ticks_of(&self, other: &Gathered) -> bool {
        self.times.len() == other.times.len() && self.times.iter().zip(&other.times).all(|(a, b)| a.0 == b.0)
    }

    /// Tells all readings in the terms of another template, if that gives the same bytes. Many readings are left as they are.
    fn retell(&mut self, old: &Template, new: &Template, id: i64) -> bool {
        if self.times.len() > KEY_EVERY as usize {
            return false;
        }
        let mut columns = vec![Vec::new(); new.slots().len()];
        let mut values = Vec::new();
        for i in 0..self.times.len() {
            let row: Vec<u64> = self.columns.iter().map(|c| c[i]).collect();
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
}
