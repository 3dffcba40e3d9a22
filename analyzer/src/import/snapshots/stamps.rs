//! The times that people put into logs: before each line, or on a line of their own.
//!
//! ```text
//! 2016-09-10 10:53:32.92709 MemTotal: 65837824 kB
//! zzz ***Sat Sep 10 10:53:32 EDT 2016
//! @ 1473504812.927090000
//! Sat 10 Sep 2016 10:53:32 AM EDT
//! ```

use crate::time_grammar::{Context, Fold, instant, parse};
use chrono::{DateTime, NaiveDate, NaiveTime, Timelike};
use chrono_tz::{OffsetName, Tz};
use model::UnixNanos;

/// A line with the time that it carries.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::import) enum Stamped<'a> {
    /// A line that says only when. The lines behind it are of that time.
    Alone(UnixNanos),
    /// A time, and behind it a line of the file.
    Before(UnixNanos, &'a str),
    /// No time.
    None,
}

/// Reads stamps; remembers the last one, since a file of fifty lines has the same one fifty times.
pub(in crate::import) struct Stamps {
    tz: Tz,
    last: Option<(String, UnixNanos)>,
    /// A zone's abbreviation (`EDT`) that was not heeded: it names no zone for certain.
    pub(in crate::import) abbreviation: Option<String>,
}

impl Stamps {
    pub(in crate::import) fn new(tz: Tz) -> Self {
        Stamps {
            tz,
            last: None,
            abbreviation: None,
        }
    }

    pub(in crate::import) fn read<'a>(&mut self, line: &'a str) -> Stamped<'a> {
        let text = line.trim_end();
        let bare = text
            .trim_start_matches("zzz")
            .trim()
            .trim_matches(['*', '=', '#', '-', '[', ']'])
            .trim();
        // OSWatcher counts its snapshots behind the date: ` - 1`.
        let bare = bare
            .rsplit_once(" - ")
            .filter(|(_, n)| n.parse::<u32>().is_ok())
            .map_or(bare, |(date, _)| date);
        if let Some(at) = self.words(bare) {
            return Stamped::Alone(at);
        }
        match self.leading(text) {
            Some((at, "")) => Stamped::Alone(at),
            Some((at, rest)) => Stamped::Before(at, rest),
            None => match self.leading(bare) {
                Some((at, "")) => Stamped::Alone(at),
                _ => Stamped::None,
            },
        }
    }

    /// A time in digits at the start of a line, and what is behind it and one blank.
    fn leading<'a>(&mut self, line: &'a str) -> Option<(UnixNanos, &'a str)> {
        let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let word_end = |from: usize| line[from..].find(' ').map_or(line.len(), |length| from + length);
        let end = if let Some(unix) = line.strip_prefix('@') {
            // `@ 1473504812.9` and `@1473504812.9`
            let gap = unix.len() - unix.trim_start().len();
            if !digits(unix.trim_start()) {
                return None;
            }
            word_end(1 + gap)
        } else if digits(line) && line.as_bytes().get(4) == Some(&b'-') {
            let date_end = word_end(0);
            match line.get(date_end + 1..) {
                Some(time) if !line[..date_end].contains('T') && digits(time) => word_end(date_end + 1),
                _ => date_end,
            }
        } else {
            return None;
        };
        let (stamp, rest) = line.split_at(end);
        if let Some((known, at)) = &self.last
            && known == stamp
        {
            return Some((*at, rest.strip_prefix(' ').unwrap_or(rest)));
        }
        let context = Context {
            now: UnixNanos(0),
            data_end: None,
            tz: self.tz,
        };
        let text = stamp
            .trim_end_matches([',', ':'])
            .replace(',', ".")
            .replacen("@ ", "@", 1);
        let at = parse(&text, &context).ok()?;
        self.last = Some((stamp.to_owned(), at));
        Some((at, rest.strip_prefix(' ').unwrap_or(rest)))
    }

    /// A date in words, as `date` prints it in English: weekday, month, day, clock, year and perhaps a zone, in any order.
    fn words(&mut self, text: &str) -> Option<UnixNanos> {
        const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let (mut weekday, mut month, mut day, mut year) = (false, None, None, None);
        let (mut clock, mut after_noon, mut zone): (Option<NaiveTime>, Option<bool>, Option<&str>) =
            (None, None, None);
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            let name = word.get(..3).unwrap_or(word);
            if let Ok(number) = word.parse::<u32>() {
                let place = if number > 31 { &mut year } else { &mut day };
                if place.replace(number).is_some() {
                    return None;
                }
            } else if word.contains(':') && clock.is_none() {
                clock = Some(word.parse().ok()?);
            } else if matches!(word, "AM" | "PM") {
                after_noon = Some(word == "PM");
            } else if WEEKDAYS.contains(&name) && !weekday {
                weekday = true;
            } else if let Some(found) = MONTHS
                .iter()
                .position(|month| *month == name)
                .filter(|_| month.is_none())
            {
                month = Some(found as u32 + 1);
            } else if zone.is_none()
                && word.len() <= 5
                && word
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b"+-0123456789".contains(&b))
            {
                zone = Some(word);
            } else {
                return None;
            }
        }
        if !weekday {
            return None;
        }
        let mut clock = clock?;
        if let Some(after_noon) = after_noon {
            clock = clock.with_hour(clock.hour() % 12 + if after_noon { 12 } else { 0 })?;
        }
        let date = NaiveDate::from_ymd_opt(year? as i32, month?, day?)?;
        let at = |tz, fold| instant(date.and_time(clock), tz, fold).ok();
        match zone {
            Some("UTC" | "GMT" | "Z") => at(Tz::UTC, Fold::First),
            Some(other) => {
                self.abbreviation.get_or_insert_with(|| other.to_owned());
                // Of an hour that comes twice, the abbreviation says which.
                let says_so = |at: &UnixNanos| {
                    let local = DateTime::from_timestamp_nanos(at.0).with_timezone(&self.tz);
                    local.offset().abbreviation() == Some(other)
                };
                at(self.tz, Fold::Second)
                    .filter(says_so)
                    .or_else(|| at(self.tz, Fold::First))
            }
            None => at(self.tz, Fold::First),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn stamps() {
        let mut stamps = Stamps::new(chrono_tz::America::New_York);
        let lines = [
            "2016-09-10 10:53:32.92709 MemTotal: 65837824 kB",
            "2016-09-10 10:53:32.92709  pages free 3933",
            "2016-09-10T10:53:32-04:00 MemTotal: 1 kB",
            "2016-09-10 10:53:32,927",
            "=== 2016-09-10 10:53:32 ===",
            "[2016-09-10 10:53:32]",
            "@ 1473519212.927090000",
            "@1473519212 MemFree: 1 kB",
            "zzz ***Sat Sep 10 10:53:32 EDT 2016",
            "zzz ***Sat Sep 10 10:53:32 UTC 2016 - 17",
            "zzz ***2016-09-10 10:53:32",
            "Sat Sep 10 10:53:32 2016",
            "Sat 10 Sep 2016 10:53:32 PM EDT",
            "Sat Sep 31 10:53:32 2016",
            "MemTotal: 65837824 kB",
            "2016 09 10 1 2 3",
            "   8       0 sda 1 2 3 4",
            "0.42 10.00 3.1 1/88 22870",
            "",
            "zzz",
            "@",
            "2016-",
            "2016-09-10 é",
        ];
        let mut shown = String::new();
        for line in lines {
            let local = |at: UnixNanos| {
                DateTime::from_timestamp_nanos(at.0)
                    .with_timezone(&chrono_tz::America::New_York)
                    .to_rfc3339()
            };
            shown += &match stamps.read(line) {
                Stamped::Alone(at) => format!("{line:?}: {}\n", local(at)),
                Stamped::Before(at, rest) => format!("{line:?}: {} {rest:?}\n", local(at)),
                Stamped::None => format!("{line:?}: –\n"),
            };
        }
        expect![[r#"
            "2016-09-10 10:53:32.92709 MemTotal: 65837824 kB": 2016-09-10T10:53:32.927090-04:00 "MemTotal: 65837824 kB"
            "2016-09-10 10:53:32.92709  pages free 3933": 2016-09-10T10:53:32.927090-04:00 " pages free 3933"
            "2016-09-10T10:53:32-04:00 MemTotal: 1 kB": 2016-09-10T10:53:32-04:00 "MemTotal: 1 kB"
            "2016-09-10 10:53:32,927": 2016-09-10T10:53:32.927-04:00
            "=== 2016-09-10 10:53:32 ===": 2016-09-10T10:53:32-04:00
            "[2016-09-10 10:53:32]": 2016-09-10T10:53:32-04:00
            "@ 1473519212.927090000": 2016-09-10T10:53:32.927090-04:00
            "@1473519212 MemFree: 1 kB": 2016-09-10T10:53:32-04:00 "MemFree: 1 kB"
            "zzz ***Sat Sep 10 10:53:32 EDT 2016": 2016-09-10T10:53:32-04:00
            "zzz ***Sat Sep 10 10:53:32 UTC 2016 - 17": 2016-09-10T06:53:32-04:00
            "zzz ***2016-09-10 10:53:32": 2016-09-10T10:53:32-04:00
            "Sat Sep 10 10:53:32 2016": 2016-09-10T10:53:32-04:00
            "Sat 10 Sep 2016 10:53:32 PM EDT": 2016-09-10T22:53:32-04:00
            "Sat Sep 31 10:53:32 2016": –
            "MemTotal: 65837824 kB": –
            "2016 09 10 1 2 3": –
            "   8       0 sda 1 2 3 4": –
            "0.42 10.00 3.1 1/88 22870": –
            "": –
            "zzz": –
            "@": –
            "2016-": –
            "2016-09-10 é": 2016-09-10T00:00:00-04:00 "é"
        "#]].assert_eq(&shown);
        assert_eq!(stamps.abbreviation.as_deref(), Some("EDT"));
    }
}
