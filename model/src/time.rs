//! Points and stretches of time, and onsets with bounds.

use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// A length of time in nanoseconds. Signed: differences of two clocks can be negative.
pub type Nanos = i64;

/// Wall time: nanoseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// From seconds since the epoch, rounded to the nearest nanosecond that an `f64` can name.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1e9).round() as i64)
    }

    /// Seconds since the epoch. Good to about 0.2 µs in this century.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Seconds from `earlier` to `self`, exact to the nanosecond for spans below 100 days.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / 1e9
    }
}

impl Add<Nanos> for UnixNanos {
    type Output = Self;
    fn add(self, by: Nanos) -> Self {
        Self(self.0.saturating_add(by))
    }
}

impl Sub<Nanos> for UnixNanos {
    type Output = Self;
    fn sub(self, by: Nanos) -> Self {
        Self(self.0.saturating_sub(by))
    }
}

/// From `from` to `to`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSpan {
    /// First instant.
    pub from: UnixNanos,
    /// Last instant.
    pub to: UnixNanos,
}

impl TimeSpan {
    /// A span; the caller has made sure that `from` is not after `to`.
    pub fn new(from: UnixNanos, to: UnixNanos) -> Self {
        Self { from, to }
    }

    /// Whether `at` lies in the span.
    pub fn contains(self, at: UnixNanos) -> bool {
        self.from <= at && at <= self.to
    }

    /// Whether the two spans share an instant.
    pub fn overlaps(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// Length in seconds.
    pub fn seconds(self) -> f64 {
        self.to.seconds_since(self.from)
    }
}

/// When something began: it cannot have begun before `earliest` nor after `latest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onset {
    /// The last instant at which it had certainly not begun.
    pub earliest: UnixNanos,
    /// The best estimate.
    pub best: UnixNanos,
    /// The first instant at which it had certainly begun.
    pub latest: UnixNanos,
}

impl Onset {
    /// An onset whose `best` is pulled inside its bounds.
    pub fn new(earliest: UnixNanos, best: UnixNanos, latest: UnixNanos) -> Self {
        let latest = latest.max(earliest);
        Self {
            earliest,
            best: best.clamp(earliest, latest),
            latest,
        }
    }

    /// Whether `self` began before `other` whatever the truth inside the bounds.
    pub fn surely_before(self, other: Self) -> bool {
        self.latest < other.earliest
    }

    /// Whether the bounds share an instant, so that time alone cannot order the two.
    pub fn overlaps(self, other: Self) -> bool {
        self.earliest <= other.latest && other.earliest <= self.latest
    }
}
