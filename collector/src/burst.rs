//! Ten readings a second of a few numbers, for some seconds after the kernel told of a stall: the order of things within a second.
//!
//! They stand in a source of their own, `highwater/burst`: one text for each tick that has some, with the readings since the tick before
//! one below the other, so that the grid of ticks stays what it is. A ring of the seconds before the stall is not kept: reading these
//! files ten times a second all the time costs as much as everything else.

use crate::beside::{Beside, Found, Shape};
use crate::clock::monotonic;
use crate::kernel_file::KernelFile;
use crate::recorder::Sender;
use model::Nanos;
use std::fmt::Write;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::thread::Thread;
use std::time::Duration;

/// How long after a stall, and how long none is begun after that: of a stall that goes on, the beginning is what is asked for.
const LASTS: Nanos = 10_000_000_000;
const PAUSE: Nanos = 60_000_000_000;

/// Text that has not gone with a tick by then goes with the next one together with what follows.
const TOGETHER: Nanos = 900_000_000;

/// Between two looks at whether recording has ended.
const REST: Duration = Duration::from_secs(1);

/// Files, and the first words of the lines that are read of them; none: all lines.
const FILES: [(&str, &[&str]); 3] = [
    (
        "meminfo",
        &[
            "MemFree:",
            "MemAvailable:",
            "Cached:",
            "Active(file):",
            "Inactive(file):",
            "Dirty:",
            "Writeback:",
            "AnonPages:",
        ],
    ),
    (
        "vmstat",
        &[
            "pgpgin",
            "pgpgout",
            "pswpin",
            "pswpout",
            "pgmajfault",
            "pgscan_kswapd",
            "pgscan_direct",
            "pgsteal_kswapd",
            "pgsteal_direct",
            "allocstall_normal",
            "allocstall_movable",
            "workingset_refault_file",
            "compact_stall",
            "oom_kill",
        ],
    ),
    ("diskstats", &[]),
];

/// Sets bursts off.
#[derive(Debug, Clone)]
pub(crate) struct Burst {
    until: Arc<AtomicI64>,
    thread: Thread,
}

impl Burst {
    /// Starts the thread, which rests until it is told of a stall. It ends when recording does.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn start(proc: &Path, interval: Nanos, beside: Beside, sender: Sender) -> io::Result<Burst> {
        let until = Arc::new(AtomicI64::new(0));
        let mut samples = Samples::new(proc);
        let told = until.clone();
        let work = move || {
            let mut flushed = monotonic();
            while !sender.is_closed() {
                let now = monotonic();
                let is_on = now < told.load(Relaxed);
                if is_on {
                    samples.take(now);
                }
                if !samples.text.is_empty() && (!is_on || now - flushed >= TOGETHER) {
                    beside.put([samples.found(now)]);
                    flushed = now;
                }
                if is_on {
                    let rest = interval - monotonic().rem_euclid(interval);
                    std::thread::sleep(Duration::from_nanos(rest.unsigned_abs()));
                } else {
                    std::thread::park_timeout(REST);
                    flushed = monotonic();
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("burst".into())
            .stack_size(256 << 10)
            .spawn(work)?;
        Ok(Burst {
            until,
            thread: thread.thread().clone(),
        })
    }

    /// There was a stall.
    pub(crate) fn begin(&self) {
        let (now, before) = (monotonic(), self.until.load(Relaxed));
        if before == 0 || now > before + PAUSE {
            self.until.store(now + LASTS, Relaxed);
            self.thread.unpark();
        }
    }
}

/// The readings since the tick before.
struct Samples {
    files: Vec<(&'static str, &'static [&'static str], KernelFile)>,
    text: String,
    shape: Shape,
}

impl Samples {
    fn new(proc: &Path) -> Samples {
        let file = |(name, lines): (&'static str, _)| (name, lines, KernelFile::new(proc.join(name)));
        Samples {
            files: FILES.into_iter().map(file).collect(),
            text: String::new(),
            shape: Shape::default(),
        }
    }

    /// One reading, with the time at which it began.
    fn take(&mut self, now: Nanos) {
        let _ = writeln!(self.text, "monotonic_us {}", now / 1000);
        for (name, wanted, file) in &mut self.files {
            // One that cannot be read is left out; the beat tells why.
            let Ok(text) = file.read() else { continue };
            for line in String::from_utf8_lossy(text).lines() {
                let first = line.split_ascii_whitespace().next().unwrap_or("");
                if wanted.is_empty() || wanted.contains(&first) {
                    let _ = writeln!(self.text, "{name} {line}");
                }
            }
        }
    }

    fn found(&mut self, now: Nanos) -> (Arc<str>, Found) {
        let (template, values) = self.shape.of(self.text.as_bytes());
        self.text.clear();
        let found = Found {
            at: now,
            template,
            values,
        };
        (sources::burst().name.into(), found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_stand_below_each_other_and_a_file_that_is_not_there_is_left_out() {
        let proc = tempfile::TempDir::new().unwrap();
        let put = |name: &str, text: &str| std::fs::write(proc.path().join(name), text).unwrap();
        put("meminfo", "MemTotal: 9 kB\nMemFree:  5 kB\n");
        put("vmstat", "nr_free_pages 1\npgpgin 7\n");
        let mut samples = Samples::new(proc.path());
        samples.take(1_000_000);
        put("meminfo", "MemTotal: 9 kB\nMemFree:  4 kB\n");
        samples.take(101_000_000);
        let (source, found) = samples.found(0);
        let text = String::from_utf8(found.template.render(&found.values)).unwrap();
        assert_eq!(&*source, "highwater/burst");
        assert_eq!(
            text,
            "monotonic_us 1000\nmeminfo MemFree:  5 kB\nvmstat pgpgin 7\n\
             monotonic_us 101000\nmeminfo MemFree:  4 kB\nvmstat pgpgin 7\n"
        );
        assert!(samples.text.is_empty());
        let columns = sources::decode("highwater/burst", &found.template).unwrap();
        let names: Vec<_> = columns.iter().map(|c| c.metric.name.to_string()).collect();
        assert_eq!(
            names,
            [
                "burst.monotonic_us",
                "burst.meminfo_MemFree",
                "burst.vmstat_pgpgin",
                "burst.monotonic_us_2",
                "burst.meminfo_MemFree_2",
                "burst.vmstat_pgpgin_2",
            ]
        );
    }
}
