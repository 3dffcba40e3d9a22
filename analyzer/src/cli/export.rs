//! `analyzer export`

use super::database::Database;
use super::span::Span;
use super::tables::no_table;
use super::{Failure, destination};
use analyzer::export::{self, text};
use analyzer::tables::{Catalog, Table};
use analyzer::workers;
use clap::{Args, ValueEnum};
use model::TimeSpan;
use std::path::{Path, PathBuf};
use store::Reader;

/// Write what was recorded, for other programs
///
/// csv and parquet hold one table a file: name it with --table, or give --out a folder, which then gets a file for each. jsonl holds
/// any number, each line with its table. Times are UTC, and numbers in the units that `analyzer tables NAME` prints.
///
/// openmetrics is for `promtool tsdb create-blocks-from openmetrics`: names and units are node_exporter's where it has them. sadf is
/// what `sadf -j` prints, as far as it follows from what was recorded; `analyzer import sadf` reads it back.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to write
    #[arg(long, value_enum)]
    format: Format,
    /// Only this table; may be given several times [default: all but incidents]
    #[arg(long, value_name = "NAME")]
    table: Vec<String>,
    /// The file to write, or the folder for several tables [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
    #[cfg(feature = "sql")]
    Parquet,
    Openmetrics,
    Sadf,
}

/// Tables written at once: a piece of the largest takes some hundred megabytes.
const MOST_THREADS: usize = 4;

impl From<export::Error> for Failure {
    fn from(error: export::Error) -> Failure {
        match error {
            export::Error::Database(error) => Failure::Database(error),
            export::Error::Output(error) => Failure::Output(error),
            export::Error::Format(text) => Failure::Usage(text),
        }
    }
}

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let db = Database::open(db, self.span.tz)?;
        let span = self.span.of(&db)?;
        if db.reader.ticks(span)?.is_empty() {
            return Err(Failure::NoData("nothing was recorded in this span".into()));
        }
        let is_wanted = |name: &str| match self.table.as_slice() {
            // To explain everything is not what an export is for.
            [] => name != "incidents",
            names => names.iter().any(|wanted| wanted == name),
        };
        if self.format == Format::Sadf {
            if !self.table.is_empty() {
                return Err(Failure::Usage(
                    "sadf's JSON holds what sar knows: --table is not for it".into(),
                ));
            }
            let out = self.out.as_deref();
            destination::write(out, false, |out| export::sadf::write(&db.reader, span, out))?;
            return Ok(0);
        }
        let tables = Catalog::with(&db.reader, span, &is_wanted)?.tables;
        for name in &self.table {
            if !tables.iter().any(|table| *table.name == **name) {
                return Err(no_table(name, &db, span)?);
            }
        }
        match self.format {
            Format::Openmetrics => destination::write(self.out.as_deref(), false, |out| {
                export::openmetrics::write(&db.reader, span, &is_wanted, out)
            })?,
            Format::Jsonl => destination::write(self.out.as_deref(), false, |out| {
                tables.iter().try_for_each(|table| {
                    export::rows(&db.reader, table, span, &mut |batch| {
                        Ok(text::json_rows(&batch, Some(&table.name), out)?)
                    })
                })
            })?,
            _ => self.files(&db, &tables, span)?,
        }
        Ok(0)
    }

    /// A file for each table, or the one table.
    fn files(&self, db: &Database, tables: &[Table], span: TimeSpan) -> Result<(), Failure> {
        let folder = self.out.as_deref().filter(|out| tables.len() > 1 || out.is_dir());
        let end = if self.format == Format::Csv {
            "csv"
        } else {
            "parquet"
        };
        match (folder, tables) {
            (Some(folder), _) => {
                std::fs::create_dir_all(folder).map_err(|error| {
                    std::io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
                })?;
                workers::each(&db.reader, tables, MOST_THREADS, |reader, table| {
                    let file = folder.join(format!("{}.{end}", table.name));
                    self.file(reader, table, span, Some(&file))
                })?;
                Ok(())
            }
            (None, [table]) => self.file(&db.reader, table, span, self.out.as_deref()),
            (None, _) => Err(Failure::Usage(format!(
                "{end} holds one table a file: name one with --table, or give --out a folder"
            ))),
        }
    }

    fn file(
        &self,
        reader: &Reader,
        table: &Table,
        span: TimeSpan,
        path: Option<&Path>,
    ) -> Result<(), Failure> {
        if self.format == Format::Csv {
            return destination::write(path, false, |out| {
                text::csv_head(&table.fields, out)?;
                export::rows(reader, table, span, &mut |batch| Ok(text::csv_rows(&batch, out)?))
            });
        }
        #[cfg(feature = "sql")]
        destination::write(path, true, |out| {
            export::parquet::write_table(reader, table, span, out)
        })?;
        Ok(())
    }
}
