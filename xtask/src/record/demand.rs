//! `cargo xtask demand NAME KIND …`: one kind of demand on memory, disk or CPU, under a name that the kernel shows. Part of
//! the scenarios of `cargo xtask record`.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::time::{Duration, Instant};

/// Bytes.
pub(super) const MIB: u64 = 1 << 20;

/// One demand on this machine (what `record` starts)
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Name of the process
    name: String,
    /// anon MIB RATE | anon-in CGROUP MIB RATE | read FILE RATE | read-direct FILE THREADS | write FILE MIB |
    /// mapped FILE TOUCHES | fill FILE MIB RATE | spin THREADS
    #[arg(num_args = 1.., required = true)]
    kind: Vec<String>,
}

/// Runs until it is killed (or has read or written all, where that ends).
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let name = std::ffi::CString::new(arguments.name.as_str())?;
    // SAFETY: the kernel copies at most 16 bytes of a string that outlives the call.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    let words: Vec<&str> = arguments.kind.iter().map(String::as_str).collect();
    match words[..] {
        ["anon", mib, rate] => anonymous(mib.parse()?, rate.parse()?),
        ["anon-in", group, mib, rate] => {
            let id = std::process::id().to_string();
            std::fs::write(format!("{group}/cgroup.procs"), id).context("cgroup.procs")?;
            anonymous(mib.parse()?, rate.parse()?)
        }
        ["read", file, rate] => read(file, rate.parse()?),
        ["read-direct", file, threads] => read_direct(file, threads.parse()?),
        ["write", file, mib] => write(file, mib.parse()?),
        ["mapped", file, touches] => mapped(file, touches.parse()?),
        ["fill", file, mib, rate] => fill(file, mib.parse()?, rate.parse()?),
        ["spin", threads] => spin(threads.parse()?),
        _ => bail!("no such demand: {}", words.join(" ")),
    }
}

/// Keeps a rate in MiB a second (0: as fast as it goes).
struct Pace {
    start: Instant,
    rate: f64,
}

impl Pace {
    fn new(rate: f64) -> Pace {
        Pace {
            start: Instant::now(),
            rate,
        }
    }

    fn after(&self, mib: u64) {
        if self.rate > 0.0 {
            let due = self.start + Duration::from_secs_f64(mib as f64 / self.rate);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
}

fn forever() -> ! {
    loop {
        std::thread::park();
    }
}

/// Touches so much memory and keeps it.
fn anonymous(mib: u64, rate: f64) -> Result<()> {
    let pace = Pace::new(rate);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for done in 1..=mib {
        // Not all the same byte, so that no page can be shared or compressed away.
        kept.push(
            (0..MIB)
                .map(|byte| (byte.wrapping_mul(done) >> 7) as u8)
                .collect(),
        );
        pace.after(done);
    }
    forever()
}

/// Reads a file again and again.
fn read(path: &str, rate: f64) -> Result<()> {
    let mut file = File::open(path).with_context(|| path.to_owned())?;
    let mut piece = vec![0; MIB as usize];
    let pace = Pace::new(rate);
    let mut done = 0;
    loop {
        if file.read(&mut piece)? == 0 {
            file.seek(SeekFrom::Start(0))?;
        }
        done += 1;
        pace.after(done);
    }
}

/// Reads random pieces of 64 KiB past the page cache.
fn read_direct(path: &str, threads: u64) -> Result<()> {
    const PIECE: usize = 64 << 10;
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open(path)
        .with_context(|| path.to_owned())?;
    let pieces = file.metadata()?.len() / PIECE as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let file = &file;
            scope.spawn(move || {
                // O_DIRECT wants an aligned buffer.
                let mut room = vec![0; 2 * PIECE];
                let from = room.as_ptr().align_offset(4096);
                let mut place = thread.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                loop {
                    place ^= place << 13;
                    place ^= place >> 7;
                    place ^= place << 17;
                    let offset = place % pieces * PIECE as u64;
                    if file.read_exact_at(&mut room[from..from + PIECE], offset).is_err() {
                        return;
                    }
                }
            });
        }
    });
    bail!("reading {path} failed")
}

/// Writes a file from end to end again and again.
fn write(path: &str, mib: u64) -> Result<()> {
    let mut file = File::create(path).with_context(|| path.to_owned())?;
    let piece: Vec<u8> = (0..MIB)
        .map(|byte| (byte.wrapping_mul(48_271) >> 5) as u8)
        .collect();
    loop {
        for _ in 0..mib {
            file.write_all(&piece)?;
        }
        file.seek(SeekFrom::Start(0))?;
    }
}

/// Maps a file and touches so many random pages of it a second.
fn mapped(path: &str, touches: f64) -> Result<()> {
    let file = File::open(path).with_context(|| path.to_owned())?;
    let length = usize::try_from(file.metadata()?.len())?;
    // SAFETY: maps a file that is open, read-only and for its length; nobody shortens it while we run.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error()).with_context(|| path.to_owned());
    }
    let pages = length / 4096;
    // SAFETY: any page of the mapping may be read.
    let touch = |page: usize| unsafe { start.cast::<u8>().add(page * 4096).read_volatile() };
    for page in 0..pages {
        touch(page);
    }
    let start = Instant::now();
    let mut place: u64 = 88_172_645_463_325_252;
    for done in 1u64.. {
        place ^= place << 13;
        place ^= place >> 7;
        place ^= place << 17;
        touch((place % pages as u64) as usize);
        if done.is_multiple_of(64) {
            let due = start + Duration::from_secs_f64(done as f64 / touches);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
    Ok(())
}

/// Writes a file once and keeps it.
fn fill(path: &str, mib: u64, rate: f64) -> Result<()> {
    let mut file = File::create(path).with_context(|| path.to_owned())?;
    let piece = vec![7; MIB as usize];
    let pace = Pace::new(rate);
    for done in 1..=mib {
        file.write_all(&piece)?;
        pace.after(done);
    }
    forever()
}

fn spin(threads: u64) -> Result<()> {
    for _ in 0..threads {
        std::thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
    forever()
}
