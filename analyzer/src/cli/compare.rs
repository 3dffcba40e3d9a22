//! `analyzer compare`

use super::database::Database;
use super::{Failure, output};
use analyzer::compare::compare;
use analyzer::report;
use analyzer::time_grammar::{self, Context};
use clap::Args;
use model::{Nanos, TimeSpan};
use std::io::Write;
use std::path::Path;

/// Compare two spans: what differs between before and after
///
/// A span is FROM..TO, T±LENGTH, or a time, which means the ten seconds from it:
///
///   analyzer compare 10:50..10:52 10:53:31
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The first span
    #[arg(value_name = "A", allow_hyphen_values = true)]
    a: String,
    /// The second one
    #[arg(value_name = "B", allow_hyphen_values = true)]
    b: String,
    /// Time zone of clock times and of the report, such as Europe/Berlin [default: the node's own]
    #[arg(long, value_name = "ZONE")]
    tz: Option<chrono_tz::Tz>,
    /// Print every difference, not only the largest
    #[arg(long)]
    all: bool,
    /// Print JSON (schema highwater.compare/1)
    #[arg(long)]
    json: bool,
}

/// What a single time means.
const INSTANT: Nanos = 10_000_000_000;

impl Arguments {
    pub(super) fn run(self, path: &Path, color: clap::ColorChoice) -> Result<u8, Failure> {
        let db = Database::open(path, self.tz)?;
        let tz = db.context.tz;
        let (a, b) = (span(&self.a, &db.context)?, span(&self.b, &db.context)?);
        let comparison = compare(&db.reader, a, b)?.map_err(|empty| {
            Failure::NoData(format!(
                "no data in {}; there is some in {}",
                output::span(empty, tz),
                output::span(db.extent, tz)
            ))
        })?;
        let text = if self.json {
            serde_json::to_string_pretty(&comparison).map_err(std::io::Error::from)? + "\n"
        } else {
            report::differences(&comparison, tz.name(), self.all, &output::style(color))
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(0)
    }
}

fn span(text: &str, context: &Context) -> Result<TimeSpan, Failure> {
    if let Some((from, to)) = text.split_once("..") {
        return Ok(time_grammar::parse_window(
            Some(from),
            Some(to),
            INSTANT,
            context,
        )?);
    }
    if text.contains('±') || text.contains("+-") {
        return Ok(time_grammar::parse_around(text, context)?);
    }
    let from = time_grammar::parse(text, context)?;
    Ok(TimeSpan::new(from, from + INSTANT))
}
