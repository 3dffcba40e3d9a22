//! Reading ticks that are not compacted yet: each run from a key row on.

use crate::error::Result;
use crate::hot::{Before, HotReading, OFFSET_UNIT};
use crate::reader::{Reader, RunInfo};
use crate::stretches::StoredReading;
use model::{TimeSpan, UnixNanos};
use rusqlite::{OptionalExtension, params};
use std::cell::Cell;
use std::collections::HashMap;

/// Time and body of a row.
type Row = (i64, Vec<u8>);

impl Reader {
    /// Shows the readings of a span to `see`, with run and time of their tick; run by run, in the order in which they were written.
    pub(crate) fn hot_readings(
        &self,
        span: TimeSpan,
        see: &mut dyn FnMut(i64, i64, HotReading<'_>),
    ) -> Result<()> {
        // By ids, not by times: a clock that is set leaves rows out of the order of time that others are told against.
        let runs: Vec<(i64, i64, i64)> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT run, min(id), max(id) FROM tick WHERE at_ns BETWEEN ?1 AND ?2 GROUP BY run ORDER BY run",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
        })?;
        for (run, first, last) in runs {
            let key = self.key_at(run, first)?.unwrap_or(first);
            self.decode_rows(&self.rows(run, key, last)?, &mut |at, reading| {
                if span.contains(UnixNanos(at)) {
                    see(run, at, reading);
                }
            })?;
        }
        Ok(())
    }

    /// The last reading of a source at or before `at` that is not compacted.
    pub(crate) fn hot_reading_at(
        &self,
        source: i64,
        at: UnixNanos,
        runs: &HashMap<i64, RunInfo>,
    ) -> Result<Option<StoredReading>> {
        let newest: Vec<(i64, i64)> = self.ask(|db| {
            let mut rows =
                db.prepare_cached("SELECT run, max(id) FROM tick WHERE at_ns <= ?1 GROUP BY run")?;
            rows.query_map([at.0], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
        })?;
        let mut best: Option<StoredReading> = None;
        for (run, newest) in newest {
            let mut last = newest;
            let mut found: Option<StoredReading> = None;
            // From key row to key row backwards, until there is no earlier row of a later time: a clock can be set back.
            while let Some(key) = self.key_at(run, last)? {
                if let Some(found) = &found
                    && !self.has_row(run, last, TimeSpan::new(found.at - found.interval, at))?
                {
                    break;
                }
                let mut trouble = None;
                self.decode_rows(&self.rows(run, key, last)?, &mut |tick, reading| {
                    let when = UnixNanos(tick.saturating_add(reading.offset.saturating_mul(OFFSET_UNIT)));
                    let is_later = best.iter().chain(&found).all(|b| b.at <= when);
                    if reading.source != source || when > at || !is_later {
                        return;
                    }
                    match self.template(reading.template) {
                        Ok(template) => {
                            let info = runs.get(&run);
                            found = Some(StoredReading {
                                at: when,
                                template,
                                values: reading.values.to_vec(),
                                boot: info.map_or(0, |r| r.boot),
                                interval: info.map_or(0, |r| r.interval),
                            });
                        }
                        Err(error) => trouble = Some(error),
                    }
                })?;
                if let Some(error) = trouble {
                    return Err(error);
                }
                last = key - 1;
            }
            best = found.or(best);
        }
        Ok(best)
    }

    /// The last key row of a run at or before a row.
    fn key_at(&self, run: i64, id: i64) -> Result<Option<i64>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT id FROM tick WHERE run = ?1 AND id <= ?2 AND key = 1 ORDER BY id DESC LIMIT 1",
            )?;
            rows.query_row(params![run, id], |r| r.get(0)).optional()
        })
    }

    /// Whether a run has a row of a span, up to an id.
    fn has_row(&self, run: i64, last: i64, span: TimeSpan) -> Result<bool> {
        self.ask(|db| {
            db.prepare_cached(
                "SELECT 1 FROM tick WHERE run = ?1 AND id <= ?2 AND at_ns BETWEEN ?3 AND ?4 LIMIT 1",
            )?
            .exists(params![run, last, span.from.0, span.to.0])
        })
    }

    fn rows(&self, run: i64, first: i64, last: i64) -> Result<Vec<Row>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT at_ns, body FROM tick WHERE run = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id",
            )?;
            rows.query_map(params![run, first, last], |r| Ok((r.get(0)?, r.get(1)?)))?
                .collect()
        })
    }

    fn decode_rows(&self, rows: &[Row], see: &mut dyn FnMut(i64, HotReading<'_>)) -> Result<()> {
        let mut before = Before::default();
        let trouble = Cell::new(None);
        let slots = |template: i64| match self.template(template) {
            Ok(template) => Some(template.slots().len()),
            Err(error) => {
                trouble.set(Some(error));
                None
            }
        };
        for (at, body) in rows {
            before
                .decode(body, &slots, &mut |reading| see(*at, reading))
                .ok_or_else(|| {
                    let damaged = || self.damaged(format!("the tick at {} s", at / 1_000_000_000));
                    trouble.take().unwrap_or_else(damaged)
                })?;
        }
        Ok(())
    }
}
