//! Writing: one small insert a tick.

use crate::error::{Error, Result, sqlite};
use crate::hot::{Before, HotReading, KEY_EVERY, OFFSET_UNIT};
use crate::import::Import;
use crate::processes::Live;
use crate::schema;
use model::{Boot, ProcessIdentity, Run, RunOrigin, Template, Tick, UnixNanos};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So many templates are remembered; nearly always a recent one of its source serves.
const MOST_TEMPLATES: usize = 256;
/// Templates of a source that are recognised without being hashed: a file whose columns grow and shrink has two or three in turn.
const RECENT: usize = 4;
/// Sources that are remembered. They are more only where cgroups come and go by the thousand.
const MOST_SOURCES: usize = 4096;

/// Names a run of ticks within a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub i64);

/// Writes ticks. Several may write to one database, each its own runs; a run has one writer.
pub struct Writer {
    pub(crate) db: Connection,
    pub(crate) path: PathBuf,
    sources: HashMap<Arc<str>, Known>,
    templates: HashMap<Arc<Template>, i64>,
    pub(crate) processes: HashMap<ProcessIdentity, i64>,
    /// The newest fact of each name.
    pub(crate) facts: HashMap<String, (UnixNanos, Option<String>)>,
    /// The run that was last appended to, and where it is in its stretch.
    pub(crate) current: Option<Current>,
    /// Processes that this transaction met first: undone, they have no id.
    pub(crate) met: Vec<i64>,
    /// The row being written.
    pub(crate) row: Vec<u8>,
    ids: Vec<(i64, i64)>,
    /// An import that is being made.
    pub(crate) import: Option<Import>,
}

/// A source, and its last templates, the newest first: one of them is nearly always that of the next tick too.
struct Known {
    id: i64,
    recent: Vec<(Arc<Template>, i64)>,
}

impl Known {
    /// The id of a template that was used lately. The same one is known by its address; an equal one is compared, which is still
    /// a small part of what hashing it costs, and from then on known by its own address.
    fn template_id(&mut self, template: &Arc<Template>) -> Option<i64> {
        let place = (self.recent.iter().position(|(t, _)| Arc::ptr_eq(t, template)))
            .or_else(|| self.recent.iter().position(|(t, _)| t == template))?;
        self.recent[..=place].rotate_right(1);
        let (kept, id) = &mut self.recent[0];
        kept.clone_from(template);
        Some(*id)
    }
}

pub(crate) struct Current {
    pub(crate) run: RunId,
    pub(crate) boot: i64,
    /// Rows since the last time that the next one had to be whole.
    ticks: u64,
    pub(crate) looks: u64,
    before: Before,
    pub(crate) live: Live,
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
        let mut writer = Writer {
            db: schema::open_to_write(path)?,
            path: path.into(),
            sources: HashMap::new(),
            templates: HashMap::new(),
            processes: HashMap::new(),
            facts: HashMap::new(),
            current: None,
            met: Vec::new(),
            row: Vec::new(),
            ids: Vec::new(),
            import: None,
        };
        writer.reload()?;
        Ok(writer)
    }

    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        question(&self.db).map_err(|e| sqlite(&self.path, e))
    }

    /// What is kept in memory of the database, read anew: after opening, and after a transaction that was undone.
    fn reload(&mut self) -> Result<()> {
        self.sources.clear();
        self.templates.clear();
        self.processes.clear();
        self.current = None;
        self.facts = self.ask(|db| {
            let mut facts = HashMap::new();
            let mut rows = db.prepare("SELECT name, at_ns, value FROM fact ORDER BY at_ns, id")?;
            let mut rows = rows.query([])?;
            while let Some(row) = rows.next()? {
                facts.insert(row.get(0)?, (UnixNanos(row.get(1)?), row.get(2)?));
            }
            Ok(facts)
        })?;
        Ok(())
    }

    /// Begins a run in a boot (both are created when new). `None`: a run with this `import_key` is there already.
    ///
    /// # Errors
    /// When the disk or another program says no.
    pub fn begin_run(&mut self, boot: &Boot, run: &Run) -> Result<Option<RunId>> {
        let begun = self.atomically(|db| {
            let mut known = db.prepare_cached("SELECT 1 FROM run WHERE import_key = ?1")?;
            if run.import_key.is_some() && known.exists([&run.import_key])? {
                return Ok(None);
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
            let id: i64 = db.query_row("SELECT id FROM boot WHERE boot_id = ?1", [&boot.boot_id], |r| r.get(0))?;
            let origin = match run.origin {
                RunOrigin::Collector => "collector",
                RunOrigin::Import => "import",
                RunOrigin::ImportAverages => "import_averages",
            };
            db.execute(
                "INSERT INTO run (boot, origin, interval_ns, started_ns, import_key) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, origin, run.interval, run.started.0, run.import_key],
            )?;
            Ok(Some((RunId(db.last_insert_rowid()), id)))
        })?;
        if let Some((run, boot)) = begun {
            self.current = Some(Current::new(run, boot));
        }
        Ok(begun.map(|(run, _)| run))
    }

    /// Several writes as one transaction: all or nothing, and cheaper than one by one.
    ///
    /// # Errors
    /// What `work` says; then nothing of it is kept.
    pub fn transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Writer) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        self.run_sql("BEGIN IMMEDIATE", [])?;
        let run = self.current.as_ref().map(|current| current.run);
        self.met.clear();
        let done = work(self).and_then(|done| {
            self.run_sql("COMMIT", [])?;
            Ok(done)
        });
        if done.is_err() {
            // A full disk may have rolled it back already.
            let _ = self.db.execute_batch("ROLLBACK");
            // Who lives is told once, so it is not forgotten where the run is still there.
            let current = self.current.take().filter(|current| Some(current.run) == run);
            self.reload()?;
            self.current = current.map(|current| current.undone(&self.met));
        }
        done
    }

    /// Some statements, all or none; within a transaction they are a part of it.
    pub(crate) fn atomically<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        // A savepoint alone would wait for the lock at its first write only, and then not wait but fail.
        let is_outermost = self.db.is_autocommit();
        let (begin, commit, undo) = match is_outermost {
            true => ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"),
            false => ("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part; RELEASE part"),
        };
        self.run_sql(begin, [])?;
        let done = self.ask(|db| {
            let done = work(db)?;
            db.prepare_cached(commit)?.execute([])?;
            Ok(done)
        });
        if done.is_err() {
            // A full disk may have rolled it back already.
            let _ = self.db.execute_batch(undo);
        }
        done
    }

    /// One small insert.
    ///
    /// # Errors
    /// When the disk or another program says no; the tick is then not stored and the next one is whole.
    pub fn append(&mut self, run: RunId, tick: &Tick) -> Result<()> {
        let mut ids = std::mem::take(&mut self.ids);
        ids.clear();
        for reading in &tick.readings {
            ids.push(self.ids(&reading.source, &reading.template)?);
        }
        if self.import.is_some() {
            let done = self.gather_import(run, tick, &ids);
            self.ids = ids;
            return done;
        }
        self.enter(run)?;
        let current = self.current.as_mut().expect("entered above");
        let key = current.ticks.is_multiple_of(KEY_EVERY);
        if key {
            current.before.forget();
        }
        let readings = tick
            .readings
            .iter()
            .zip(&ids)
            .map(|(reading, &(source, template))| HotReading {
                source,
                template,
                // Rounded down: whoever asks for the time at which a file was read gets that reading, not the one before.
                offset: reading.offset.div_euclid(OFFSET_UNIT),
                values: &reading.values,
            });
        current.before.encode(readings, &mut self.row);
        let insert = self
            .db
            .prepare_cached(
                "INSERT INTO tick (run, at_ns, monotonic_ns, key, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut s| s.execute(params![run.0, tick.at.0, tick.monotonic, key, self.row]));
        self.ids = ids;
        // What a lost row told is not known to a reader: the next one is whole.
        current.ticks = if insert.is_ok() { current.ticks + 1 } else { 0 };
        insert.map(drop).map_err(|e| sqlite(&self.path, e))
    }

    /// Waits until all that was appended is on the disk. Without this a power cut may lose what the kernel has not written out by
    /// itself yet, some half minute; a killed program loses nothing of it.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn sync(&self) -> Result<()> {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        // No lock of SQLite's is on the log, so it may be opened and closed beside it.
        match std::fs::File::open(&log).and_then(|log| log.sync_data()) {
            // Then all is in the database itself, which SQLite syncs.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(|e| Error::Sync {
                path: log.into(),
                why: e.to_string(),
            }),
        }
    }

    /// Length that the file has once all that was written is in it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn expected_bytes(&self) -> Result<u64> {
        let sql = "SELECT c.page_count * s.page_size FROM pragma_page_count c, pragma_page_size s";
        self.ask(|db| db.query_row(sql, [], |r| r.get::<_, i64>(0)))
            .map(|bytes| bytes as u64)
    }

    /// Makes a run the current one. The first row appended to it is whole.
    pub(crate) fn enter(&mut self, run: RunId) -> Result<()> {
        if self.current.as_ref().is_none_or(|c| c.run != run) {
            let boot =
                self.ask(|db| db.query_row("SELECT boot FROM run WHERE id = ?1", [run.0], |r| r.get(0)))?;
            self.current = Some(Current::new(run, boot));
        }
        Ok(())
    }

    /// Ids of a source and a template.
    fn ids(&mut self, source: &Arc<str>, template: &Arc<Template>) -> Result<(i64, i64)> {
        if let Some(known) = self.sources.get_mut(source)
            && let Some(id) = known.template_id(template)
        {
            return Ok((known.id, id));
        }
        let template_id = self.template_id(template)?;
        if !self.sources.contains_key(source) {
            let id = self.source_id(source)?;
            if self.sources.len() >= MOST_SOURCES {
                self.sources.clear();
            }
            let recent = Vec::new();
            self.sources.insert(source.clone(), Known { id, recent });
        }
        let known = self.sources.get_mut(source).expect("inserted above");
        known.recent.truncate(RECENT - 1);
        known.recent.insert(0, (template.clone(), template_id));
        Ok((known.id, template_id))
    }

    pub(crate) fn source_id(&self, name: &str) -> Result<i64> {
        self.ask(|db| {
            // Another writer may have named it meanwhile.
            db.execute(
                "INSERT INTO source (name) VALUES (?1) ON CONFLICT (name) DO NOTHING",
                [name],
            )?;
            db.query_row("SELECT id FROM source WHERE name = ?1", [name], |r| r.get(0))
        })
    }

    fn template_id(&mut self, template: &Arc<Template>) -> Result<i64> {
        if let Some(&id) = self.templates.get(template) {
            return Ok(id);
        }
        let body = template.to_bytes();
        let crc = crc32fast::hash(&body);
        let id = self.ask(|db| {
            // From here on it is in use again, and not to be thrown away with its last block.
            let known = "UPDATE template SET last_ns = NULL WHERE crc = ?1 AND body = ?2 RETURNING id";
            if let Some(id) = db
                .prepare_cached(known)?
                .query_row(params![crc, body], |r| r.get(0))
                .optional()?
            {
                return Ok(id);
            }
            db.prepare_cached("INSERT INTO template (crc, body) VALUES (?1, ?2)")?
                .insert(params![crc, body])
        })?;
        if self.templates.len() >= MOST_TEMPLATES {
            self.templates.clear();
        }
        self.templates.insert(template.clone(), id);
        Ok(id)
    }

    /// The last templates of each source, which may be used again without being asked for.
    pub(crate) fn templates_in_use(&self) -> impl Iterator<Item = i64> {
        let recent = self.sources.values().flat_map(|known| &known.recent);
        recent.map(|(_, id)| *id)
    }

    /// Makes all others be asked for before they are used again.
    pub(crate) fn forget_templates(&mut self) {
        self.templates.clear();
    }

    pub(crate) fn run_sql(&self, sql: &str, params: impl rusqlite::Params) -> Result<()> {
        self.ask(|db| db.prepare_cached(sql)?.execute(params)).map(drop)
    }

    /// Makes the next rows readable by themselves.
    pub(crate) fn begin_anew(&mut self) {
        if let Some(current) = &mut self.current {
            (current.ticks, current.looks) = (0, 0);
        }
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

    /// After a transaction that was undone, with the processes that it met first: the next rows are whole.
    fn undone(mut self, met: &[i64]) -> Current {
        (self.ticks, self.looks) = (0, 0);
        self.live.forget(met);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Reading, TimeSpan};

    fn tick(second: i64) -> Tick {
        let text: String = (0..100).map(|i| format!("{} ", second * 7919 * i)).collect();
        let (template, values) = Template::parse(text.as_bytes(), None);
        let reading = Reading {
            source: "a".into(),
            offset: 0,
            template: Arc::new(template),
            values,
        };
        Tick {
            at: UnixNanos(second),
            monotonic: second,
            readings: vec![reading],
        }
    }

    #[test]
    fn a_full_disk_is_said_and_recording_goes_on_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut writer = Writer::open(&path).unwrap();
        let boot = Boot {
            boot_id: "a".into(),
            hostname: String::new(),
            kernel: String::new(),
            machine: String::new(),
            cpus: 1,
            page_size: 4096,
            clk_tck: 100,
            memory_bytes: None,
            cmdline: String::new(),
            tz: "UTC".into(),
        };
        let run = Run {
            origin: RunOrigin::Collector,
            interval: 1,
            started: UnixNanos(0),
            import_key: None,
        };
        let run = writer.begin_run(&boot, &run).unwrap().unwrap();
        let pages: i64 = writer
            .db
            .query_row("PRAGMA page_count", [], |r| r.get(0))
            .unwrap();
        writer
            .db
            .pragma_update(None, "max_page_count", pages + 8)
            .unwrap();
        let mut stored = 0;
        let error = loop {
            match writer.append(run, &tick(stored + 1)) {
                Ok(()) => stored += 1,
                Err(error) => break error,
            }
        };
        assert!(error.is_full());
        assert_eq!(error.to_string(), format!("{}: the disk is full", path.display()));
        assert!(stored > 0);
        writer
            .db
            .pragma_update(None, "max_page_count", pages + 1000)
            .unwrap();
        writer.append(run, &tick(stored + 2)).unwrap();
        while writer.compact(true).unwrap() {}
        let reader = crate::Reader::open(&path).unwrap();
        let all = TimeSpan::new(UnixNanos(0), UnixNanos(i64::MAX));
        let ticks: Vec<i64> = reader.ticks(all).unwrap().iter().map(|t| t.at.0).collect();
        assert_eq!(ticks, (1..=stored).chain([stored + 2]).collect::<Vec<_>>());
    }
}
