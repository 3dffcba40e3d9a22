//! What makes it a service: words to systemd, and a place in memory that an incident does not take away.

use crate::clock::monotonic;
use crate::say;
use model::Nanos;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

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

    /// A tick was taken: a sign of life when one is due. Nobody else gives one, so that a loop that hangs is restarted.
    pub(crate) fn alive(&mut self) {
        let now = monotonic();
        if self.watchdog.is_some_and(|half| now - self.fed >= half) {
            self.fed = now;
            self.tell("WATCHDOG=1");
        }
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

/// Keeps our memory from being reclaimed, and us from being the OOM killer's choice, where that is allowed. Answers what was not.
pub(crate) fn stay_in_memory() -> Vec<String> {
    let mut refused = Vec::new();
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "-900") {
        refused.push(format!(
            "the OOM killer may choose the collector: oom_score_adj: {error}"
        ));
    }
    // What was touched stays; what never is takes no room. That needs Linux 4.4.
    // SAFETY: takes flags only.
    let locked = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) };
    if locked != 0 {
        let error = std::io::Error::last_os_error();
        refused.push(format!(
            "memory is not locked and may be paged out: mlockall: {error}"
        ));
    }
    touch_program();
    refused
}

/// Brings in what a tick runs on before it is needed: locked is only what was touched, and the first late tick would be the one whose
/// code has to come from the sick disk.
fn touch_program() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (from, to) in maps.lines().filter_map(program_of) {
        for page in (from..to).step_by(4096) {
            // SAFETY: a page of our own program, mapped to be read as long as we run.
            unsafe { std::ptr::read_volatile(page as *const u8) };
        }
    }
    let mut stack = [0u8; 128 << 10];
    for page in stack.chunks_mut(4096) {
        // SAFETY: the first byte of a page of an array that is ours.
        unsafe { std::ptr::write_volatile(page.as_mut_ptr(), 1) };
    }
}

/// Where a line of /proc/PID/maps says that a file's code is: ours, and that of the libraries that it uses.
fn program_of(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let is_code = words.next()? == "r-xp" && words.next_back()?.starts_with('/');
    let address = |text| usize::from_str_radix(text, 16).ok();
    is_code.then_some((address(from)?, address(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_found_and_touched() {
        let line = "55d0a000-55d0c000 r-xp 0001e000 fe:00 1234                       /usr/bin/collector";
        assert_eq!(program_of(line), Some((0x55d0_a000, 0x55d0_c000)));
        for other in [
            "55d0a000-55d0c000 rw-p 0001e000 fe:00 1234   /usr/bin/collector",
            "7ffc1000-7ffc2000 r-xp 00000000 00:00 0      [vdso]",
            "7ffc1000-7ffc2000 r-xp 00000000 00:00 0",
            "garbage",
            "",
        ] {
            assert_eq!(program_of(other), None, "{other}");
        }
        touch_program();
    }
}
