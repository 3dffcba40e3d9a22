//! Reading: what there is, and when.

use crate::error::{Error, Result, sqlite};
use crate::schema;
use crate::times;
use crate::writer::RunId;
use model::{Boot, Nanos, Run, RunOrigin, Template, TimeSpan, UnixNanos};
use rusqlite::{Connection, OptionalExtension, params};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads; any number at a time, while a writer writes. Each call sees what is committed when it begins, and nothing of what is
/// committed while it works.
pub struct Reader {
    pub(crate) db: Connection,
    pub(crate) path: PathBuf,
    /// Templates read so far; they never change.
    templates: RefCell<HashMap<i64, Arc<Template>>>,
}

/// When a tick was, and in which boot and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickStamp {
    /// Wall time.
    pub at: UnixNanos,
    /// CLOCK_MONOTONIC.
    pub monotonic: Nanos,
    /// Index into [`Reader::boots`].
    pub boot: usize,
    /// Run.
    pub run: RunId,
    /// The run's nominal interval.
    pub interval: Nanos,
}

/// What a source takes in compacted form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSize {
    /// Name.
    pub source: Arc<str>,
    /// Readings compacted.
    pub ticks: u64,
    /// Numbers in them: readings × slots.
    pub numbers: u64,
    /// Bytes of their blocks, heads and the times of the readings included.
    pub blob_bytes: u64,
}

/// What is known of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunInfo {
    pub(crate) boot: usize,
    pub(crate) interval: Nanos,
}

impl Reader {
    /// Opens read-only.
    ///
    /// # Errors
    /// When there is no file, it is not ours, or a newer program wrote it.
    pub fn open(path: &Path) -> Result<Reader> {
        Ok(Reader {
            db: schema::open_to_read(path)?,
            path: path.into(),
            templates: RefCell::default(),
        })
    }

    /// Reads through a connection that somebody else opened, in his transaction if he has begun one.
    ///
    /// # Errors
    /// When its database is not ours, or a newer program wrote it.
    #[cfg(feature = "loadable")]
    pub fn over(db: Connection) -> Result<Reader> {
        let path = db.path().map(PathBuf::from).unwrap_or_default();
        schema::identify(&db, &path)?;
        Ok(Reader {
            db,
            path,
            templates: RefCell::default(),
        })
    }

    /// Seconds since 1970 of a text that SQLite takes for a time (`2016-09-10 10:50:13`, `now`; UTC unless it says otherwise).
    /// `None`: it takes it for none.
    ///
    /// # Errors
    /// When the database cannot be asked.
    #[cfg(feature = "loadable")]
    pub fn parse_time(&self, text: &str) -> Result<Option<f64>> {
        // To the millisecond, which is what SQLite keeps of a time.
        self.ask(|db| {
            db.query_row(
                "SELECT round((julianday(?1) - 2440587.5) * 86400000.0) / 1000.0",
                [text],
                |r| r.get(0),
            )
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Several questions about one and the same state of the database, whatever is written meanwhile.
    ///
    /// # Errors
    /// What `work` says, or when the database cannot be read.
    pub fn snapshot<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&Reader) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        if !self.db.is_autocommit() {
            return work(self);
        }
        self.ask(|db| db.execute_batch("BEGIN"))?;
        let done = work(self);
        // Nothing was written: to end it is all there is to do, and after an error SQLite may have done so itself.
        let _ = self.db.execute_batch("ROLLBACK");
        done
    }

    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        question(&self.db).map_err(|e| sqlite(&self.path, e))
    }

    pub(crate) fn damaged(&self, what: String) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            what,
        }
    }

    /// What SQLite finds wrong with the file, page by page (`PRAGMA integrity_check`). Empty: nothing. Reads all of it.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    pub fn integrity(&self) -> Result<Vec<String>> {
        self.ask(|db| {
            let mut rows = db.prepare("PRAGMA integrity_check")?;
            let found: Vec<String> = rows
                .query_map([], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(found.into_iter().filter(|line| line != "ok").collect())
        })
    }

    /// Bytes of the pages that hold something: the file less what later data will fill. This is what retention by size goes by.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn used_bytes(&self) -> Result<u64> {
        self.ask(crate::retention::used_bytes)
    }

    /// All boots, in order of their first run.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn boots(&self) -> Result<Vec<Boot>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT boot_id, hostname, kernel, machine, cpus, page_size, clk_tck, memory_bytes, cmdline, tz FROM boot
                 ORDER BY (SELECT min(started_ns) FROM run WHERE run.boot = boot.id), id",
            )?;
            rows.query_map([], |r| {
                Ok(Boot {
                    boot_id: r.get(0)?,
                    hostname: r.get(1)?,
                    kernel: r.get(2)?,
                    machine: r.get(3)?,
                    cpus: r.get(4)?,
                    page_size: r.get(5)?,
                    clk_tck: r.get(6)?,
                    memory_bytes: r.get::<_, Option<i64>>(7)?.map(|b| b as u64),
                    cmdline: r.get(8)?,
                    tz: r.get(9)?,
                })
            })?
            .collect()
        })
    }

    /// Database ids of the boots, in the order of [`Reader::boots`].
    fn boot_places(&self) -> Result<HashMap<i64, usize>> {
        self.ask(|db| {
            let mut rows = db.prepare_cached(
                "SELECT id FROM boot ORDER BY (SELECT min(started_ns) FROM run WHERE run.boot = boot.id), id",
            )?;
            let ids: Vec<i64> = rows
                .query_map([], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(ids
                .into_iter()
                .enumerate()
                .map(|(place, id)| (id, place))
                .collect())
        })
    }

    /// All runs with the boot (index) they belong to, in order of time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self) -> Result<Vec<(RunId, usize, Run)>> {
        self.snapshot(|_| {
            let places = self.boot_places()?;
            self.ask(|db| {
                let mut rows = db.prepare_cached(
                    "SELECT id, boot, origin, interval_ns, started_ns, import_key FROM run ORDER BY started_ns, id",
                )?;
                rows.query_map([], |r| {
                    let origin = match r.get::<_, String>(2)?.as_str() {
                        "collector" => RunOrigin::Collector,
                        "import_averages" => RunOrigin::ImportAverages,
                        _ => RunOrigin::Import,
                    };
                    let boot = places.get(&r.get::<_, i64>(1)?).copied().unwrap_or(0);
                    let run = Run {
                        origin,
                        interval: r.get(3)?,
                        started: UnixNanos(r.get(4)?),
                        import_key: r.get(5)?,
                    };
                    Ok((RunId(r.get(0)?), boot, run))
                })?
                .collect()
            })
        })
    }

    pub(crate) fn run_infos(&self) -> Result<HashMap<i64, RunInfo>> {
        let info = |(id, boot, run): (RunId, usize, Run)| {
            (
                id.0,
                RunInfo {
                    boot,
                    interval: run.interval,
                },
            )
        };
        Ok(self.runs()?.into_iter().map(info).collect())
    }

    /// First to last tick; `None` when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn extent(&self) -> Result<Option<TimeSpan>> {
        // Each of the four is one step in an index.
        let ends: (Option<i64>, Option<i64>) = self.ask(|db| {
            db.query_row(
                "SELECT min(a), max(b) FROM (
                     SELECT (SELECT min(at_ns) FROM tick) AS a, (SELECT max(at_ns) FROM tick) AS b
                     UNION ALL SELECT (SELECT min(from_ns) FROM stretch), (SELECT max(to_ns) FROM stretch))",
                [],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )
        })?;
        Ok(ends
            .0
            .zip(ends.1)
            .map(|(from, to)| TimeSpan::new(UnixNanos(from), UnixNanos(to))))
    }

    /// Bytes that the database takes on disk, its log of writes included.
    pub fn size_bytes(&self) -> u64 {
        ["", "-wal"]
            .iter()
            .filter_map(|end| {
                let mut name = self.path.clone().into_os_string();
                name.push(end);
                std::fs::metadata(name).ok()
            })
            .map(|m| m.len())
            .sum()
    }

    /// Ticks of a span in order of time.
    ///
    /// # Errors
    /// When the database cannot be read, or a stretch is damaged.
    pub fn ticks(&self, span: TimeSpan) -> Result<Vec<TickStamp>> {
        self.snapshot(|_| {
            let runs = self.run_infos()?;
            let mut stamps = Vec::new();
            let mut push = |run: i64, at: i64, monotonic: i64| {
                let at = UnixNanos(at);
                if let (true, Some(info)) = (span.contains(at), runs.get(&run)) {
                    let RunInfo { boot, interval } = *info;
                    stamps.push(TickStamp { at, monotonic, boot, run: RunId(run), interval });
                }
            };
            let stretches: Vec<(i64, i64, Vec<u8>)> = self.ask(|db| {
                let mut rows = db.prepare_cached(
                    "SELECT run, from_ns, stamps FROM stretch WHERE to_ns >= ?1 AND from_ns <= ?2 ORDER BY from_ns",
                )?;
                rows.query_map(params![span.from.0, span.to.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
            })?;
            for (run, from, blob) in stretches {
                let times = times::stamps(&blob).ok_or_else(|| {
                    self.damaged(format!("times of the ticks at {} s", from / 1_000_000_000))
                })?;
                times.into_iter().for_each(|(at, monotonic)| push(run, at, monotonic));
            }
            let hot: Vec<(i64, i64, i64)> = self.ask(|db| {
                let mut rows = db.prepare_cached(
                    "SELECT run, at_ns, monotonic_ns FROM tick WHERE at_ns BETWEEN ?1 AND ?2 ORDER BY at_ns, id",
                )?;
                rows.query_map(params![span.from.0, span.to.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
            })?;
            hot.into_iter().for_each(|(run, at, monotonic)| push(run, at, monotonic));
            stamps.sort_by_key(|s| (s.at, s.run));
            Ok(stamps)
        })
    }

    /// Names of all sources that have readings in a span, sorted.
    ///
    /// # Errors
    /// When the database cannot be read, or a row is damaged.
    pub fn sources(&self, span: TimeSpan) -> Result<Vec<Arc<str>>> {
        self.snapshot(|_| {
            let mut ids: BTreeSet<i64> = self.ask(|db| {
                let mut rows = db.prepare_cached(
                    "SELECT DISTINCT source FROM block WHERE to_ns >= ?1 AND from_ns <= ?2",
                )?;
                rows.query_map(params![span.from.0, span.to.0], |r| r.get(0))?
                    .collect()
            })?;
            self.hot_readings(span, &mut |_, _, reading| {
                ids.insert(reading.source);
            })?;
            let mut names: Vec<Arc<str>> = self.ask(|db| {
                let mut rows = db.prepare_cached("SELECT id, name FROM source ORDER BY name")?;
                let all = rows.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)))?;
                all.filter(|row| row.as_ref().map_or(true, |(id, _)| ids.contains(id)))
                    .map(|row| row.map(|(_, name)| name.into()))
                    .collect()
            })?;
            names.sort();
            Ok(names)
        })
    }

    /// Every source with each template that its readings in a span have, sorted by source. No reading is decoded.
    ///
    /// # Errors
    /// When the database cannot be read, or a row is damaged.
    pub fn templates(&self, span: TimeSpan) -> Result<Vec<(Arc<str>, Arc<Template>)>> {
        self.snapshot(|_| {
            let mut ids: BTreeSet<(i64, i64)> = self.ask(|db| {
                let mut rows = db.prepare_cached(
                    "SELECT DISTINCT source, template FROM block WHERE to_ns >= ?1 AND from_ns <= ?2",
                )?;
                rows.query_map(params![span.from.0, span.to.0], |r| Ok((r.get(0)?, r.get(1)?)))?
                    .collect()
            })?;
            self.hot_readings(span, &mut |_, _, reading| {
                ids.insert((reading.source, reading.template));
            })?;
            let names: HashMap<i64, Arc<str>> = self.ask(|db| {
                let mut rows = db.prepare_cached("SELECT id, name FROM source")?;
                let all = rows.query_map([], |r| Ok((r.get(0)?, r.get::<_, String>(1)?.into())))?;
                all.collect()
            })?;
            let mut found = Vec::with_capacity(ids.len());
            for (source, template) in ids {
                let name = names
                    .get(&source)
                    .ok_or_else(|| self.damaged(format!("source {source} is missing")))?;
                found.push((name.clone(), self.template(template)?));
            }
            found.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(found)
        })
    }

    /// What each source takes in compacted form.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn sizes(&self) -> Result<Vec<SourceSize>> {
        self.snapshot(|_| {
            let rows: Vec<(String, i64, u64, u64)> = self.ask(|db| {
                let mut rows = db.prepare_cached(
                    "SELECT s.name, b.template, sum(b.readings), sum(length(b.body) + length(b.times))
                     FROM block b JOIN source s ON s.id = b.source GROUP BY s.name, b.template ORDER BY s.name",
                )?;
                rows.query_map([], |r| {
                    Ok((r.get(0)?, r.get(1)?, r.get::<_, i64>(2)? as u64, r.get::<_, i64>(3)? as u64))
                })?
                .collect()
            })?;
            let mut sizes: Vec<SourceSize> = Vec::new();
            for (name, template, readings, bytes) in rows {
                let numbers = readings * self.template(template)?.slots().len() as u64;
                if sizes.last().is_none_or(|s| *s.source != *name) {
                    sizes.push(SourceSize { source: name.into(), ticks: 0, numbers: 0, blob_bytes: 0 });
                }
                if let Some(size) = sizes.last_mut() {
                    size.ticks += readings;
                    size.numbers += numbers;
                    size.blob_bytes += bytes;
                }
            }
            Ok(sizes)
        })
    }

    pub(crate) fn template(&self, id: i64) -> Result<Arc<Template>> {
        if let Some(known) = self.templates.borrow().get(&id) {
            return Ok(known.clone());
        }
        let body: Option<Vec<u8>> = self.ask(|db| {
            let mut rows = db.prepare_cached("SELECT body FROM template WHERE id = ?1")?;
            rows.query_row([id], |r| r.get(0)).optional()
        })?;
        let body = body.ok_or_else(|| self.damaged(format!("template {id} is missing")))?;
        let template =
            Template::from_bytes(&body).map_err(|e| self.damaged(format!("template {id}: {e}")))?;
        let template = Arc::new(template);
        self.templates.borrow_mut().insert(id, template.clone());
        Ok(template)
    }
}
