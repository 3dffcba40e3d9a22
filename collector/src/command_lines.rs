//! Command lines, read by a thread of their own: the kernel copies them out of the process's memory, and whoever holds the lock on
//! its layout (mmap_lock), stuck in a page fault on a sick disk, makes the reader wait as long.

use crate::process_files;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// What is waited for one. Those that are well take some µs.
const PATIENCE: Duration = Duration::from_millis(100);

/// Asks for command lines.
pub(crate) struct CommandLines {
    ask: SyncSender<u32>,
    answers: Receiver<(u32, Option<String>)>,
    /// Whose has not come.
    waiting: Option<u32>,
}

impl CommandLines {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn start(proc: &Path) -> std::io::Result<CommandLines> {
        let (ask, asked) = sync_channel::<u32>(1);
        let (answer, answers) = sync_channel(1);
        let proc = proc.to_path_buf();
        let work = move || {
            for pid in asked {
                // A process can make its command line as long as it likes.
                let mut text = Vec::new();
                let read = File::open(proc.join(format!("{pid}/cmdline")))
                    .and_then(|file| file.take(64 << 10).read_to_end(&mut text));
                let line = read.is_ok().then(|| process_files::cmdline(&text));
                if answer.send((pid, line)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("cmdline".into())
            .stack_size(128 << 10)
            .spawn(work)?;
        Ok(CommandLines {
            ask,
            answers,
            waiting: None,
        })
    }

    /// The command line of a process. `None`: it cannot be had, or not now.
    pub(crate) fn of(&mut self, pid: u32) -> Option<String> {
        if self.waiting.is_some() {
            self.answers.try_recv().ok()?;
            self.waiting = None;
        }
        self.ask.try_send(pid).ok()?;
        match self.answers.recv_timeout(PATIENCE) {
            Ok((_, line)) => line,
            Err(_) => {
                self.waiting = Some(pid);
                None
            }
        }
    }

    /// The process whose command line is still waited for.
    pub(crate) fn stuck(&self) -> Option<u32> {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_hangs_holds_up_nobody() {
        let proc = tempfile::TempDir::new().unwrap();
        for pid in ["7", "8"] {
            std::fs::create_dir(proc.path().join(pid)).unwrap();
        }
        // Opening a pipe that nobody writes to hangs, as a process's memory may.
        let pipe = proc.path().join("7/cmdline");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        std::fs::write(proc.path().join("8/cmdline"), "dd\0if=x\0").unwrap();
        let mut lines = CommandLines::start(proc.path()).unwrap();
        assert_eq!(lines.of(8).as_deref(), Some("dd if=x"));
        assert_eq!((lines.of(7), lines.stuck()), (None, Some(7)));
        assert_eq!((lines.of(8), lines.stuck()), (None, Some(7)));
        // It comes back, and so do the others.
        std::fs::write(&pipe, "cat\0").unwrap();
        while lines.of(8).is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(lines.stuck(), None);
        assert_eq!(lines.of(9), None);
    }
}
