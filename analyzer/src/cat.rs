//! The very bytes of a kernel file as they were at some time.

use model::{TimeSpan, UnixNanos};
use store::Reader;

/// A reading of a source more than this many intervals before the time asked for says nothing about that time.
pub const STALE_INTERVALS: i64 = 3;

/// What was recorded of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its bytes, and when they were read.
    Bytes {
        /// Middle of the read.
        at: UnixNanos,
        /// The file.
        bytes: Vec<u8>,
    },
    /// The source was never recorded before that time in that boot.
    Never,
    /// The last reading is too long ago, or of an earlier boot.
    Stale {
        /// When it was.
        last: UnixNanos,
        /// Whether the machine booted since.
        other_boot: bool,
    },
}

/// The reading of `source` at `at` or the last one before it, as the file's bytes.
pub fn cat(reader: &Reader, source: &str, at: UnixNanos) -> store::Result<Answer> {
    let Some(reading) = reader.reading_at(source, at)? else {
        return Ok(Answer::Never);
    };
    let since = TimeSpan::new(reading.at, at);
    // A reading's own tick began before the reading, so a tick in between of another boot is a later one.
    let other_boot = reader.ticks(since)?.iter().any(|tick| tick.boot != reading.boot);
    if other_boot || at.0 - reading.at.0 > STALE_INTERVALS * reading.interval {
        return Ok(Answer::Stale {
            last: reading.at,
            other_boot,
        });
    }
    Ok(Answer::Bytes {
        at: reading.at,
        bytes: reading.template.render(&reading.values),
    })
}
