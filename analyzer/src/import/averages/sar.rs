//! `sar` as it prints: tables of rows with a clock time, in any zone, 12 or 24 hours, point or comma.
//!
//! A table's header names its columns; a row has the time at which its interval ended. Dates stand only in the first line
//! (`Linux 2.6.32 (host) 09/10/2016 …`), so days are counted where the clock of a table starts again.

use super::table::Table;
use super::{Averages, Options};
use crate::import::text::Lines;
use crate::import::{Error, Machine, Place, Result};
use crate::time_grammar::{Fold, instant};
use chrono::{Days, NaiveDate, NaiveTime, Timelike};
use model::UnixNanos;

/// After so many lines it is said how far it is.
const SHOWN_EVERY: u64 = 1 << 14;

/// Reads the text of one file into `averages`; says now and then how many bytes were `seen`.
pub(in crate::import) fn read(
    lines: &mut Lines,
    options: &Options,
    averages: &mut Averages,
    seen: &mut dyn FnMut(u64),
) -> Result<()> {
    let mut sar = Sar {
        options,
        averages,
        date: None,
        last: None,
        table: None,
        numbers: Vec::new(),
    };
    while let Some(text) = lines.next()? {
        if let Err(reason) = sar.text(text) {
            let no_date = sar.date.is_none() && options.date.is_none();
            if options.strict || no_date {
                return Err(Error::at(&lines.file, lines.line, reason));
            }
            let place = Place {
                file: lines.file.clone(),
                line: Some(lines.line),
            };
            sar.averages.broken(place, reason);
        }
        sar.averages.check_size(lines)?;
        if lines.line.is_multiple_of(SHOWN_EVERY) {
            seen(lines.bytes);
        }
    }
    Ok(())
}

struct Sar<'a> {
    options: &'a Options,
    averages: &'a mut Averages,
    /// Of the last `Linux …` line, or as the user says.
    date: Option<NaiveDate>,
    /// Day, clock and instant of the table's last row or header.
    last: Option<(NaiveDate, NaiveTime, UnixNanos)>,
    table: Option<Table>,
    /// Of the row that is being read; kept, since there are many.
    numbers: Vec<f64>,
}

/// Words of a line, on the stack: a week of rows is millions of lines.
struct Words<'a> {
    words: [&'a str; MOST_COLUMNS],
    length: usize,
}

/// The widest table is that of the CPUs' soft interrupts, or of memory with all its parts, at some twenty.
const MOST_COLUMNS: usize = 64;

impl<'a> Words<'a> {
    /// `None`: more columns than any table has.
    fn of(text: impl Iterator<Item = &'a str>) -> Option<Words<'a>> {
        let mut words = Words {
            words: [""; MOST_COLUMNS],
            length: 0,
        };
        for word in text {
            *words.words.get_mut(words.length)? = word;
            words.length += 1;
        }
        Some(words)
    }

    fn as_slice(&self) -> &[&'a str] {
        &self.words[..self.length]
    }
}

impl Sar<'_> {
    fn text(&mut self, text: &str) -> std::result::Result<(), &'static str> {
        let mut tokens = text.split_ascii_whitespace();
        let Some(first) = tokens.next() else { return Ok(()) };
        if first == "Linux" {
            return self.first_line(text);
        }
        // Averages over averages, in the C locale and the most common others.
        if first.ends_with(':') && !first.as_bytes()[0].is_ascii_digit() {
            return Ok(());
        }
        let mut clock = read_clock(first).ok_or("no clock time at the start of the line")?;
        let words = Words::of(tokens).ok_or("more columns than any table has")?;
        let mut rest = words.as_slice();
        if let Some(half) = rest.first().and_then(|word| half_of_day(word)) {
            clock = twelve_hours(clock, half).ok_or("an hour of the 12-hour clock goes from 1 to 12")?;
            rest = &rest[1..];
        }
        if rest
            .first()
            .is_some_and(|word| *word == "LINUX" || word.starts_with("LINUX-RESTART"))
        {
            // Counters began again: the table that is being printed begins again too, with a header.
            let at = self.instant(clock)?;
            self.averages.restarts.insert(at);
            if let Some(table) = &mut self.table {
                table.interrupt();
            }
            return Ok(());
        }
        if rest.is_empty() {
            return Err("nothing behind the clock time");
        }
        if rest.iter().all(|word| read_number(word).is_none()) {
            return self.header(clock, rest);
        }
        self.row(clock, rest)
    }

    /// `Linux 2.6.32-504.el6.x86_64 (host)  09/10/2016  _x86_64_  (32 CPU)`
    fn first_line(&mut self, text: &str) -> std::result::Result<(), &'static str> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [_, kernel, host, date, rest @ ..] = words.as_slice() else {
            return Err("the line that begins with Linux is incomplete");
        };
        let machine = Machine {
            hostname: host.trim_start_matches('(').trim_end_matches(')').to_owned(),
            kernel: (*kernel).to_owned(),
            architecture: rest.first().map_or("", |word| word.trim_matches('_')).to_owned(),
            cpus: rest.iter().find_map(|word| word.strip_prefix('(')?.parse().ok()),
        };
        let (date, ambiguous) = read_date(date, self.options.date).ok_or("no date that is understood")?;
        if ambiguous {
            let text = words[3];
            self.averages
                .notes
                .insert(format!("{text} was read as {date}; --date says otherwise"));
        }
        let seen = &mut self.averages.machine;
        if !seen.hostname.is_empty() && seen.hostname != machine.hostname {
            return Err("another machine's: import each machine into a database of its own");
        }
        *seen = machine;
        (self.date, self.last, self.table) = (Some(date), None, None);
        Ok(())
    }

    fn header(&mut self, clock: NaiveTime, words: &[&str]) -> std::result::Result<(), &'static str> {
        // A table that goes on repeats its header now and then; another one starts with the day again.
        if !self.table.as_ref().is_some_and(|table| table.is(words)) {
            self.last = None;
            self.table = Some(Table::new(words, self.averages));
        }
        let at = self.instant(clock)?;
        if let Some(table) = &mut self.table {
            table.begin(at);
        }
        Ok(())
    }

    fn row(&mut self, clock: NaiveTime, words: &[&str]) -> std::result::Result<(), &'static str> {
        let Some(table) = &self.table else {
            return Err("a row without a header before it");
        };
        if table.is_unused() && words.len() == table.width() {
            return Ok(());
        }
        if words.len() != table.width() {
            self.lost_row(clock);
            return Err("more or fewer columns than the header names");
        }
        let key_at = table.key();
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.clear();
        numbers.extend(
            words
                .iter()
                .enumerate()
                .map_while(|(i, word)| match Some(i) == key_at {
                    true => Some(f64::NAN),
                    false => read_number(word),
                }),
        );
        let is_whole = numbers.len() == words.len();
        self.numbers = numbers;
        if !is_whole {
            self.lost_row(clock);
            return Err("not a number in a column of numbers");
        }
        let at = self.instant(clock)?;
        if let Some(table) = &mut self.table {
            let key = key_at.map_or("", |key| words[key]);
            table.add(at, key, &self.numbers, self.averages);
        }
        Ok(())
    }

    /// There is a row of this time, which cannot be read: the next one is not of the time before it.
    fn lost_row(&mut self, clock: NaiveTime) {
        let at = self.instant(clock);
        if let (Ok(at), Some(table)) = (at, &mut self.table) {
            table.row_at(at, self.averages);
        }
    }

    /// The instant at which a clock shows `clock`, after the last one of this table.
    fn instant(&mut self, clock: NaiveTime) -> std::result::Result<UnixNanos, &'static str> {
        if let Some((_, last, at)) = self.last
            && last == clock
        {
            return Ok(at);
        }
        const NO_DATE: &str = "no line `Linux …` with a date came before; say --date 2016-09-10";
        let day = match self.last {
            None => self.date.or(self.options.date).ok_or(NO_DATE)?,
            // Half a day back is midnight; less is a clock that was set back.
            Some((day, last, _)) if last.signed_duration_since(clock).num_hours() >= 6 => {
                day.checked_add_days(Days::new(1)).ok_or("no such day")?
            }
            Some((day, ..)) => day,
        };
        let tz = self.options.tz;
        let mut at = instant(day.and_time(clock), tz, Fold::First)?;
        if let Some((_, _, last)) = self.last
            && at < last
        {
            at = instant(day.and_time(clock), tz, Fold::Second)?;
            if at < last {
                return Err("the clock goes back");
            }
        }
        self.last = Some((day, clock, at));
        Ok(at)
    }
}

fn read_clock(text: &str) -> Option<NaiveTime> {
    let mut parts = text.split(':');
    let mut part = || parts.next().filter(|part| part.len() == 2)?.parse().ok();
    let clock = NaiveTime::from_hms_opt(part()?, part()?, part()?)?;
    parts.next().is_none().then_some(clock)
}

/// `Some(true)`: after noon.
fn half_of_day(word: &str) -> Option<bool> {
    let is_one_of = |names: [&str; 2]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    if is_one_of(["am", "a.m."]) {
        Some(false)
    } else if is_one_of(["pm", "p.m."]) {
        Some(true)
    } else {
        None
    }
}

fn twelve_hours(clock: NaiveTime, after_noon: bool) -> Option<NaiveTime> {
    let hour = clock.hour();
    if !(1..=12).contains(&hour) {
        return None;
    }
    clock.with_hour(hour % 12 + if after_noon { 12 } else { 0 })
}

/// `0.44`, `0,44`, `-1`
pub(in crate::import) fn read_number(word: &str) -> Option<f64> {
    let (negative, digits) = match word.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // More digits do not fit a double exactly, and none of the tools prints them.
    const MOST_DIGITS: usize = 15;
    const POWERS: [f64; MOST_DIGITS + 1] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let (mut number, mut count, mut decimals) = (0u64, 0, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
                count += 1;
            }
            b'.' | b',' if decimals.is_none() => decimals = Some(count),
            _ => return None,
        }
    }
    if count == 0 {
        return None;
    }
    if count > MOST_DIGITS {
        return word.replace(',', ".").parse().ok();
    }
    // Both exact, so that their quotient is the double nearest to the text.
    let number = number as f64 / POWERS[decimals.map_or(0, |before| count - before)];
    Some(if negative { -number } else { number })
}

/// The date of a first line, and whether it could have been meant otherwise. sar prints the locale's short form:
/// `09/10/2016`, `09/10/16`, `10.09.2016`, `2016-09-10`.
fn read_date(text: &str, hint: Option<NaiveDate>) -> Option<(NaiveDate, bool)> {
    let parts: Vec<u32> = text
        .split(['/', '.', '-'])
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let &[a, b, c] = parts.as_slice() else { return None };
    if a > 31 {
        return Some((NaiveDate::from_ymd_opt(a as i32, b, c)?, false));
    }
    let year = if c < 100 { 2000 + c } else { c } as i32;
    let month_first = NaiveDate::from_ymd_opt(year, a, b);
    let day_first = NaiveDate::from_ymd_opt(year, b, a);
    if let Some(hint) = hint
        && [month_first, day_first].contains(&Some(hint))
    {
        return Some((hint, false));
    }
    match (month_first, day_first) {
        // Only with points is the day known to come first.
        (_, Some(date)) if text.contains('.') => Some((date, false)),
        (Some(date), Some(other)) => Some((date, date != other)),
        (date, other) => date.or(other).map(|date| (date, false)),
    }
}
