//! What others recorded, brought into the database.
//!
//! An import is one transaction: a broken input leaves the database as it was, and says file, line and reason. Importing
//! the same again changes nothing: a run carries the digest of what it was made of.

mod atop;
mod averages;
mod blocks;
mod command;
mod detect;
mod files;
mod kmsg;
mod logs;
mod machine;
mod node;
mod oswatcher;
mod pcp;
mod processes;
mod recording;
mod snapshots;
mod text;
mod tree;

use model::{Nanos, TimeSpan};
use std::fmt;
use std::path::{Path, PathBuf};

pub use atop::import as atop;
pub use averages::{Options as SarOptions, sa_files, sadf_json, sar_text};
pub use detect::{Format, detect};
pub use machine::Machine;
pub use oswatcher::import as oswatcher;
pub use pcp::import as pcp;
#[cfg(fuzzing)]
pub use pcp::printed as pcp_printed;
pub use recording::import as recording;
pub use snapshots::{Options as LogOptions, import as proc_log};
pub use tree::{snapshots, sosreport};

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is not what it should be.
    #[error("{place}: {reason}")]
    Input {
        /// Where.
        place: Place,
        /// One line.
        reason: String,
    },
    /// The input cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file, or the archive.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The database refused.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A place in the input: `proc/vmstat.log:4711`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// File name inside what was imported.
    pub file: String,
    /// From 1; `None`: the file as a whole.
    pub line: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => write!(f, "{}", self.file),
        }
    }
}

impl Error {
    fn at(file: &str, line: u64, reason: impl Into<String>) -> Self {
        Error::Input {
            place: Place {
                file: file.into(),
                line: Some(line),
            },
            reason: reason.into(),
        }
    }

    fn whole(file: &str, reason: impl Into<String>) -> Self {
        Error::Input {
            place: Place {
                file: file.into(),
                line: None,
            },
            reason: reason.into(),
        }
    }

    fn io(path: &Path, error: std::io::Error) -> Self {
        Error::Io {
            path: path.into(),
            error,
        }
    }
}

/// Result of this module.
pub type Result<T> = std::result::Result<T, Error>;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken in so far.
    pub bytes: u64,
    /// Bytes that there are.
    pub total_bytes: u64,
    /// Ticks written so far.
    pub ticks: u64,
}

/// What an import brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Host name.
    pub hostname: String,
    /// Kernel release.
    pub kernel: String,
    /// First to last tick.
    pub span: TimeSpan,
    /// Nominal time between ticks.
    pub interval: Nanos,
    /// Instants.
    pub ticks: u64,
    /// Sources with at least one reading, in order of name.
    pub sources: Vec<String>,
    /// Files that were read.
    pub files: usize,
    /// Readings of kernel files.
    pub readings: u64,
    /// Rows of processes.
    pub process_rows: u64,
    /// Kernel log records.
    pub log_records: u64,
    /// Facts that were new.
    pub facts: usize,
    /// Bytes read, uncompressed.
    pub bytes: u64,
    /// What a reader should know: a file that is missing, a source that ends early.
    pub notes: Vec<String>,
}

/// How an import ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This is now in the database.
    Imported(Summary),
    /// This very content was there before; nothing changed.
    AlreadyThere,
}

/// serde_json's sentence, with its place in front.
fn json_error(file: &str, error: &serde_json::Error) -> Error {
    let reason = error.to_string();
    // serde_json ends its sentence with the place, which stands in front here.
    let reason = reason
        .rsplit_once(" at line ")
        .map_or(reason.as_str(), |(reason, _)| reason)
        .to_owned();
    match error.line() {
        0 => Error::whole(file, reason),
        line => Error::at(file, line as u64, reason),
    }
}
