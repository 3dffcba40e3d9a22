//! A collector that is watched: what it says, and a sign of each tick that does not come from what it stores.

use super::Stage;
use crate::{children::terminate, command};
use anyhow::{Context, Result, bail, ensure};
use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running collector.
pub(super) struct Collector {
    child: Child,
    witness: Witness,
    said: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

/// Counts the words of sd_notify(3) that the sampling loop sends after each tick.
struct Witness {
    path: PathBuf,
    ticks: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stage {
    /// `collector run` with these arguments on this database.
    pub(super) fn collector(&self, database: &Path, arguments: &[&str]) -> Command {
        let mut command = command::in_root(self.programs.join("collector"));
        command.arg("run").args(arguments).arg("--db").arg(database);
        command
    }

    /// Starts it.
    pub(super) fn start(&self, mut command: Command) -> Result<Collector> {
        let witness = Witness::new(self.folder.join("notify"))?;
        command
            .env("NOTIFY_SOCKET", &witness.path)
            // A sign of life is due after half of this: after each tick.
            .env("WATCHDOG_USEC", "1")
            .env_remove("WATCHDOG_PID")
            .stderr(Stdio::piped())
            .process_group(0);
        // SAFETY: prctl is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let mut child = command.spawn().context("cannot start the collector")?;
        let said = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take();
        let listener = {
            let said = said.clone();
            std::thread::spawn(move || {
                let (Some(mut stderr), mut buffer) = (stderr, [0; 4096]) else {
                    return;
                };
                while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                    if let Ok(mut said) = said.lock() {
                        *said += &String::from_utf8_lossy(&buffer[..count]);
                    }
                }
            })
        };
        Ok(Collector {
            child,
            witness,
            said,
            listener: Some(listener),
        })
    }
}

impl Collector {
    /// Ticks that it was seen to take.
    pub(super) fn ticks(&self) -> u64 {
        self.witness.ticks.load(Ordering::Relaxed)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it said so far on stderr.
    pub(super) fn said(&self) -> String {
        self.said.lock().map(|said| said.clone()).unwrap_or_default()
    }

    /// Waits for `ready`; fails when it ends or two minutes pass.
    pub(super) fn await_that(&mut self, what: &str, mut ready: impl FnMut(&Collector) -> bool) -> Result<()> {
        let begun = Instant::now();
        while !ready(self) {
            self.lives()?;
            ensure!(
                begun.elapsed() < Duration::from_secs(120),
                "{what}: not within two minutes; it said: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Waits until it took so many more ticks.
    pub(super) fn await_ticks(&mut self, count: u64) -> Result<()> {
        let goal = self.ticks() + count;
        self.await_that(&format!("{count} more ticks"), |collector| {
            collector.ticks() >= goal
        })
    }

    /// Fails when it has ended.
    pub(super) fn lives(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "the collector ended by itself: {status}; it said: {}",
                self.said()
            );
        }
        Ok(())
    }

    /// kill -9. Answers the ticks that were seen.
    pub(super) fn kill(mut self) -> Result<u64> {
        self.lives()?;
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.close())
    }

    /// SIGTERM, and its end. Answers the ticks that were seen, how it ended and what it said.
    pub(super) fn end(mut self) -> Result<(u64, ExitStatus, String)> {
        self.lives()?;
        let status = terminate(&mut self.child)?;
        let ticks = self.close();
        Ok((ticks, status, self.said()))
    }

    fn close(&mut self) -> u64 {
        if let Some(listener) = self.listener.take() {
            // It ends with the pipe.
            let _ = listener.join();
        }
        self.witness.close()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Witness {
    fn new(path: PathBuf) -> Result<Witness> {
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).with_context(|| path.display().to_string())?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let (ticks, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (ticks, ends) = (ticks.clone(), ends.clone());
            std::thread::spawn(move || {
                let mut word = [0; 4096];
                loop {
                    match socket.recv(&mut word) {
                        Ok(count) if word[..count].starts_with(b"WATCHDOG=1") => {
                            ticks.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(_) => {}
                        // What was sent before the end has been received.
                        Err(_) if ends.load(Ordering::Relaxed) => break,
                        Err(_) => {}
                    }
                }
            })
        };
        Ok(Witness {
            path,
            ticks,
            ends,
            thread: Some(thread),
        })
    }

    fn close(&mut self) -> u64 {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.ticks.load(Ordering::Relaxed)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.close();
        let _ = std::fs::remove_file(&self.path);
    }
}
