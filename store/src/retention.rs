//! Retention: what is too old, or too much, goes.

use crate::error::Result;
use crate::schema::GIVE_BACK;
use crate::writer::Writer;
use model::{Nanos, UnixNanos};
use rusqlite::{Connection, OptionalExtension, params};

/// What [`Writer::retain`] did, and which limit bites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Data up to this is gone; `None`: nothing was deleted by this call.
    pub deleted_to: Option<UnixNanos>,
    /// The age limit deleted it.
    pub by_age: bool,
    /// The size limit deleted it.
    pub by_size: bool,
    /// Whether another call would delete more.
    pub more: bool,
}

/// What decides.
struct State {
    /// End of the oldest compacted data, and the stretch that it is, if it is one.
    oldest: Option<(i64, Option<i64>)>,
    newest: Option<i64>,
    used_bytes: u64,
}

impl State {
    fn look(db: &Connection) -> rusqlite::Result<State> {
        let stretch: Option<(i64, Option<i64>)> = db
            .query_row("SELECT to_ns, id FROM stretch ORDER BY to_ns LIMIT 1", [], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .optional()?;
        let processes: Option<i64> =
            db.query_row("SELECT min(to_ns) FROM process_block", [], |r| r.get(0))?;
        let oldest = stretch
            .into_iter()
            .chain(processes.map(|to| (to, None)))
            .min_by_key(|o| o.0);
        let newest = db.query_row(
            "SELECT max(at) FROM (SELECT (SELECT max(at_ns) FROM tick) AS at UNION ALL SELECT (SELECT max(to_ns) FROM stretch)
                UNION ALL SELECT (SELECT max(to_ns) FROM process_block))",
            [],
            |r| r.get(0),
        )?;
        Ok(State {
            oldest,
            newest,
            used_bytes: used_bytes(db)?,
        })
    }

    /// What the limits say: the stretch to delete with all up to its end, and which limits say so.
    fn judge(&self, max_age: Option<Nanos>, max_bytes: Option<u64>) -> Option<(i64, Option<i64>, Retention)> {
        let ((to, stretch), newest) = (self.oldest?, self.newest?);
        let by_age = max_age.is_some_and(|age| newest.saturating_sub(to) > age);
        let by_size = max_bytes.is_some_and(|most| self.used_bytes > most);
        let what = Retention {
            deleted_to: Some(UnixNanos(to)),
            by_age,
            by_size,
            more: false,
        };
        (by_age || by_size).then_some((to, stretch, what))
    }
}

/// Bytes of the pages that hold something.
pub(crate) fn used_bytes(db: &Connection) -> rusqlite::Result<u64> {
    let used: i64 = db.query_row(
        "SELECT (c.page_count - f.freelist_count) * s.page_size
         FROM pragma_page_count c, pragma_freelist_count f, pragma_page_size s",
        [],
        |r| r.get(0),
    )?;
    Ok(used as u64)
}

impl Writer {
    /// Deletes the oldest compacted stretch, with all that stands beside it, when it ended longer than `max_age` before the newest
    /// data, or while the data takes more than `max_bytes`. One call deletes one stretch, so it never takes long. What is not
    /// compacted yet stays.
    ///
    /// # Errors
    /// When the disk or another program says no.
    pub fn retain(&mut self, max_age: Option<Nanos>, max_bytes: Option<u64>) -> Result<Retention> {
        let Some((to, stretch, mut what)) = self.ask(State::look)?.judge(max_age, max_bytes) else {
            return Ok(Retention::default());
        };
        self.forget_templates();
        let in_use: Vec<String> = self.templates_in_use().map(|id| id.to_string()).collect();
        self.atomically(|db| {
            db.execute("DELETE FROM block WHERE stretch = ?1", [stretch])?;
            db.execute("DELETE FROM stretch WHERE id = ?1", [stretch])?;
            for sql in [
                "DELETE FROM process_block WHERE to_ns <= ?1",
                "DELETE FROM gap WHERE to_ns <= ?1",
                "DELETE FROM log WHERE at_ns <= ?1",
                "DELETE FROM event WHERE at_ns <= ?1",
                // The last fact before the oldest data still holds.
                "DELETE FROM fact WHERE at_ns < ?1 AND EXISTS
                    (SELECT 1 FROM fact n WHERE n.name = fact.name AND n.at_ns > fact.at_ns AND n.at_ns <= ?1)",
                // Whoever was seen later, or may be in rows that are not compacted yet, is still needed.
                "DELETE FROM process WHERE last_ns <= ?1 AND last_ns < (SELECT max(to_ns) FROM process_block)",
            ] {
                db.execute(sql, [to])?;
            }
            db.execute(
                &format!(
                    "DELETE FROM template WHERE last_ns <= ?1 AND last_ns < (SELECT max(to_ns) FROM stretch)
                        AND id NOT IN (SELECT template FROM block) AND id NOT IN ({})",
                    in_use.join(",")
                ),
                params![to],
            )?;
            db.execute_batch(GIVE_BACK)
        })?;
        what.more = self.ask(State::look)?.judge(max_age, max_bytes).is_some();
        Ok(what)
    }
}
