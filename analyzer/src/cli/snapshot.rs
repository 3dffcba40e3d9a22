//! `analyzer snapshot`

use super::database::Database;
use super::{Failure, output};
use analyzer::cat::STALE_INTERVALS;
use analyzer::snapshot::snapshot;
use analyzer::time_grammar;
use chrono_tz::Tz;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Write a folder shaped like /proc and /sys, as of a time, for tools that read a machine there
///
/// Kernel files are byte for byte as they were; settings, devices and processes as far as they are recorded. DIR/MANIFEST says
/// what is not known and therefore not there. `prometheus-node-exporter --path.procfs=DIR/proc` reads it, for one.
///
/// Exit status 3 when no file was read within three intervals before T, 4 when one of them was not (said on standard error).
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// When
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    at: String,
    /// Folder to write, which must be empty or not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Time zone of clock times, such as Europe/Berlin [default: the node's own]
    #[arg(long, value_name = "ZONE")]
    tz: Option<Tz>,
}

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let db = Database::open(db, self.tz)?;
        let tz = db.context.tz;
        let at = time_grammar::parse(&self.at, &db.context)?;
        let snapshot = db
            .reader
            .snapshot(|reader| snapshot(reader, at))?
            .ok_or_else(|| {
                Failure::NoData(format!(
                    "nothing was recorded within {STALE_INTERVALS} intervals before {}; there is data in {}",
                    output::time(at, tz),
                    output::span(db.extent, tz)
                ))
            })?;
        snapshot
            .tree
            .write(&self.out)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let files = snapshot.tree.paths().count();
        writeln!(
            std::io::stdout(),
            "{}: {files} files as of {}",
            self.out.display(),
            output::time(at, tz)
        )?;
        for (source, last) in &snapshot.stale {
            // The folder is written; nobody may be there to read this.
            let _ = writeln!(
                std::io::stderr(),
                "analyzer: {source} is left out: it was last read at {}, more than {STALE_INTERVALS} intervals before",
                output::time(*last, tz)
            );
        }
        Ok(if snapshot.stale.is_empty() { 0 } else { 4 })
    }
}
