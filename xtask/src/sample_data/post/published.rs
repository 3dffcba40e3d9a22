//! What the post prints: readings of /proc/meminfo, and the marks and rates that the other files hold on to.

use super::curve::Seconds;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;

/// The post's excerpt of its meminfo log, as it stands in `sample-data/page-cache-post-sar`.
const MEMINFO: &str = include_str!("../../../../sample-data/page-cache-post-sar/meminfo.log");

/// Published readings of /proc/meminfo within the half hour, by time.
#[derive(Debug)]
pub(super) struct Readings(Vec<Reading>);

/// One reading: `MemFree` and so on, in the file's order, in kB (huge pages: a count).
#[derive(Debug)]
pub(super) struct Reading {
    /// When, in seconds after 10:40:00.
    pub(super) at: Seconds,
    /// The lines.
    pub(super) lines: Vec<(String, u64)>,
}

impl Readings {
    /// When they were.
    pub(super) fn times(&self) -> impl Iterator<Item = Seconds> {
        self.0.iter().map(|reading| reading.at)
    }

    /// The readings.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Reading> {
        self.0.iter()
    }
}

impl Reading {
    /// A line's value.
    pub(super) fn get(&self, name: &str) -> f64 {
        self.lines
            .iter()
            .find(|(line, _)| line == name)
            .map_or(f64::NAN, |(_, value)| *value as f64)
    }
}

/// Reads them: `2016-09-10 10:53:32.92709 MemTotal: 65837824 kB`. The last reading of the day is outside the half hour.
pub(super) fn readings() -> Result<Readings> {
    let mut readings: BTreeMap<&str, Reading> = BTreeMap::new();
    for (number, line) in MEMINFO.lines().enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, clock, name, value, ..] = words[..] else {
            bail!("meminfo.log:{}: four words at least", number + 1)
        };
        let at = seconds(clock).with_context(|| format!("meminfo.log:{}: {clock}", number + 1))?;
        if at > super::LENGTH {
            continue;
        }
        let value = value
            .parse()
            .with_context(|| format!("meminfo.log:{}: {value}", number + 1))?;
        let reading = readings.entry(clock).or_insert_with(|| Reading {
            at,
            lines: Vec::new(),
        });
        reading.lines.push((name.trim_end_matches(':').to_owned(), value));
    }
    Ok(Readings(readings.into_values().collect()))
}

/// `10:53:32.92709` → 812.92709.
fn seconds(clock: &str) -> Result<Seconds> {
    let mut parts = clock.split(':');
    let mut next = || -> Result<f64> { Ok(parts.next().context("hours, minutes and seconds")?.parse()?) };
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    // In whole hundredths of a millisecond, so that no rounding of binary fractions shows.
    Ok((((hours - 10.0) * 3600.0 + (minutes - 40.0) * 60.0 + seconds) * 1e5).round() / 1e5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_readings_lie_in_the_half_hour() {
        let readings = readings().unwrap();
        assert_eq!(
            readings.times().collect::<Vec<_>>(),
            [812.92709, 815.01732, 821.4584]
        );
        let first = readings.iter().next().unwrap();
        assert_eq!((first.lines.len(), first.get("MemFree")), (43, 270_568.0));
    }
}
