//! The words of highwater: what a kernel file is, what a number in it means, and when it was so.
//!
//! Nothing here reads a file, asks a clock or knows SQL. The other crates meet in these types:
//! a [`Template`] and its values are what is recorded, a [`Column`] is what a decoder says one of
//! those values means, a [`Tick`] is one second of a machine, and an [`Onset`] is the answer to
//! "when did it begin?" with the honesty of bounds.

mod boot;
mod metric;
mod process;
mod template;
mod tick;
mod time;

pub use boot::{Boot, Run, RunOrigin};
pub use metric::{Column, Kind, Metric, Subject, Unit};
pub use process::{ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick};
pub use template::{Fill, MalformedTemplate, Piece, Slot, Template};
pub use tick::{Event, Fact, Gap, LogRecord, Reading, Tick};
pub use time::{Nanos, Onset, TimeSpan, UnixNanos};
