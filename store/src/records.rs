//! Reading what stands beside the ticks: gaps, facts, the kernel's log, events, and what analyzers kept.

use crate::error::Result;
use crate::reader::Reader;
use model::{Event, Fact, Gap, LogRecord, TimeSpan, UnixNanos};
use rusqlite::{OptionalExtension, params};

impl Reader {
    /// Recorded gaps that overlap a span, in order of time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn gaps(&self, span: TimeSpan) -> Result<Vec<Gap>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT from_ns, to_ns, source, why FROM gap WHERE to_ns >= ?1 AND from_ns <= ?2 ORDER BY from_ns, to_ns, rowid",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| {
                Ok(Gap { from: UnixNanos(r.get(0)?), to: UnixNanos(r.get(1)?), source: r.get(2)?, why: r.get(3)? })
            })?
            .collect()
        })
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

    /// Kernel log records of a span, in order of time.
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

    /// Those of one boot, by its id in the database, in the order of their numbers.
    pub(crate) fn log_of(&self, boot: i64, span: TimeSpan) -> Result<Vec<LogRecord>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT at_ns, sequence, priority, text FROM log WHERE boot = ?1 AND at_ns BETWEEN ?2 AND ?3 ORDER BY sequence",
            )?;
            rows.query_map(params![boot, span.from.0, span.to.0], |r| {
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

    /// Sharp events of one run in a span, in order of time.
    pub(crate) fn events_of(&self, run: i64, span: TimeSpan) -> Result<Vec<Event>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT at_ns, kind, detail FROM event WHERE run = ?1 AND at_ns BETWEEN ?2 AND ?3 ORDER BY at_ns, id",
            )?;
            rows.query_map(params![run, span.from.0, span.to.0], |r| {
                Ok(Event {
                    at: UnixNanos(r.get(0)?),
                    kind: r.get(1)?,
                    detail: r.get(2)?,
                })
            })?
            .collect()
        })
    }

    /// Sharp events of a span, in order of time.
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
