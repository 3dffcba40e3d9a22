//! Imports: ticks that become columns at once, and are no rows before that.
//!
//! A collector's tick must be on the disk before the next one comes. An import is kept as a whole or not at all, so its ticks are
//! gathered in memory until they are a stretch, and packed by other threads meanwhile.

use crate::compact::STRETCH_TICKS;
use crate::error::{Error, Result};
use crate::gather::Stretch;
use crate::hot::{HotReading, OFFSET_UNIT};
use crate::packed::{BASE_SOURCE, Packed};
use crate::writer::{RunId, Writer};
use model::{Template, Tick};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;

/// So many stretches are packed at a time at most: each is in memory as a whole.
const MOST_AT_ONCE: usize = 4;

/// What an import has gathered and not stored yet.
pub(crate) struct Import {
    /// The source that others are told against.
    base: i64,
    run: Option<RunId>,
    stretch: Stretch,
    /// Templates of the stretch by their ids.
    templates: HashMap<i64, Arc<Template>>,
    /// Full stretches, in order.
    packing: VecDeque<(RunId, JoinHandle<Packed>)>,
    at_once: usize,
}

impl Writer {
    /// A [`Writer::transaction`] whose ticks are stored as compacted columns, which is faster than to append and to compact them.
    /// Readers see nothing of it before its end.
    ///
    /// # Errors
    /// What `work` says, or the database; then nothing of it is kept.
    pub fn import<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Writer) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let done = self.transaction(|writer| {
            writer.import = Some(Import {
                base: writer.source_id(BASE_SOURCE)?,
                run: None,
                stretch: Stretch::default(),
                templates: HashMap::new(),
                packing: VecDeque::new(),
                at_once: std::thread::available_parallelism().map_or(1, |n| n.get().min(MOST_AT_ONCE)),
            });
            let done = work(writer)?;
            writer.end_stretch()?;
            writer.store_packed(0)?;
            Ok(done)
        });
        self.import = None;
        done
    }

    /// Gathers a tick, with the ids of its readings' sources and templates.
    pub(crate) fn gather_import(&mut self, run: RunId, tick: &Tick, ids: &[(i64, i64)]) -> Result<()> {
        let is_other = |import: &Import| {
            import.run != Some(run) || import.stretch.stamps.len() >= STRETCH_TICKS as usize
        };
        if self.import.as_ref().is_some_and(is_other) {
            self.end_stretch()?;
        }
        let Some(import) = &mut self.import else {
            return Ok(());
        };
        import.run = Some(run);
        import.stretch.keep(tick.at.0, tick.monotonic);
        for (reading, &(source, template)) in tick.readings.iter().zip(ids) {
            let known = import.templates.entry(template);
            known.or_insert_with(|| reading.template.clone());
            let offset = reading.offset.div_euclid(OFFSET_UNIT);
            let reading = HotReading {
                source,
                template,
                offset,
                values: &reading.values,
            };
            let templates = &import.templates;
            import
                .stretch
                .push(reading, &mut |id| templates.get(&id).cloned());
        }
        Ok(())
    }

    /// Hands the stretch that was gathered to another thread.
    fn end_stretch(&mut self) -> Result<()> {
        let Some(import) = &mut self.import else {
            return Ok(());
        };
        let stretch = std::mem::take(&mut import.stretch);
        import.templates.clear();
        let at_once = import.at_once;
        if let Some(run) = import.run.filter(|_| !stretch.stamps.is_empty()) {
            let base = import.base;
            let packing = std::thread::spawn(move || Packed::of(stretch, base));
            import.packing.push_back((run, packing));
        }
        self.store_packed(at_once)
    }

    /// Stores what is packed, until no more than so many are left.
    fn store_packed(&mut self, left: usize) -> Result<()> {
        while let Some((run, packed)) = self
            .import
            .as_mut()
            .filter(|import| import.packing.len() > left)
            .and_then(|import| import.packing.pop_front())
        {
            match packed.join() {
                Ok(packed) => self.atomically(|db| packed.store(db, run.0))?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    }
}
