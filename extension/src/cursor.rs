//! Walking through the samples: source by source, of each an hour at a time, in the order in which they were read.

use crate::constraints::{self, Wanted, wanted};
use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::Arc;
use store::rusqlite::types::Null;
use store::rusqlite::vtab::{Context, Filters, VTabCursor};
use store::rusqlite::{Connection, Error, Result, ffi};
use store::{Reader, Slots, Stretch};

use model::{Column, Template, TimeSpan, UnixNanos};

/// So much time is decoded at once.
const CHUNK: i64 = 3_600_000_000_000;

/// A walk.
#[repr(C)]
pub(crate) struct Cursor {
    /// SQLite's part; must be first.
    base: ffi::sqlite3_vtab_cursor,
    db: *mut ffi::sqlite3,
    walk: Option<Walk>,
    row: i64,
}

struct Walk {
    reader: Reader,
    wanted: Wanted,
    /// Sources still to come, the next one last.
    sources: Vec<Arc<str>>,
    /// The source that is read, and where its next hour begins.
    open: Option<(Arc<str>, i64)>,
    span: TimeSpan,
    /// What was decoded of it, and the place in it.
    stretches: Vec<(Stretch, Arc<Vec<Column>>)>,
    stretch: usize,
    reading: usize,
    column: usize,
}

impl Cursor {
    pub(crate) fn new(db: *mut ffi::sqlite3) -> Cursor {
        Cursor {
            base: ffi::sqlite3_vtab_cursor::default(),
            db,
            walk: None,
            row: 0,
        }
    }

    fn reader(&self) -> Result<Reader> {
        // SAFETY: the program's connection outlives the cursor; it is not closed by what is made of it here.
        let connection = unsafe { Connection::from_handle(self.db)? };
        Reader::over(connection).map_err(said)
    }
}

fn said(error: store::Error) -> Error {
    Error::ModuleError(format!("samples: {error}"))
}

// SAFETY: `#[repr(C)]`, and SQLite's part stands first.
unsafe impl VTabCursor for Cursor {
    fn filter(&mut self, _plan: c_int, letters: Option<&str>, arguments: &Filters<'_>) -> Result<()> {
        (self.walk, self.row) = (None, 0);
        let reader = self.reader()?;
        let parse = |text: &str| reader.parse_time(text).map_err(said);
        let wanted = wanted(letters.unwrap_or(""), arguments, &parse)?;
        if !wanted.nothing {
            let mut walk = Walk::begin(reader, wanted).map_err(said)?;
            walk.settle().map_err(said)?;
            self.walk = Some(walk);
        }
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        self.row += 1;
        if let Some(walk) = &mut self.walk {
            walk.column += 1;
            walk.settle().map_err(said)?;
        }
        Ok(())
    }

    fn eof(&self) -> bool {
        self.walk.as_ref().is_none_or(|walk| walk.stretches.is_empty())
    }

    fn column(&self, context: &mut Context, place: c_int) -> Result<()> {
        let Some((walk, (stretch, columns))) = self
            .walk
            .as_ref()
            .and_then(|walk| Some((walk, walk.stretches.get(walk.stretch)?)))
        else {
            return context.set_result(Null);
        };
        let column = &columns[walk.column];
        match place {
            constraints::AT => context.set_result(stretch.at[walk.reading].seconds()),
            constraints::SOURCE => context.set_result(walk.open.as_ref().map_or("", |(source, _)| &**source)),
            constraints::SUBJECT => context.set_result(column.subject.to_string()),
            constraints::METRIC => context.set_result(&*column.metric.name),
            constraints::VALUE => {
                let raw = stretch.columns[walk.column][walk.reading];
                match i64::try_from(raw) {
                    Ok(whole) if column.scale == 0 => {
                        context.set_result(if column.negative { -whole } else { whole })
                    }
                    _ => context.set_result(column.value(raw)),
                }
            }
            constraints::UNIT => match column.metric.unit.symbol() {
                "" => context.set_result(Null),
                symbol => context.set_result(symbol),
            },
            _ => context.set_result(if column.metric.kind.is_counter() {
                "counter"
            } else {
                "gauge"
            }),
        }
    }

    fn rowid(&self) -> Result<i64> {
        Ok(self.row)
    }
}

impl Walk {
    fn begin(reader: Reader, wanted: Wanted) -> store::Result<Walk> {
        let extent = reader.extent()?.filter(|_| wanted.from <= wanted.to);
        // A reading is later than its tick by less than its run's interval.
        let interval = reader
            .runs()?
            .iter()
            .map(|(.., run)| run.interval)
            .max()
            .unwrap_or(0);
        let mut span = extent.unwrap_or(TimeSpan::new(UnixNanos(0), UnixNanos(0)));
        if wanted.from.is_finite() {
            span.from = span
                .from
                .max(UnixNanos::from_seconds(wanted.from) - interval - 1_000_000);
        }
        if wanted.to.is_finite() {
            span.to = span.to.min(UnixNanos::from_seconds(wanted.to) + 1_000_000);
        }
        let mut sources = match extent {
            Some(_) if span.from <= span.to => reader.sources(span)?,
            _ => Vec::new(),
        };
        sources.retain(|source| wanted.can_have(source));
        sources.reverse();
        Ok(Walk {
            reader,
            wanted,
            sources,
            open: None,
            span,
            stretches: Vec::new(),
            stretch: 0,
            reading: 0,
            column: 0,
        })
    }

    /// Goes on to the next sample that there is, if this is none. At the end there is no stretch left.
    fn settle(&mut self) -> store::Result<()> {
        loop {
            let Some((stretch, columns)) = self.stretches.get(self.stretch) else {
                if !self.load()? {
                    return Ok(());
                }
                continue;
            };
            if self.reading >= stretch.at.len() || columns.is_empty() {
                (self.stretch, self.reading, self.column) = (self.stretch + 1, 0, 0);
            } else if self.column >= columns.len() || !self.wanted.has(stretch.at[self.reading].seconds()) {
                (self.reading, self.column) = (self.reading + 1, 0);
            } else {
                return Ok(());
            }
        }
    }

    /// Decodes the next hour. `false`: there is none.
    fn load(&mut self) -> store::Result<bool> {
        self.stretches.clear();
        (self.stretch, self.reading, self.column) = (0, 0, 0);
        let (source, from) = match self.open.take().filter(|(_, from)| *from <= self.span.to.0) {
            Some(open) => open,
            None => match self.sources.pop() {
                Some(source) => (source, self.span.from.0),
                None => return Ok(false),
            },
        };
        let to = from.saturating_add(CHUNK - 1).min(self.span.to.0);
        let hour = TimeSpan::new(UnixNanos(from), UnixNanos(to));
        let mut decoded: HashMap<*const Template, Arc<Vec<Column>>> = HashMap::new();
        let wanted = &self.wanted;
        let stretches = self.reader.stretches(&source, hour, &mut |template| {
            let mut columns = sources::decode(&source, template).unwrap_or_default();
            columns.retain(|column| {
                wanted
                    .metric
                    .as_deref()
                    .is_none_or(|metric| metric == &*column.metric.name)
                    && wanted
                        .subject
                        .as_deref()
                        .is_none_or(|subject| subject == column.subject.to_string())
            });
            let slots = columns.iter().map(|column| column.slot).collect();
            decoded.insert(Arc::as_ptr(template), Arc::new(columns));
            Slots::Some(slots)
        })?;
        self.stretches = stretches
            .into_iter()
            .filter_map(|stretch| {
                let columns = decoded.get(&Arc::as_ptr(&stretch.template))?.clone();
                Some((stretch, columns))
            })
            .collect();
        self.open = Some((source, to.saturating_add(1)));
        Ok(true)
    }
}
