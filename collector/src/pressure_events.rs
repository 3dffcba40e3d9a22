//! Sharper than a tick: the kernel says when tasks have stalled for so long within a second (PSI triggers,
//! Documentation/accounting/psi.rst).

use crate::burst::Burst;
use crate::clock::Instant;
use crate::recorder::{Message, Sender};
use model::Event;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file, and the stall in microseconds within [`WINDOW`] that is told.
const TRIGGERS: [(&str, u32); 3] = [("memory", 50_000), ("io", 200_000), ("cpu", 500_000)];

/// Microseconds. Windows that are no multiple of 2 s want CAP_SYS_RESOURCE.
const WINDOW: u32 = 1_000_000;

/// What an unprivileged process may ask for.
const WINDOW_OF_ANYBODY: u32 = 2_000_000;

/// A trigger that is armed. It lives as long as its file is open.
pub(crate) struct Trigger {
    file: File,
    kind: String,
    detail: String,
}

impl Trigger {
    /// Arms a trigger on a file of /proc/pressure.
    ///
    /// # Errors
    /// When the kernel has no pressure information, or does not let us.
    pub(crate) fn arm(proc: &Path, name: &str, stall: u32) -> io::Result<Trigger> {
        Trigger::within(proc, name, stall, WINDOW).or_else(|_| {
            let longer = stall * (WINDOW_OF_ANYBODY / WINDOW);
            Trigger::within(proc, name, longer, WINDOW_OF_ANYBODY)
        })
    }

    fn within(proc: &Path, name: &str, stall: u32, window: u32) -> io::Result<Trigger> {
        let path = proc.join("pressure").join(name);
        let mut file = File::options()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)?;
        if !is_of_kernel(&file) {
            return Err(io::Error::other("not a file of the kernel's"));
        }
        file.write_all(format!("some {stall} {window}\0").as_bytes())?;
        let detail = format!("some stall={} ms window={} ms", stall / 1000, window / 1000);
        Ok(Trigger {
            file,
            kind: format!("psi.{name}"),
            detail,
        })
    }
}

/// Whether a file is in a /proc: a copy of one must not be written to.
fn is_of_kernel(file: &File) -> bool {
    // SAFETY: statfs is numbers, for which zeroes are a value; the file is open.
    let (done, system) = unsafe {
        let mut system: libc::statfs = std::mem::zeroed();
        (libc::fstatfs(file.as_raw_fd(), &mut system), system)
    };
    done == 0 && system.f_type == libc::PROC_SUPER_MAGIC
}

/// Arms all triggers that can be armed.
pub(crate) fn arm(proc: &Path) -> Vec<io::Result<Trigger>> {
    TRIGGERS
        .iter()
        .map(|(name, stall)| Trigger::arm(proc, name, *stall))
        .collect()
}

/// Starts the thread that waits for them, and sets off bursts. It ends with the program, or at the first stall after recording ended.
///
/// # Errors
/// When there can be no thread.
pub(crate) fn start(proc: &Path, sender: Sender, burst: Option<Burst>) -> io::Result<()> {
    let triggers: Vec<Trigger> = arm(proc).into_iter().flatten().collect();
    if triggers.is_empty() {
        return Ok(());
    }
    let work = move || {
        while !sender.is_closed() {
            let events = wait(&triggers);
            if !events.is_empty() {
                // Who waits for a CPU is seen in the second as well.
                let is_worth = |event: &Event| event.kind != "psi.cpu";
                if events.iter().any(is_worth) {
                    burst.iter().for_each(Burst::begin);
                }
                // Without room there is nothing to be done: the readings of the same second tell the stall too.
                sender.send(Message::Events(events));
            }
        }
    };
    std::thread::Builder::new()
        .name("pressure".into())
        .stack_size(128 << 10)
        .spawn(work)
        .map(drop)
}

fn wait(triggers: &[Trigger]) -> Vec<Event> {
    let mut waiting: Vec<libc::pollfd> = triggers
        .iter()
        .map(|t| libc::pollfd {
            fd: t.file.as_raw_fd(),
            events: libc::POLLPRI,
            revents: 0,
        })
        .collect();
    // SAFETY: the pointer and the length are those of one vector, whose files are open as long as `triggers` is borrowed.
    let ready = unsafe { libc::poll(waiting.as_mut_ptr(), waiting.len() as libc::nfds_t, -1) };
    let at = Instant::now().wall;
    if ready <= 0 {
        return Vec::new();
    }
    let told = triggers
        .iter()
        .zip(&waiting)
        .filter(|(_, poll)| poll.revents & libc::POLLPRI != 0);
    told.map(|(t, _)| Event {
        at,
        kind: t.kind.clone(),
        detail: t.detail.clone(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_proc_is_not_written_to() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("pressure/io");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "some avg10=0.00\n").unwrap();
        let refused = arm(folder.path())
            .into_iter()
            .filter_map(Result::err)
            .map(|e| e.to_string());
        assert_eq!(refused.filter(|e| e == "not a file of the kernel's").count(), 1);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "some avg10=0.00\n");
    }
}
