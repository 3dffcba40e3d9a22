//! Programs that run beside us and end with us: on Ctrl-C, on SIGTERM, at the end of the task, and when we are killed.

use anyhow::{Context, Result, bail};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a program may take to write out what it has.
const PATIENCE: Duration = Duration::from_secs(10);

static ASKED_TO_END: AtomicBool = AtomicBool::new(false);

/// The programs, in the order in which they were started.
#[derive(Debug, Default)]
pub(crate) struct Children(Vec<(String, Child)>);

impl Children {
    /// None yet; from now on Ctrl-C and SIGTERM are noticed instead of ending us at once.
    pub(crate) fn new() -> Children {
        extern "C" fn note(_: libc::c_int) {
            ASKED_TO_END.store(true, Ordering::Relaxed);
        }
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: the handler only stores to an atomic, which is allowed in a signal handler.
            unsafe { libc::signal(signal, note as *const () as libc::sighandler_t) };
        }
        Children::default()
    }

    /// Starts one, and answers its process id.
    pub(crate) fn start(&mut self, name: &str, command: &mut Command) -> Result<u32> {
        // A group of its own: Ctrl-C in the terminal is for us, who end the programs in order.
        command.process_group(0);
        // SAFETY: prctl is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
                Ok(())
            });
        }
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let id = child.id();
        self.0.push((name.to_owned(), child));
        Ok(id)
    }

    /// Whether we were asked to end.
    pub(crate) fn asked_to_end() -> bool {
        ASKED_TO_END.load(Ordering::Relaxed)
    }

    /// Waits for `ready`; fails when a program ends first, or after `most`.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        most: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        while !ready() {
            self.all_run()?;
            if Children::asked_to_end() {
                bail!("asked to end while waiting for {what}");
            }
            if start.elapsed() > most {
                bail!("{what}: nothing after {} s", most.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until we are asked to end or the time is over; fails when a program ends by itself.
    pub(crate) fn wait(&mut self, most: Option<Duration>) -> Result<()> {
        let start = Instant::now();
        while !Children::asked_to_end() && most.is_none_or(|most| start.elapsed() < most) {
            self.all_run()?;
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn all_run(&mut self) -> Result<()> {
        for (name, child) in &mut self.0 {
            if let Some(status) = child.try_wait()? {
                bail!("{name} ended by itself: {status}");
            }
        }
        Ok(())
    }

    /// Ends all, the last first, each with SIGTERM and its time to finish. Fails when one did not end well.
    pub(crate) fn end(&mut self) -> Result<()> {
        let mut failures = Vec::new();
        while let Some((name, mut child)) = self.0.pop() {
            match terminate(&mut child) {
                Ok(status) if status.success() => {}
                Ok(status) => failures.push(format!("{name}: {status}")),
                Err(error) => failures.push(format!("{name}: {error}")),
            }
        }
        if !failures.is_empty() {
            bail!("did not end well: {}", failures.join("; "));
        }
        Ok(())
    }
}

/// Also on an error's way out nothing is left running.
impl Drop for Children {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// SIGTERM, then patience, then SIGKILL.
pub(crate) fn terminate(child: &mut Child) -> Result<ExitStatus> {
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    // SAFETY: the child has not been waited for, so its id is still its own.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) };
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    bail!(
        "did not end {} s after SIGTERM and was killed",
        PATIENCE.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_end_with_us_and_an_early_end_is_told() {
        let mut children = Children::default();
        let id = children
            .start("sleeper", Command::new("sleep").arg("600"))
            .unwrap();
        children.wait(Some(Duration::from_millis(50))).unwrap();
        // `sleep` has no handler for SIGTERM, so it does not end well.
        let error = children.end().unwrap_err().to_string();
        assert!(error.contains("sleeper: signal: 15"), "{error}");
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());

        children
            .start("quitter", Command::new("sh").args(["-c", "exit 3"]))
            .unwrap();
        let error = children
            .wait(Some(Duration::from_secs(20)))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("quitter ended by itself: exit status: 3"),
            "{error}"
        );
    }
}
