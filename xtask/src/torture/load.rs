//! Demand on the machine, made by `load.c` beside the recordings. Whatever goes wrong, it is what the kernel kills first.

use super::Stage;
use crate::{command, workspace};
use anyhow::{Context, Result, ensure};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Child;

/// A running load; gone when dropped.
pub(super) struct Load(Child);

impl Stage {
    /// Compiles it.
    pub(super) fn load_program(&self) -> Result<PathBuf> {
        let source = workspace::recordings().join("load.c");
        ensure!(
            source.is_file(),
            "{} is missing: this trial needs it",
            source.display()
        );
        let program = self.folder.join("load");
        command::output(
            command::in_root("cc")
                .args(["-O2", "-pthread"])
                .arg(&source)
                .arg("-o")
                .arg(&program),
        )?;
        Ok(program)
    }

    /// Starts `load` with its arguments: name, kind, and what belongs to that.
    pub(super) fn load(&self, arguments: &[&str]) -> Result<Load> {
        let mut command = command::in_root(self.folder.join("load"));
        command.args(arguments).process_group(0);
        // SAFETY: open, write, close and prctl are async-signal-safe and touch no memory but constants.
        unsafe {
            command.pre_exec(|| {
                let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY);
                libc::write(file, c"1000".as_ptr().cast(), 4);
                libc::close(file);
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        Ok(Load(command.spawn().context("cannot start the load")?))
    }
}

impl Load {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
