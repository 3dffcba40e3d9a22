//! `analyzer diff`

use super::database::Database;
use super::{Failure, output};
use analyzer::diff::{Diff, diff};
use analyzer::time_grammar;
use chrono_tz::Tz;
use clap::Args;
use model::Unit;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Print which numbers of a kernel file moved between two times
///
/// The two readings are those at or last before the times given. Numbers that moved furthest come first: amounts of memory and
/// I/O by bytes, then times, then things counted. Counters also have a rate per second.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Path under /proc: meminfo, zoneinfo, vmstat, pressure/io, …
    source: String,
    /// The two times, earlier one first
    #[arg(long, value_name = "T", allow_hyphen_values = true, required = true)]
    at: Vec<String>,
    /// Time zone of clock times, such as Europe/Berlin [default: the node's own]
    #[arg(long, value_name = "ZONE")]
    tz: Option<Tz>,
    /// Print so many at most
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let [a, b] = self.at.as_slice() else {
            return Err(Failure::Usage(format!(
                "diff wants --at twice, not {} times",
                self.at.len()
            )));
        };
        let db = Database::open(db, self.tz)?;
        let (a, b) = (
            time_grammar::parse(a, &db.context)?,
            time_grammar::parse(b, &db.context)?,
        );
        if a > b {
            let show = |at| output::time(at, db.context.tz);
            return Err(Failure::Usage(format!(
                "the first --at {} is after the second {}",
                show(a),
                show(b)
            )));
        }
        let reading = |at| {
            db.reader.reading_at(&self.source, at)?.ok_or_else(|| {
                let at = output::time(at, db.context.tz);
                Failure::NoData(format!("no reading of {} at or before {at}", self.source))
            })
        };
        let (a, b) = (reading(a)?, reading(b)?);
        if sources::find(&self.source).is_none() {
            return Err(Failure::Usage(format!(
                "{} has no numbers that are understood",
                self.source
            )));
        }
        let decode = |template: &_| sources::decode(&self.source, template).unwrap_or_default();
        let mut diff = diff(&self.source, decode, &a, &b);
        if let Some(limit) = self.limit {
            diff.moved.truncate(limit);
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        if self.json {
            serde_json::to_writer_pretty(&mut out, &diff).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            print(&diff, db.context.tz, &mut out)?;
        }
        out.flush()?;
        Ok(0)
    }
}

fn print(diff: &Diff, tz: Tz, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{}: {} → {} {tz}, {:.3} s",
        diff.source,
        output::time(diff.at.0, tz),
        output::time(diff.at.1, tz),
        diff.seconds
    )?;
    if diff.rebooted {
        writeln!(
            out,
            "The machine booted in between: counters began again and cannot be compared."
        )?;
    }
    let mut rows =
        vec![["metric", "subject", "before", "after", "difference", "per second"].map(str::to_owned)];
    for moved in &diff.moved {
        let unit = |number: String| with_unit(number, moved.unit);
        rows.push([
            moved.metric.to_string(),
            moved.subject.to_string(),
            output::number(moved.before),
            output::number(moved.after),
            moved.by.map_or("reset".into(), |by| {
                unit(format!(
                    "{}{}",
                    if by > 0.0 { "+" } else { "" },
                    output::number(by)
                ))
            }),
            moved
                .per_second
                .map_or(String::new(), |rate| unit(output::rate(rate))),
        ]);
    }
    for row in &diff.one_sided {
        let value = output::number(row.value);
        let (before, after, what) = match row.appeared {
            true => ("–".to_owned(), value, "appeared"),
            false => (value, "–".to_owned(), "gone"),
        };
        rows.push([
            row.metric.to_string(),
            row.subject.to_string(),
            before,
            after,
            what.into(),
            String::new(),
        ]);
    }
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    for row in &rows {
        let [metric, subject, numbers @ ..] = row;
        let mut line = format!("{metric:0$}  {subject:1$}", widths[0], widths[1]);
        for (number, width) in numbers.iter().zip(&widths[2..]) {
            line += &format!("  {number:>width$}");
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(
        out,
        "{} of {} numbers moved",
        diff.moved.len(),
        diff.moved.len() + diff.unmoved
    )
}

fn with_unit(number: String, unit: Unit) -> String {
    match unit.symbol() {
        "" => number,
        symbol => format!("{number} {symbol}"),
    }
}
