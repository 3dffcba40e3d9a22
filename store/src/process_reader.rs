//! Reading processes back: rows and blocks in order, each begun at a key row.

use crate::error::Result;
use crate::processes::{HotProcess, Live, Look, unpack};
use crate::reader::Reader;
use model::{ProcessIdentity, ProcessSample, ProcessTick, TimeSpan, UnixNanos};
use rusqlite::{OptionalExtension, params};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

impl Reader {
    /// Processes of a span. The first tick of each run is complete as far as is known: it carries forward who was alive before the
    /// span and is not listed in it.
    ///
    /// # Errors
    /// When the database cannot be read, or a block is damaged.
    pub fn processes(&self, span: TimeSpan) -> Result<Vec<ProcessTick>> {
        let mut out = self.processes_by_run(span, &mut HashSet::new())?;
        out.sort_by_key(|(_, tick)| tick.at);
        Ok(out.into_iter().map(|(_, tick)| tick).collect())
    }

    /// The same with its run, run by run. Runs that are in `begun` have begun before: nobody is carried forward for them.
    pub(crate) fn processes_by_run(
        &self,
        span: TimeSpan,
        begun: &mut HashSet<i64>,
    ) -> Result<Vec<(i64, ProcessTick)>> {
        self.snapshot(|_| {
            let mut identities = Identities {
                reader: self,
                known: HashMap::new(),
            };
            let mut out: Vec<(i64, ProcessTick)> = Vec::new();
            for (run, looks) in self.looks(span)? {
                let mut live = Live::default();
                for Look { at, key, body } in looks {
                    let (complete, listed) = live
                        .decode(&body, key)
                        .ok_or_else(|| self.damaged(format!("processes at {} s", at / 1_000_000_000)))?;
                    if !span.contains(UnixNanos(at)) {
                        continue;
                    }
                    let is_first = begun.insert(run);
                    let samples = if is_first {
                        // A process that ended in this very look is listed, but no longer among the living.
                        let ended = listed.into_iter().filter(|s| s.state == 'X');
                        live.everybody().into_iter().chain(ended).collect()
                    } else {
                        listed
                    };
                    let mut known = Vec::with_capacity(samples.len());
                    for sample in samples {
                        known.extend(identities.sample(sample)?);
                    }
                    let tick = ProcessTick {
                        at: UnixNanos(at),
                        complete: complete || is_first,
                        samples: known,
                    };
                    out.push((run, tick));
                }
            }
            Ok(out)
        })
    }

    /// The rows that are needed for a span, run by run, each part from a key row on.
    fn looks(&self, span: TimeSpan) -> Result<Vec<(i64, Vec<Look>)>> {
        let blocks: Vec<(i64, i64, Vec<u8>)> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT run, from_ns, body FROM process_block WHERE to_ns >= ?1 AND from_ns <= ?2 ORDER BY id",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
        })?;
        let mut parts = Vec::new();
        for (run, from, body) in blocks {
            let mut looks = unpack(&body)
                .ok_or_else(|| self.damaged(format!("processes at {} s", from / 1_000_000_000)))?;
            let is_inside = |look: &Look| span.contains(UnixNanos(look.at));
            let (Some(first), Some(last)) = (
                looks.iter().position(is_inside),
                looks.iter().rposition(is_inside),
            ) else {
                continue;
            };
            looks.truncate(last + 1);
            let key = looks[..=first].iter().rposition(|look| look.key).unwrap_or(0);
            parts.push((run, looks.split_off(key)));
        }
        // By ids, not by times: a clock that is set leaves rows out of the order of time that others are told against.
        let runs: Vec<(i64, i64, i64)> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT run, min(id), max(id) FROM process_tick WHERE at_ns BETWEEN ?1 AND ?2 GROUP BY run ORDER BY run",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
        })?;
        for (run, first, last) in runs {
            parts.push((run, self.hot_looks(run, first, last)?));
        }
        // In a run, blocks stand before rows and both in the order of writing.
        parts.sort_by_key(|(run, _)| *run);
        Ok(parts)
    }

    fn hot_looks(&self, run: i64, first: i64, last: i64) -> Result<Vec<Look>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT at_ns, key, body FROM process_tick WHERE run = ?1 AND id <= ?3 AND id >= coalesce(
                    (SELECT max(id) FROM process_tick WHERE run = ?1 AND id <= ?2 AND key = 1), 0) ORDER BY id",
            )?;
            rows.query_map(params![run, first, last], |r| {
                Ok(Look { at: r.get(0)?, key: r.get(1)?, body: r.get(2)? })
            })?
            .collect()
        })
    }
}

/// Identities by id, read as they are met.
struct Identities<'a> {
    reader: &'a Reader,
    known: HashMap<i64, Option<Arc<ProcessIdentity>>>,
}

impl Identities<'_> {
    fn sample(&mut self, hot: HotProcess) -> Result<Option<ProcessSample>> {
        if !self.known.contains_key(&hot.process) {
            let identity = self.reader.ask(|db| {
                db.prepare_cached(
                    "SELECT pid, start_ticks, comm, cmdline, cgroup FROM process WHERE id = ?1",
                )?
                .query_row([hot.process], |r| {
                    Ok(ProcessIdentity {
                        pid: r.get(0)?,
                        start_ticks: r.get::<_, i64>(1)? as u64,
                        comm: r.get(2)?,
                        cmdline: r.get(3)?,
                        cgroup: r.get(4)?,
                    })
                })
                .optional()
            })?;
            self.known.insert(hot.process, identity.map(Arc::new));
        }
        let identity = self.known.get(&hot.process).cloned().flatten();
        Ok(identity.map(|identity| ProcessSample {
            identity,
            state: hot.state,
            wchan: hot.wchan,
            counters: hot.counters,
        }))
    }
}
