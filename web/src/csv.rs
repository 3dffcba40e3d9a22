//! Tables as CSV (RFC 4180), for spreadsheets that believe whatever they are given.

use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt::Write;

/// A line for each time, with a field for each column; empty where nothing is known.
pub(crate) fn text(at: &[f64], columns: &[(String, &[Option<f64>])]) -> String {
    let mut out = String::from("time");
    for (title, _) in columns {
        out.push(',');
        out.push_str(&field(title));
    }
    out.push_str("\r\n");
    for (k, &seconds) in at.iter().enumerate() {
        let time = DateTime::<Utc>::from_timestamp_millis((seconds * 1e3).round() as i64).unwrap_or_default();
        out.push_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true));
        for (_, values) in columns {
            out.push(',');
            if let Some(Some(value)) = values.get(k) {
                let _ = write!(out, "{value}");
            }
        }
        out.push_str("\r\n");
    }
    out
}

/// Text from a machine: quoted, and nothing that a spreadsheet would take for a formula.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let safe = if formula {
        format!("'{text}")
    } else {
        text.to_string()
    };
    if safe.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", safe.replace('"', "\"\""))
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_is_not_known_is_empty_and_names_do_no_harm() {
        let (a, b) = ([Some(1.5), None], [Some(0.0)]);
        let columns = [
            ("=HYPERLINK(\"x\")@host".to_string(), &a[..]),
            ("b".to_string(), &b[..]),
        ];
        let lines = [
            "time,\"'=HYPERLINK(\"\"x\"\")@host\",b",
            "1970-01-01T00:00:01.500Z,1.5,0",
            "1970-01-01T00:00:02.000Z,,",
            "",
        ];
        assert_eq!(text(&[1.5, 2.0], &columns), lines.join("\r\n"));
    }
}
