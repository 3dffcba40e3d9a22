//! The queue between those who read and the thread that writes. It is bounded, and nobody who reads ever waits for it: what finds
//! no room is dropped, counted, and told as a gap.

use crate::keeper::{Keep, Keeper};
use crate::metrics::OWN;
use crate::say;
use anyhow::Context;
use model::{Event, Fact, Gap, LogRecord, ProcessTick, Run, Tick, UnixNanos};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Messages that may wait while the disk stalls: some five minutes of seconds. A tick takes about 15 KiB.
const QUEUE: usize = 600;

/// How often the writer looks whether it is to end when nothing comes.
const IDLE: Duration = Duration::from_millis(500);

/// Something to be stored.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    Tick(Tick),
    Processes(ProcessTick),
    Facts(Vec<Fact>),
    Log(Vec<LogRecord>),
    Events(Vec<Event>),
    Gap(Gap),
    /// What follows is recorded under other settings.
    Settings(Run, Keep),
    /// Look whether it is time to end.
    Wake,
}

/// An end of the queue for another thread.
#[derive(Clone)]
pub(crate) struct Sender {
    queue: SyncSender<Message>,
    closed: Arc<AtomicBool>,
}

impl Sender {
    /// Hands over something; whether there was room.
    pub(crate) fn send(&self, message: Message) -> bool {
        self.queue.try_send(message).is_ok()
    }

    /// Whether recording has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

/// The sampling side's end of the queue.
pub(crate) struct Recorder {
    sender: Sender,
    thread: JoinHandle<()>,
    /// Ticks that found no room since the last one that did.
    dropped: u64,
    last: Option<UnixNanos>,
}

impl Recorder {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn start(keeper: Keeper) -> anyhow::Result<Recorder> {
        let (queue, messages) = sync_channel(QUEUE);
        let closed = keeper.closed();
        let sender = Sender { queue, closed };
        let work = move || work(keeper, &messages);
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .stack_size(1 << 20)
            .spawn(work)
            .context("the writing thread")?;
        Ok(Recorder {
            sender,
            thread,
            dropped: 0,
            last: None,
        })
    }

    /// An end of the queue for another thread.
    pub(crate) fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Hands over a tick.
    ///
    /// # Errors
    /// When the writing thread has ended.
    pub(crate) fn tick(&mut self, tick: Tick) -> anyhow::Result<()> {
        let at = tick.at;
        if self.dropped > 0 && !self.tell_dropped(at)? {
            self.dropped += 1;
            OWN.dropped();
            return Ok(());
        }
        if self.send(Message::Tick(tick))? {
            self.last = Some(at);
        } else {
            self.dropped += 1;
            OWN.dropped();
        }
        Ok(())
    }

    fn tell_dropped(&mut self, to: UnixNanos) -> anyhow::Result<bool> {
        let why = format!(
            "the database could not be written: {} ticks did not fit into memory",
            self.dropped
        );
        let from = self.last.unwrap_or(to);
        let told = self.send(Message::Gap(Gap {
            from,
            to,
            source: None,
            why: why.clone(),
        }))?;
        if told {
            say(&why);
            self.dropped = 0;
        }
        Ok(told)
    }

    /// Hands over something; whether there was room.
    ///
    /// # Errors
    /// When the writing thread has ended.
    pub(crate) fn send(&mut self, message: Message) -> anyhow::Result<bool> {
        let is_gap = matches!(message, Message::Gap(_));
        match self.sender.queue.try_send(message) {
            Ok(()) => {
                if is_gap {
                    OWN.gap();
                }
                Ok(true)
            }
            Err(TrySendError::Full(_)) => Ok(false),
            Err(TrySendError::Disconnected(_)) => anyhow::bail!("the writing thread has ended"),
        }
    }

    /// Lets everything be written and ends.
    ///
    /// # Errors
    /// When the writing thread broke down.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.sender.closed.store(true, Ordering::Relaxed);
        self.sender.send(Message::Wake);
        self.thread
            .join()
            .map_err(|_| anyhow::anyhow!("the writing thread broke down"))
    }
}

fn work(mut keeper: Keeper, messages: &Receiver<Message>) {
    // Compaction and retention only when nothing waits, one short step at a time.
    let mut busy = true;
    loop {
        match messages.recv_timeout(if busy { Duration::ZERO } else { IDLE }) {
            Ok(message) => {
                keeper.store(&message);
                busy = busy || !keeper.is_tidy();
            }
            Err(RecvTimeoutError::Timeout) if busy => busy = keeper.tidy(),
            Err(RecvTimeoutError::Timeout) if !keeper.is_closed() => {}
            Err(_) => break,
        }
    }
    keeper.end();
}
