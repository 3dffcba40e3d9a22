//! SQL over what was recorded: polars runs the query, and [`crate::tables`] reads the columns and the span that it needs.
//!
//! A table is decoded when the query reaches it. What polars asks for decides what is read: its columns, and of the times
//! those that the condition on `at` leaves.

mod frame;
mod names;
mod scan;
mod units;
mod words;

pub use frame::{batch, frame};

use crate::tables::Catalog;
use crate::time_grammar::Context;
use model::TimeSpan;
use polars_core::prelude::{DataFrame, PolarsError};
use polars_lazy::prelude::{LazyFrame, ScanArgsAnonymous};
use polars_sql::SQLContext;
use std::path::Path;
use std::sync::{Arc, Mutex};
use store::Reader;
use words::Words;

/// What a query gives.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Rows.
    pub frame: DataFrame,
    /// The unit of each column; empty where there is none or it does not follow from the query.
    pub units: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The query.
    #[error("{0}")]
    Query(String),
    /// The database.
    #[error(transparent)]
    Database(#[from] store::Error),
}

/// Runs a query over a span of a database. Times in it are in the context's zone.
///
/// # Errors
/// A query that is wrong, or that polars cannot run; a database that cannot be read.
pub fn run(path: &Path, span: TimeSpan, context: &Context, query: &str) -> Result<Answer, Error> {
    let words = Words::of(query, context).map_err(Error::Query)?;
    let reader = Reader::open(path)?;
    let catalog = Catalog::with(&reader, span, &|table| words.lists_tables() || words.names(table))?;
    let reader = Arc::new(Mutex::new(reader));
    let mut sql = SQLContext::new();
    for table in &catalog.tables {
        let scan = scan::Scan::new(reader.clone(), table, span, context.tz, &words);
        let arguments = ScanArgsAnonymous {
            schema: Some(scan.schema()),
            name: "recorded",
            ..ScanArgsAnonymous::default()
        };
        let frame = LazyFrame::anonymous_scan(Arc::new(scan), arguments);
        sql.register(
            &table.name,
            frame.map_err(|error| Error::Query(one_line(&error)))?,
        );
    }
    let run = || sql.execute(words.query()).and_then(LazyFrame::collect);
    let frame = match quietly(run) {
        Ok(Ok(frame)) => frame,
        Ok(Err(error)) => {
            // What the store said reached polars as a text only.
            let open = |_| {
                reader
                    .lock()
                    .ok()
                    .and_then(|reader| Catalog::of(&reader, span).ok())
            };
            return Err(Error::Query(explained(&error, &words, open)));
        }
        Err(panic) => return Err(Error::Query(format!("polars cannot run this query: {panic}"))),
    };
    let units = units::of(words.query(), &catalog, &frame);
    Ok(Answer { frame, units })
}

/// Runs it; what polars has not got yet it says by panicking.
fn quietly<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    std::panic::set_hook(hook);
    done.map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said
            .or(panic.downcast_ref::<&str>().copied())
            .unwrap_or("it gives up");
        said.lines().next().unwrap_or_default().to_owned()
    })
}

fn one_line(error: &PolarsError) -> String {
    let text = error.to_string();
    let text = text.trim_start_matches("sql parser error: ");
    text.lines().next().unwrap_or_default().to_owned()
}

/// One line, with what there is where a name was wrong.
fn explained(error: &PolarsError, words: &Words, open: impl FnOnce(()) -> Option<Catalog>) -> String {
    let line = one_line(error);
    if let Some(name) = line
        .strip_prefix("relation '")
        .and_then(|rest| rest.strip_suffix("' was not found"))
    {
        let names = open(()).map_or(String::new(), |catalog| {
            let names: Vec<String> = catalog
                .tables
                .iter()
                .map(|table| table.name.to_string())
                .collect();
            format!("; there are {}", names.join(", "))
        });
        return format!("there is no table {name}{names}");
    }
    // polars lists all columns of the table, which may be hundreds.
    match line.split_once("; valid columns") {
        Some((line, _)) => {
            let table = words.first_table();
            format!("{line}; `analyzer tables {table}` lists them")
        }
        None => line,
    }
}

#[cfg(test)]
mod tests;
