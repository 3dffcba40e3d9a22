//! The row of one tick, before compaction.
//!
//! ```text
//! crc32 of the rest | readings, then for each: source id, template id, offset, 1 (whole) or 0 (against the reading before), values
//! values: in turn, how many are unchanged, how many changed, the zigzag of each change
//! ```
//! "Before" is the last reading of the same source in the same run, if it has the same template. A whole reading is against zeros.
//! The writer writes a row of whole readings (a *key* row) each [`KEY_EVERY`] ticks, so that a reader need not begin at the beginning.

use crate::bytes::{put, put_signed, seal, take, take_signed, unsealed};
use std::collections::HashMap;

/// Ticks from one key row to the next.
pub(crate) const KEY_EVERY: u64 = 60;
/// Offsets are kept to this many nanoseconds: a fraction of what reading a file takes.
pub(crate) const OFFSET_UNIT: i64 = 100_000;

/// A reading with its template and source as ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HotReading<'a> {
    pub(crate) source: i64,
    pub(crate) template: i64,
    /// In units of [`OFFSET_UNIT`].
    pub(crate) offset: i64,
    pub(crate) values: &'a [u64],
}

/// The last reading of each source: what the next is told against.
#[derive(Debug, Default)]
pub(crate) struct Before {
    last: HashMap<i64, (i64, Vec<u64>)>,
}

impl Before {
    pub(crate) fn forget(&mut self) {
        self.last.clear();
    }

    /// Writes a row into `out`.
    pub(crate) fn encode<'a>(
        &mut self,
        readings: impl ExactSizeIterator<Item = HotReading<'a>>,
        out: &mut Vec<u8>,
    ) {
        out.clear();
        out.extend([0; 4]);
        put(out, readings.len() as u64);
        for reading in readings {
            self.put(reading, out);
        }
        seal(out);
    }

    fn put(&mut self, reading: HotReading<'_>, out: &mut Vec<u8>) {
        let HotReading {
            source,
            template,
            offset,
            values,
        } = reading;
        put(out, source as u64);
        put(out, template as u64);
        put_signed(out, offset);
        let entry = self.last.entry(source).or_insert_with(|| (-1, Vec::new()));
        let against = entry.0 == template && entry.1.len() == values.len();
        out.push(u8::from(!against));
        if !against {
            entry.0 = template;
            entry.1.clear();
            entry.1.resize(values.len(), 0);
        }
        let before = &mut entry.1;
        let mut i = 0;
        while i < values.len() {
            let same = values[i..]
                .iter()
                .zip(&before[i..])
                .take_while(|(a, b)| a == b)
                .count();
            let changed = values[i + same..]
                .iter()
                .zip(&before[i + same..])
                .take_while(|(a, b)| a != b)
                .count();
            put(out, same as u64);
            put(out, changed as u64);
            for k in i + same..i + same + changed {
                put_signed(out, values[k].wrapping_sub(before[k]) as i64);
            }
            i += same + changed;
        }
        before.copy_from_slice(values);
    }

    /// Reads a row and shows each reading to `see`. `slots` says how many slots a template has. A reading that is told against one
    /// that was not read is left out. `None`: the row is damaged; then nothing is known any more until the next key row.
    pub(crate) fn decode(
        &mut self,
        row: &[u8],
        slots: &dyn Fn(i64) -> Option<usize>,
        see: &mut dyn FnMut(HotReading<'_>),
    ) -> Option<()> {
        let decoded = unsealed(row).and_then(|rest| self.take(rest, slots, see));
        if decoded.is_none() {
            self.forget();
        }
        decoded
    }

    fn take(
        &mut self,
        mut rest: &[u8],
        slots: &dyn Fn(i64) -> Option<usize>,
        see: &mut dyn FnMut(HotReading<'_>),
    ) -> Option<()> {
        for _ in 0..take(&mut rest)? {
            let source = take(&mut rest)? as i64;
            let template = take(&mut rest)? as i64;
            let offset = take_signed(&mut rest)?;
            let (&whole, tail) = rest.split_first()?;
            rest = tail;
            let slots = slots(template)?;
            let entry = self.last.entry(source).or_insert_with(|| (-1, Vec::new()));
            if whole == 1 {
                entry.0 = template;
                entry.1.clear();
                entry.1.resize(slots, 0);
            }
            let is_known = entry.0 == template && entry.1.len() == slots;
            let mut lost = Vec::new();
            let values = if is_known {
                &mut entry.1
            } else {
                lost.resize(slots, 0);
                &mut lost
            };
            let mut i = 0usize;
            while i < slots {
                i = i.checked_add(usize::try_from(take(&mut rest)?).ok()?)?;
                for _ in 0..take(&mut rest)? {
                    let step = take_signed(&mut rest)?;
                    let value = values.get_mut(i)?;
                    *value = value.wrapping_add(step as u64);
                    i += 1;
                }
            }
            if is_known {
                see(HotReading {
                    source,
                    template,
                    offset,
                    values,
                });
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Told = Vec<(i64, i64, i64, Vec<u64>)>;

    fn decoded(before: &mut Before, row: &[u8], slots: &dyn Fn(i64) -> Option<usize>) -> Option<Told> {
        let mut told = Vec::new();
        before.decode(row, slots, &mut |r| {
            told.push((r.source, r.template, r.offset, r.values.to_vec()))
        })?;
        Some(told)
    }

    proptest! {
        #[test]
        fn rows_come_back(ticks in proptest::collection::vec(
            proptest::collection::vec((0i64..3, 0i64..2, any::<i32>(), any::<u64>()), 0..4), 0..8)) {
            let slots = |template: i64| Some(template as usize * 3);
            let (mut writer, mut reader) = (Before::default(), Before::default());
            let mut row = Vec::new();
            for tick in ticks {
                let wanted: Told = tick.into_iter().map(|(source, template, offset, seed)| {
                    let count = slots(template).unwrap() as u32;
                    (source, template, i64::from(offset), (0..count).map(|i| seed.rotate_left(i * 21) & 0xff).collect())
                }).collect();
                let readings = wanted.iter().map(|(source, template, offset, values)| {
                    HotReading { source: *source, template: *template, offset: *offset, values }
                });
                writer.encode(readings, &mut row);
                prop_assert_eq!(decoded(&mut reader, &row, &slots), Some(wanted));
                for cut in 0..row.len() {
                    prop_assert_eq!(decoded(&mut Before::default(), &row[..cut], &slots), None);
                }
            }
        }

        #[test]
        fn any_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut row = vec![0; 4];
            row.extend(body);
            seal(&mut row);
            decoded(&mut Before::default(), &row, &|template| (0..50).contains(&template).then_some(7));
        }
    }
}
