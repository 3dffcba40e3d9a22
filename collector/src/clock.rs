//! Clocks, the beat, and what tells a late tick from a clock that was set and from a suspend.

use model::{Nanos, UnixNanos};

/// A step of the wall clock or a suspend below this is not worth a note.
const NOTABLE: Nanos = 500_000_000;

/// All clocks of one instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instant {
    /// CLOCK_REALTIME.
    pub(crate) wall: UnixNanos,
    /// CLOCK_MONOTONIC: stands still during a suspend.
    pub(crate) monotonic: Nanos,
    /// CLOCK_BOOTTIME: does not.
    pub(crate) boottime: Nanos,
}

impl Instant {
    pub(crate) fn now() -> Instant {
        Instant {
            monotonic: monotonic(),
            wall: UnixNanos(read(libc::CLOCK_REALTIME)),
            boottime: read(libc::CLOCK_BOOTTIME),
        }
    }

    /// What happened to the clocks since `before`, in words.
    pub(crate) fn steps_since(&self, before: &Instant) -> Vec<String> {
        let suspended = (self.boottime - self.monotonic) - (before.boottime - before.monotonic);
        let set = (self.wall.0 - self.boottime) - (before.wall.0 - before.boottime);
        let mut notes = Vec::new();
        if suspended > NOTABLE {
            notes.push(format!(
                "the machine was suspended for {:.1} s",
                seconds(suspended)
            ));
        }
        if set.abs() > NOTABLE {
            let way = if set > 0 { "forward" } else { "back" };
            notes.push(format!("the clock was set {way} by {:.1} s", seconds(set.abs())));
        }
        notes
    }
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

/// CLOCK_MONOTONIC in nanoseconds.
pub(crate) fn monotonic() -> Nanos {
    read(libc::CLOCK_MONOTONIC)
}

fn read(clock: libc::clockid_t) -> Nanos {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a timespec to write to. The call fails for unknown clocks only; these three exist since Linux 2.6.39.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// The beat: points on the monotonic clock that do not drift, however late one of them was kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    next: Nanos,
    interval: Nanos,
}

impl Grid {
    /// The first beat is at once, the others are at whole multiples of the interval.
    pub(crate) fn new(now: Nanos, interval: Nanos) -> Grid {
        Grid {
            next: now - now.rem_euclid(interval),
            interval,
        }
    }

    /// When the next beat is due.
    pub(crate) fn due(&self) -> Nanos {
        self.next
    }

    /// How many beats would be skipped by keeping this one at `now`.
    pub(crate) fn skipped(&self, now: Nanos) -> u64 {
        u64::try_from((now - self.next) / self.interval).unwrap_or(0)
    }

    /// Keeps a beat at `now`. Answers by how much it was late when that cost the beats between, which are skipped.
    pub(crate) fn keep(&mut self, now: Nanos) -> Option<Nanos> {
        let late = (now - self.next).max(0);
        self.next += (late / self.interval + 1) * self.interval;
        (late >= self.interval).then_some(late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_do_not_drift_and_missed_ones_are_skipped() {
        let mut grid = Grid::new(104, 10);
        let kept: Vec<_> = [104, 113, 129, 130, 163, 170]
            .map(|now| (grid.due(), grid.keep(now)))
            .into();
        assert_eq!(
            kept,
            [
                (100, None),
                (110, None),
                (120, None),
                (130, None),
                (140, Some(23)),
                (170, None)
            ]
        );
    }

    #[test]
    fn clocks_that_were_set_and_suspends_are_told_apart() {
        let second = 1_000_000_000;
        let at = |wall: i64, monotonic: i64, boottime: i64| Instant {
            wall: UnixNanos(wall * second),
            monotonic: monotonic * second,
            boottime: boottime * second,
        };
        let before = at(1000, 10, 10);
        let none: [String; 0] = [];
        assert_eq!(at(1001, 11, 11).steps_since(&before), none);
        assert_eq!(
            at(4601, 11, 11).steps_since(&before),
            ["the clock was set forward by 3600.0 s"]
        );
        assert_eq!(
            at(971, 11, 11).steps_since(&before),
            ["the clock was set back by 30.0 s"]
        );
        assert_eq!(
            at(1061, 11, 71).steps_since(&before),
            ["the machine was suspended for 60.0 s"]
        );
    }
}
