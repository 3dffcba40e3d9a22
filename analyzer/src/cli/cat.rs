//! `analyzer cat`

use super::database::Database;
use super::{Failure, output};
use analyzer::cat::{Answer, STALE_INTERVALS, cat};
use analyzer::time_grammar;
use chrono_tz::Tz;
use clap::Args;
use std::io::Write;
use std::path::Path;

/// Print a kernel file as it was, byte for byte
///
/// Writes the reading at T or the last one before it. Exit status 3 when there is none within the boot of that time, or when it
/// is more than three intervals old.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Path under /proc: meminfo, zoneinfo, vmstat, pressure/io, …
    source: String,
    /// When
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    at: String,
    /// Time zone of clock times, such as Europe/Berlin [default: the node's own]
    #[arg(long, value_name = "ZONE")]
    tz: Option<Tz>,
}

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let db = Database::open(db, self.tz)?;
        let at = time_grammar::parse(&self.at, &db.context)?;
        let (source, asked) = (&self.source, output::time(at, db.context.tz));
        let no_data = |why: String| Failure::NoData(format!("no reading of {source} at {asked}: {why}"));
        match cat(&db.reader, source, at)? {
            Answer::Bytes { bytes, .. } => {
                std::io::stdout().write_all(&bytes)?;
                Ok(0)
            }
            Answer::Never => {
                let sources = db.reader.sources(db.extent)?;
                let known = sources.iter().any(|name| **name == **source);
                Err(no_data(if known {
                    "recording began later".to_owned()
                } else {
                    format!("it was never recorded; there are {}", sources.join(", "))
                }))
            }
            Answer::Stale { last, other_boot } => {
                let last = output::time(last, db.context.tz);
                Err(no_data(if other_boot {
                    format!("the machine has booted since the last one, at {last}")
                } else {
                    format!("the last one, at {last}, is more than {STALE_INTERVALS} intervals old")
                }))
            }
        }
    }
}
