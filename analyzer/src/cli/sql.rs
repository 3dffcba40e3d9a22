//! `analyzer sql`

use super::database::Database;
use super::grid::{self, Heading};
use super::span::Span;
use super::{Failure, destination, output};
use analyzer::export::{self, text};
use analyzer::sql::{self, Answer, Error};
use analyzer::tables::{Batch, Cell, Type};
use chrono_tz::Tz;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Answer a query in SQL over everything recorded
///
/// `analyzer tables` lists the tables, and `analyzer tables NAME` the columns of one with their units. `rate(x)`, or the column x_per_s,
/// is the change of x per second since the tick before: unknown across a gap, a reset or a boot. A text that is compared with the column
/// `at` is any time that --from takes, in the node's own zone. The SQL is polars', and names of columns are told apart by case.
///
/// An example: analyzer sql "SELECT at, rate(pgscan_kswapd) AS scanned FROM vmstat WHERE at >= '-10m' ORDER BY scanned DESC LIMIT 5"
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The query
    query: String,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Parquet,
    Arrow,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Query(text) => Failure::Usage(text),
            Error::Database(error) => Failure::Database(error),
        }
    }
}

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let db = Database::open(db, self.span.tz)?;
        let span = self.span.of(&db)?;
        let mut answer = sql::run(&db.path, span, &db.context, &self.query)?;
        let out = self.out.as_deref();
        match self.format {
            Format::Parquet => {
                let frame = &mut answer.frame;
                destination::write(out, true, |out| export::parquet::write_parquet(frame, out))?;
            }
            Format::Arrow => {
                let frame = &mut answer.frame;
                destination::write(out, true, |out| export::parquet::write_arrow(frame, out))?;
            }
            _ => {
                let batch = rows(&answer)?;
                destination::write(out, false, |out| self.print(&batch, db.context.tz, out))?;
            }
        }
        Ok(0)
    }

    fn print(&self, batch: &Batch, tz: Tz, out: &mut dyn Write) -> std::io::Result<()> {
        match self.format {
            Format::Csv => {
                text::csv_head(&batch.fields, out)?;
                text::csv_rows(batch, out)
            }
            Format::Json => {
                writeln!(out, "[")?;
                for row in 0..batch.len {
                    text::json_row(batch, row, None, out)?;
                    writeln!(out, "{}", if row + 1 < batch.len { "," } else { "" })?;
                }
                writeln!(out, "]")
            }
            _ => {
                let width = if self.out.is_none() {
                    grid::terminal_width()
                } else {
                    None
                };
                table(batch, tz, width, out)
            }
        }
    }
}

fn rows(answer: &Answer) -> Result<Batch, Failure> {
    sql::batch(&answer.frame, &answer.units).map_err(|error| Failure::Usage(error.to_string()))
}

fn table(batch: &Batch, tz: Tz, width: Option<usize>, mut out: &mut dyn Write) -> std::io::Result<()> {
    let heading = |field: &analyzer::tables::Field| Heading {
        name: field.name.to_string(),
        unit: match field.values {
            Type::Time => tz.name().to_owned(),
            _ => field.unit.clone(),
        },
        is_number: matches!(field.values, Type::Int | Type::Float),
    };
    let headings: Vec<Heading> = batch.fields.iter().map(heading).collect();
    let cell = |row: usize, column: usize| {
        let has_unit = !batch.fields[column].unit.is_empty();
        match batch.columns[column].get(row) {
            Cell::Unknown => "–".to_owned(),
            Cell::Time(at) => output::time(model::UnixNanos(at), tz),
            // A number that is told apart from an amount by having no unit may be a pid.
            Cell::Int(value) if has_unit => output::number(value as f64),
            Cell::Int(value) => value.to_string(),
            Cell::Float(value) => output::float(value),
            Cell::Text(text) => text.to_owned(),
            Cell::Bool(value) => value.to_string(),
        }
    };
    let columns = 0..batch.columns.len();
    let rows: Vec<Vec<String>> = (0..batch.len)
        .map(|row| columns.clone().map(|column| cell(row, column)).collect())
        .collect();
    grid::print(&headings, &rows, width, &mut out)?;
    let many = if batch.len == 1 { "" } else { "s" };
    writeln!(out, "{} row{many}", output::count(batch.len as u64))
}
