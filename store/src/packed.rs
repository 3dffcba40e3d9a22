//! A stretch of ticks as blocks, ready to be stored: the second half of compaction, which asks no database until the end.

use crate::columns;
use crate::gather::{Gathered, Stretch};
use rusqlite::{Connection, params};

/// The source whose columns those of others over the same ticks are told against: most of meminfo and of zoneinfo's nodes is vmstat
/// again, read in the same milliseconds.
pub(crate) const BASE_SOURCE: &str = "vmstat";

/// A stretch and the bytes of its blocks.
pub(crate) struct Packed {
    stretch: Stretch,
    /// Which block of the stretch the others may be told against.
    base: Option<usize>,
    /// Of each block: whether it is told against the base, and its bytes.
    blocks: Vec<(bool, Vec<u8>)>,
}

impl Packed {
    /// Packs each block; `base` is the id of [`BASE_SOURCE`].
    pub(crate) fn of(stretch: Stretch, base: i64) -> Packed {
        let base = stretch.blocks.iter().position(|block| block.source == base);
        let of_base = base.map(|base| &stretch.blocks[base]);
        let pack = |block: &Gathered| {
            let base = of_base.filter(|base| base.source != block.source && base.has_ticks_of(block));
            let bytes = columns::pack(&block.columns, base.map_or(&[], |base| &base.columns));
            (base.is_some(), bytes)
        };
        let blocks = stretch.blocks.iter().map(pack).collect();
        Packed {
            stretch,
            base,
            blocks,
        }
    }

    /// Stores it as a part of a run.
    pub(crate) fn store(&self, db: &Connection, run: i64) -> rusqlite::Result<()> {
        self.stretch.store(db, run)?;
        let stretch = db.last_insert_rowid();
        let store = |place: usize, base: Option<i64>| -> rusqlite::Result<i64> {
            let (is_based, body) = &self.blocks[place];
            self.stretch.blocks[place].store(db, stretch, base.filter(|_| *is_based), body)?;
            Ok(db.last_insert_rowid())
        };
        // The base is stored first, so that the others can name it.
        let base = self.base.map(|place| store(place, None)).transpose()?;
        for place in (0..self.blocks.len()).filter(|&place| Some(place) != self.base) {
            store(place, base)?;
        }
        for (from, to) in &self.stretch.lost {
            db.execute(
                "INSERT INTO gap (from_ns, to_ns, source, why) VALUES (?1, ?2, NULL, 'what was stored was damaged')",
                params![from, to],
            )?;
        }
        Ok(())
    }
}
