//! How numbers and times are printed.

use super::database::Database;
use analyzer::report::{Commands, Style};
use chrono::DateTime;
use chrono_tz::Tz;
use model::{Nanos, UnixNanos};
use std::io::IsTerminal;
use std::path::PathBuf;

/// Width of a report that no terminal shows, and the widest that is still read with ease.
const WIDTH: usize = 100;
const WIDEST: usize = 120;

/// How to print on what standard output is.
pub(super) fn style(color: clap::ColorChoice) -> Style {
    let color = match color {
        clap::ColorChoice::Always => true,
        clap::ColorChoice::Never => false,
        // NO_COLOR, CLICOLOR_FORCE, TERM=dumb and whether it is a terminal at all.
        clap::ColorChoice::Auto => {
            anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
        }
    };
    let terminal = std::io::stdout()
        .is_terminal()
        .then(terminal_size::terminal_size)
        .flatten();
    let width = terminal.map_or(WIDTH, |(width, _)| usize::from(width.0).clamp(60, WIDEST));
    Style { width, color }
}

/// What the commands that a report over `span` prints need: the database, unless it would be found without, the zone that was asked for, and
/// the day, where the data goes on for a day after it.
pub(super) fn commands(db: &Database, tz: Option<Tz>, span: model::TimeSpan) -> Commands {
    let is_found = std::env::var_os("HIGHWATER_DB").map(PathBuf::from) == Some(db.path.clone())
        || store::default_path().is_ok_and(|default| default == db.path);
    let mut options = String::new();
    if !is_found {
        options += &format!(" --db \"{}\"", db.path.display());
    }
    if let Some(tz) = tz {
        options += &format!(" --tz {tz}");
    }
    Commands {
        options,
        dated: db.extent.to.seconds_since(span.from) >= 86_400.0,
    }
}

/// `2026-11-23 22:54:32.313`
pub(super) fn time(at: UnixNanos, tz: Tz) -> String {
    DateTime::from_timestamp_nanos(at.0)
        .with_timezone(&tz)
        .format("%Y-%m-%d %H:%M:%S%.3f")
        .to_string()
}

/// `2026-11-23 22:41:09 – 22:43:08 UTC`; the day is repeated where it differs.
pub(super) fn span(span: model::TimeSpan, tz: Tz) -> String {
    let local = |at: UnixNanos| DateTime::from_timestamp_nanos(at.0).with_timezone(&tz);
    let (from, to) = (local(span.from), local(span.to));
    let to_format = if from.date_naive() == to.date_naive() {
        "%H:%M:%S %Z"
    } else {
        "%Y-%m-%d %H:%M:%S %Z"
    };
    format!("{} – {}", from.format("%Y-%m-%d %H:%M:%S"), to.format(to_format))
}

/// `1 s`, `100 ms`, `10 min`
pub(super) fn length(nanos: Nanos) -> String {
    const SECOND: Nanos = 1_000_000_000;
    match nanos {
        n if n >= 60 * SECOND && n % (60 * SECOND) == 0 => format!("{} min", n / (60 * SECOND)),
        n if n >= SECOND => format!("{} s", n as f64 / SECOND as f64),
        n => format!("{} ms", n as f64 / 1e6),
    }
}

/// `1,234,567`; with decimals only where there are any, two at most.
pub(super) fn number(value: f64) -> String {
    let text = if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    };
    group(&text)
}

/// Whatever a query worked out: to four figures or so, and no whole digit less: `12,345.7`, `22.4`, `0.00333`.
#[cfg(feature = "sql")]
pub(super) fn float(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let decimals = match value.abs() {
        v if v == 0.0 || v >= 1e6 => 0,
        v if v >= 100.0 => 1,
        v if v >= 1.0 => 3,
        v => (3 - v.log10().floor() as i64).clamp(0, 12) as usize,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    group(text)
}

/// A rate to three figures or so: `537,585`, `22.4`, `0.033`.
pub(super) fn rate(value: f64) -> String {
    let decimals = match value.abs() {
        v if v == 0.0 || v >= 99.95 => 0,
        v if v >= 1.0 => 1,
        _ => 3,
    };
    group(&format!("{value:.decimals$}"))
}

/// `12,345`
pub(super) fn count(value: u64) -> String {
    group(&value.to_string())
}

/// `1.2 MB`
pub(super) fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            let decimals = usize::from(unit != "B" && value < 99.95);
            return format!("{value:.decimals$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

fn group(number: &str) -> String {
    let whole_end = number.find('.').unwrap_or(number.len());
    let whole_start = usize::from(number.starts_with('-'));
    let mut out = String::with_capacity(number.len() + number.len() / 3);
    for (i, digit) in number.char_indices() {
        if i > whole_start && i < whole_end && (whole_end - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn numbers_are_grouped() {
        let numbers = [0.0, 999.0, 1000.0, -1000.0, -123.5, 1234567.891, 1e15];
        let shown: Vec<_> = numbers
            .iter()
            .map(|&n| format!("{} {}", number(n), rate(n)))
            .collect();
        expect![[r#"
            0 0
            999 999
            1,000 1,000
            -1,000 -1,000
            -123.50 -124
            1,234,567.89 1,234,568
            1,000,000,000,000,000 1,000,000,000,000,000"#]]
        .assert_eq(&shown.join("\n"));
        #[cfg(feature = "sql")]
        expect!["0 12,345.7 1,234,568 22.444 0.003333 -0.5"].assert_eq(
            &[0.0, 12_345.67, 1_234_567.8, 22.4444, 0.0033333, -0.5]
                .map(float)
                .join(" "),
        );
        expect!["0.033 22.4 99.9 100"].assert_eq(&[0.0333, 22.44, 99.94, 99.96].map(rate).join(" "));
        let sizes = [0, 999, 1000, 99_949, 99_950, 999_499, 999_500, 5_000_000_000_000];
        expect!["0 B, 999 B, 1.0 kB, 99.9 kB, 100 kB, 999 kB, 1.0 MB, 5.0 TB"]
            .assert_eq(&sizes.map(bytes).join(", "));
        expect!["1 s, 100 ms, 10 min, 90 s, 1.5 s"].assert_eq(
            &[
                1_000_000_000,
                100_000_000,
                600_000_000_000,
                90_000_000_000,
                1_500_000_000,
            ]
            .map(length)
            .join(", "),
        );
    }
}
