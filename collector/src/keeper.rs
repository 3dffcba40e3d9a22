//! The database's keeper: writes what it is given, whatever happens to the file.
//!
//! A full, read-only or stalled disk is waited for. A database that was removed, or is broken, is begun anew; the broken one is
//! moved aside, not deleted.

use crate::aside::{move_aside, thin_out, with_end};
use crate::metrics::OWN;
use crate::recorder::Message;
use crate::say;
use anyhow::Context;
use model::{Boot, Fact, Nanos, Run, TimeSpan};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::{Reader, Retention, RunId, Writer};

/// Between two tries of a write that failed.
const RETRY: Duration = Duration::from_millis(500);

/// When told to end, a disk that fails is waited for no longer than this.
const LAST_TRY: Duration = Duration::from_secs(5);

/// Between two looks at what is due to be compacted or is too much.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// Between two looks at whether the file can be read: who only writes does not notice when it cannot.
const READ_EVERY: Duration = Duration::from_secs(30);

/// The sync interval: a power cut loses what came after the last sync, and what the disk itself had not written.
const SYNC_EVERY: Duration = Duration::from_secs(10);

/// How much of the end is read then.
const READ_BACK: Nanos = 600_000_000_000;

/// See [`Keeper::patience`].
const LONGEST_PATIENCE: Duration = Duration::from_millis(100);

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    pub(crate) age: Nanos,
    pub(crate) bytes: u64,
}

/// The fact that says which limit deleted what is not there any more.
pub(crate) const RETENTION: &str = "collector.retention";

impl Keep {
    /// The limit that made room, in words.
    fn bites(&self, kept: &Retention) -> String {
        match kept.by_size {
            true => format!("size: {} MiB", self.bytes >> 20),
            false => format!("age: {} h", self.age / 3_600_000_000_000),
        }
    }
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
    synced: Instant,
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
    /// Its length when it was last looked at.
    len: u64,
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
            synced: Instant::now(),
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
        let (file, len) = identity(&self.path).unwrap_or_default();
        self.open = Some(Open {
            writer,
            run,
            file,
            len,
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

    /// How long a tick may wait for what belongs to it, to be stored with it: what is at risk is the tick in flight.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_nanos(self.run.interval.unsigned_abs() / 10).min(LONGEST_PATIENCE)
    }

    /// Stores messages, however long that takes; gives up only when recording has ended and the disk still says no. Those between two
    /// changes of settings are one transaction: each costs as much as what is in it.
    pub(crate) fn store(&mut self, messages: &[Message]) {
        let is_settings = |message: &Message| matches!(message, Message::Settings(..));
        for part in messages.chunk_by(|a, b| !is_settings(a) && !is_settings(b)) {
            // That alone writes nothing, so it says nothing of the disk.
            if !part.iter().all(|message| matches!(message, Message::Wake)) {
                self.store_part(part);
            }
        }
    }

    fn store_part(&mut self, messages: &[Message]) {
        for message in messages {
            if let Message::Facts(facts) = message {
                self.facts
                    .extend(facts.iter().map(|fact| (fact.name.clone(), fact.clone())));
            }
        }
        loop {
            // One span of patience for all that is left, not one for each message: the end must come.
            if self.is_closed()
                && self.trouble.is_some()
                && self.given_up.get_or_insert_with(Instant::now).elapsed() > LAST_TRY
            {
                self.lost += messages.len() as u64;
                return;
            }
            self.look();
            let Err(error) = self.try_store(messages) else {
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
        self.sync();
    }

    /// Notices a file that is gone, is another one, or was cut.
    fn look(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        match identity(&self.path) {
            Some((file, len)) if file == open.file => {
                let is_shorter = len < std::mem::replace(&mut open.len, len);
                // Giving pages back makes it shorter too. To read all of it takes long only where it is long, and ticks wait.
                if is_shorter && len < open.writer.expected_bytes().unwrap_or(0) {
                    self.check();
                }
            }
            _ => {
                say(&format!(
                    "{}: was removed while recording: begun anew",
                    self.path.display()
                ));
                self.open = None;
            }
        }
    }

    fn check(&mut self) {
        let found = Reader::open(&self.path).and_then(|reader| reader.integrity());
        let what = match found {
            Ok(found) => found.into_iter().next(),
            Err(error) => error.is_corrupt().then(|| error.to_string()),
        };
        if let Some(what) = what {
            self.move_aside(&store::Error::Damaged {
                path: self.path.clone(),
                what: format!("it was cut while recording: {what}"),
            });
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

    fn try_store(&mut self, messages: &[Message]) -> store::Result<()> {
        if self.open.is_none() {
            self.reopen()?;
        }
        if let [Message::Settings(run, keep)] = messages {
            return self.settle(run, *keep);
        }
        let Open { writer, run, .. } = self.open.as_mut().expect("opened above");
        writer.transaction(|writer| {
            messages
                .iter()
                .try_for_each(|message| append(writer, *run, message))
        })
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
        if writer.compact(false)? {
            return Ok(true);
        }
        let kept = writer.retain(Some(self.keep.age), Some(self.keep.bytes))?;
        if let Some(to) = kept.deleted_to {
            // Stored when it changes: what the limits were, and which one ended the record.
            writer.append_facts(&[Fact {
                at: to.max(self.run.started),
                name: RETENTION.into(),
                value: Some(self.keep.bites(&kept)),
            }])?;
        }
        if kept.more {
            return Ok(true);
        }
        if self.read.elapsed() > READ_EVERY {
            self.read = Instant::now();
            let reader = Reader::open(&self.path)?;
            if let Some(all) = reader.extent()? {
                reader.ticks(TimeSpan::new(all.to - READ_BACK, all.to))?;
            }
        }
        Ok(false)
    }

    fn move_aside(&mut self, error: &store::Error) {
        self.open = None;
        match move_aside(&self.path) {
            Ok(aside) => say(&format!(
                "{error}; moved aside to {}, begun anew",
                aside.display()
            )),
            Err(why) => {
                say(&format!("{error}; it cannot be moved aside: {why}"));
                std::thread::sleep(RETRY);
            }
        }
        for deleted in thin_out(&self.path, self.keep.bytes) {
            say(&format!(
                "{}: an older damaged database, deleted to bound what they take",
                deleted.display()
            ));
        }
    }

    /// Brings to the disk what was stored, once in [`SYNC_EVERY`]. Nobody waits for it but this thread.
    fn sync(&mut self) {
        if self.synced.elapsed() < SYNC_EVERY {
            return;
        }
        self.synced = Instant::now();
        if let Some(Err(error)) = self.open.as_ref().map(|open| open.writer.sync()) {
            say(&error.to_string());
        }
    }
}

fn append(writer: &mut Writer, run: RunId, message: &Message) -> store::Result<()> {
    match message {
        Message::Tick(tick) => writer.append(run, tick),
        Message::Processes(tick) => writer.append_processes(run, tick),
        Message::Facts(facts) => writer.append_facts(facts).map(drop),
        Message::Log(records) => writer.append_log(run, records),
        Message::Events(events) => writer.append_events(run, events),
        Message::Gap(gap) => writer.append_gap(gap),
        // Settings are a part of their own.
        Message::Settings(..) | Message::Wake => Ok(()),
    }
}

/// Device and inode of a file, and its length; `None` when it is not there.
fn identity(path: &Path) -> Option<((u64, u64), u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some(((meta.dev(), meta.ino()), meta.len()))
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
