//! What the system may tell a running collector: to end, or to read its configuration again.

use crate::clock::monotonic;
use model::Nanos;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that are listened to.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The time has come.
    Due,
    /// SIGHUP: the configuration is to be read again.
    Reload,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When there can be no handler.
    pub(crate) fn listen() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a point on the monotonic clock; `None` when told to end before.
    pub(crate) async fn wait_until(&mut self, due: Nanos) -> Option<Woken> {
        let rest = Duration::from_nanos(u64::try_from(due - monotonic()).unwrap_or(0));
        let told = poll_fn(|context| {
            let end = [
                self.terminate.poll_recv(context),
                self.interrupt.poll_recv(context),
            ];
            if end.iter().any(Poll::is_ready) {
                Poll::Ready(None)
            } else {
                self.hangup.poll_recv(context).map(|_| Some(Woken::Reload))
            }
        });
        tokio::time::timeout(rest, told).await.unwrap_or(Some(Woken::Due))
    }
}
