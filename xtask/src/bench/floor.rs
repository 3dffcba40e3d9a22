//! The floor: a loop that opens the same files once and does nothing on each tick but read them again.

use anyhow::{Context, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// Larger than any of the files, so that one call reads one whole.
const BUFFER: usize = 256 * 1024;

/// CPU time of each tick of the loop, in µs, the wake-up included.
pub(super) fn measure(names: &[String], interval: Duration, ticks: u32) -> Result<Vec<f64>> {
    let files = names
        .iter()
        .map(|name| File::open(format!("/proc/{name}")).with_context(|| format!("/proc/{name}")))
        .collect::<Result<Vec<File>>>()?;
    let mut buffer = vec![0; BUFFER];
    let mut costs = Vec::with_capacity(ticks as usize);
    let mut due = Instant::now();
    let mut before = thread_cpu_us();
    for _ in 0..ticks {
        due += interval;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        for file in &files {
            file.read_at(&mut buffer, 0)?;
        }
        let now = thread_cpu_us();
        costs.push(now - before);
        before = now;
    }
    Ok(costs)
}

/// CPU time of this thread.
fn thread_cpu_us() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to the structure it is given; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
