//! The database's keeper: writes what it is given, whatever happens to the file.
//!
//! A full, read-only or stalled disk is waited for. A database that was removed, or is broken, is begun anew; the broken one is
//! moved aside, not deleted.

use crate::metrics::OWN;
use crate::recorder::Message;
use crate::say;
use anyhow::Context;
use model::{Boot, Fact, Nanos, Run};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use store::{Reader, RunId, Writer};

/// Between two tries of a write that failed.
const RETRY: Duration = Duration::from_millis(500);

/// When told to end, a disk that fails is waited for no longer than this.
const LAST_TRY: Duration = Duration::from_secs(5);

/// Between two looks at what is due to be compacted or is too much.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// Between two looks at whether the file can be read: who only writes does not notice when it cannot.
const READ_EVERY: Duration = Duration::from_secs(30);

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    pub(crate) age: Nanos,
    pub(crate) bytes: u64,
}

/// Owns the database.
pub(crate) struct Keeper {
    path: PathBuf,
    boot: Boot,
    run: Run,
    keep: Keep,
    open: Option<Open>,
    /// The facts that hold, for a database that begins anew.
    facts: BTreeMap<String, Fact>,
    /// What is wrong with the database, once it was said.
    trouble: Option<String>,
    tidied: Option<Instant>,
    read: Instant,
    closed: Arc<AtomicBool>,
    /// When it was told to end while the database could not be written.
    given_up: Option<Instant>,
    /// Messages given up after that.
    lost: u64,
    /// Held as long as we live: two writers would each tell half of the story.
    _lock: File,
}

struct Open {
    writer: Writer,
    run: RunId,
    /// Device and inode.
    file: (u64, u64),
}

impl Keeper {
    /// Opens or creates the database and begins a run.
    ///
    /// # Errors
    /// When it is somebody else's file, another collector writes it, or the disk says no.
    pub(crate) fn open(path: &Path, boot: Boot, run: Run, keep: Keep) -> anyhow::Result<Keeper> {
        let lock = lock(path)?;
        let mut keeper = Keeper {
            path: path.into(),
            boot,
            run,
            keep,
            open: None,
            facts: BTreeMap::new(),
            trouble: None,
            tidied: None,
            read: Instant::now(),
            closed: Arc::default(),
            given_up: None,
            lost: 0,
            _lock: lock,
        };
        match keeper.reopen() {
            // What never was a database of ours is not ours to move.
            Err(error) if error.is_corrupt() && !matches!(error, store::Error::NotADatabase { .. }) => {
                keeper.move_aside(&error);
                keeper.reopen()?;
            }
            other => other?,
        }
        Ok(keeper)
    }

    /// Set when recording ends.
    pub(crate) fn closed(&self) -> Arc<AtomicBool> {
        self.closed.clone()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn reopen(&mut self) -> store::Result<()> {
        let mut writer = Writer::open(&self.path)?;
        let run = writer
            .begin_run(&self.boot, &self.run)?
            .expect("only an import's run can be there already");
        let facts: Vec<Fact> = self.facts.values().cloned().collect();
        writer.append_facts(&facts)?;
        self.open = Some(Open {
            writer,
            run,
            file: identity(&self.path).unwrap_or_default(),
        });
        Ok(())
    }

    /// From now on under other settings: another interval is another run.
    fn settle(&mut self, run: &Run, keep: Keep) -> store::Result<()> {
        self.keep = keep;
        if self.run.interval != run.interval {
            let open = self.open.as_mut().expect("opened before a message is stored");
            open.run = open
                .writer
                .begin_run(&self.boot, run)?
                .expect("only an import's run can be there already");
            self.run = run.clone();
        }
        Ok(())
    }

    /// Stores a message, however long that takes; gives up only when recording has ended and the disk still says no.
    pub(crate) fn store(&mut self, message: &Message) {
        // It writes nothing, so it says nothing of the disk.
        if matches!(message, Message::Wake) {
            return;
        }
        if let Message::Facts(facts) = message {
            self.facts
                .extend(facts.iter().map(|fact| (fact.name.clone(), fact.clone())));
        }
        loop {
            // One span of patience for all that is left, not one for each message: the end must come.
            if self.is_closed()
                && self.trouble.is_some()
                && self.given_up.get_or_insert_with(Instant::now).elapsed() > LAST_TRY
            {
                self.lost += 1;
                return;
            }
            if self
                .open
                .as_ref()
                .is_some_and(|open| identity(&self.path) != Some(open.file))
            {
                say(&format!(
                    "{}: was removed while recording: begun anew",
                    self.path.display()
                ));
                self.open = None;
            }
            let Err(error) = self.try_store(message) else {
                break;
            };
            // Where it cannot be moved aside either, it is trouble like any other.
            if error.is_corrupt() && self.trouble.is_none() {
                self.move_aside(&error);
            }
            let why = error.to_string();
            if self.trouble.as_ref() != Some(&why) {
                say(&format!("{why}; sampling goes on, ticks wait in memory"));
                self.trouble = Some(why);
            }
            std::thread::sleep(RETRY);
        }
        if self.trouble.take().is_some() {
            say(&format!("{}: can be written again", self.path.display()));
        }
    }

    /// Says what was given up.
    pub(crate) fn end(&self) {
        if self.lost > 0 {
            say(&format!(
                "ended while the database could not be written: the last {} messages are lost",
                self.lost
            ));
        }
    }

    fn try_store(&mut self, message: &Message) -> store::Result<()> {
        if self.open.is_none() {
            self.reopen()?;
        }
        let Open { writer, run, .. } = self.open.as_mut().expect("opened above");
        match message {
            Message::Tick(tick) => writer.append(*run, tick),
            Message::Processes(tick) => writer.append_processes(*run, tick),
            Message::Facts(facts) => writer.append_facts(facts).map(drop),
            Message::Log(records) => writer.append_log(*run, records),
            Message::Events(events) => writer.append_events(*run, events),
            Message::Gap(gap) => writer.append_gap(gap),
            Message::Settings(run, keep) => self.settle(run, *keep),
            Message::Wake => Ok(()),
        }
    }

    /// One short step of compaction or retention; whether there may be more to do.
    pub(crate) fn tidy(&mut self) -> bool {
        match self.step() {
            Ok(more) => more,
            Err(error) if error.is_corrupt() => {
                self.move_aside(&error);
                true
            }
            // What stands in the way of a write is said when something has to be written.
            Err(_) => false,
        }
    }

    /// Whether it is time for [`Keeper::tidy`].
    pub(crate) fn is_tidy(&self) -> bool {
        self.tidied.is_some_and(|last| last.elapsed() < TIDY_EVERY)
    }

    fn step(&mut self) -> store::Result<bool> {
        let Some(Open { writer, .. }) = &mut self.open else {
            return Ok(false);
        };
        self.tidied = Some(Instant::now());
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
        OWN.database(size(&self.path) + size(&with_end(&self.path, "-wal")));
        if writer.compact(false)? || writer.retain(Some(self.keep.age), Some(self.keep.bytes))?.more {
            return Ok(true);
        }
        if self.read.elapsed() > READ_EVERY {
            self.read = Instant::now();
            Reader::open(&self.path)?.extent()?;
        }
        Ok(false)
    }

    fn move_aside(&mut self, error: &store::Error) {
        self.open = None;
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        let aside = with_end(&self.path, &format!(".damaged-{seconds}"));
        let moved = std::fs::rename(&self.path, &aside);
        for end in ["-wal", "-shm"] {
            // Without them the damaged file tells less; they may well not be there.
            let _ = std::fs::rename(with_end(&self.path, end), with_end(&aside, end));
        }
        match moved {
            Ok(()) => say(&format!(
                "{error}; moved aside to {}, begun anew",
                aside.display()
            )),
            Err(why) => {
                say(&format!("{error}; it cannot be moved aside: {why}"));
                std::thread::sleep(RETRY);
            }
        }
    }
}

/// Device and inode of a file; `None` when it is not there.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// A lock that ends with the process. It is on a file beside the database: closing the database's own file a second time would
/// drop SQLite's locks.
fn lock(path: &Path) -> anyhow::Result<File> {
    let beside = with_end(path, ".lock");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&beside)
        .with_context(|| beside.display().to_string())?;
    file.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => {
            anyhow::anyhow!("{}: another collector records there", path.display())
        }
        std::fs::TryLockError::Error(error) => anyhow::anyhow!("{}: {error}", beside.display()),
    })?;
    Ok(file)
}
