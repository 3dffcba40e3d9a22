//! A span of the record as one file for somebody else: the data, and what was made of it.
//!
//! The file is a database like any other. The span is explained there, not here: what is said in it is what its reader will see.

mod redact;

use crate::explain;
use crate::explain::document::{Explanation, Status};
use crate::incidents::explain_span;
use crate::{report, window};
use model::{Nanos, TimeSpan, UnixNanos};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use store::{Extracted, Reader, Rewrite, Verbatim, Writer};

pub use redact::Redactor;

/// Under these keys a bundle keeps what was asked for, and the documents.
const ABOUT: &str = "bundle";
const EXPLANATION: &str = "bundle/explanation.json";
const REPORT: &str = "bundle/report.html";

/// So much of the processes is looked through for names at once.
const CHUNK: Nanos = 600_000_000_000;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no tick in the span.
    #[error("nothing was recorded in this span")]
    NoData,
    /// The file cannot be made.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What a bundle says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What was asked for, nanoseconds since 1970.
    pub from_ns: i64,
    /// Its end.
    pub to_ns: i64,
    /// Seconds before it that are there too, for the node's own quiet.
    pub lead_s: i64,
    /// Whether names are hidden.
    pub redacted: bool,
}

impl About {
    /// What was asked for.
    pub fn span(&self) -> TimeSpan {
        TimeSpan::new(UnixNanos(self.from_ns), UnixNanos(self.to_ns))
    }
}

/// What a database says of itself when it is a bundle.
///
/// # Errors
/// When the database cannot be read.
pub fn about(reader: &Reader) -> store::Result<Option<About>> {
    let about = reader.cached(ABOUT)?;
    Ok(about
        .and_then(|text| serde_json::from_str::<About>(&text).ok())
        .filter(|about| about.from_ns <= about.to_ns))
}

/// A bundle that was written.
#[derive(Debug)]
pub struct Bundle {
    /// What is in it, the lead-in included.
    pub extracted: Extracted,
    /// What is said of it.
    pub explanation: Explanation,
    /// Its size.
    pub bytes: u64,
}

/// Writes a span, and as much before it as an explanation reads, to `file`, which must not be there: all of it or nothing.
///
/// # Errors
/// When there is no data, a database cannot be read or written, or there is such a file.
pub fn write(
    reader: &Reader,
    span: TimeSpan,
    file: &Path,
    redact: bool,
    options: &explain::Options,
) -> Result<Bundle, Error> {
    let io_error = |error| Error::Io {
        path: file.into(),
        error,
    };
    if file.symlink_metadata().is_ok() {
        return Err(io_error(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "is there already",
        )));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let why = format!("there is no folder {}", folder.display());
        return Err(io_error(io::Error::new(io::ErrorKind::NotFound, why)));
    }
    let draft = Draft::beside(file);
    let about = About {
        from_ns: span.from.0,
        to_ns: span.to.0,
        lead_s: window::LEAD_SECONDS,
        redacted: redact,
    };
    let mut writer = Writer::open(&draft.0)?;
    let extracted = reader.snapshot(|reader| -> Result<Extracted, Error> {
        let ticks = reader.ticks(span)?;
        let interval = ticks
            .iter()
            .map(|tick| tick.interval)
            .max()
            .ok_or(Error::NoData)?;
        // The last tick's readings are looked for up to an interval later.
        let whole = TimeSpan::new(
            span.from - window::LEAD_SECONDS * 1_000_000_000,
            span.to + interval,
        );
        let mut rewrite: Box<dyn Rewrite> = match redact {
            true => Box::new(knowing(reader, whole)?.map_err(io_error)?),
            false => Box::new(Verbatim),
        };
        Ok(reader.extract(whole, &mut writer, &mut *rewrite)?)
    })?;
    let explanation = explain_span(&Reader::open(&draft.0)?, span, options, &mut |_, _| {})?;
    if explanation.status == Status::NoData {
        return Err(Error::NoData);
    }
    let json = |error: serde_json::Error| io_error(error.into());
    writer.cache(ABOUT, &serde_json::to_string(&about).map_err(json)?)?;
    writer.cache(
        EXPLANATION,
        &serde_json::to_string_pretty(&explanation).map_err(json)?,
    )?;
    writer.cache(REPORT, &report::html(&explanation))?;
    writer.into_single_file()?;
    let bytes = std::fs::metadata(&draft.0).map_err(io_error)?.len();
    // Unlike a renaming, a link does not replace what somebody else put there meanwhile.
    std::fs::hard_link(&draft.0, file)
        .or_else(|_| match file.symlink_metadata() {
            Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "is there already")),
            Err(_) => std::fs::rename(&draft.0, file),
        })
        .map_err(io_error)?;
    Ok(Bundle {
        extracted,
        explanation,
        bytes,
    })
}

/// A redactor that knows all names of a span.
fn knowing(reader: &Reader, span: TimeSpan) -> store::Result<io::Result<Redactor>> {
    let mut redactor = match Redactor::new() {
        Ok(redactor) => redactor,
        Err(error) => return Ok(Err(error)),
    };
    reader.boots()?.iter().for_each(|boot| redactor.learn_boot(boot));
    reader
        .facts(span)?
        .iter()
        .for_each(|fact| redactor.learn_fact(fact));
    for source in reader.sources(span)? {
        if let Some((group, _)) = source
            .strip_prefix("cgroup")
            .and_then(|rest| rest.rsplit_once('/'))
        {
            redactor.learn_path(group);
        }
    }
    let extent = reader.extent()?.unwrap_or(span);
    let (mut from, to) = (span.from.max(extent.from), span.to.min(extent.to + CHUNK));
    while from <= to {
        let chunk = TimeSpan::new(from, (from + CHUNK).min(to));
        let looks = reader.processes(chunk)?;
        for sample in looks.iter().flat_map(|look| &look.samples) {
            redactor.learn_process(&sample.identity);
        }
        from = chunk.to + 1;
    }
    Ok(Ok(redactor))
}

/// A database beside the file that it will become; gone with whatever SQLite put beside it, unless it became the file.
struct Draft(PathBuf);

impl Draft {
    fn beside(file: &Path) -> Draft {
        let mut name = OsString::from(".");
        name.push(file.file_name().unwrap_or_default());
        name.push(format!(".{}", std::process::id()));
        Draft(file.with_file_name(name))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm", "-journal"] {
            let mut name = self.0.clone().into_os_string();
            name.push(end);
            // Most of them are not there.
            let _ = std::fs::remove_file(name);
        }
    }
}
