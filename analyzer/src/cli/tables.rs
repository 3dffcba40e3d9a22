//! `analyzer tables`

use super::database::Database;
use super::grid::{self, Heading};
use super::span::Span;
use super::{Failure, output};
use analyzer::tables::{Catalog, Field, Table, Type};
use clap::Args;
use model::{Kind, TimeSpan};
use serde_json::json;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Print which tables `sql` and `export` have; with a name, its columns with units
///
/// Each number `x` also has `x_per_s`, its change per second, which is unknown across a gap, a reset or a boot.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print the columns of this table
    table: Option<String>,
    #[command(flatten)]
    span: Span,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let db = Database::open(db, self.span.tz)?;
        let span = self.span.of(&db)?;
        let catalog = Catalog::with(&db.reader, span, &|name| {
            self.table.as_deref().is_none_or(|table| table == name)
        })?;
        let mut counted = Vec::new();
        for table in &catalog.tables {
            counted.push((table, table.count(&db.reader, span)?));
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        match &self.table {
            Some(name) if counted.is_empty() => return Err(no_table(name, &db, span)?),
            _ if self.json => {
                let tables: Vec<_> = counted
                    .iter()
                    .map(|(table, rows)| as_json(table, *rows))
                    .collect();
                serde_json::to_writer_pretty(&mut out, &tables).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
            Some(_) => counted
                .iter()
                .try_for_each(|(table, _)| columns(table, &mut out))?,
            None => {
                writeln!(out, "{}", output::span(span, db.context.tz))?;
                list(&counted, &mut out)?;
            }
        }
        out.flush()?;
        Ok(0)
    }
}

/// There is no such table; there are these.
pub(super) fn no_table(name: &str, db: &Database, span: TimeSpan) -> Result<Failure, Failure> {
    let catalog = Catalog::of(&db.reader, span)?;
    let names: Vec<&str> = catalog.tables.iter().map(|table| &*table.name).collect();
    let names = names.join(", ");
    Ok(Failure::Usage(format!(
        "there is no table {name:?}; there are {names}"
    )))
}

fn list(counted: &[(&Table, Option<usize>)], out: &mut impl Write) -> std::io::Result<()> {
    let heading = |name: &str, is_number| Heading {
        name: name.into(),
        unit: String::new(),
        is_number,
    };
    let headings = [
        heading("table", false),
        heading("rows", true),
        heading("columns", true),
        heading("about", false),
    ];
    let row = |(table, rows): &(&Table, Option<usize>)| {
        vec![
            table.name.to_string(),
            rows.map_or("–".into(), |rows| output::count(rows as u64)),
            table.fields.len().to_string(),
            table.about.clone(),
        ]
    };
    let rows: Vec<_> = counted.iter().map(row).collect();
    grid::print(&headings, &rows, grid::terminal_width(), out)
}

fn columns(table: &Table, out: &mut impl Write) -> std::io::Result<()> {
    let heading = |name: &str| Heading {
        name: name.into(),
        unit: String::new(),
        is_number: false,
    };
    let headings = ["column", "values", "unit", "kind"].map(heading);
    let row = |field: &Field| {
        vec![
            field.name.to_string(),
            type_word(field.values).into(),
            field.unit.clone(),
            kind_word(field.kind).into(),
        ]
    };
    let rows: Vec<_> = table.fields.iter().map(row).collect();
    writeln!(out, "{}: {}", table.name, table.about)?;
    grid::print(&headings, &rows, grid::terminal_width(), out)
}

fn as_json(table: &Table, rows: Option<usize>) -> serde_json::Value {
    let column = |field: &Field| {
        json!({
            "name": *field.name,
            "type": type_word(field.values),
            "unit": field.unit,
            "kind": field.kind.map(|_| kind_word(field.kind)),
        })
    };
    let columns: Vec<_> = table.fields.iter().map(column).collect();
    json!({ "name": *table.name, "about": table.about, "rows": rows, "columns": columns })
}

fn type_word(values: Type) -> &'static str {
    match values {
        Type::Time => "time",
        Type::Int => "integer",
        Type::Float => "number",
        Type::Text => "text",
        Type::Bool => "boolean",
    }
}

fn kind_word(kind: Option<Kind>) -> &'static str {
    match kind {
        Some(Kind::Gauge) => "gauge",
        Some(_) => "counter",
        None => "",
    }
}
