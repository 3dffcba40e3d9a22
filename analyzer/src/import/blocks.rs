//! `proc/X.log`: blocks of a time stamp line (`@ 1795474869.594801951`) and what the file held then.

use super::{Error, Result};
use model::UnixNanos;
use std::io::{BufRead, Read};

/// A block may be so long. The largest real one is some hundred kilobytes (pids).
const BLOCK_BYTES: usize = 64 << 20;

/// One reading of one file.
#[derive(Debug)]
pub(super) struct Block {
    /// The stamp.
    pub(super) at: UnixNanos,
    /// Line of the stamp, from 1.
    pub(super) line: u64,
    /// The file's bytes. Empty when the recorder could not read it.
    pub(super) text: Vec<u8>,
}

/// Reads a log block by block.
pub(super) struct Blocks {
    file: String,
    reader: Box<dyn BufRead>,
    line: u64,
    /// The stamp that was read when the block before it ended.
    pending: Option<(UnixNanos, u64)>,
    /// Whether control characters mean that the file is damaged. True for kernel files, not for process names.
    plain_text: bool,
}

impl Blocks {
    pub(super) fn new(file: &str, reader: Box<dyn BufRead>, plain_text: bool) -> Self {
        Blocks {
            file: file.into(),
            reader,
            line: 0,
            pending: None,
            plain_text,
        }
    }

    /// The next block; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Block>> {
        let mut text = Vec::new();
        loop {
            let start = text.len();
            let length = (&mut self.reader)
                .take((BLOCK_BYTES - start) as u64)
                .read_until(b'\n', &mut text)
                .map_err(|error| Error::io(self.file.as_ref(), error))?;
            if length == 0 && start < BLOCK_BYTES {
                return Ok(self.pending.take().map(|(at, line)| Block { at, line, text }));
            }
            self.line += 1;
            let line = &text[start..];
            if line.last() != Some(&b'\n') {
                let reason = if text.len() >= BLOCK_BYTES {
                    "more than 64 MiB without a time stamp"
                } else {
                    "ends in the middle of a line: the recording was cut short"
                };
                return Err(self.error(reason));
            }
            if let Some(stamp) = line.strip_prefix(b"@ ") {
                let at = read_stamp(stamp.trim_ascii_end()).ok_or_else(|| {
                    self.error("not a time stamp, which is `@ seconds.nanoseconds` with nine decimals")
                })?;
                let previous = self.pending.replace((at, self.line));
                text.truncate(start);
                match previous {
                    Some((before, _)) if before >= at => {
                        return Err(
                            self.error(format!("time goes back by {:.3} s", before.seconds_since(at)))
                        );
                    }
                    Some((at, line)) => return Ok(Some(Block { at, line, text })),
                    None => continue,
                }
            }
            if self.pending.is_none() {
                return Err(self.error("expected a time stamp (`@ seconds.nanoseconds`) first"));
            }
            if self.plain_text && line.iter().any(|&b| b < b' ' && b != b'\n' && b != b'\t') {
                return Err(self.error("control characters: the file is damaged"));
            }
        }
    }

    fn error(&self, reason: impl Into<String>) -> Error {
        Error::at(&self.file, self.line, reason)
    }
}

/// `1795474869.594801951`
fn read_stamp(text: &[u8]) -> Option<UnixNanos> {
    let text = std::str::from_utf8(text).ok()?;
    let (seconds, nanos) = text.split_once('.')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds) || !digits(nanos) || nanos.len() != 9 {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(nanos.parse().ok()?)
        .map(UnixNanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let mut blocks = Blocks::new(
            "proc/x.log",
            Box::new(std::io::Cursor::new(text.as_bytes().to_vec())),
            true,
        );
        let mut shown = String::new();
        loop {
            match blocks.next() {
                Ok(None) => break,
                Ok(Some(block)) => {
                    let text = String::from_utf8_lossy(&block.text);
                    shown += &format!("{} from line {}: {text:?}\n", block.at.0, block.line);
                }
                Err(error) => {
                    shown += &format!("{error}\n");
                    break;
                }
            }
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn blocks_are_what_stands_between_stamps() {
        check("", expect![[r#""#]]);
        check(
            "@ 1.000000000\na 1\n\n@b\n@ 2.000000001\n@ 3.000000000\nc\n",
            expect![[r#"
                1000000000 from line 1: "a 1\n\n@b\n"
                2000000001 from line 5: ""
                3000000000 from line 6: "c\n"
            "#]],
        );
    }

    #[test]
    fn damage_is_refused_with_its_line() {
        check(
            "a\n@ 1.000000000\n",
            expect![[r#"
            proc/x.log:1: expected a time stamp (`@ seconds.nanoseconds`) first
        "#]],
        );
        check(
            "@ 1.000000000\na\n@ 2.000",
            expect![[r#"
            proc/x.log:3: ends in the middle of a line: the recording was cut short
        "#]],
        );
        check(
            "@ 1.000000000\na\n@ 2.000000\n",
            expect![[r#"
            proc/x.log:3: not a time stamp, which is `@ seconds.nanoseconds` with nine decimals
        "#]],
        );
        check(
            "@ 1.000000000\na\n@ 99999999999999999999.000000000\n",
            expect![[r#"
                proc/x.log:3: not a time stamp, which is `@ seconds.nanoseconds` with nine decimals
            "#]],
        );
        check(
            "@ 2.000000000\na\n@ 1.500000000\n",
            expect![[r#"
            proc/x.log:3: time goes back by 0.500 s
        "#]],
        );
        check(
            "@ 1.000000000\na\0\n",
            expect![[r#"
            proc/x.log:2: control characters: the file is damaged
        "#]],
        );
    }
}
