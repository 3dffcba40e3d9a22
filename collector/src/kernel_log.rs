//! Records of /dev/kmsg as they come, with exact times.

use crate::clock::Instant3;
use model::{LogRecord, UnixNanos};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A record is at most this long (kernel/printk: CONSOLE_EXT_LOG_MAX).
const RECORD_BYTES: usize = 8192;
/// Records taken at one beat at most: a flood must not cost a tick.
const MOST_RECORDS: usize = 500;

/// The kernel's log, if it may be read.
pub(crate) struct KernelLog {
    file: Option<File>,
    expected: Option<u64>,
    buffer: Vec<u8>,
}

impl KernelLog {
    /// Opens it at its oldest record: what was said before we began belongs to this boot too. A /proc that is not the
    /// machine's own has no kernel log.
    pub(crate) fn open(proc: &Path) -> KernelLog {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NONBLOCK);
        let own = proc == Path::new("/proc");
        let file = own.then(|| options.open("/dev/kmsg")).and_then(|f| match f {
            Ok(file) => Some(file),
            Err(error) => {
                eprintln!("collector: /dev/kmsg: {error}; the kernel log is not recorded");
                None
            }
        });
        KernelLog { file, expected: None, buffer: vec![0; RECORD_BYTES] }
    }

    /// The records since the last call.
    pub(crate) fn read(&mut self, now: Instant3) -> Vec<LogRecord> {
        let mut records = Vec::new();
        let Some(file) = &mut self.file else { return records };
        while records.len() < MOST_RECORDS {
            match file.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(n) => {
                    let Some(record) = parse(&self.buffer[..n], now) else { continue };
                    if let Some(expected) = self.expected.filter(|&e| record.sequence > e) {
                        eprintln!("collector: kernel log: {} records were lost", record.sequence - expected);
                    }
                    self.expected = Some(record.sequence + 1);
                    records.push(record);
                }
                // Overwritten before it was read: the next read goes on with the oldest that is left.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        records
    }
}

/// `priority,sequence,µs,flags[,…];text`, then lines of ` KEY=value`.
fn parse(record: &[u8], now: Instant3) -> Option<LogRecord> {
    let text = String::from_utf8_lossy(record);
    let (head, text) = text.split_once(';')?;
    let mut fields = head.split(',');
    let priority = fields.next()?.parse().ok()?;
    let sequence = fields.next()?.parse().ok()?;
    let micros: i64 = fields.next()?.parse().ok()?;
    // printk stamps with local_clock, which is close to CLOCK_MONOTONIC.
    let at = UnixNanos(now.wall.0 - now.monotonic + micros * 1000);
    Some(LogRecord { at, sequence, priority, text: text.trim_end_matches('\n').to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_its_time_and_its_continuation() {
        let now = Instant3 { wall: UnixNanos(1_000_000_000_000), monotonic: 100_000_000_000, since_boot: 0 };
        let record = parse(b"6,339,5140900,-;NET: Registered\n SUBSYSTEM=net\n", now).unwrap();
        assert_eq!(
            (record.at.0, record.sequence, record.priority, record.text.as_str()),
            (905_140_900_000, 339, 6, "NET: Registered\n SUBSYSTEM=net")
        );
        for bad in ["", ";", "x,1,1,-;t", "6,1;t", "6,,1,-;t"] {
            assert!(parse(bad.as_bytes(), now).is_none(), "{bad}");
        }
    }
}
