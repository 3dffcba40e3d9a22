//! Records of /dev/kmsg: `6,1234,98765432,-;text`, then lines of ` KEY=value` that belong to it.

use super::{Error, Result};
use model::{LogRecord, Nanos, UnixNanos};

/// The records of one block that begins behind line `line` of `file`. The kernel stamps a record with microseconds of the
/// monotonic clock; `realtime_minus_monotonic` makes wall time of them.
pub(super) fn read(
    file: &str,
    line: u64,
    text: &[u8],
    realtime_minus_monotonic: Nanos,
) -> Result<Vec<LogRecord>> {
    let mut records: Vec<LogRecord> = Vec::new();
    for (bytes, line) in text.split_inclusive(|&b| b == b'\n').zip(line + 1..) {
        let text = String::from_utf8_lossy(bytes.trim_ascii_end());
        if text.starts_with(' ') {
            let record = records
                .last_mut()
                .ok_or_else(|| Error::at(file, line, "a continuation line without a record"))?;
            record.text.push('\n');
            record.text.push_str(&text);
            continue;
        }
        let record = read_record(&text, realtime_minus_monotonic);
        records.push(record.ok_or_else(|| {
            Error::at(
                file,
                line,
                "not a kernel log record, which is `priority,sequence,microseconds,flags;text`",
            )
        })?);
    }
    Ok(records)
}

fn read_record(text: &str, realtime_minus_monotonic: Nanos) -> Option<LogRecord> {
    let (head, text) = text.split_once(';')?;
    let mut fields = head.split(',');
    let priority = fields.next()?.parse().ok()?;
    let sequence = fields.next()?.parse().ok()?;
    let since_boot: i64 = fields.next()?.parse().ok()?;
    fields.next()?;
    let at = since_boot
        .checked_mul(1000)?
        .checked_add(realtime_minus_monotonic)?;
    Some(LogRecord {
        at: UnixNanos(at),
        sequence,
        priority,
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn records_with_their_continuations() {
        let text = b"6,1234,98765432,-;oom-kill: a=1;b\n SUBSYSTEM=memory\n DEVICE=+x\n4,1235,98765440,c,caller=T1;\xff\n";
        let records = read("proc/kmsg.log", 7, text, 1_000_000_000_000_000_000).unwrap();
        expect![[r#"
            [
                LogRecord {
                    at: UnixNanos(
                        1000000098765432000,
                    ),
                    sequence: 1234,
                    priority: 6,
                    text: "oom-kill: a=1;b\n SUBSYSTEM=memory\n DEVICE=+x",
                },
                LogRecord {
                    at: UnixNanos(
                        1000000098765440000,
                    ),
                    sequence: 1235,
                    priority: 4,
                    text: "�",
                },
            ]
        "#]]
        .assert_debug_eq(&records);
        assert_eq!(read("proc/kmsg.log", 7, b"", 0).unwrap(), []);
    }

    #[test]
    fn what_is_no_record_is_refused_with_its_line() {
        let error = |text: &[u8]| read("proc/kmsg.log", 7, text, 0).unwrap_err().to_string();
        expect!["proc/kmsg.log:8: a continuation line without a record"].assert_eq(&error(b" KEY=1\n"));
        let wanted = expect![
            "proc/kmsg.log:9: not a kernel log record, which is `priority,sequence,microseconds,flags;text`"
        ];
        for second in [
            "\n",
            "6\n",
            "6,1,2;x\n",
            "6,1,-;x\n",
            "x,1,2,-;x\n",
            "6,1,99999999999999999999,-;x\n",
        ] {
            wanted.assert_eq(&error(format!("6,1,2,-;x\n{second}").as_bytes()));
        }
    }
}
