//! Parquet and Arrow files.

use super::{Error, rows};
use crate::sql::frame;
use crate::tables::{Batch, Table, Values};
use chrono_tz::Tz;
use model::TimeSpan;
use polars_core::prelude::{CompatLevel, DataFrame, PolarsError};
use polars_io::SerWriter;
use polars_io::ipc::IpcWriter;
use polars_io::parquet::write::{ParquetCompression, ParquetWriter};
use std::io::Write;
use store::Reader;

impl From<PolarsError> for Error {
    fn from(error: PolarsError) -> Error {
        match error {
            PolarsError::IO { error, .. } => {
                Error::Output(std::io::Error::new(error.kind(), error.to_string()))
            }
            other => Error::Format(other.to_string()),
        }
    }
}

/// Writes a table as a Parquet file with a group of rows for each piece of the span. Times are in UTC.
///
/// # Errors
/// When the database cannot be read, or the file cannot be written.
pub fn write_table(
    reader: &Reader,
    table: &Table,
    span: TimeSpan,
    out: impl Write + Send,
) -> Result<(), Error> {
    let fields = table.fields.clone();
    let columns = fields.iter().map(|field| Values::new(field.values)).collect();
    let empty = frame(
        Batch {
            fields,
            columns,
            len: 0,
        },
        Tz::UTC,
    )?;
    let writer = ParquetWriter::new(out).with_compression(ParquetCompression::Snappy);
    let mut writer = writer.batched(empty.schema())?;
    rows(reader, table, span, &mut |batch| {
        writer.write_batch(&frame(batch, Tz::UTC)?)?;
        Ok(())
    })?;
    writer.finish()?;
    Ok(())
}

/// Writes the result of a query as a Parquet file.
///
/// # Errors
/// When it cannot be written.
pub fn write_parquet(frame: &mut DataFrame, out: impl Write + Send) -> Result<(), Error> {
    ParquetWriter::new(out)
        .with_compression(ParquetCompression::Snappy)
        .finish(frame)?;
    Ok(())
}

/// Writes the result of a query as an Arrow (IPC) file.
///
/// # Errors
/// When it cannot be written.
pub fn write_arrow(frame: &mut DataFrame, out: impl Write) -> Result<(), Error> {
    // Programs that know only the first versions of Arrow read it too.
    IpcWriter::new(out)
        .with_compat_level(CompatLevel::oldest())
        .finish(frame)?;
    Ok(())
}
