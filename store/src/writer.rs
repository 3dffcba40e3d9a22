//! Writing: one small insert a tick.

use crate::bytes::put;
use crate::error::{Error, Result, sqlite};
use crate::hot::{Before, KEY_EVERY, OFFSET_UNIT};
use crate::processes::{self, HotProcess, Live};
use crate::schema;
use model::{
    Boot, Event, Fact, Gap, LogRecord, ProcessIdentity, ProcessTick, Run, RunOrigin, Template, Tick,
};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names a run of ticks within a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub i64);

/// Writes ticks; one per database at a time.
pub struct Writer {
    pub(crate) db: Connection,
    pub(crate) path: PathBuf,
    sources: HashMap<Arc<str>, i64>,
    templates: HashMap<Arc<Template>, i64>,
    processes: HashMap<ProcessIdentity, i64>,
    facts: HashMap<String, Option<String>>,
    /// The run that ticks were last appended to, and where it is in its stretch.
    current: Option<Current>,
    body: Vec<u8>,
}

struct Current {
    run: RunId,
    boot: i64,
    ticks: u64,
    looks: u64,
    before: Before,
    live: Live,
}

impl Writer {
    /// Opens or creates the database and brings its schema up to date.
    ///
    /// # Errors
    /// When the file is not ours, is newer, is locked, or the disk says no.
    pub fn open(path: &Path) -> Result<Writer> {
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| Error::Missing {
                path: folder.into(),
                why: e.to_string(),
            })?;
        }
        let db = schema::open_to_write(path)?;
        let mut writer = Writer {
            db,
            path: path.into(),
            sources: HashMap::new(),
            templates: HashMap::new(),
            processes: HashMap::new(),
            facts: HashMap::new(),
            current: None,
            body: Vec::new(),
        };
        writer.reload()?;
        Ok(writer)
    }

    /// What is kept in memory of the database, read anew: after opening, and after a transaction that was undone.
    fn reload(&mut self) -> Result<()> {
        self.sources.clear();
        self.templates.clear();
        self.processes.clear();
        self.facts.clear();
        self.current = None;
        let read = |db: &Connection| -> rusqlite::Result<_> {
            let mut sources = HashMap::new();
            let mut rows = db.prepare("SELECT id, name FROM source")?;
            for row in rows.query_map([], |r| Ok((r.get::<_, String>(1)?, r.get::<_, i64>(0)?)))? {
                let (name, id) = row?;
                sources.insert(Arc::<str>::from(name), id);
            }
            let mut templates = HashMap::new();
            let mut rows = db.prepare("SELECT id, body FROM template")?;
            for row in rows.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?)))? {
                let (id, body) = row?;
                if let Ok(template) = Template::from_bytes(&body) {
                    templates.insert(Arc::new(template), id);
                }
            }
            let mut facts = HashMap::new();
            let mut rows = db.prepare("SELECT name, value FROM fact ORDER BY at_ns, id")?;
            for row in rows.query_map([], |r| {
                Ok((r.get::<_, String>(0)?, r.get::<_, Option<String>>(1)?))
            })? {
                let (name, value) = row?;
                facts.insert(name, value);
            }
            Ok((sources, templates, facts))
        };
        let (sources, templates, facts) = read(&self.db).map_err(|e| sqlite(&self.path, e))?;
        (self.sources, self.templates, self.facts) = (sources, templates, facts);
        Ok(())
    }

    /// Begins a run in a boot (both are created when new). `None`: a run with this `import_key` is there already.
    ///
    /// # Errors
    /// When the disk or another program says no.
    pub fn begin_run(&mut self, boot: &Boot, run: &Run) -> Result<Option<RunId>> {
        let begin = |db: &Connection| -> rusqlite::Result<Option<(i64, i64)>> {
            if let Some(key) = &run.import_key {
                let seen: Option<i64> = db
                    .query_row("SELECT id FROM run WHERE import_key = ?1", [key], |r| r.get(0))
                    .optional()?;
                if seen.is_some() {
                    return Ok(None);
                }
            }
            db.execute(
                "INSERT INTO boot (boot_id, hostname, kernel, machine, cpus, page_size, clk_tck, memory_bytes, cmdline, tz)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (boot_id) DO NOTHING",
                params![
                    boot.boot_id,
                    boot.hostname,
                    boot.kernel,
                    boot.machine,
                    boot.cpus,
                    boot.page_size,
                    boot.clk_tck,
                    boot.memory_bytes.map(|b| b as i64),
                    boot.cmdline,
                    boot.tz
                ],
            )?;
            let id: i64 = db.query_row("SELECT id FROM boot WHERE boot_id = ?1", [&boot.boot_id], |r| {
                r.get(0)
            })?;
            let origin = match run.origin {
                RunOrigin::Collector => "collector",
                RunOrigin::Import => "import",
                RunOrigin::ImportAverages => "import_averages",
            };
            db.execute(
                "INSERT INTO run (boot, origin, interval_ns, started_ns, import_key) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, origin, run.interval, run.started.0, run.import_key],
            )?;
            Ok(Some((id, db.last_insert_rowid())))
        };
        let begun = begin(&self.db).map_err(|e| sqlite(&self.path, e))?;
        Ok(begun.map(|(boot, run)| {
            let run = RunId(run);
            self.current = Some(Current::new(run, boot));
            run
        }))
    }

    /// Several writes as one transaction (an import: all or nothing).
    ///
    /// # Errors
    /// What `work` says; then nothing of it is kept.
    pub fn transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Writer) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let path = self.path.clone();
        self.db
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(|e| sqlite(&path, e))?;
        match work(self) {
            Ok(done) => {
                self.db.execute_batch("COMMIT").map_err(|e| sqlite(&path, e))?;
                Ok(done)
            }
            Err(error) => {
                // A full disk may have rolled it back already.
                let _ = self.db.execute_batch("ROLLBACK");
                self.reload()?;
                Err(error)
            }
        }
    }

    /// One small insert.
    ///
    /// # Errors
    /// When the disk or another program says no; the tick is then not stored and the next one is whole.
    pub fn append(&mut self, run: RunId, tick: &Tick) -> Result<()> {
        self.enter(run)?;
        let mut ids = Vec::with_capacity(tick.readings.len());
        for reading in &tick.readings {
            ids.push((
                self.source_id(&reading.source)?,
                self.template_id(&reading.template)?,
            ));
        }
        let current = self.current.as_mut().expect("entered above");
        let key = current.ticks.is_multiple_of(KEY_EVERY);
        if key {
            current.before.forget();
        }
        self.body.clear();
        put(&mut self.body, tick.readings.len() as u64);
        for (reading, (source, template)) in tick.readings.iter().zip(ids) {
            // Rounded down: whoever asks for the time at which a file was read gets that reading, not the one before.
            let offset = reading.offset.div_euclid(OFFSET_UNIT);
            current
                .before
                .encode(source, template, offset, &reading.values, &mut self.body);
        }
        let insert = self
            .db
            .prepare_cached(
                "INSERT INTO tick (run, at_ns, monotonic_ns, key, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut s| s.execute(params![run.0, tick.at.0, tick.monotonic, key, self.body]));
        match insert {
            Ok(_) => {
                current.ticks += 1;
                Ok(())
            }
            Err(error) => {
                // What the lost row told is not known to a reader: begin anew.
                current.ticks = 0;
                Err(sqlite(&self.path, error))
            }
        }
    }

    fn enter(&mut self, run: RunId) -> Result<()> {
        if self.current.as_ref().is_none_or(|c| c.run != run) {
            let boot = self
                .db
                .query_row("SELECT boot FROM run WHERE id = ?1", [run.0], |r| r.get(0))
                .map_err(|e| sqlite(&self.path, e))?;
            self.current = Some(Current::new(run, boot));
        }
        Ok(())
    }

    fn source_id(&mut self, name: &Arc<str>) -> Result<i64> {
        if let Some(&id) = self.sources.get(name) {
            return Ok(id);
        }
        self.db
            .execute("INSERT INTO source (name) VALUES (?1)", [&**name])
            .map_err(|e| sqlite(&self.path, e))?;
        let id = self.db.last_insert_rowid();
        self.sources.insert(name.clone(), id);
        Ok(id)
    }

    fn template_id(&mut self, template: &Arc<Template>) -> Result<i64> {
        if let Some(&id) = self.templates.get(template) {
            return Ok(id);
        }
        self.db
            .execute("INSERT INTO template (body) VALUES (?1)", [template.to_bytes()])
            .map_err(|e| sqlite(&self.path, e))?;
        let id = self.db.last_insert_rowid();
        self.templates.insert(template.clone(), id);
        Ok(id)
    }

    /// Processes of one instant.
    ///
    /// # Errors
    /// When the disk or another program says no.
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
        for ended in tick.samples.iter().filter(|s| s.state == 'X') {
            self.processes.remove(&ended.identity);
        }
        let current = self.current.as_mut().expect("entered above");
        let key = current.looks.is_multiple_of(processes::KEY_EVERY);
        self.body.clear();
        current.live.encode(tick.complete, &samples, key, &mut self.body);
        let insert = self
            .db
            .prepare_cached("INSERT INTO process_tick (run, at_ns, key, body) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut s| s.execute(params![run.0, tick.at.0, key, self.body]));
        match insert {
            Ok(_) => {
                current.looks += 1;
                Ok(())
            }
            Err(error) => {
                current.looks = 0;
                Err(sqlite(&self.path, error))
            }
        }
    }

    fn process_id(&mut self, boot: i64, identity: &ProcessIdentity) -> Result<i64> {
        if let Some(&id) = self.processes.get(identity) {
            return Ok(id);
        }
        self.db
            .prepare_cached("INSERT INTO process (boot, pid, start_ticks, comm, cmdline, cgroup) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
            .and_then(|mut s| {
                s.execute(params![
                    boot,
                    identity.pid,
                    identity.start_ticks as i64,
                    identity.comm,
                    identity.cmdline,
                    identity.cgroup
                ])
            })
            .map_err(|e| sqlite(&self.path, e))?;
        let id = self.db.last_insert_rowid();
        self.processes.insert(identity.clone(), id);
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

    /// Facts; one that says what already holds is not stored again. Answers how many were new.
    ///
    /// # Errors
    /// When the disk or another program says no.
    pub fn append_facts(&mut self, facts: &[Fact]) -> Result<usize> {
        let mut new = 0;
        for fact in facts {
            if self.facts.get(&fact.name) == Some(&fact.value) {
                continue;
            }
            self.run_sql(
                "INSERT INTO fact (name, at_ns, value) VALUES (?1, ?2, ?3)",
                params![fact.name, fact.at.0, fact.value],
            )?;
            self.facts.insert(fact.name.clone(), fact.value.clone());
            new += 1;
        }
        Ok(new)
    }

    /// Kernel log records; those of a boot that are there already are left as they are.
    ///
    /// # Errors
    /// When the disk or another program says no.
    pub fn append_log(&mut self, run: RunId, records: &[LogRecord]) -> Result<()> {
        self.enter(run)?;
        let boot = self.current.as_ref().expect("entered above").boot;
        for record in records {
            self.run_sql(
                "INSERT INTO log (boot, sequence, at_ns, priority, text) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (boot, sequence) DO NOTHING",
                params![
                    boot,
                    record.sequence as i64,
                    record.at.0,
                    record.priority,
                    record.text
                ],
            )?;
        }
        Ok(())
    }

    /// Sharp events.
    ///
    /// # Errors
    /// When the disk or another program says no.
    pub fn append_events(&mut self, run: RunId, events: &[Event]) -> Result<()> {
        for event in events {
            self.run_sql(
                "INSERT INTO event (run, at_ns, kind, detail) VALUES (?1, ?2, ?3, ?4)",
                params![run.0, event.at.0, event.kind, event.detail],
            )?;
        }
        Ok(())
    }

    /// Keeps what an analyzer worked out, until it is thrown away.
    ///
    /// # Errors
    /// When the disk or another program says no.
    pub fn cache(&mut self, key: &str, value: &str) -> Result<()> {
        self.run_sql(
            "INSERT OR REPLACE INTO cache (key, value) VALUES (?1, ?2)",
            params![key, value],
        )
    }

    pub(crate) fn run_sql(&self, sql: &str, params: impl rusqlite::Params) -> Result<()> {
        let done = self.db.prepare_cached(sql).and_then(|mut s| s.execute(params));
        done.map(drop).map_err(|e| sqlite(&self.path, e))
    }

    /// Makes the next rows readable by themselves.
    pub(crate) fn begin_anew(&mut self) {
        if let Some(current) = &mut self.current {
            (current.ticks, current.looks) = (0, 0);
        }
    }

    /// The id of a source that is known.
    pub(crate) fn source_place(&self, name: &str) -> Option<i64> {
        self.sources.get(name).copied()
    }

    /// The run that is being written, whose last ticks are not yet a full stretch.
    pub(crate) fn current_run(&self) -> Option<RunId> {
        self.current.as_ref().map(|c| c.run)
    }
}

impl Current {
    fn new(run: RunId, boot: i64) -> Current {
        Current {
            run,
            boot,
            ticks: 0,
            looks: 0,
            before: Before::default(),
            live: Live::default(),
        }
    }
}
