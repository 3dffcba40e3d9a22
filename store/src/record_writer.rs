//! Writing what stands beside the ticks: processes, gaps, facts, the kernel's log, events, and what analyzers keep.

use crate::error::{Result, sqlite};
use crate::processes::{self, HotProcess};
use crate::writer::{RunId, Writer};
use model::{Event, Fact, Gap, LogRecord, ProcessIdentity, ProcessTick, UnixNanos};
use rusqlite::{OptionalExtension, params};
use std::collections::HashMap;

impl Writer {
    /// Processes of one instant.
    ///
    /// # Errors
    /// When the disk or another program says no; the next instant is then whole.
    pub fn append_processes(&mut self, run: RunId, tick: &ProcessTick) -> Result<()> {
        self.enter(run)?;
        let boot = self.current.as_ref().expect("entered above").boot;
        let mut samples = Vec::with_capacity(tick.samples.len());
        for sample in &tick.samples {
            samples.push(HotProcess {
                process: self.process_id(boot, &sample.identity)?,
                state: sample.state,
                wchan: sample.wchan.clone(),
                counters: sample.counters,
            });
        }
        let current = self.current.as_mut().expect("entered above");
        let key = current.looks.is_multiple_of(processes::KEY_EVERY);
        current.live.encode(tick.complete, &samples, key, &mut self.row);
        if key {
            // Who ended is not asked for again; what is known of them must not grow for ever.
            let live = &current.live;
            self.processes.retain(|_, id| live.has(*id));
        }
        let insert = self
            .db
            .prepare_cached("INSERT INTO process_tick (run, at_ns, key, body) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut s| s.execute(params![run.0, tick.at.0, key, self.row]));
        current.looks = if insert.is_ok() { current.looks + 1 } else { 0 };
        insert.map(drop).map_err(|e| sqlite(&self.path, e))
    }

    fn process_id(&mut self, boot: i64, identity: &ProcessIdentity) -> Result<i64> {
        if let Some(&id) = self.processes.get(identity) {
            return Ok(id);
        }
        let ProcessIdentity {
            pid,
            start_ticks,
            comm,
            cmdline,
            cgroup,
        } = identity;
        let values = params![boot, pid, *start_ticks as i64, comm, cmdline, cgroup];
        let id = self.ask(|db| {
            let mut known = db.prepare_cached(
                "SELECT id FROM process WHERE boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND comm = ?4
                    AND cmdline IS ?5 AND cgroup IS ?6",
            )?;
            if let Some(id) = known.query_row(values, |r| r.get(0)).optional()? {
                return Ok(id);
            }
            db.prepare_cached(
                "INSERT INTO process (boot, pid, start_ticks, comm, cmdline, cgroup) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .insert(values)
        })?;
        self.processes.insert(identity.clone(), id);
        if !self.db.is_autocommit() {
            self.met.push(id);
        }
        Ok(id)
    }

    /// A gap with its reason.
    ///
    /// # Errors
    /// When the disk or another program says no.
    pub fn append_gap(&mut self, gap: &Gap) -> Result<()> {
        self.run_sql(
            "INSERT INTO gap (from_ns, to_ns, source, why) VALUES (?1, ?2, ?3, ?4)",
            params![gap.from.0, gap.to.0, gap.source, gap.why],
        )
    }

    /// Facts; one that says what held at its time already is not stored again. Answers how many were new.
    ///
    /// # Errors
    /// When the disk or another program says no; then none is stored.
    pub fn append_facts(&mut self, facts: &[Fact]) -> Result<usize> {
        let mut changes: HashMap<&str, (UnixNanos, &Option<String>)> = HashMap::new();
        let mut new = 0;
        self.atomically(|db| {
            for fact in facts {
                let known = self.facts.get(&fact.name).map(|(at, value)| (*at, value));
                let newest = changes.get(fact.name.as_str()).copied().or(known);
                let is_told = match newest {
                    Some((at, value)) if at <= fact.at => *value == fact.value,
                    // An import of older days: what held then is not what holds now.
                    Some(_) => db
                        .prepare_cached(
                            "SELECT value FROM fact WHERE name = ?1 AND at_ns <= ?2 ORDER BY at_ns DESC, id DESC LIMIT 1",
                        )?
                        .query_row(params![fact.name, fact.at.0], |r| r.get::<_, Option<String>>(0))
                        .optional()?
                        .is_some_and(|value| value == fact.value),
                    None => false,
                };
                if is_told {
                    continue;
                }
                db.prepare_cached("INSERT INTO fact (name, at_ns, value) VALUES (?1, ?2, ?3)")?
                    .execute(params![fact.name, fact.at.0, fact.value])?;
                new += 1;
                if newest.is_none_or(|(at, _)| at <= fact.at) {
                    changes.insert(&fact.name, (fact.at, &fact.value));
                }
            }
            Ok(())
        })?;
        let changes = changes
            .into_iter()
            .map(|(name, (at, value))| (name.to_owned(), (at, value.clone())));
        self.facts.extend(changes.collect::<Vec<_>>());
        Ok(new)
    }

    /// Kernel log records; those of a boot that are there already are left as they are.
    ///
    /// # Errors
    /// When the disk or another program says no; then none is stored.
    pub fn append_log(&mut self, run: RunId, records: &[LogRecord]) -> Result<()> {
        self.enter(run)?;
        let boot = self.current.as_ref().expect("entered above").boot;
        self.atomically(|db| {
            let mut insert = db.prepare_cached(
                "INSERT INTO log (boot, sequence, at_ns, priority, text) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (boot, sequence) DO NOTHING",
            )?;
            for record in records {
                insert.execute(params![
                    boot,
                    record.sequence as i64,
                    record.at.0,
                    record.priority,
                    record.text
                ])?;
            }
            Ok(())
        })
    }

    /// Sharp events.
    ///
    /// # Errors
    /// When the disk or another program says no; then none is stored.
    pub fn append_events(&mut self, run: RunId, events: &[Event]) -> Result<()> {
        self.atomically(|db| {
            let mut insert =
                db.prepare_cached("INSERT INTO event (run, at_ns, kind, detail) VALUES (?1, ?2, ?3, ?4)")?;
            for event in events {
                insert.execute(params![run.0, event.at.0, event.kind, event.detail])?;
            }
            Ok(())
        })
    }

    /// Keeps a text for analyzers under a key, until it is thrown away.
    ///
    /// # Errors
    /// When the disk or another program says no.
    pub fn cache(&mut self, key: &str, value: &str) -> Result<()> {
        self.run_sql(
            "INSERT OR REPLACE INTO cache (key, value) VALUES (?1, ?2)",
            params![key, value],
        )
    }

    /// Keeps texts under keys that begin with `version`, which begins with `family`: what a family holds of other versions goes.
    ///
    /// # Errors
    /// When the disk or another program says no; then nothing of it is kept.
    pub fn cache_version(&mut self, family: &str, version: &str, entries: &[(String, String)]) -> Result<()> {
        self.atomically(|db| {
            db.execute(
                "DELETE FROM cache WHERE substr(key, 1, length(?1)) = ?1 AND substr(key, 1, length(?2)) <> ?2",
                params![family, version],
            )?;
            let mut insert =
                db.prepare_cached("INSERT OR REPLACE INTO cache (key, value) VALUES (?1, ?2)")?;
            for (key, value) in entries {
                insert.execute(params![key, value])?;
            }
            Ok(())
        })
    }
}
