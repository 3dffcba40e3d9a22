//! SQLite, and the only place that knows SQL.
//!
//! A tick is one small row ([`Writer::append`]), so that a crash loses at most the tick in flight. Full stretches of ticks are
//! compacted into blocks of compressed columns ([`Writer::compact`]); a [`Reader`] sees either form alike. Beside the ticks stand
//! processes, facts, the kernel log and gaps.

mod bytes;
mod column;
mod columns;
mod compact;
mod compact_processes;
mod configuration;
mod error;
mod extract;
mod gather;
mod head;
mod hot;
mod hot_reader;
mod import;
mod many;
mod packed;
mod paths;
mod process_reader;
mod processes;
mod rans;
mod reader;
mod record_writer;
mod records;
mod relations;
mod retention;
mod schema;
mod steps;
mod stretches;
mod times;
mod writer;

pub use column::ColumnSummary;
pub use compact::STRETCH_TICKS;
pub use configuration::{Configuration, ConfigurationError, Entry, Setting};
pub use error::{Error, Result};
pub use extract::{Extracted, Rewrite, Verbatim};
pub use many::SeeReading;
pub use paths::default_path;
pub use reader::{Reader, SourceSize, TickStamp};
pub use retention::Retention;
pub use schema::SCHEMA_VERSION;
pub use stretches::{BlockSummary, Slots, StoredReading, Stretch};
pub use writer::{RunId, Writer};

/// What the fuzz targets need of the inside.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::columns::read_unsealed as block;
}

/// For the extension, which speaks to SQLite about its table, in the version that is used here.
#[cfg(feature = "loadable")]
pub use rusqlite;
