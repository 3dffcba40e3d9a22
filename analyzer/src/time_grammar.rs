//! Times as people on call write them: `10:50`, `yesterday 10:50`, `-1h`, `@1473504612.93`.
//!
//! A text is first read into an [`Expression`] (what was written) and then resolved against a [`Context`] (what is
//! meant), so that two bare clock times of one window can be put on one day. Nothing here asks a clock.
//!
//! A clock time that a change to summer time skips means the instant of the change. One that comes twice means the first
//! for the start of a window and the second otherwise, so that a window never leaves out what it might have meant.

use chrono::{
    DateTime, Days, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc,
};
use chrono_tz::{GapInfo, Tz};
use model::{Nanos, TimeSpan, UnixNanos};

/// What a time is understood against.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The present: `now`, `-1h`, `today` start from here.
    pub now: UnixNanos,
    /// The last tick recorded; bare clock times and `--last` are found before it. `None`: there is no data, [`Context::now`] stands in.
    pub data_end: Option<UnixNanos>,
    /// The zone of clock times and dates that do not name one.
    pub tz: Tz,
}

impl Context {
    fn end(&self) -> UnixNanos {
        self.data_end.unwrap_or(self.now)
    }
}

/// A time that could not be understood. One line, with what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a time in any form.
    #[error(
        "cannot read {text:?} as a time: {reason}; expected 10:50, 10:50:13, \"2016-09-10 10:50\", RFC 3339, @1473504612.9, \
         -1h, \"1h ago\", now, today, yesterday or \"yesterday 10:50\""
    )]
    Time {
        /// As written.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not a length of time.
    #[error("cannot read {text:?} as a length of time: {reason}; expected 30m, 90s, 1h30m or 1.5h")]
    Length {
        /// As written.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not `T±D`.
    #[error("cannot read {0:?}: expected a time and a length, such as 10:52±5m or 10:52+-5m")]
    Around(String),
    /// A window that ends before it begins.
    #[error("--from {from} is after --to {to}")]
    FromAfterTo {
        /// Start, as local time.
        from: String,
        /// End, as local time.
        to: String,
    },
}

/// What was written, before a day and a zone are chosen for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expression {
    /// RFC 3339 or `@unix`: nothing to choose.
    Instant(UnixNanos),
    /// `10:50`
    Clock(NaiveTime),
    /// `2016-09-10 10:50`
    Date(NaiveDateTime),
    /// `yesterday 10:50`: so many days before the present day.
    DaysBefore(u64, NaiveTime),
    /// `-1h`, `1h ago`, `now`
    Ago(Nanos),
}

/// Which of two instants a clock time means when clocks were set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    First,
    Second,
}

/// The instant that a text means. A bare clock time is the latest such time that is not after the end of the data.
pub fn parse(text: &str, context: &Context) -> Result<UnixNanos, TimeError> {
    resolve(read(text)?, context, Fold::Second).map_err(|reason| TimeError::Time {
        text: text.into(),
        reason,
    })
}

/// The window from `from` to `to`, both as texts.
///
/// Two bare clock times in order (`10:50`, `11:00`) lie on one day: the latest on which the first is not after the end of
/// the data, which may end before the second. Out of order (`23:50`, `00:10`) each is the latest before the end of the data,
/// which makes a window across midnight or an error. A bare clock time beside a full date is the nearest that keeps the order.
/// Without `to` the window ends with the data; without `from` it is `length` nanoseconds long.
pub fn parse_window(
    from: Option<&str>,
    to: Option<&str>,
    length: Nanos,
    context: &Context,
) -> Result<TimeSpan, TimeError> {
    let read_from = from.map(read).transpose()?;
    let read_to = to.map(read).transpose()?;
    let fail_from = |reason| TimeError::Time {
        text: from.unwrap_or_default().into(),
        reason,
    };
    let fail_to = |reason| TimeError::Time {
        text: to.unwrap_or_default().into(),
        reason,
    };
    let span = match (read_from, read_to) {
        (Some(Expression::Clock(from)), Some(Expression::Clock(to))) if from <= to => {
            let start = latest_clock(from, context.end(), context.tz, Fold::First).map_err(fail_from)?;
            let day = local(start, context.tz).date();
            TimeSpan {
                from: start,
                to: instant(day.and_time(to), context.tz, Fold::Second).map_err(fail_to)?,
            }
        }
        (Some(Expression::Clock(from)), Some(Expression::Clock(to))) => TimeSpan {
            from: latest_clock(from, context.end(), context.tz, Fold::First).map_err(fail_from)?,
            to: latest_clock(to, context.end(), context.tz, Fold::Second).map_err(fail_to)?,
        },
        (Some(Expression::Clock(from)), Some(to)) => {
            let to = resolve(to, context, Fold::Second).map_err(fail_to)?;
            TimeSpan {
                from: latest_clock(from, to, context.tz, Fold::First).map_err(fail_from)?,
                to,
            }
        }
        (Some(from), Some(Expression::Clock(to))) => {
            let from = resolve(from, context, Fold::First).map_err(fail_from)?;
            TimeSpan {
                from,
                to: earliest_clock(to, from, context.tz).map_err(fail_to)?,
            }
        }
        (Some(from), Some(to)) => TimeSpan {
            from: resolve(from, context, Fold::First).map_err(fail_from)?,
            to: resolve(to, context, Fold::Second).map_err(fail_to)?,
        },
        (Some(from), None) => {
            let from = resolve(from, context, Fold::First).map_err(fail_from)?;
            TimeSpan {
                from,
                to: context.end().max(from),
            }
        }
        (None, to) => {
            let to = to
                .map_or(Ok(context.end()), |to| resolve(to, context, Fold::Second))
                .map_err(fail_to)?;
            TimeSpan {
                from: to - length,
                to,
            }
        }
    };
    if span.from > span.to {
        let show = |at| local(at, context.tz).format("%Y-%m-%d %H:%M:%S%.f").to_string();
        return Err(TimeError::FromAfterTo {
            from: show(span.from),
            to: show(span.to),
        });
    }
    Ok(span)
}

/// The window that `--last 30m` means: so much before the end of the data.
pub fn parse_last(text: &str, context: &Context) -> Result<TimeSpan, TimeError> {
    let length = parse_length(text)?;
    Ok(TimeSpan {
        from: context.end() - length,
        to: context.end(),
    })
}

/// The window that `--around 10:52±5m` means; `+-` and `+/-` do for `±`.
pub fn parse_around(text: &str, context: &Context) -> Result<TimeSpan, TimeError> {
    let (middle, length) = ["±", "+/-", "+-"]
        .iter()
        .find_map(|sign| text.split_once(sign))
        .ok_or_else(|| TimeError::Around(text.into()))?;
    let (middle, length) = (parse(middle, context)?, parse_length(length)?);
    Ok(TimeSpan {
        from: middle - length,
        to: middle + length,
    })
}

/// A length of time in nanoseconds: `30m`, `1h30m`, `1.5h`, `2 days 3 hr`, `250ms`.
pub fn parse_length(text: &str) -> Result<Nanos, TimeError> {
    read_length(text.trim()).map_err(|reason| TimeError::Length {
        text: text.into(),
        reason,
    })
}

fn read(text: &str) -> Result<Expression, TimeError> {
    read_expression(text.trim()).map_err(|reason| TimeError::Time {
        text: text.into(),
        reason,
    })
}

type Reason = &'static str;

fn read_expression(text: &str) -> Result<Expression, Reason> {
    let lower = text.to_ascii_lowercase();
    if let Some(unix) = text.strip_prefix('@') {
        return read_unix(unix).map(Expression::Instant);
    }
    if let Some(length) = lower.strip_prefix('-') {
        return read_length(length.trim()).map(Expression::Ago);
    }
    if let Some(length) = lower.strip_suffix("ago") {
        return read_length(length.trim()).map(Expression::Ago);
    }
    let (word, rest) = lower.split_once(char::is_whitespace).unwrap_or((&lower, ""));
    match word {
        "now" if rest.is_empty() => return Ok(Expression::Ago(0)),
        "today" | "yesterday" => {
            let time = if rest.is_empty() {
                NaiveTime::MIN
            } else {
                read_clock(rest.trim())?
            };
            return Ok(Expression::DaysBefore(u64::from(word == "yesterday"), time));
        }
        _ => {}
    }
    if text.is_empty() {
        return Err("it is empty");
    }
    if lower.as_bytes().get(4) == Some(&b'-') {
        return read_dated(&lower);
    }
    if lower.contains(':') {
        return read_clock(&lower).map(Expression::Clock);
    }
    Err("no form of time looks like this")
}

/// `1473504612`, `1473504612.92709`
fn read_unix(text: &str) -> Result<UnixNanos, Reason> {
    let (whole, fraction) = text
        .split_once('.')
        .map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let seconds = read_number(whole, "after @ stand seconds since 1970")?;
    let nanos = i64::from(fraction.map_or(Ok(0), read_fraction)?);
    seconds
        .checked_mul(1_000_000_000)
        .and_then(|n| n.checked_add(nanos))
        .map(UnixNanos)
        .ok_or(OUT_OF_RANGE)
}

/// `2016-09-10`, `2016-09-10 10:50:13.9`, `2016-09-10T10:50:13+02:00`
fn read_dated(text: &str) -> Result<Expression, Reason> {
    let (date, time) = match text.split_once(|c: char| c == 't' || c.is_whitespace()) {
        Some((date, time)) => (date, time.trim()),
        None => (text, "00:00"),
    };
    let mut parts = date.splitn(3, '-');
    let mut part = |digits| match parts.next() {
        Some(text) if text.len() == digits => read_number(text, "a date is year-month-day in digits"),
        _ => Err("a date is year-month-day, as in 2016-09-10"),
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    let date =
        NaiveDate::from_ymd_opt(year as i32, month as u32, day as u32).ok_or("there is no such day")?;
    let (time, offset) = split_offset(time)?;
    let local = date.and_time(read_clock(time)?);
    let Some(offset) = offset else {
        return Ok(Expression::Date(local));
    };
    let MappedLocalTime::Single(at) = offset.from_local_datetime(&local) else {
        return Err(OUT_OF_RANGE);
    };
    nanos(at).map(Expression::Instant)
}

/// `10:50:13z`, `10:50+02:00`, `10:50 -0700`: the time and its offset from UTC.
fn split_offset(text: &str) -> Result<(&str, Option<FixedOffset>), Reason> {
    if let Some(time) = text.strip_suffix('z') {
        return Ok((time.trim(), FixedOffset::east_opt(0)));
    }
    let Some(at) = text.find(['+', '-']) else {
        return Ok((text, None));
    };
    const WANTED: Reason = "an offset from UTC is written +02:00";
    let digits: String = text[at + 1..].chars().filter(|&c| c != ':').collect();
    if digits.len() != 4 {
        return Err(WANTED);
    }
    let number = read_number(&digits, WANTED)? as i32;
    let (hours, minutes) = (number / 100, number % 100);
    if minutes > 59 {
        return Err(WANTED);
    }
    let east = (hours * 60 + minutes) * 60 * if text.as_bytes()[at] == b'-' { -1 } else { 1 };
    Ok((
        text[..at].trim(),
        Some(FixedOffset::east_opt(east).ok_or(WANTED)?),
    ))
}

/// `10:50`, `10:50:13`, `10:50:13.92709`
fn read_clock(text: &str) -> Result<NaiveTime, Reason> {
    const DIGITS: Reason = "a clock time is hours:minutes in digits";
    let mut parts = text.splitn(3, ':');
    let mut part = || {
        parts.next().map(|text| {
            if text.len() <= 2 {
                read_number(text, DIGITS)
            } else {
                Err(DIGITS)
            }
        })
    };
    let (hour, minute) = (part().ok_or(DIGITS)??, part().ok_or("minutes are missing")??);
    let (second, nano) = match parts.next() {
        None => (0, 0),
        Some(text) => {
            let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
            if whole.len() > 2 {
                return Err(DIGITS);
            }
            (
                read_number(whole, DIGITS)?,
                fraction.map_or(Ok(0), read_fraction)?,
            )
        }
    };
    match (hour, minute, second) {
        (24.., ..) => Err("hours go to 23"),
        (_, 60.., _) => Err("minutes go to 59"),
        (.., 60..) => Err("seconds go to 59"),
        _ => {
            NaiveTime::from_hms_nano_opt(hour as u32, minute as u32, second as u32, nano).ok_or(OUT_OF_RANGE)
        }
    }
}

/// The digits behind a point, as nanoseconds.
fn read_fraction(digits: &str) -> Result<u32, Reason> {
    if digits.len() > 9 {
        return Err("a fraction has at most nine digits");
    }
    let number = read_number(digits, "a fraction is made of digits")?;
    Ok(number as u32 * 10u32.pow(9 - digits.len() as u32))
}

/// Digits only: `parse` alone would take `+5`.
fn read_number(digits: &str, wanted: Reason) -> Result<i64, Reason> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wanted);
    }
    digits.parse().map_err(|_| OUT_OF_RANGE)
}

fn read_length(text: &str) -> Result<Nanos, Reason> {
    const NUMBER: Reason = "a length is numbers with units";
    let mut rest = text;
    let mut total: Nanos = 0;
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or("the unit is missing")?;
        let (number, after) = rest.split_at(number_end);
        let after = after.trim_start();
        let unit_end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let (whole, fraction) = number
            .split_once('.')
            .map_or((number, None), |(w, f)| (w, Some(f)));
        let unit = unit_nanos(unit)?;
        let nano = i64::from(fraction.map_or(Ok(0), read_fraction)?);
        // The fraction of a week is below 2^50 billionths of a nanosecond × 10^9: i128 keeps it exact.
        let part =
            (i128::from(read_number(whole, NUMBER)?) * 1_000_000_000 + i128::from(nano)) * i128::from(unit);
        total = i64::try_from(part / 1_000_000_000)
            .ok()
            .and_then(|n| total.checked_add(n))
            .ok_or(OUT_OF_RANGE)?;
        rest = after.trim_start();
    }
    if text.is_empty() { Err(NUMBER) } else { Ok(total) }
}

fn unit_nanos(unit: &str) -> Result<Nanos, Reason> {
    const SECOND: Nanos = 1_000_000_000;
    Ok(match unit.to_lowercase().as_str() {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => 60 * SECOND,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600 * SECOND,
        "d" | "day" | "days" => 86_400 * SECOND,
        "w" | "week" | "weeks" => 7 * 86_400 * SECOND,
        _ => return Err("units are ms, s, m, h, d and w"),
    })
}

const OUT_OF_RANGE: Reason = "it lies outside the years 1678 to 2261";

fn resolve(expression: Expression, context: &Context, fold: Fold) -> Result<UnixNanos, Reason> {
    match expression {
        Expression::Instant(at) => Ok(at),
        Expression::Clock(time) => latest_clock(time, context.end(), context.tz, fold),
        Expression::Date(at) => instant(at, context.tz, fold),
        Expression::DaysBefore(days, time) => {
            let today = local(context.now, context.tz).date();
            let day = today.checked_sub_days(Days::new(days)).ok_or(OUT_OF_RANGE)?;
            instant(day.and_time(time), context.tz, fold)
        }
        Expression::Ago(length) => context
            .now
            .0
            .checked_sub(length)
            .map(UnixNanos)
            .ok_or(OUT_OF_RANGE),
    }
}

/// The latest instant not after `end` at which clocks showed `time`. `fold` chooses among two of one day.
fn latest_clock(time: NaiveTime, end: UnixNanos, tz: Tz, fold: Fold) -> Result<UnixNanos, Reason> {
    let today = local(end, tz).date();
    // The day before always has one: a change of clocks moves a day's times by less than a day.
    for day in [Some(today), today.pred_opt()].into_iter().flatten() {
        let preferred = instant(day.and_time(time), tz, fold)?;
        let at = if preferred <= end {
            preferred
        } else {
            instant(day.and_time(time), tz, Fold::First)?
        };
        if at <= end {
            return Ok(at);
        }
    }
    Err(OUT_OF_RANGE)
}

/// The first instant from `start` on at which clocks showed `time`.
fn earliest_clock(time: NaiveTime, start: UnixNanos, tz: Tz) -> Result<UnixNanos, Reason> {
    let today = local(start, tz).date();
    for day in [Some(today), today.succ_opt()].into_iter().flatten() {
        let at = instant(day.and_time(time), tz, Fold::Second)?;
        if at >= start {
            return Ok(at);
        }
    }
    Err(OUT_OF_RANGE)
}

pub(crate) fn instant(at: NaiveDateTime, tz: Tz, fold: Fold) -> Result<UnixNanos, Reason> {
    match tz.from_local_datetime(&at) {
        MappedLocalTime::Single(at) => nanos(at),
        MappedLocalTime::Ambiguous(first, second) => nanos(if fold == Fold::First { first } else { second }),
        MappedLocalTime::None => {
            let gap = GapInfo::new(&at, &tz).and_then(|gap| gap.end);
            nanos(gap.ok_or("clocks skipped this time, and it is not known by how much")?)
        }
    }
}

fn nanos<Z: TimeZone>(at: DateTime<Z>) -> Result<UnixNanos, Reason> {
    at.timestamp_nanos_opt().map(UnixNanos).ok_or(OUT_OF_RANGE)
}

fn local(at: UnixNanos, tz: Tz) -> NaiveDateTime {
    DateTime::<Utc>::from_timestamp_nanos(at.0)
        .with_timezone(&tz)
        .naive_local()
}

#[cfg(test)]
mod tests;
