//! Rows as CSV and as lines of JSON. Times are RFC 3339 in UTC; what is not known is empty, or `null`.

use crate::tables::{Batch, Cell, Field};
use chrono::{DateTime, SecondsFormat};
use std::io::{self, Write};

/// `2016-09-10T10:53:31.927Z`
pub fn time(nanos: i64) -> String {
    DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The first line of a CSV file (RFC 4180).
///
/// # Errors
/// When it cannot be written.
pub fn csv_head(fields: &[Field], out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<String> = fields.iter().map(|field| csv_text(&field.name)).collect();
    writeln!(out, "{}", names.join(","))
}

/// Rows as lines of CSV.
///
/// # Errors
/// When they cannot be written.
pub fn csv_rows(batch: &Batch, out: &mut dyn Write) -> io::Result<()> {
    for row in 0..batch.len {
        for (i, column) in batch.columns.iter().enumerate() {
            if i > 0 {
                out.write_all(b",")?;
            }
            match column.get(row) {
                Cell::Unknown => {}
                Cell::Time(at) => out.write_all(time(at).as_bytes())?,
                Cell::Int(value) => write!(out, "{value}")?,
                Cell::Float(value) => write!(out, "{value}")?,
                Cell::Bool(value) => write!(out, "{value}")?,
                Cell::Text(text) => out.write_all(csv_text(text).as_bytes())?,
            }
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// An empty text is told from an unknown one by its quotes.
fn csv_text(text: &str) -> String {
    if text.is_empty() || text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Rows as objects, one a line; with the table's name first where one is given.
///
/// # Errors
/// When they cannot be written.
pub fn json_rows(batch: &Batch, table: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    for row in 0..batch.len {
        json_row(batch, row, table, out)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// One row as an object.
///
/// # Errors
/// When it cannot be written.
pub fn json_row(batch: &Batch, row: usize, table: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{")?;
    if let Some(table) = table {
        write!(out, "\"table\":{}", serde_json::to_string(table)?)?;
    }
    for (i, (field, column)) in batch.fields.iter().zip(&batch.columns).enumerate() {
        if i > 0 || table.is_some() {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *out, &*field.name)?;
        out.write_all(b":")?;
        match column.get(row) {
            Cell::Time(at) => write!(out, "\"{}\"", time(at))?,
            Cell::Int(value) => write!(out, "{value}")?,
            // JSON has no word for what is no number.
            Cell::Float(value) if value.is_finite() => write!(out, "{value}")?,
            Cell::Bool(value) => write!(out, "{value}")?,
            Cell::Text(text) => serde_json::to_writer(&mut *out, text)?,
            Cell::Unknown | Cell::Float(_) => out.write_all(b"null")?,
        }
    }
    out.write_all(b"}")
}
