//! `analyzer bundle`

use super::database::Database;
use super::{Failure, output};
use analyzer::bundle::{self, Error};
use analyzer::{explain, time_grammar, window};
use chrono::DateTime;
use chrono_tz::Tz;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Write a span as one file for a ticket or a colleague: the data, the explanation, the HTML report
///
/// The file is a database. `analyzer explain --db FILE` explains the span again, and `cat`, `diff` and the others read it too. Ten minutes
/// before the span are in it as well, because an explanation compares with them. Without highwater,
/// `sqlite3 FILE "SELECT value FROM cache WHERE key = 'bundle/report.html'"` gives the report.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Start of the span
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: String,
    /// End of the span [default: the end of the data]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    to: Option<String>,
    /// File to write, which must not be there [default: highwater-<time>.db in this folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Hide command lines, names of hosts and users, control groups and mount points: the same name becomes the same token
    ///
    /// Names of programs stay, unless they hold one of these, and so does what the kernel counts. Of the kernel's log, what others than
    /// the kernel wrote is hidden whole. Files that are not known to be free of names are left out.
    #[arg(long)]
    redact: bool,
    /// Time zone of clock times and of the report, such as Europe/Berlin [default: the node's own]
    #[arg(long, value_name = "ZONE")]
    tz: Option<Tz>,
}

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let db = Database::open(db, self.tz)?;
        let tz = db.context.tz;
        let length = window::LEAD_SECONDS * 1_000_000_000;
        let span = time_grammar::parse_window(Some(&self.from), self.to.as_deref(), length, &db.context)?;
        let file = self.out.unwrap_or_else(|| {
            let from = DateTime::from_timestamp_nanos(span.from.0).with_timezone(&tz);
            format!("highwater-{}.db", from.format("%Y%m%d-%H%M%S")).into()
        });
        let bundle = bundle::write(&db.reader, span, &file, self.redact, &explain::Options::new(tz));
        let bundle = bundle.map_err(|error| match error {
            Error::NoData => Failure::NoData(format!(
                "no data in {}; there is some in {}",
                output::span(span, tz),
                output::span(db.extent, tz)
            )),
            Error::Io { .. } => Failure::Usage(error.to_string()),
            Error::Store(error) => Failure::Database(error),
        })?;
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{}: {}, {} ticks",
            file.display(),
            output::bytes(bundle.bytes),
            output::count(bundle.extracted.tick_count)
        )?;
        if let Some(ticks) = bundle.extracted.ticks {
            let lead = span.from.seconds_since(ticks.from).max(0.0);
            writeln!(
                out,
                "  {}, {lead:.0} s of it before the span",
                output::span(ticks, tz)
            )?;
        }
        writeln!(out, "  analyzer explain --db {}", file.display())?;
        Ok(0)
    }
}
