//! The queue between those who read and the thread that writes. It is bounded, and nobody who reads ever waits for it: what finds
//! no room is dropped, counted, and told as a gap.

use crate::keeper::{Keep, Keeper};
use crate::metrics::OWN;
use crate::own_cost::Counts;
use crate::say;
use anyhow::Context;
use model::{Event, Fact, Gap, LogRecord, ProcessTick, Run, Tick, UnixNanos};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Messages that may wait while the disk stalls: some five minutes of seconds. A tick takes about 15 KiB.
const QUEUE: usize = 600;

/// How often the writer looks whether it is to end when nothing comes: that is told, but a full queue takes no word.
const IDLE: Duration = Duration::from_secs(5);

/// Messages that are stored as one at most.
const TOGETHER: usize = 16;

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
    counts: Arc<Counts>,
    /// Messages that nobody tells again, dropped since that was last told.
    untold: Arc<AtomicU64>,
}

impl Sender {
    /// Hands over something; whether there was room. Records and gaps that found none are counted and told as a gap of their own; who
    /// sends anything else tells it again.
    pub(crate) fn send(&self, message: Message) -> bool {
        let is_told_once = matches!(message, Message::Log(_) | Message::Gap(_) | Message::Events(_));
        let sent = self.queue.try_send(message).is_ok();
        if !sent {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            self.untold.fetch_add(u64::from(is_told_once), Ordering::Relaxed);
        }
        sent
    }

    /// What is counted.
    pub(crate) fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
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
        let counts: Arc<Counts> = Arc::default();
        let sender = Sender {
            queue,
            closed,
            counts: counts.clone(),
            untold: Arc::default(),
        };
        let work = move || work(keeper, &messages, &counts);
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
        let untold = self.sender.untold.load(Ordering::Relaxed);
        if self.dropped + untold > 0 && !self.tell_dropped(at, untold)? {
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

    fn tell_dropped(&mut self, to: UnixNanos, untold: u64) -> anyhow::Result<bool> {
        let mut what = Vec::new();
        if self.dropped > 0 {
            what.push(format!("{} ticks", self.dropped));
        }
        if untold > 0 {
            what.push(format!("{untold} messages (kernel log, gaps, events)"));
        }
        let why = format!(
            "the database could not be written: {} did not fit into memory",
            what.join(" and ")
        );
        let gap = Gap {
            from: self.last.unwrap_or(to),
            to,
            // Where every tick found room, no file misses one.
            source: (self.dropped == 0).then(|| "kmsg".into()),
            why: why.clone(),
        };
        // Not by `send`, which would count this one too.
        let told = self.offer(Message::Gap(gap))?;
        if told {
            say(&why);
            self.dropped = 0;
            self.sender.untold.fetch_sub(untold, Ordering::Relaxed);
        }
        Ok(told)
    }

    fn offer(&self, message: Message) -> anyhow::Result<bool> {
        match self.sender.queue.try_send(message) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(_)) => Ok(false),
            Err(TrySendError::Disconnected(_)) => anyhow::bail!("the writing thread has ended"),
        }
    }

    /// Hands over something; whether there was room.
    ///
    /// # Errors
    /// When the writing thread has ended.
    pub(crate) fn send(&mut self, message: Message) -> anyhow::Result<bool> {
        let is_gap = matches!(message, Message::Gap(_));
        if self.sender.send(message) {
            if is_gap {
                OWN.gap();
            }
            return Ok(true);
        }
        // Full, or is nobody there any more?
        anyhow::ensure!(!self.thread.is_finished(), "the writing thread has ended");
        Ok(false)
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

fn work(mut keeper: Keeper, messages: &Receiver<Message>, counts: &Counts) {
    // Compaction and retention only when nothing waits, one short step at a time.
    let mut busy = true;
    loop {
        match messages.recv_timeout(if busy || keeper.is_closed() {
            Duration::ZERO
        } else {
            IDLE
        }) {
            Ok(message) => {
                let mut batch = vec![message];
                gather(&mut batch, messages, keeper.patience());
                let begun = Instant::now();
                keeper.store(&batch);
                let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                counts.written.fetch_add(batch.len() as u64, Ordering::Relaxed);
                counts.write_us.fetch_add(took, Ordering::Relaxed);
                busy = busy || !keeper.is_tidy();
            }
            Err(RecvTimeoutError::Timeout) if busy => busy = keeper.tidy(),
            Err(RecvTimeoutError::Timeout) if !keeper.is_closed() => {}
            Err(_) => break,
        }
    }
    keeper.end();
}

/// Takes what waits already, and after a tick what comes within its time: the look at the processes belongs to it.
fn gather(batch: &mut Vec<Message>, messages: &Receiver<Message>, patience: Duration) {
    let begun = Instant::now();
    while batch.len() < TOGETHER {
        let rest = match batch.last() {
            Some(Message::Processes(_) | Message::Wake) => Duration::ZERO,
            _ if matches!(batch[..], [Message::Tick(_), ..]) => patience.saturating_sub(begun.elapsed()),
            _ => Duration::ZERO,
        };
        match messages.recv_timeout(rest) {
            Ok(message) => batch.push(message),
            Err(_) => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Nanos;

    fn tick(at: Nanos) -> Message {
        Message::Tick(Tick {
            at: UnixNanos(at),
            monotonic: at,
            readings: Vec::new(),
        })
    }

    fn look(at: Nanos) -> Message {
        Message::Processes(ProcessTick {
            at: UnixNanos(at),
            complete: true,
            samples: Vec::new(),
        })
    }

    #[test]
    fn a_tick_waits_for_its_look_and_what_waits_goes_together() {
        let (queue, messages) = sync_channel(100);
        let late = queue.clone();
        let work = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            late.send(look(1)).unwrap();
        });
        let mut batch = vec![tick(1)];
        gather(&mut batch, &messages, Duration::from_secs(60));
        assert!(matches!(batch[..], [Message::Tick(_), Message::Processes(_)]));
        work.join().unwrap();
        // Nothing waits for anything else.
        let mut batch = vec![look(2)];
        gather(&mut batch, &messages, Duration::from_secs(60));
        assert_eq!(batch.len(), 1);
        (0..20).for_each(|at| queue.send(tick(at)).unwrap());
        let mut batch = vec![tick(0)];
        gather(&mut batch, &messages, Duration::ZERO);
        assert_eq!(batch.len(), TOGETHER);
    }
}
