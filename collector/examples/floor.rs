//! The least that recording can cost: a loop that only reads the same files, on the same beat. Prints its CPU time per tick.
//!
//! `cargo run --release -p collector --example floor -- 600 100` takes 600 ticks of 100 ms.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .map(|a| a.parse::<u32>().expect("two numbers: ticks, milliseconds"));
    let (ticks, milliseconds) = (numbers.next().unwrap_or(600), numbers.next().unwrap_or(100));
    let open = |source: &sources::Source| File::open(format!("/proc/{}", source.name)).ok();
    let files: Vec<File> = sources::all().iter().filter_map(open).collect();
    let mut buffer = vec![0u8; 64 << 10];
    let begun = Instant::now();
    let before = cpu_seconds();
    let mut bytes = 0;
    for tick in 1..=ticks {
        for file in &files {
            let mut len = 0;
            while let Ok(more @ 1..) = file.read_at(&mut buffer[len..], len as u64) {
                len += more;
            }
            bytes += len;
        }
        std::thread::sleep(
            (Duration::from_millis(milliseconds.into()) * tick).saturating_sub(begun.elapsed()),
        );
    }
    let micros = (cpu_seconds() - before) * 1e6 / f64::from(ticks);
    println!(
        "{} files, {} bytes, {micros:.0} µs of CPU a tick",
        files.len(),
        bytes / ticks as usize
    );
}

/// CPU time of this process.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a timespec to write to.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
