//! An opened database, and what times mean in it.

use super::Failure;
use analyzer::time_grammar::Context;
use chrono_tz::Tz;
use model::{Boot, TimeSpan, UnixNanos};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use store::Reader;

/// An opened database, with what a text needs to become a time in it.
pub(super) struct Database {
    pub(super) reader: Reader,
    pub(super) path: PathBuf,
    /// First to last tick.
    pub(super) extent: TimeSpan,
    pub(super) context: Context,
}

impl Database {
    /// Opens it; a database without a tick is "no data". Times are in zone `tz`, or in that of the node that was recorded last.
    pub(super) fn open(path: &Path, tz: Option<Tz>) -> Result<Database, Failure> {
        let reader = Reader::open(path)?;
        let extent = reader
            .extent()?
            .ok_or_else(|| Failure::NoData(format!("{}: nothing has been recorded yet", path.display())))?;
        let tz = match tz {
            Some(tz) => tz,
            // A zone that this program does not know cannot be used; the header then says UTC.
            None => last_boot(&reader, extent)?
                .and_then(|boot| boot.tz.parse().ok())
                .unwrap_or(Tz::UTC),
        };
        let context = Context {
            now: now(),
            data_end: Some(extent.to),
            tz,
        };
        Ok(Database {
            reader,
            path: path.into(),
            extent,
            context,
        })
    }
}

/// The boot of the last tick.
fn last_boot(reader: &Reader, extent: TimeSpan) -> Result<Option<Boot>, Failure> {
    let last = reader.ticks(TimeSpan::new(extent.to, extent.to))?;
    let mut boots = reader.boots()?;
    Ok(last.last().map(|tick| boots.swap_remove(tick.boot)))
}

/// The present, for times that are told from it.
pub(super) fn now() -> UnixNanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixNanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
