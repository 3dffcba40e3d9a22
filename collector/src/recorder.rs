//! The thread that writes: a bounded queue before it, and the database behind it.

use crate::say;
use anyhow::Context;
use model::{Boot, Gap, Run, Tick, UnixNanos};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use store::{RunId, Writer};

/// Messages that may wait while the disk stalls. A tick takes some 15 KiB.
const QUEUE: usize = 300;

/// How long the writer waits for something to do before it looks after the database.
const IDLE: Duration = Duration::from_millis(200);

/// Something to be stored.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    Tick(Tick),
    Gap(Gap),
}

/// The sampling side's end of the queue. Never waits.
pub(crate) struct Recorder {
    queue: SyncSender<Message>,
    thread: JoinHandle<anyhow::Result<()>>,
    /// Time of the first tick that found no room, and how many did not since.
    dropped: Option<(UnixNanos, u64)>,
    last: Option<UnixNanos>,
}

impl Recorder {
    /// Opens the database, begins a run and starts the thread.
    ///
    /// # Errors
    /// When the database cannot be opened or written.
    pub(crate) fn start(path: &Path, boot: Boot, run: Run) -> anyhow::Result<Recorder> {
        let back = Back::open(path, boot, run)?;
        let (queue, messages) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || back.work(&messages))
            .context("the writing thread")?;
        Ok(Recorder {
            queue,
            thread,
            dropped: None,
            last: None,
        })
    }

    /// Hands over a tick. When there is no room it is dropped, which shows as a gap once there is.
    ///
    /// # Errors
    /// When the writing thread has ended.
    pub(crate) fn tick(&mut self, tick: Tick) -> anyhow::Result<()> {
        let at = tick.at;
        if let (Some((_, count)), Some(from)) = (self.dropped, self.last) {
            let why = format!("the database's disk stalled: {count} ticks did not fit into memory");
            let told = self.send(Message::Gap(Gap {
                from,
                to: at,
                source: None,
                why,
            }))?;
            if told {
                say(&format!(
                    "{count} ticks were dropped while the database's disk stalled"
                ));
                self.dropped = None;
            }
        }
        if self.dropped.is_none() && self.send(Message::Tick(tick))? {
            self.last = Some(at);
        } else {
            self.dropped = Some(self.dropped.map_or((at, 1), |(from, count)| (from, count + 1)));
        }
        Ok(())
    }

    /// Hands over something; whether there was room.
    ///
    /// # Errors
    /// When the writing thread has ended.
    pub(crate) fn send(&mut self, message: Message) -> anyhow::Result<bool> {
        match self.queue.try_send(message) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(_)) => Ok(false),
            Err(TrySendError::Disconnected(_)) => anyhow::bail!("the writing thread has ended"),
        }
    }

    /// Lets everything be written and ends.
    ///
    /// # Errors
    /// When something could not be written.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        drop(self.queue);
        self.thread
            .join()
            .map_err(|_| anyhow::anyhow!("the writing thread broke down"))?
    }
}

/// The database's side.
struct Back {
    writer: Writer,
    run: RunId,
}

impl Back {
    fn open(path: &Path, boot: Boot, run: Run) -> anyhow::Result<Back> {
        let mut writer = Writer::open(path)?;
        let run = begin(&mut writer, path.into(), &boot, &run)?;
        Ok(Back { writer, run })
    }

    fn work(mut self, messages: &Receiver<Message>) -> anyhow::Result<()> {
        let mut more = true;
        loop {
            // Compaction only when nothing waits, one short step at a time.
            let wait = if more { Duration::ZERO } else { IDLE };
            match messages.recv_timeout(wait) {
                Ok(message) => {
                    self.store(&message)?;
                    more = true;
                }
                Err(RecvTimeoutError::Timeout) if more => more = self.writer.compact(false)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        while self.writer.compact(false)? {}
        Ok(())
    }

    fn store(&mut self, message: &Message) -> store::Result<()> {
        match message {
            Message::Tick(tick) => self.writer.append(self.run, tick),
            Message::Gap(gap) => self.writer.append_gap(gap),
        }
    }
}

/// Begins a run; only imports can be refused as already there.
pub(crate) fn begin(writer: &mut Writer, path: PathBuf, boot: &Boot, run: &Run) -> anyhow::Result<RunId> {
    let begun = writer.begin_run(boot, run)?;
    begun.with_context(|| format!("{}: the run could not begin", path.display()))
}
