//! The row of one tick, before compaction.
//!
//! ```text
//! readings, then for each: source id, template id, offset, 1 (whole) or 0 (against the reading before), values
//! values: in turn, how many are unchanged, how many changed, the zigzag of each change
//! ```
//! "Before" is the last reading of the same source in the same run, if it has the same template. A whole reading is against zeros.
//! The writer writes a row of whole readings each [`KEY_EVERY`] ticks, so that a reader need not begin at the beginning.

use crate::bytes::{put, put_signed, take, take_signed};
use std::collections::HashMap;

/// Ticks from one row of whole readings to the next.
pub(crate) const KEY_EVERY: u64 = 60;
/// Offsets are kept to this many nanoseconds: a fraction of what reading a file takes.
pub(crate) const OFFSET_UNIT: i64 = 100_000;

/// A reading with its template and source as ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HotReading {
    pub(crate) source: i64,
    pub(crate) template: i64,
    /// In units of [`OFFSET_UNIT`].
    pub(crate) offset: i64,
    pub(crate) values: Vec<u64>,
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

    /// Appends one reading to a row.
    pub(crate) fn encode(
        &mut self,
        source: i64,
        template: i64,
        offset: i64,
        values: &[u64],
        out: &mut Vec<u8>,
    ) {
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

    /// Reads a row. `slots` says how many slots a template has. `None`: damaged, or told against what was not read.
    pub(crate) fn decode(
        &mut self,
        body: &[u8],
        slots: &dyn Fn(i64) -> Option<usize>,
    ) -> Option<Vec<HotReading>> {
        let mut rest = body;
        let count = take(&mut rest)?;
        let mut readings = Vec::new();
        for _ in 0..count {
            let source = take(&mut rest)? as i64;
            let template = take(&mut rest)? as i64;
            let offset = take_signed(&mut rest)?;
            let (&whole, tail) = rest.split_first()?;
            rest = tail;
            let slots = slots(template)?;
            let entry = self.last.entry(source).or_insert_with(|| (-1, Vec::new()));
            if whole == 1 {
                *entry = (template, vec![0; slots]);
            }
            // After a row that could not be read, what is told against it is unknown until the next whole one.
            let known = entry.0 == template && entry.1.len() == slots;
            let mut scratch = Vec::new();
            let values = if known {
                &mut entry.1
            } else {
                scratch.resize(slots, 0);
                &mut scratch
            };
            let mut i = 0usize;
            while i < slots {
                i = i.checked_add(usize::try_from(take(&mut rest)?).ok()?)?;
                let changed = usize::try_from(take(&mut rest)?).ok()?;
                for _ in 0..changed {
                    let step = take_signed(&mut rest)?;
                    let value = values.get_mut(i)?;
                    *value = value.wrapping_add(step as u64);
                    i += 1;
                }
            }
            if known {
                readings.push(HotReading {
                    source,
                    template,
                    offset,
                    values: entry.1.clone(),
                });
            }
        }
        Some(readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_come_back(ticks in proptest::collection::vec(proptest::collection::vec((0i64..3, 0i64..2, any::<u32>(), any::<u64>()), 0..4), 0..8)) {
            let slots = |template: i64| Some(template as usize * 3);
            let (mut writer, mut reader) = (Before::default(), Before::default());
            for tick in ticks {
                let mut body = Vec::new();
                put(&mut body, tick.len() as u64);
                let mut wanted = Vec::new();
                for (source, template, offset, seed) in tick {
                    let values: Vec<u64> = (0..slots(template).unwrap() as u64).map(|i| seed.rotate_left(i as u32 * 21) & 0xff).collect();
                    writer.encode(source, template, i64::from(offset), &values, &mut body);
                    wanted.push(HotReading { source, template, offset: i64::from(offset), values });
                }
                prop_assert_eq!(reader.decode(&body, &slots), Some(wanted));
                for cut in 0..body.len() {
                    Before::default().decode(&body[..cut], &slots);
                }
            }
        }

        #[test]
        fn any_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..100)) {
            Before::default().decode(&body, &|template| (0..50).contains(&template).then_some(7));
        }
    }
}
