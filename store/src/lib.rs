//! SQLite, and the only place that knows SQL.

use model::{Boot, Event, Fact, Gap, LogRecord, Nanos, ProcessTick, Run, Template, Tick, TimeSpan, UnixNanos};
use std::path::Path;
use std::sync::Arc;

/// What can go wrong. One line each, naming the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Placeholder.
    #[error("{0}")]
    Other(String),
}
/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Writes ticks; one per database at a time.
pub struct Writer;
/// Names a run of ticks within a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunId(pub i64);

impl Writer {
    /// Opens or creates the database and brings its schema up to date.
    pub fn open(_path: &Path) -> Result<Writer> { unimplemented!() }
    /// Begins a run in a boot (both are created when new). `None`: a run with this `import_key` is there already.
    pub fn begin_run(&mut self, _boot: &Boot, _run: &Run) -> Result<Option<RunId>> { unimplemented!() }
    /// Several writes as one transaction (an import: all or nothing).
    pub fn transaction<T, E: From<Error>>(&mut self, _work: impl FnOnce(&mut Writer) -> std::result::Result<T, E>) -> std::result::Result<T, E> { unimplemented!() }
    /// One small insert.
    pub fn append(&mut self, _run: RunId, _tick: &Tick) -> Result<()> { unimplemented!() }
    /// Processes of one instant.
    pub fn append_processes(&mut self, _run: RunId, _tick: &ProcessTick) -> Result<()> { unimplemented!() }
    /// A gap with its reason.
    pub fn append_gap(&mut self, _gap: &Gap) -> Result<()> { unimplemented!() }
    /// Facts; one that says what already holds is not stored again. Answers how many were new.
    pub fn append_facts(&mut self, _facts: &[Fact]) -> Result<usize> { unimplemented!() }
    /// Kernel log records.
    pub fn append_log(&mut self, _run: RunId, _records: &[LogRecord]) -> Result<()> { unimplemented!() }
    /// Sharp events.
    pub fn append_events(&mut self, _run: RunId, _events: &[Event]) -> Result<()> { unimplemented!() }
    /// Moves stretches of full length (or all, when `all`) into compressed columns. One call does at most one stretch;
    /// answers whether there is more to do.
    pub fn compact(&mut self, _all: bool) -> Result<bool> { unimplemented!() }
}

/// Reads; any number at a time, while a writer writes.
pub struct Reader;

/// One recorded file.
#[derive(Debug, Clone)]
pub struct StoredReading {
    /// Middle of the read.
    pub at: UnixNanos,
    /// Fixed text.
    pub template: Arc<Template>,
    /// Values.
    pub values: Vec<u64>,
    /// Boot it belongs to: index into [`Reader::boots`].
    pub boot: usize,
    /// Interval of its run.
    pub interval: Nanos,
}

/// When a tick was, and in which boot and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickStamp {
    /// Wall time.
    pub at: UnixNanos,
    /// CLOCK_MONOTONIC.
    pub monotonic: Nanos,
    /// Index into [`Reader::boots`].
    pub boot: usize,
    /// Run.
    pub run: RunId,
    /// The run's nominal interval.
    pub interval: Nanos,
}

/// Consecutive readings of one source with one template in one run.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// Fixed text.
    pub template: Arc<Template>,
    /// Index into [`Reader::boots`].
    pub boot: usize,
    /// Run.
    pub run: RunId,
    /// Middle of each read.
    pub at: Vec<UnixNanos>,
    /// The chosen slots, in the order asked for, each as long as `at`.
    pub columns: Vec<Vec<u64>>,
}

/// Which slots of a template a caller wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slots {
    /// All of them, in order.
    All,
    /// These, in this order.
    Some(Vec<usize>),
}

impl Reader {
    /// Opens read-only. A database of a newer schema is refused.
    pub fn open(_path: &Path) -> Result<Reader> { unimplemented!() }
    /// All boots, oldest first.
    pub fn boots(&self) -> Result<Vec<Boot>> { unimplemented!() }
    /// All runs with the boot (index) they belong to, oldest first.
    pub fn runs(&self) -> Result<Vec<(RunId, usize, Run)>> { unimplemented!() }
    /// First to last tick; `None` when there is none.
    pub fn extent(&self) -> Result<Option<TimeSpan>> { unimplemented!() }
    /// Ticks of a span in order.
    pub fn ticks(&self, _span: TimeSpan) -> Result<Vec<TickStamp>> { unimplemented!() }
    /// Recorded gaps that overlap a span.
    pub fn gaps(&self, _span: TimeSpan) -> Result<Vec<Gap>> { unimplemented!() }
    /// Names of all sources that have readings in a span.
    pub fn sources(&self, _span: TimeSpan) -> Result<Vec<Arc<str>>> { unimplemented!() }
    /// The reading of a source at `at` or the last one before it.
    pub fn reading_at(&self, _source: &str, _at: UnixNanos) -> Result<Option<StoredReading>> { unimplemented!() }
    /// Chosen slots of a source over a span, in order of time. `choose` is asked once per distinct template.
    pub fn stretches(&self, _source: &str, _span: TimeSpan, _choose: &mut dyn FnMut(&Arc<Template>) -> Slots) -> Result<Vec<Stretch>> { unimplemented!() }
    /// Processes of a span. The first tick answered is complete as far as is known: it carries forward what was stored before the span.
    pub fn processes(&self, _span: TimeSpan) -> Result<Vec<ProcessTick>> { unimplemented!() }
    /// Facts that held at some time in the span: the last before it for each name, and all changes in it, in order of time.
    pub fn facts(&self, _span: TimeSpan) -> Result<Vec<Fact>> { unimplemented!() }
    /// Kernel log records of a span.
    pub fn log(&self, _span: TimeSpan) -> Result<Vec<LogRecord>> { unimplemented!() }
    /// Sharp events of a span.
    pub fn events(&self, _span: TimeSpan) -> Result<Vec<Event>> { unimplemented!() }
    /// A cached text that an analyzer stored under this key, if still there.
    pub fn cached(&self, _key: &str) -> Result<Option<String>> { unimplemented!() }
}
