//! The kernel's log: /dev/kmsg, record by record, with the kernel's own times.

use crate::clock::{self, Instant};
use model::{Gap, LogRecord, Nanos, UnixNanos};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Records taken at one tick: the ring holds thousands at the start, and the tick must not wait for them.
const AT_ONCE: usize = 200;

/// Reads the log.
pub(crate) struct KernelLog {
    file: File,
    record: Vec<u8>,
    next: Option<u64>,
    last: Option<UnixNanos>,
    offset: Offset,
    /// CLOCK_MONOTONIC at which all that there was had been read.
    drained: Option<Nanos>,
}

/// How far CLOCK_MONOTONIC is ahead of the clock of the log. That one is not corrected by NTP: in weeks they come seconds apart. A record
/// that was not there at one look and is at the next was made between them, which bounds how far; the bounds widen as time goes.
#[derive(Debug, Clone, Copy)]
struct Offset {
    low: Nanos,
    high: Nanos,
    /// CLOCK_MONOTONIC when the bounds were last widened.
    at: Nanos,
}

/// Nanoseconds in a second that two clocks come apart at most: what NTP corrects at most.
const DRIFT: Nanos = 500_000;

impl Offset {
    const UNKNOWN: Offset = Offset {
        low: Nanos::MIN / 4,
        high: Nanos::MAX / 4,
        at: 0,
    };

    /// A record made at `stamp` of the log's clock, not before `earliest` and not after `now` of ours.
    fn learn(&mut self, stamp: Nanos, earliest: Option<Nanos>, now: Nanos) {
        let seconds = (now - self.at) / 1_000_000_000 + 1;
        let wider = seconds.saturating_mul(DRIFT);
        self.at = now;
        let high = now - stamp;
        let low = earliest.map_or(Nanos::MIN / 4, |earliest| earliest - stamp);
        self.high = self.high.saturating_add(wider).min(high).max(low);
        self.low = self.low.saturating_sub(wider).max(low).min(self.high);
    }

    /// The least correction that the bounds allow.
    fn best(&self) -> Nanos {
        0.clamp(self.low, self.high)
    }
}

impl KernelLog {
    /// Opens it at the oldest record that the kernel still has.
    ///
    /// # Errors
    /// When there is none or it is not for us (kernel.dmesg_restrict).
    pub(crate) fn open(path: &Path) -> io::Result<KernelLog> {
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)?;
        Ok(KernelLog {
            file,
            record: vec![0; 8192],
            next: None,
            last: None,
            offset: Offset::UNKNOWN,
            drained: None,
        })
    }

    /// The records that came since the last time, and the gaps that the ring's overwriting made.
    pub(crate) fn read(&mut self, now: &Instant) -> (Vec<LogRecord>, Vec<Gap>) {
        let (mut records, mut gaps) = (Vec::new(), Vec::new());
        while records.len() < AT_ONCE {
            match self.file.read(&mut self.record) {
                Ok(len) if len > 0 => {
                    let Some((stamp, mut record)) = parse(&self.record[..len], now) else {
                        continue;
                    };
                    self.offset.learn(stamp, self.drained, clock::monotonic());
                    record.at = record.at + self.offset.best();
                    gaps.extend(self.lost(&record));
                    (self.next, self.last) = (Some(record.sequence + 1), Some(record.at));
                    records.push(record);
                }
                // EPIPE: records were overwritten; the next read goes on with the oldest that is left.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => {
                    self.drained = Some(now.monotonic);
                    return (records, gaps);
                }
            }
        }
        // There is more: when it was made is not known.
        self.drained = None;
        (records, gaps)
    }

    fn lost(&self, record: &LogRecord) -> Option<Gap> {
        let (next, from) = (self.next?, self.last?);
        let lost = record.sequence.checked_sub(next).filter(|&lost| lost > 0)?;
        let why = format!("{lost} records of the kernel's log were overwritten before they were read");
        Some(Gap {
            from,
            to: record.at,
            source: Some("kmsg".into()),
            why,
        })
    }
}

/// The log's own time of a record, and the record. `6,339,5140900,-;text`, then lines ` KEY=value`. The time is in microseconds of a clock that stands still during a suspend.
fn parse(record: &[u8], now: &Instant) -> Option<(Nanos, LogRecord)> {
    let text = String::from_utf8_lossy(record);
    let (head, text) = text.split_once(';')?;
    let mut fields = head.split(',');
    let priority = fields.next()?.parse().ok()?;
    let sequence = fields.next()?.parse().ok()?;
    let microseconds: i64 = fields.next()?.parse().ok()?;
    let stamp: Nanos = microseconds.checked_mul(1000)?;
    let at = now.wall + stamp.checked_sub(now.monotonic)?;
    let record = LogRecord {
        at,
        sequence,
        priority,
        text: text.trim_end_matches('\n').to_string(),
    };
    Some((stamp, record))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant {
        wall: UnixNanos(1_000_000_000_000),
        monotonic: 50_000_000_000,
        boottime: 0,
    };

    #[test]
    fn records_keep_their_own_time() {
        let record =
            b"4,1234,49500000,-;Out of memory: Killed process 7 (dd)\n SUBSYSTEM=block\n DEVICE=b254:0\n";
        let (_, read) = parse(record, &NOW).unwrap();
        assert_eq!(
            (read.priority, read.sequence, read.at),
            (4, 1234, UnixNanos(999_500_000_000))
        );
        assert_eq!(
            read.text,
            "Out of memory: Killed process 7 (dd)\n SUBSYSTEM=block\n DEVICE=b254:0"
        );
    }

    #[test]
    fn bad_records_are_no_records() {
        let bad: [&[u8]; 5] = [
            b"",
            b"6,1,2",
            b"x,1,2,-;t",
            b"6,1,99999999999999999999,-;t",
            b"6,1,9223372036854775807,-;t",
        ];
        assert!(bad.iter().all(|record| parse(record, &NOW).is_none()));
        assert_eq!(parse(b"6,1,2;\xff", &NOW).unwrap().1.text, "\u{fffd}");
    }

    #[test]
    fn the_clock_of_the_log_is_corrected_where_it_must_be() {
        let second = 1_000_000_000;
        let mut offset = Offset::UNKNOWN;
        assert_eq!(offset.best(), 0);
        // It is 3 s behind ours: a record of 97.5 s came between 100 and 101.
        offset.learn(97 * second + second / 2, Some(100 * second), 101 * second);
        assert_eq!(offset.best(), 5 * second / 2);
        offset.learn(98 * second + second / 10, Some(101 * second), 102 * second);
        assert_eq!(offset.best(), 29 * second / 10);
        // It is ahead: no record is of the future.
        let mut offset = Offset::UNKNOWN;
        offset.learn(60 * second, None, 50 * second);
        assert_eq!(offset.best(), -10 * second);
        // A day later they may have come apart by 43 s; until a record tells, it stays.
        offset.learn(86_400 * second, Some(86_395 * second), 86_396 * second);
        assert_eq!(offset.best(), -4 * second);
    }

    #[test]
    fn lost_records_are_a_gap() {
        let log = KernelLog {
            file: File::open("/dev/null").unwrap(),
            record: Vec::new(),
            next: Some(10),
            last: Some(UnixNanos(5)),
            offset: Offset::UNKNOWN,
            drained: None,
        };
        let at = |sequence| LogRecord {
            at: UnixNanos(9),
            sequence,
            priority: 6,
            text: String::new(),
        };
        let gap = log.lost(&at(13)).unwrap();
        assert_eq!(
            (gap.from, gap.to, gap.source.as_deref()),
            (UnixNanos(5), UnixNanos(9), Some("kmsg"))
        );
        assert_eq!(
            gap.why,
            "3 records of the kernel's log were overwritten before they were read"
        );
        assert_eq!((log.lost(&at(10)), log.lost(&at(3))), (None, None));
    }
}
