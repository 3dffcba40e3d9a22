//! Compaction: full stretches of ticks become compressed columns.
//!
//! What is moved is read and packed first; then one short transaction stores the blocks and deletes the rows. Who is killed in between
//! has lost and doubled nothing.

use crate::error::{Result, sqlite};
use crate::gather::Row;
use crate::hot::KEY_EVERY;
use crate::packed::{BASE_SOURCE, Packed};
use crate::schema::GIVE_BACK;
use crate::writer::Writer;
use rusqlite::{Connection, OptionalExtension, params};

/// Ticks in a full stretch.
pub const STRETCH_TICKS: u64 = 10 * KEY_EVERY;

/// What a collector compacts leaves fewer free pages than this, and its next ticks fill them.
const FREE_PAGES: i64 = 1024;

/// Rows to compact: of which run, how many, and whether they end where the next row would be told against them.
pub(crate) struct Due {
    pub(crate) run: i64,
    pub(crate) count: usize,
    pub(crate) is_cut: bool,
}

impl Due {
    /// Whether the rows are all there still: another writer may have been quicker.
    pub(crate) fn is_there(
        &self,
        db: &Connection,
        table: &str,
        first: i64,
        last: i64,
        count: usize,
    ) -> rusqlite::Result<bool> {
        let there: i64 = db
            .prepare_cached(&format!(
                "SELECT count(*) FROM {table} WHERE run = ?1 AND id BETWEEN ?2 AND ?3"
            ))?
            .query_row(params![self.run, first, last], |r| r.get(0))?;
        Ok(there == count as i64)
    }
}

impl Writer {
    /// Moves one stretch of full length into compressed columns; when `all`, of any length. Runs that nobody writes any more are
    /// compacted to the end. Answers whether there is more to do.
    ///
    /// # Errors
    /// When the disk or another program says no; the ticks then stay as they are.
    pub fn compact(&mut self, all: bool) -> Result<bool> {
        Ok(self.compact_ticks(all)? || self.compact_processes(all)? || self.shrink()?)
    }

    /// After an import most of the file are pages that hold nothing. Gives some of them back; answers whether there are more.
    fn shrink(&self) -> Result<bool> {
        let free = || self.ask(|db| db.query_row("PRAGMA freelist_count", [], |r| r.get::<_, i64>(0)));
        let before = free()?;
        if before < FREE_PAGES || !self.db.is_autocommit() {
            return Ok(false);
        }
        self.ask(|db| db.execute_batch(GIVE_BACK))?;
        Ok(free()? < before)
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
        let base = self.source_id(BASE_SOURCE)?;
        let packed = Packed::of(self.gather(&rows)?, base);
        self.atomically(|db| {
            if due.is_there(db, "tick", first, last, rows.len())? {
                packed.store(db, due.run)?;
                db.execute(
                    "DELETE FROM tick WHERE run = ?1 AND id BETWEEN ?2 AND ?3",
                    params![due.run, first, last],
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
    pub(crate) fn due(&self, table: &str, all: bool) -> Result<Option<Due>> {
        let own = self.current.as_ref().map(|c| c.run.0);
        let look = |db: &Connection| -> rusqlite::Result<Option<Due>> {
            // The newest run, and the newest of a collector, may be written by another process at this moment.
            let written: (Option<i64>, Option<i64>) = db.query_row(
                "SELECT max(id), max(id) FILTER (WHERE origin = 'collector') FROM run",
                [],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )?;
            let mut runs = db.prepare_cached(&format!("SELECT DISTINCT run FROM {table} ORDER BY run"))?;
            let runs: Vec<i64> = runs
                .query_map([], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for run in runs {
                let is_own = Some(run) == own;
                let goes_on = is_own || Some(run) == written.0 || Some(run) == written.1;
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
