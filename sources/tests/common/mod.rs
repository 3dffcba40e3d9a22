//! What the tests share: the fixtures, and columns as a table for people.
#![allow(dead_code, reason = "every test binary uses its own part")]

use model::{Column, Template};
use std::fmt::Write;
use std::path::PathBuf;

/// The folders of `fixtures`, oldest kernel first.
pub(crate) const ERAS: [&str; 5] = ["2.6.32-el6", "3.10-el7", "4.19", "5.10", "6.18"];

/// Where the text of a source in an era is kept.
pub(crate) fn fixture_path(era: &str, source: &str) -> PathBuf {
    let file = source.replace('/', "_");
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures", era, &file]
        .iter()
        .collect()
}

/// The text of a source in an era; `None` when that kernel has no such file.
pub(crate) fn fixture(era: &str, source: &str) -> Option<Vec<u8>> {
    std::fs::read(fixture_path(era, source)).ok()
}

/// Decodes a text with the source of this name.
pub(crate) fn decode(source: &str, text: &[u8]) -> (Vec<Column>, Vec<u64>) {
    let (template, values) = Template::parse(text, None);
    let source = sources::find(source).expect("a known source");
    ((source.decode)(&template), values)
}

/// The value of a metric of a subject, in its unit; `None` when there is no such column.
pub(crate) fn value(columns: &[Column], values: &[u64], metric: &str, subject: &str) -> Option<f64> {
    let column = columns
        .iter()
        .find(|c| &*c.metric.name == metric && c.subject.to_string() == subject)?;
    Some(column.value(values[column.slot]))
}

/// A line a column: slot, value, metric, subject, unit, kind.
pub(crate) fn table(columns: &[Column], values: &[u64]) -> String {
    let rows: Vec<[String; 6]> = columns
        .iter()
        .map(|c| {
            [
                c.slot.to_string(),
                c.value(values[c.slot]).to_string(),
                c.metric.name.to_string(),
                c.subject.to_string(),
                format!("{:?}", c.metric.unit),
                format!("{:?}", c.metric.kind),
            ]
        })
        .collect();
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut out = String::new();
    for [slot, value, metric, subject, unit, kind] in &rows {
        let [a, b, c, d, e] = widths;
        writeln!(
            out,
            "{slot:>a$} {value:>b$}  {metric:c$}  {subject:d$}  {unit:e$}  {kind}"
        )
        .expect("a String takes all");
    }
    out
}

/// `table` of a text.
pub(crate) fn decoded(source: &str, text: &str) -> String {
    let (columns, values) = decode(source, text.as_bytes());
    table(&columns, &values)
}
