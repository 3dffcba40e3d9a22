//! A block device of a story: what it is asked in a second, and the line of /proc/diskstats that comes of it.

use std::fmt::Write;

const SECTOR: f64 = 512.0;

/// What a device is asked and answers, a second at a time; what is not told is as on a quiet machine.
#[derive(Clone)]
pub(crate) struct Disk {
    name: String,
    now: Second,
    quiet: Second,
    counters: [f64; 17],
}

#[derive(Clone, Copy, Default)]
struct Second {
    reads: f64,
    read_bytes: f64,
    writes: f64,
    write_bytes: f64,
    discards: f64,
    wait_ms: f64,
    busy_percent: Option<f64>,
    in_flight: f64,
    below_pgpgin: bool,
}

impl Disk {
    /// Of a disk in ordinary use: ten small reads and twenty small writes a second, a millisecond each.
    pub(crate) fn in_use(name: &str) -> Disk {
        Disk::of(
            name,
            Second {
                reads: 10.0,
                read_bytes: 163_840.0,
                writes: 20.0,
                write_bytes: 327_680.0,
                wait_ms: 1.0,
                ..Second::default()
            },
        )
    }

    /// Of a device that nobody uses.
    pub(crate) fn idle(name: &str) -> Disk {
        Disk::of(name, Second::default())
    }

    fn of(name: &str, quiet: Second) -> Disk {
        Disk {
            name: name.into(),
            now: quiet,
            quiet,
            counters: [0.0; 17],
        }
    }

    /// So many requests completed, and bytes read by them, in this second.
    pub(crate) fn reads(&mut self, requests: i64, bytes: i64) -> &mut Disk {
        (self.now.reads, self.now.read_bytes) = (requests as f64, bytes as f64);
        self
    }

    /// Likewise written.
    pub(crate) fn writes(&mut self, requests: i64, bytes: i64) -> &mut Disk {
        (self.now.writes, self.now.write_bytes) = (requests as f64, bytes as f64);
        self
    }

    /// So many discards completed in this second.
    pub(crate) fn discards(&mut self, requests: i64) -> &mut Disk {
        self.now.discards = requests as f64;
        self
    }

    /// No read and no write completed in this second, though requests are under way.
    pub(crate) fn hangs(&mut self) -> &mut Disk {
        self.reads(0, 0).writes(0, 0).busy(100.0).in_flight(3)
    }

    /// Each request of this second took so long.
    pub(crate) fn wait_ms(&mut self, ms: f64) -> &mut Disk {
        self.now.wait_ms = ms;
        self
    }

    /// Part of the second with a request in flight; else what one request after the other takes.
    pub(crate) fn busy(&mut self, percent: f64) -> &mut Disk {
        self.now.busy_percent = Some(percent);
        self
    }

    /// Requests in flight when the second ends.
    pub(crate) fn in_flight(&mut self, requests: i64) -> &mut Disk {
        self.now.in_flight = requests as f64;
        self
    }

    /// What is asked in this second comes from the kernel below the level at which pgpgin counts, as md's resync does.
    pub(crate) fn below_pgpgin(&mut self) -> &mut Disk {
        self.now.below_pgpgin = true;
        self
    }

    /// Bytes that pgpgin and pgpgout count of this second.
    pub(super) fn counted(&self) -> (f64, f64) {
        match self.now.below_pgpgin {
            true => (0.0, 0.0),
            false => (self.now.read_bytes, self.now.write_bytes),
        }
    }

    /// The second is over.
    pub(super) fn end_second(&mut self) {
        let Second {
            reads,
            read_bytes,
            writes,
            write_bytes,
            discards,
            wait_ms,
            busy_percent,
            in_flight,
            ..
        } = self.now;
        let waits_ms = (reads + writes) * wait_ms;
        let busy_ms = busy_percent.map_or(waits_ms.min(1000.0), |p| p * 10.0);
        let queue_ms = if reads + writes > 0.0 {
            waits_ms
        } else {
            in_flight * 1000.0
        };
        for (counter, step) in [
            (0, reads),
            (2, read_bytes / SECTOR),
            (3, reads * wait_ms),
            (4, writes),
            (6, write_bytes / SECTOR),
            (7, writes * wait_ms),
            (9, busy_ms),
            (10, queue_ms),
            (11, discards),
        ] {
            self.counters[counter] += step;
        }
        self.counters[8] = in_flight;
        self.now = self.quiet;
    }

    /// Every counter from zero, as after it was plugged in anew.
    pub(crate) fn reset(&mut self) {
        self.counters = [0.0; 17];
    }

    pub(super) fn print(&self, minor: usize, text: &mut String) {
        write!(text, " 254 {minor:7} {}", self.name).unwrap();
        for counter in self.counters {
            write!(text, " {}", counter.round()).unwrap();
        }
        text.push('\n');
    }
}
