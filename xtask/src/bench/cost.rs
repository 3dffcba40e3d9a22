//! What a program takes from its start to its end.

use anyhow::{Context, Result, bail};
use std::mem::MaybeUninit;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a process took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    /// The most that was resident.
    pub(super) memory_mib: f64,
}

/// Runs a program to its end, which must be one of these exit codes.
pub(super) fn cost(command: &mut Command, good: &[i32]) -> Result<Cost> {
    let start = Instant::now();
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let child = started.with_context(|| format!("cannot start {command:?}"))?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both places are ours and large enough; nobody else waits for this child.
    let waited = unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, usage.as_mut_ptr()) };
    let seconds = start.elapsed().as_secs_f64();
    if waited < 0 {
        return Err(std::io::Error::last_os_error()).context("wait4");
    }
    if !libc::WIFEXITED(status) || !good.contains(&libc::WEXITSTATUS(status)) {
        bail!("{command:?} ended with wait status {status:#x}");
    }
    // SAFETY: zeroed is a valid rusage, and the kernel filled it in.
    let usage = unsafe { usage.assume_init() };
    let time = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(Cost {
        seconds,
        cpu_seconds: time(usage.ru_utime) + time(usage.ru_stime),
        memory_mib: usage.ru_maxrss as f64 / 1024.0,
    })
}
