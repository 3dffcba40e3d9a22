//! What was recorded, for other programs: piece by piece, so that a year needs no more memory than an hour.

pub mod openmetrics;
mod openmetrics_names;
#[cfg(feature = "sql")]
pub mod parquet;
pub mod sadf;
mod sadf_sample;
pub mod text;

use crate::tables::{Batch, Table};
use model::TimeSpan;
use std::io;
use store::Reader;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Database(#[from] store::Error),
    /// Whoever takes the data.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// What was asked for cannot be said in the format.
    #[error("{0}")]
    Format(String),
}

/// Ticks read at a time.
const PIECE_TICKS: i64 = 7200;

/// A span in pieces of some thousand ticks, so that what is held at a time is bounded.
///
/// # Errors
/// When the database cannot be read.
pub fn pieces(reader: &Reader, span: TimeSpan) -> store::Result<impl Iterator<Item = TimeSpan> + use<>> {
    let extent = reader.extent()?.unwrap_or(span);
    let (mut from, end) = (span.from.max(extent.from), span.to.min(extent.to));
    let intervals = reader.runs()?.into_iter().map(|(_, _, run)| run.interval);
    let length = intervals.min().unwrap_or(0).max(1).saturating_mul(PIECE_TICKS);
    Ok(std::iter::from_fn(move || {
        let piece = (from <= end).then(|| TimeSpan::new(from, (from + (length - 1)).min(end)))?;
        from = piece.to + 1;
        Some(piece)
    }))
}

/// Shows all rows of a table, piece by piece, with all its columns.
///
/// # Errors
/// When the database cannot be read, or what `take` says.
pub fn rows(
    reader: &Reader,
    table: &Table,
    span: TimeSpan,
    take: &mut dyn FnMut(Batch) -> Result<(), Error>,
) -> Result<(), Error> {
    let names: Vec<&str> = table.fields.iter().map(|field| &*field.name).collect();
    if !table.is_split_by_time() {
        return take(table.read(reader, span, &names)?);
    }
    for piece in pieces(reader, span)? {
        let batch = table.read(reader, piece, &names)?;
        if batch.len > 0 {
            take(batch)?;
        }
    }
    Ok(())
}
