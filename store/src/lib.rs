//! SQLite, and the only place that knows SQL.
//!
//! A tick is one small row ([`Writer::append`]), so that a crash loses at most the tick in flight. Full stretches of ticks are
//! compacted into blocks of compressed columns ([`Writer::compact`]); a [`Reader`] sees either form alike. Beside the ticks stand
//! processes, facts, the kernel log and gaps.

mod bytes;
mod columns;
mod compact;
mod error;
mod hot;
mod paths;
mod process_reader;
mod processes;
mod rans;
mod reader;
mod relations;
mod schema;
mod steps;
mod times;
mod writer;

pub use columns::ColumnSummary;
pub use compact::{Retention, STRETCH_TICKS};
pub use error::{Error, Result};
pub use paths::default_path;
pub use reader::{BlockSummary, Reader, Slots, SourceSize, StoredReading, Stretch, TickStamp};
pub use schema::SCHEMA_VERSION;
pub use writer::{RunId, Writer};
