//! Rows of numbers as `pmrep` prints them.

use crate::import::text::Lines;
use crate::import::{Error, Result, command};
use model::UnixNanos;
use std::path::Path;

const LACKING: &str = "archives of PCP are read by its pmrep, which is not installed";

/// Rows of numbers as `pmrep` prints them.
pub(super) struct Records {
    pub(super) lines: Lines,
    pub(super) header: Vec<String>,
}

impl Records {
    /// Lets `pmrep` print some metrics of an archive.
    pub(super) fn open(base: &Path, metrics: &[&str]) -> Result<Records> {
        let absolute = std::path::absolute(base).map_err(|error| Error::io(base, error))?;
        let file = absolute.to_string_lossy();
        let mut arguments = vec![
            "-a",
            &*file,
            "--raw",
            "--no-interpol",
            "--output=csv",
            "--timezone=UTC",
            "--timestamp-format=%s.%f",
            "--no-unit-info",
            "--ignore-unknown",
        ];
        arguments.extend(metrics);
        let output = command::run("pmrep", &arguments, base, LACKING)?;
        Records::read(Lines::new(&base.display().to_string(), output))
    }

    /// What `pmrep` printed.
    pub(super) fn read(mut lines: Lines) -> Result<Records> {
        let header = loop {
            match lines.next()? {
                // Nothing of what was asked for.
                None => break Vec::new(),
                Some(line) if line.starts_with("Time,") => break fields(line),
                Some(_) => {}
            }
        };
        Ok(Records { lines, header })
    }

    /// The next row: its time, and a word a column.
    pub(super) fn next(&mut self) -> Result<Option<(UnixNanos, Vec<String>)>> {
        loop {
            let Some(line) = self.lines.next()? else {
                return Ok(None);
            };
            if line.is_empty() {
                continue;
            }
            let words = fields(line);
            let at = words.first().and_then(|word| {
                let (seconds, fraction) = word.split_once('.')?;
                let seconds: i64 = seconds.parse().ok()?;
                let micros: i64 = fraction.parse().ok().filter(|_| fraction.len() == 6)?;
                Some(UnixNanos(seconds.checked_mul(1_000_000_000)? + micros * 1000))
            });
            let Some(at) = at.filter(|_| words.len() == self.header.len()) else {
                let (file, line) = (self.lines.file.clone(), self.lines.line);
                return Err(Error::at(
                    &file,
                    line,
                    "pmrep printed a line that is none of its table",
                ));
            };
            return Ok(Some((at, words)));
        }
    }
}

/// Words between commas, some in double quotes.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => {
                if let Some(field) = fields.last_mut() {
                    field.push(c);
                }
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_between_commas() {
        assert_eq!(
            fields("Time,\"disk.dev.read-a,b\",,1"),
            ["Time", "disk.dev.read-a,b", "", "1"]
        );
    }
}
