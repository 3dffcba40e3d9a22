//! When snapshots were made: what their folder is called, or a file in it says.

use super::archive::Tree;
use crate::import::Result;
use crate::import::snapshots::{Stamped, Stamps};
use crate::time_grammar::{Fold, instant};
use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use model::UnixNanos;

/// Files whose first line says when their folder was filled.
const FILES: [&str; 4] = ["timestamp", "timestamp.txt", "date", "date.txt"];

pub(super) struct Times {
    /// Snapshots in order of time, with the path of each in the tree, which ends with a slash.
    pub(super) times: Vec<(UnixNanos, String)>,
    /// Folders with kernel files whose time nobody says.
    pub(super) without: Vec<String>,
}

/// The snapshots of a folder.
pub(super) fn snapshots(tree: &Tree, tz: Tz) -> Result<Times> {
    let mut times = Times {
        times: Vec::new(),
        without: Vec::new(),
    };
    for name in tree.list("") {
        let folder = format!("{name}/");
        let has = |file: &str| tree.file(&format!("{folder}{file}")).is_some();
        let has_any = sources::all()
            .iter()
            .any(|source| has(source.name) || has(&format!("proc/{}", source.name)));
        if !has_any {
            continue;
        }
        let mut said = None;
        for file in FILES {
            let Some(text) = tree.text(&format!("{folder}{file}"))? else {
                continue;
            };
            said = said.or_else(|| text.lines().find_map(|line| of_text(line, tz)));
        }
        match said.or_else(|| of_name(&name, tz)) {
            Some(at) => times.times.push((at, folder)),
            None => times.without.push(name),
        }
    }
    times.times.sort();
    Ok(times)
}

/// A time as `date` prints it, in digits, or as a name.
pub(super) fn of_text(line: &str, tz: Tz) -> Option<UnixNanos> {
    match Stamps::new(tz).read(line) {
        Stamped::Alone(at) => Some(at),
        _ => of_name(line.trim(), tz),
    }
}

/// `2016-09-10T10:53:32`, `20160910-105332`, `snap_2016-09-10_10-53-32.9`, `20160910105332Z`, `1473504812.5`.
pub(super) fn of_name(name: &str, tz: Tz) -> Option<UnixNanos> {
    let start = name.find(|c: char| c.is_ascii_digit())?;
    let tz = if name.ends_with('Z') { Tz::UTC } else { tz };
    let groups: Vec<&str> = name[start..]
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty())
        .collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let fraction = |group: Option<&&str>| -> Option<i64> {
        let Some(group) = group else { return Some(0) };
        let digits: String = group.chars().chain("000000000".chars()).take(9).collect();
        digits.parse().ok()
    };
    let number = |text: &str| text.parse::<u32>().ok();
    let local = |date: &str, clock: &str, rest: Option<&&str>| {
        let date = NaiveDate::from_ymd_opt(
            date[..4].parse().ok()?,
            number(&date[4..6])?,
            number(&date[6..8])?,
        )?;
        let second = clock.get(4..6).map_or(Some(0), number)?;
        let clock = NaiveTime::from_hms_opt(number(&clock[..2])?, number(&clock[2..4])?, second)?;
        Some(instant(date.and_time(clock), tz, Fold::First).ok()? + fraction(rest)?)
    };
    match lengths.as_slice() {
        [10] | [10, 1..=9] => {
            let seconds: i64 = groups[0].parse().ok()?;
            Some(UnixNanos(seconds.checked_mul(1_000_000_000)?) + fraction(groups.get(1))?)
        }
        [14] | [14, 1..=9] => local(&groups[0][..8], &groups[0][8..], groups.get(1)),
        [8, 4 | 6] | [8, 6, 1..=9] => local(groups[0], groups[1], groups.get(2)),
        [4, 2, 2, 4 | 6] => local(&groups[..3].concat(), groups[3], None),
        [4, 2, 2, 2, 2] | [4, 2, 2, 2, 2, 2] | [4, 2, 2, 2, 2, 2, 1..=9] => local(
            &groups[..3].concat(),
            &groups[3..groups.len().min(6)].concat(),
            groups.get(6),
        ),
        _ => None,
    }
}
