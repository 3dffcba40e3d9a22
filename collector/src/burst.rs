//! Ten readings a second of a few numbers, for some seconds after a sign of trouble: the order of things within a second.
//!
//! They stand in a source of their own, `highwater/burst`: one text for each tick that has some, with some readings one below the
//! other, each with its own time, so that the grid of ticks stays what it is. The seconds before the sign are told as well where
//! `--burst-ring` keeps them in memory: that reads these files ten times a second all the time, which costs about half as much as
//! everything else, so it is for who asks for it. Signs are stalls that the kernel tells of ([`crate::pressure_events`]) and memory
//! that falls to a watermark ([`crate::watermarks`]).

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

/// How long after a sign, and how long none is begun after that: of trouble that goes on, the beginning is what is asked for.
const LASTS: Nanos = 10_000_000_000;
const PAUSE: Nanos = 60_000_000_000;

/// A text goes with a tick when the last one went, and that so long ago. Of readings that wait, it has [`Samples::together`] at most: the
/// seconds before a sign go with the ticks after it, a part with each.
const TOGETHER: Nanos = 900_000_000;

/// Readings that are kept beyond those of the ring and those of a burst, which wait for their ticks.
const SPARE: usize = 28;

/// Bytes of a reading. Of devices, those that find no room are not told.
const LONGEST: usize = 6 << 10;

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
    /// Starts the thread. Without a ring it rests until there is a sign. It ends with the program, or when it is woken after recording
    /// ended.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn start(
        proc: &Path,
        interval: Nanos,
        ring: Nanos,
        beside: Beside,
        sender: Sender,
    ) -> io::Result<Burst> {
        let until = Arc::new(AtomicI64::new(0));
        let mut samples = Samples::new(proc, interval, ring);
        let told = until.clone();
        let work = move || {
            let mut flushed = monotonic();
            let mut was_on = false;
            while !sender.is_closed() {
                let now = monotonic();
                let is_on = now < told.load(Relaxed);
                if is_on && !was_on {
                    samples.tell_all();
                }
                was_on = is_on;
                if is_on || ring > 0 {
                    samples.take(now, is_on);
                }
                if (!is_on || now - flushed >= TOGETHER) && samples.leave(&beside, now) {
                    flushed = now;
                }
                if is_on || ring > 0 {
                    let rest = interval - monotonic().rem_euclid(interval);
                    std::thread::sleep(Duration::from_nanos(rest.unsigned_abs()));
                } else if samples.waiting > 0 {
                    std::thread::sleep(Duration::from_nanos(TOGETHER.unsigned_abs()));
                } else {
                    std::thread::park();
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

    /// There was a sign.
    pub(crate) fn begin(&self) {
        let (now, before) = (monotonic(), self.until.load(Relaxed));
        if before == 0 || now > before + PAUSE {
            self.until.store(now + LASTS, Relaxed);
            self.thread.unpark();
        }
    }
}

/// What one reading takes, in µs; `None`: none of the files can be read.
pub(crate) fn cost(proc: &Path) -> Option<i64> {
    let mut samples = Samples::new(proc, LASTS, 0);
    // The first opens the files.
    let times = (0..4).map(|_| {
        let before = monotonic();
        samples.take(before, true);
        (monotonic() - before) / 1000
    });
    let least = times.min();
    least.filter(|_| samples.texts[0].lines().count() > 1)
}

/// The last readings, in memory of a fixed size.
struct Samples {
    files: Vec<(&'static str, &'static [&'static str], KernelFile)>,
    /// A ring of texts; `next` is the place of the next one.
    texts: Vec<String>,
    next: usize,
    /// How many there are, and how many of the newest wait to be told.
    len: usize,
    waiting: usize,
    /// Those before a sign that are told.
    kept: usize,
    /// Readings in a text at most.
    together: usize,
    shape: Shape,
}

impl Samples {
    fn new(proc: &Path, interval: Nanos, ring: Nanos) -> Samples {
        let file = |(name, lines): (&'static str, _)| (name, lines, KernelFile::new(proc.join(name)));
        let readings = |time: Nanos| usize::try_from(time / interval.max(1)).unwrap_or(0);
        let kept = readings(ring);
        Samples {
            files: FILES.into_iter().map(file).collect(),
            texts: (0..kept + readings(LASTS) + SPARE)
                .map(|_| String::with_capacity(LONGEST))
                .collect(),
            next: 0,
            len: 0,
            waiting: 0,
            kept,
            // Twice what comes in a second, so that what waits grows less.
            together: readings(2_000_000_000).max(1),
            shape: Shape::default(),
        }
    }

    /// One reading, with the time at which it began. It is told if wanted, else kept, unless others wait, whose place it would take.
    fn take(&mut self, now: Nanos, is_told: bool) {
        if !is_told && self.waiting > 0 {
            return;
        }
        let places = self.texts.len();
        let out = &mut self.texts[self.next];
        out.clear();
        let _ = writeln!(out, "monotonic_us {}", now / 1000);
        for (name, wanted, file) in &mut self.files {
            // One that cannot be read is left out; the beat tells why.
            let Ok(text) = file.read() else { continue };
            for line in String::from_utf8_lossy(text).lines() {
                let is_wanted = match *wanted {
                    [] => is_used(line),
                    wanted => wanted.contains(&line.split_ascii_whitespace().next().unwrap_or("")),
                };
                if is_wanted && out.len() + name.len() + line.len() + 2 <= LONGEST {
                    let _ = writeln!(out, "{name} {line}");
                }
            }
        }
        self.next = (self.next + 1) % places;
        self.len = (self.len + 1).min(places);
        self.waiting = (self.waiting + usize::from(is_told)).min(self.len);
    }

    /// There was a sign: what is kept is to be told.
    fn tell_all(&mut self) {
        self.waiting = self.waiting.max(self.len.min(self.kept));
    }

    /// Leaves some of those that wait for the next tick, if the last have gone with theirs; whether it did.
    fn leave(&mut self, beside: &Beside, now: Nanos) -> bool {
        let found = match beside.has(sources::burst().name) {
            true => None,
            false => self.found(now),
        };
        let is_some = found.is_some();
        beside.put(found);
        is_some
    }

    /// Some of those that wait, the oldest first.
    fn found(&mut self, now: Nanos) -> Option<(Arc<str>, Found)> {
        if self.waiting == 0 {
            return None;
        }
        let places = self.texts.len();
        let count = self.waiting.min(self.together);
        let first = self.next + places - self.waiting;
        let text: String = (0..count)
            .map(|i| self.texts[(first + i) % places].as_str())
            .collect();
        self.waiting -= count;
        // What was told is not told again with the next sign.
        self.len = self.waiting;
        let (template, values) = self.shape.of(text.as_bytes());
        let found = Found {
            at: now,
            template,
            values,
        };
        Some((sources::burst().name.into(), found))
    }
}

/// Whether a line of diskstats is of a device that did anything since boot.
fn is_used(line: &str) -> bool {
    line.split_ascii_whitespace().skip(3).any(|number| number != "0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Instant;

    #[test]
    fn readings_stand_below_each_other_and_a_file_that_is_not_there_is_left_out() {
        let proc = tempfile::TempDir::new().unwrap();
        let put = |name: &str, text: &str| std::fs::write(proc.path().join(name), text).unwrap();
        put("meminfo", "MemTotal: 9 kB\nMemFree:  5 kB\n");
        put("vmstat", "nr_free_pages 1\npgpgin 7\n");
        let mut samples = Samples::new(proc.path(), 100_000_000, 0);
        samples.take(1_000_000, true);
        put("meminfo", "MemTotal: 9 kB\nMemFree:  4 kB\n");
        samples.take(101_000_000, true);
        let (source, found) = samples.found(0).unwrap();
        let text = String::from_utf8(found.template.render(&found.values)).unwrap();
        assert_eq!(&*source, "highwater/burst");
        assert_eq!(
            text,
            "monotonic_us 1000\nmeminfo MemFree:  5 kB\nvmstat pgpgin 7\n\
             monotonic_us 101000\nmeminfo MemFree:  4 kB\nvmstat pgpgin 7\n"
        );
        assert!(samples.found(0).is_none());
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

    /// The times of the readings in a text.
    fn times(found: Option<(Arc<str>, Found)>) -> String {
        let text = found.map(|(_, found)| found.template.render(&found.values));
        let text = String::from_utf8(text.unwrap_or_default()).unwrap();
        let times = text.lines().filter_map(|line| line.strip_prefix("monotonic_us "));
        times.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_seconds_before_a_sign_go_with_the_ticks_after_it() {
        let proc = tempfile::TempDir::new().unwrap();
        // Two a second, three seconds: six before the sign are told.
        let mut samples = Samples::new(proc.path(), 500_000_000, 3_000_000_000);
        (1..=500).for_each(|i| samples.take(i * 1000, false));
        assert_eq!(times(samples.found(0)), "");
        samples.tell_all();
        assert_eq!(times(samples.found(0)), "495 496 497 498");
        samples.take(900_000, true);
        // It is over, and some still wait; then there is another.
        samples.take(990_000, false);
        samples.tell_all();
        assert_eq!(times(samples.found(0)), "499 500 900");
        // Not told twice.
        samples.tell_all();
        samples.take(901_000, true);
        assert_eq!(times(samples.found(0)), "901");
    }

    #[test]
    fn what_no_tick_has_taken_is_not_replaced() {
        let proc = tempfile::TempDir::new().unwrap();
        let (mut samples, beside) = (Samples::new(proc.path(), 1_000_000_000, 0), Beside::default());
        let tick = Instant::now();
        let mut gone = Vec::new();
        // A whole burst while ticks are rare: two readings go with each.
        for i in 1..=10 {
            samples.take(i * 1000, true);
            assert_eq!(samples.leave(&beside, i), i == 1 || i == 5);
            if i == 4 {
                gone.extend(beside.take(&tick));
            }
        }
        for _ in 0..5 {
            gone.extend(beside.take(&tick));
            samples.leave(&beside, 11);
        }
        let counts: Vec<usize> = gone.iter().map(|reading| reading.values.len()).collect();
        assert_eq!(counts, [1, 2, 2, 2, 2, 1]);
        assert!(samples.found(0).is_none());
    }

    #[test]
    fn devices_that_never_did_anything_and_those_without_room_are_left_out() {
        let proc = tempfile::TempDir::new().unwrap();
        let mut disks = String::from("   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n");
        (0..200).for_each(|i| disks += &format!(" 8 {i} sd{i:03} 1 0 8 0 0 0 0 0 0 0 0\n"));
        std::fs::write(proc.path().join("diskstats"), disks).unwrap();
        let mut samples = Samples::new(proc.path(), LASTS, 0);
        samples.take(5000, true);
        let text = &samples.texts[0];
        assert!(
            text.starts_with("monotonic_us 5\ndiskstats  8 0 sd000 1 0"),
            "{text}"
        );
        assert!(text.len() <= LONGEST && text.ends_with("0\n") && text.capacity() == LONGEST);
    }
}
