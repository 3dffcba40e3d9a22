//! Reading processes back: rows and blocks in order, each begun at a key row.

use crate::error::Result;
use crate::processes::{HotProcess, Live, unpack};
use crate::reader::Reader;
use model::{ProcessIdentity, ProcessSample, ProcessTick, TimeSpan, UnixNanos};
use rusqlite::params;
use std::collections::HashMap;

impl Reader {
    /// Processes of a span. The first tick of each run is complete as far as is known: it carries forward who was alive before the
    /// span and is not listed in it.
    ///
    /// # Errors
    /// When the database cannot be read, or a block is damaged.
    pub fn processes(&self, span: TimeSpan) -> Result<Vec<ProcessTick>> {
        let identities = self.identities()?;
        let mut out = Vec::new();
        for (_, rows) in self.process_rows(span)? {
            let mut live = Live::default();
            let mut first = true;
            for (at, key, body) in rows {
                let (complete, listed) = live
                    .decode(&body, key)
                    .ok_or_else(|| self.damaged(format!("processes at {} s", at / 1_000_000_000)))?;
                if at < span.from.0 {
                    continue;
                }
                // A process that ended in this very look is listed, but no longer among the living.
                let samples = if first {
                    let ended = listed.into_iter().filter(|s| s.state == 'X');
                    live.everybody().into_iter().chain(ended).collect()
                } else {
                    listed
                };
                out.push(ProcessTick {
                    at: UnixNanos(at),
                    complete: complete || first,
                    samples: samples
                        .into_iter()
                        .filter_map(|s| sample(s, &identities))
                        .collect(),
                });
                first = false;
            }
        }
        out.sort_by_key(|t| t.at);
        Ok(out)
    }

    fn identities(&self) -> Result<HashMap<i64, ProcessIdentity>> {
        self.ask(|db| {
            let mut rows =
                db.prepare_cached("SELECT id, pid, start_ticks, comm, cmdline, cgroup FROM process")?;
            rows.query_map([], |r| {
                let identity = ProcessIdentity {
                    pid: r.get(1)?,
                    start_ticks: r.get::<_, i64>(2)? as u64,
                    comm: r.get(3)?,
                    cmdline: r.get(4)?,
                    cgroup: r.get(5)?,
                };
                Ok((r.get(0)?, identity))
            })?
            .collect()
        })
    }

    /// The rows of each run that are needed for a span, from a key row on.
    #[allow(clippy::type_complexity, reason = "private, and used in one place")]
    fn process_rows(&self, span: TimeSpan) -> Result<Vec<(i64, Vec<(i64, bool, Vec<u8>)>)>> {
        let blocks: Vec<(i64, i64, Vec<u8>)> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT run, from_ns, body FROM process_block WHERE to_ns >= ?1 AND from_ns <= ?2 ORDER BY run, from_ns",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
        })?;
        let mut by_run: Vec<(i64, Vec<(i64, bool, Vec<u8>)>)> = Vec::new();
        let mut add =
            |run: i64, rows: Vec<(i64, bool, Vec<u8>)>| match by_run.iter_mut().find(|(r, _)| *r == run) {
                Some((_, all)) => all.extend(rows),
                None => by_run.push((run, rows)),
            };
        for (run, from, body) in blocks {
            let rows = unpack(&body)
                .ok_or_else(|| self.damaged(format!("processes at {} s", from / 1_000_000_000)))?;
            let rows: Vec<_> = rows.into_iter().filter(|(at, _, _)| *at <= span.to.0).collect();
            // Begin at the last key row before the span.
            let start = rows
                .iter()
                .rposition(|(at, key, _)| *key && *at <= span.from.0)
                .unwrap_or(0);
            add(run, rows[start..].to_vec());
        }
        let hot: Vec<(i64, i64, bool, Vec<u8>)> = self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT run, at_ns, key, body FROM process_tick p WHERE at_ns <= ?2 AND id >= coalesce(
                    (SELECT max(id) FROM process_tick q WHERE q.run = p.run AND q.key = 1 AND q.at_ns <= ?1), 0)
                 ORDER BY run, id",
            )?;
            rows.query_map(params![span.from.0, span.to.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?
                .collect()
        })?;
        for (run, at, key, body) in hot {
            add(run, vec![(at, key, body)]);
        }
        Ok(by_run)
    }
}

fn sample(hot: HotProcess, identities: &HashMap<i64, ProcessIdentity>) -> Option<ProcessSample> {
    let identity = identities.get(&hot.process)?.clone();
    Some(ProcessSample {
        identity,
        state: hot.state,
        wchan: hot.wchan,
        counters: hot.counters,
    })
}
