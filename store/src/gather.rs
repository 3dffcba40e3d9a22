//! Rows of ticks, gathered into columns: the first half of compaction.

use crate::column::Column;
use crate::error::{Error, Result};
use crate::hot::{Before, HotReading, KEY_EVERY};
use crate::times;
use crate::writer::Writer;
use model::Template;
use rusqlite::{Connection, OptionalExtension, params};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// A row of a tick.
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) at: i64,
    pub(crate) monotonic: i64,
    pub(crate) key: bool,
    pub(crate) body: Vec<u8>,
}

impl Writer {
    /// Decodes rows into columns.
    pub(crate) fn gather(&self, rows: &[Row]) -> Result<Stretch> {
        let templates = RefCell::new(RowTemplates {
            writer: self,
            known: HashMap::new(),
            trouble: None,
        });
        let slots = |id: i64| templates.borrow_mut().get(id).map(|t| t.slots().len());
        let mut stretch = Stretch::default();
        let mut before = Before::default();
        let mut is_lost = false;
        for row in rows {
            is_lost &= !row.key;
            let mut readings: Vec<(i64, i64, i64, Vec<u64>)> = Vec::new();
            let decoded = before.decode(&row.body, &slots, &mut |r: HotReading<'_>| {
                readings.push((r.source, r.template, r.offset, r.values.to_vec()));
            });
            is_lost |= decoded.is_none();
            if is_lost {
                stretch.lose(row.at);
                continue;
            }
            stretch.keep(row.at, row.monotonic);
            for (source, template, offset, values) in &readings {
                let reading = HotReading {
                    source: *source,
                    template: *template,
                    offset: *offset,
                    values,
                };
                stretch.push(reading, &mut |id| templates.borrow_mut().get(id));
            }
        }
        // What could not be read for now is not damaged.
        match templates.into_inner().trouble {
            Some(error) => Err(error),
            None => Ok(stretch),
        }
    }
}

/// Templates of rows, read as they are met.
struct RowTemplates<'a> {
    writer: &'a Writer,
    known: HashMap<i64, Option<Arc<Template>>>,
    trouble: Option<Error>,
}

impl RowTemplates<'_> {
    fn get(&mut self, id: i64) -> Option<Arc<Template>> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let body: Result<Option<Vec<u8>>> = self.writer.ask(|db| {
            let mut rows = db.prepare_cached("SELECT body FROM template WHERE id = ?1")?;
            rows.query_row([id], |r| r.get(0)).optional()
        });
        let template = match body {
            Ok(body) => body
                .and_then(|body| Template::from_bytes(&body).ok())
                .map(Arc::new),
            Err(error) => {
                self.trouble = Some(error);
                return None;
            }
        };
        self.known.insert(id, template.clone());
        template
    }
}

/// Rows, turned into columns.
#[derive(Default)]
pub(crate) struct Stretch {
    pub(crate) stamps: Vec<(i64, i64)>,
    pub(crate) blocks: Vec<Gathered>,
    /// The last block of each source.
    open: HashMap<i64, usize>,
    /// From when to when rows could not be read.
    pub(crate) lost: Vec<(i64, i64)>,
    is_losing: bool,
}

impl Stretch {
    /// Begins a tick.
    pub(crate) fn keep(&mut self, at: i64, monotonic: i64) {
        if std::mem::take(&mut self.is_losing)
            && let Some((_, to)) = self.lost.last_mut()
        {
            *to = at;
        }
        self.stamps.push((at, monotonic));
    }

    /// Adds a reading of the tick that was begun last.
    pub(crate) fn push(
        &mut self,
        reading: HotReading<'_>,
        template: &mut dyn FnMut(i64) -> Option<Arc<Template>>,
    ) {
        let HotReading {
            source,
            template: id,
            offset,
            values,
        } = reading;
        let (index, at) = (self.stamps.len() - 1, self.stamps[self.stamps.len() - 1].0);
        // A file's first template may not know yet how its numbers are padded: where the next one fits the readings before it too,
        // they are told in its terms, and one block serves.
        let place = self.open.get(&source).copied().filter(|&place| {
            let block = &mut self.blocks[place];
            block.template == id
                || template(block.template)
                    .zip(template(id))
                    .is_some_and(|(old, new)| block.retell(&old, &new, id))
        });
        let place = place.unwrap_or_else(|| {
            self.blocks.push(Gathered::new(source, id, values.len()));
            self.blocks.len() - 1
        });
        self.open.insert(source, place);
        self.blocks[place].push(index, at, offset, values);
    }

    fn lose(&mut self, at: i64) {
        if !std::mem::replace(&mut self.is_losing, true) {
            self.lost.push((self.stamps.last().map_or(at, |s| s.0), at));
        }
        if let Some((_, to)) = self.lost.last_mut() {
            *to = at;
        }
    }

    pub(crate) fn store(&self, db: &Connection, run: i64) -> rusqlite::Result<()> {
        let times = || self.stamps.iter().map(|s| s.0);
        // Not first and last: a clock can be set back.
        let (Some(from), Some(to)) = (times().min(), times().max()) else {
            return Ok(());
        };
        db.execute(
            "INSERT INTO stretch (run, from_ns, to_ns, ticks, stamps) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                run,
                from,
                to,
                self.stamps.len() as i64,
                times::pack_stamps(&self.stamps)
            ],
        )?;
        Ok(())
    }
}

/// Readings of one source and template, turned into columns.
pub(crate) struct Gathered {
    pub(crate) source: i64,
    template: i64,
    from: i64,
    to: i64,
    /// Which ticks of the stretch have a reading, and how much later than its tick each was read.
    times: Vec<(usize, i64)>,
    pub(crate) columns: Vec<Column>,
}

impl Gathered {
    fn new(source: i64, template: i64, slots: usize) -> Gathered {
        let columns = vec![Column::EMPTY; slots];
        Gathered {
            source,
            template,
            from: i64::MAX,
            to: i64::MIN,
            times: Vec::new(),
            columns,
        }
    }

    fn push(&mut self, index: usize, at: i64, offset: i64, values: &[u64]) {
        (self.from, self.to) = (self.from.min(at), self.to.max(at));
        self.times.push((index, offset));
        self.columns
            .iter_mut()
            .zip(values)
            .for_each(|(column, &value)| column.push(value));
    }

    pub(crate) fn has_ticks_of(&self, other: &Gathered) -> bool {
        self.times.len() == other.times.len() && self.times.iter().zip(&other.times).all(|(a, b)| a.0 == b.0)
    }

    /// Tells all readings in the terms of another template, if that gives the same bytes. Many readings are left as they are.
    fn retell(&mut self, old: &Template, new: &Template, id: i64) -> bool {
        if self.times.len() > KEY_EVERY as usize {
            return false;
        }
        let mut columns = vec![Column::EMPTY; new.slots().len()];
        let mut values = Vec::new();
        for i in 0..self.times.len() {
            let row: Vec<u64> = self.columns.iter().map(|c| c.get(i)).collect();
            if !new.read(&old.render(&row), &mut values) {
                return false;
            }
            columns
                .iter_mut()
                .zip(&values)
                .for_each(|(column, &value)| column.push(value));
        }
        (self.columns, self.template) = (columns, id);
        true
    }

    pub(crate) fn store(
        &self,
        db: &Connection,
        stretch: i64,
        base: Option<i64>,
        body: &[u8],
    ) -> rusqlite::Result<()> {
        db.prepare_cached(
            "INSERT INTO block (stretch, source, template, from_ns, to_ns, readings, times, base, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            stretch,
            self.source,
            self.template,
            self.from,
            self.to,
            self.times.len() as i64,
            times::pack_readings(&self.times),
            base,
            body
        ])?;
        db.prepare_cached("UPDATE template SET last_ns = max(coalesce(last_ns, ?2), ?2) WHERE id = ?1")?
            .execute(params![self.template, self.to])?;
        Ok(())
    }
}
