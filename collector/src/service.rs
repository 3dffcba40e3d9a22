//! What makes it a service: words to systemd.

use crate::clock::monotonic;
use crate::say;
use model::Nanos;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// As often as ticks are taken at most. Nobody wakes up for signs of life more often: a watchdog that wants them sooner gets one with each
/// tick, and none besides.
const SOONEST: Nanos = 10_000_000;

/// Talks to whoever started us, if he wants to be told (`sd_notify(3)`).
pub(crate) struct Service {
    socket: Option<UnixDatagram>,
    /// Half of the time in which systemd wants a sign of life.
    watchdog: Option<Nanos>,
    fed: Nanos,
}

impl Service {
    pub(crate) fn from_environment() -> Service {
        let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let socket = variable("NOTIFY_SOCKET").and_then(|name| connect(&name));
        let for_us = variable("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let microseconds = variable("WATCHDOG_USEC")
            .filter(|_| for_us)
            .and_then(|v| v.parse::<Nanos>().ok());
        Service {
            socket,
            watchdog: microseconds.map(|us| us.saturating_mul(500)),
            fed: 0,
        }
    }

    /// Recording has begun.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is being read again; [`Service::ready`] follows. The time lets systemd tell this reload from an earlier one.
    pub(crate) fn reloading(&self) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic() / 1000));
    }

    /// The sampling loop goes round: a sign of life when one is due. Nobody else gives one, so that a loop that hangs is restarted.
    pub(crate) fn alive(&mut self) {
        let now = monotonic();
        if self.watchdog.is_some_and(|half| now - self.fed >= half) {
            self.fed = now;
            self.tell("WATCHDOG=1");
        }
    }

    /// When the next sign of life is due, on the monotonic clock: who waits longer than that for the next tick wakes up for it.
    pub(crate) fn sign_due(&self) -> Nanos {
        let half = self.watchdog.filter(|half| *half >= SOONEST);
        half.map_or(Nanos::MAX, |half| self.fed.saturating_add(half))
    }

    /// Recording ends.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, words: &str) {
        if let Some(socket) = &self.socket {
            // A manager that does not listen is no reason not to record.
            let _ = socket.send(words.as_bytes());
        }
    }
}

fn connect(name: &str) -> Option<UnixDatagram> {
    let address = match name.strip_prefix('@') {
        Some(hidden) => SocketAddr::from_abstract_name(hidden),
        None => SocketAddr::from_pathname(name),
    };
    let connected = address.and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(&address)?;
        Ok(socket)
    });
    connected
        .map_err(|error| say(&format!("NOTIFY_SOCKET={name}: {error}")))
        .ok()
}
