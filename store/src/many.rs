//! Reading many small sources at once: those of control groups are hundreds, and each alone would read all rows again.

use crate::columns::Block;
use crate::error::Result;
use crate::hot::OFFSET_UNIT;
use crate::reader::Reader;
use model::{Template, TimeSpan, UnixNanos};
use rusqlite::params;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is shown of a reading: source, time (the middle of the read), template, and a value for each of its slots.
pub type SeeReading<'a> = dyn FnMut(&Arc<str>, UnixNanos, &Arc<Template>, &[u64]) + 'a;

impl Reader {
    /// Shows every reading of a span, which is that of the ticks, whose source's name begins with `prefix`: source by source those
    /// that are compacted, then the others.
    ///
    /// # Errors
    /// When the database cannot be read, or a block is damaged.
    pub fn readings(&self, prefix: &str, span: TimeSpan, see: &mut SeeReading<'_>) -> Result<()> {
        self.snapshot(|_| {
            let names: BTreeMap<i64, Arc<str>> = self.ask(|db| {
                let mut rows =
                    db.prepare_cached("SELECT id, name FROM source WHERE substr(name, 1, length(?1)) = ?1")?;
                rows.query_map(params![prefix], |r| {
                    Ok((r.get(0)?, r.get::<_, String>(1)?.into()))
                })?
                .collect()
            })?;
            if names.is_empty() {
                return Ok(());
            }
            for (&id, name) in &names {
                for row in self.block_rows(id, span)? {
                    let broken = || self.damaged(format!("{name} at {} s", row.from / 1_000_000_000));
                    let template = self.template(row.template)?;
                    let block = Block::open(&row.body).ok_or_else(broken)?;
                    let all: Vec<usize> = (0..template.slots().len()).collect();
                    let columns = self.block_columns(&row, &block, &all)?.ok_or_else(broken)?;
                    for (i, (tick, at)) in row.moments().ok_or_else(broken)?.into_iter().enumerate() {
                        if span.contains(UnixNanos(tick)) {
                            let values: Vec<u64> = columns.iter().filter_map(|c| c.get(i).copied()).collect();
                            see(name, at, &template, &values);
                        }
                    }
                }
            }
            let mut trouble = Ok(());
            self.hot_readings(span, &mut |_, tick, reading| {
                let Some(name) = names.get(&reading.source) else {
                    return;
                };
                let at = UnixNanos(tick.saturating_add(reading.offset.saturating_mul(OFFSET_UNIT)));
                match self.template(reading.template) {
                    Ok(template) => see(name, at, &template, reading.values),
                    Err(error) => trouble = Err(error),
                }
            })?;
            trouble
        })
    }
}
