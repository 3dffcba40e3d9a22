//! Compaction of the processes' rows.

use crate::error::Result;
use crate::processes::{self, Live, Look};
use crate::writer::Writer;
use rusqlite::params;
use std::collections::BTreeSet;

impl Writer {
    pub(crate) fn compact_processes(&mut self, all: bool) -> Result<bool> {
        let Some(due) = self.due("process_tick", all)? else {
            return Ok(false);
        };
        let rows: Vec<(i64, Look)> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT id, at_ns, key, body FROM process_tick WHERE run = ?1 ORDER BY id LIMIT ?2",
            )?;
            rows.query_map(params![due.run, due.count as i64], |r| {
                Ok((
                    r.get(0)?,
                    Look {
                        at: r.get(1)?,
                        key: r.get(2)?,
                        body: r.get(3)?,
                    },
                ))
            })?
            .collect()
        })?;
        let (Some(first), Some(last)) = (rows.first().map(|r| r.0), rows.last().map(|r| r.0)) else {
            return Ok(false);
        };
        let count = rows.len();
        let sorted = Sorted::out(rows.into_iter().map(|(_, look)| look));
        let body = processes::pack(&sorted.looks);
        self.atomically(|db| {
            if !due.is_there(db, "process_tick", first, last, count)? {
                return Ok(());
            }
            db.execute(
                "DELETE FROM process_tick WHERE run = ?1 AND id BETWEEN ?2 AND ?3",
                params![due.run, first, last],
            )?;
            let times = || sorted.looks.iter().map(|look| look.at);
            if let (Some(from), Some(to)) = (times().min(), times().max()) {
                db.execute(
                    "INSERT INTO process_block (run, from_ns, to_ns, ticks, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![due.run, from, to, sorted.looks.len() as i64, body],
                )?;
                let mut last_seen = db.prepare_cached("UPDATE process SET last_ns = ?2 WHERE id = ?1")?;
                for process in &sorted.seen {
                    last_seen.execute(params![process, to])?;
                }
            }
            if let Some((from, to)) = sorted.lost {
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
}

/// Rows that can be read, and from when to when there are others.
#[derive(Default)]
struct Sorted {
    looks: Vec<Look>,
    lost: Option<(i64, i64)>,
    /// Processes that were alive.
    seen: BTreeSet<i64>,
}

impl Sorted {
    fn out(looks: impl Iterator<Item = Look>) -> Sorted {
        let mut sorted = Sorted::default();
        let mut live = Live::default();
        let mut is_lost = false;
        for look in looks {
            // After a row that is damaged, those told against it say nothing until one is whole.
            is_lost &= !look.key;
            let decoded = live.decode(&look.body, look.key);
            is_lost |= decoded.is_none();
            if is_lost {
                let from = sorted.lost.map_or(look.at, |lost| lost.0);
                sorted.lost = Some((from, look.at));
                continue;
            }
            sorted
                .seen
                .extend(decoded.iter().flat_map(|(_, listed)| listed).map(|p| p.process));
            if look.key {
                sorted.seen.extend(live.ids());
            }
            sorted.looks.push(look);
        }
        sorted
    }
}
