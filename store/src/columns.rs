//! A block: consecutive readings of one source with one template, as columns.
//!
//! ```text
//! crc32 of the rest | length of head | head | groups
//! head:   readings, columns; then, entropy coded, for each column how it is told, its first value and, if it moves, its last, least
//!         and greatest one; then the length of each group
//! group:  the residuals of a few columns, entropy coded one after the other
//! ```
//! A column that never moves costs its first value. One that moves is told as its steps, divided by their greatest common divisor (4 for
//! kB that are pages, 8 for sectors that are pages), less those of up to three other columns where that is cheaper: `Active` is the sum of
//! its two parts, most of meminfo and of zoneinfo's nodes is vmstat again ([`crate::relations`]). The others stand earlier in the block,
//! or in its *base*, the block of another source over the same ticks. What is left is coded as it is, or as the difference to what was
//! left before ([`crate::steps`]); the last one is not, for the head has the last value.
//!
//! Columns share no model, and a group holds about [`GROUP_NUMBERS`] numbers, so one column is read without most of the others.
//!
//! Measured on 120 readings of ten files of a recorded incident (142,680 slots, of which some 290 of 1,189 columns move), bytes a slot,
//! heads and the times of the readings included, each line with what the lines above it have:
//!
//! | | incident | idle |
//! |---|---|---|
//! | steps, or steps of steps, under tables that each column learns from nothing | 0.145 | 0.080 |
//! | tables that begin with what is usual | 0.131 | 0.068 |
//! | steps divided by their greatest common divisor | 0.123 | 0.064 |
//! | less those of other columns of the block | 0.106 | 0.058 |
//! | less those of vmstat | 0.089 | 0.048 |

use crate::bytes::{put, sealed, take, unsealed};
use crate::column::{Column, ColumnSummary, Extent};
use crate::head::{Entry, HeadModel, Told};
use crate::rans::{Decoder, Encoder};
use crate::relations::{self, Apart, Factor, Leader, Reference};
use crate::steps;
use std::collections::{BTreeMap, HashMap};

/// A group is closed when it has so many numbers: each costs 4 bytes, and reading a column decodes those before it in its group.
const GROUP_NUMBERS: usize = 600;
/// A block longer than this is not one that we wrote: a stretch has some 600 ticks. Its columns are given out in full length, whatever a
/// damaged or hostile block says, so that this is a bound on memory too.
const MOST_READINGS: u64 = 1 << 14;
const MOST_COLUMNS: u64 = 1 << 20;

fn bends(steps: &[i64]) -> Vec<i64> {
    let mut before = 0i64;
    steps
        .iter()
        .map(|&s| s.wrapping_sub(std::mem::replace(&mut before, s)))
        .collect()
}

/// Packs columns of equal length; `base` holds the columns of another block over the same ticks, or nothing.
pub(crate) fn pack(columns: &[Column], base: &[Column]) -> Vec<u8> {
    let readings = columns.first().map_or(0, Column::len);
    let base: Vec<Leader> = base
        .iter()
        .enumerate()
        .map(|(column, values)| Leader::new(column, values.steps().0, 0))
        .filter(Leader::moves)
        .collect();
    let mut packer = Packer {
        leaders: Vec::new(),
        by_steps: HashMap::new(),
        entries: Vec::new(),
        groups: Groups::default(),
    };
    let (mut head, mut model) = (Encoder::default(), HeadModel::new());
    for column in columns {
        let entry = packer.add(column, &base);
        entry.put(&packer.entries, &packer.leaders, &mut model, &mut head);
        packer.entries.push(entry);
    }
    packer.groups.close();
    for group in &packer.groups.done {
        model.put_group(&mut head, group.len());
    }
    let mut plain = Vec::new();
    put(&mut plain, readings as u64);
    put(&mut plain, columns.len() as u64);
    plain.extend(head.finish());
    let mut body = Vec::new();
    put(&mut body, plain.len() as u64);
    body.extend(plain);
    packer.groups.done.iter().for_each(|g| body.extend_from_slice(g));
    sealed(&body)
}

/// What is coded of each column, in groups.
#[derive(Default)]
struct Groups {
    done: Vec<Vec<u8>>,
    open: Encoder,
    numbers: usize,
}

impl Groups {
    fn add(&mut self, residual: &[i64], is_signed: bool, readings: usize) {
        steps::encode(residual, is_signed, &mut self.open);
        self.numbers += readings;
        if self.numbers >= GROUP_NUMBERS {
            self.close();
        }
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.numbers) > 0 {
            self.done.push(std::mem::take(&mut self.open).finish());
        }
    }
}

struct Packer {
    /// Columns that move, twins left out.
    leaders: Vec<Leader>,
    by_steps: HashMap<Vec<i64>, usize>,
    entries: Vec<Entry>,
    groups: Groups,
}

impl Packer {
    /// Decides how a column is told, and codes what is left of it.
    fn add(&mut self, column: &Column, base: &[Leader]) -> Entry {
        let summary = column.summary();
        let (steps, unit) = column.steps();
        if steps.is_empty() {
            return Entry {
                told: Told::Constant,
                references: Vec::new(),
                unit: 1,
                rises: true,
                summary,
            };
        }
        let rises = summary.extent(unit).is_some_and(Extent::rises) && steps.iter().all(|&s| s >= 0);
        if let Some(&leader) = self.by_steps.get(&steps) {
            let of = &self.entries[leader];
            let extent = of.summary.extent(of.unit);
            if extent.is_some() && extent == summary.extent(unit) {
                let factor = Factor::ONE;
                let references = vec![Reference {
                    in_base: false,
                    column: leader,
                    factor,
                }];
                return Entry {
                    told: Told::Twin,
                    references,
                    unit,
                    rises,
                    summary,
                };
            }
        }
        let Apart {
            references,
            residual,
            cost,
            depth,
        } = relations::take_off(&steps, &self.leaders, base);
        let mut entry = Entry {
            told: Told::Wholly,
            references,
            unit,
            rises,
            summary,
        };
        if residual.iter().any(|&r| r != 0) {
            let bent = bends(&residual);
            entry.told = if steps::cost_below(&bent, cost).is_some() {
                Told::Bends
            } else {
                Told::Steps
            };
            let coded = if entry.told == Told::Bends {
                &bent
            } else {
                &residual
            };
            // The last one follows from the last value.
            self.groups
                .add(&coded[..coded.len() - 1], entry.is_signed(), column.len());
        }
        self.by_steps.insert(steps.clone(), self.entries.len());
        self.leaders.push(Leader::new(self.entries.len(), steps, depth));
        entry
    }
}

/// The head of a block, decoded; columns are decoded on demand.
pub(crate) struct Block<'a> {
    readings: usize,
    entries: Vec<Entry>,
    /// Bytes of each group, and the coded columns in it.
    groups: Vec<(&'a [u8], Vec<usize>)>,
}

impl<'a> Block<'a> {
    /// Reads the head. `None`: these bytes are not what [`pack`] wrote.
    pub(crate) fn open(bytes: &'a [u8]) -> Option<Block<'a>> {
        let mut body = unsealed(bytes)?;
        let head_len = usize::try_from(take(&mut body)?).ok()?;
        let (mut head, mut rest) = body.split_at_checked(head_len)?;
        let readings = take(&mut head).filter(|&n| n <= MOST_READINGS)? as usize;
        let columns = take(&mut head).filter(|&n| n <= MOST_COLUMNS)? as usize;
        let (mut head, mut model) = (Decoder::new(head), HeadModel::new());
        let (mut entries, mut leaders) = (Vec::with_capacity(columns), Vec::new());
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut numbers = GROUP_NUMBERS;
        for column in 0..columns {
            let entry = Entry::take(&entries, &leaders, &mut model, &mut head)?;
            if !matches!(entry.told, Told::Constant | Told::Twin) {
                leaders.push(column);
            }
            if entry.told.is_coded() {
                if numbers >= GROUP_NUMBERS {
                    members.push(Vec::new());
                    numbers = 0;
                }
                members.last_mut()?.push(column);
                numbers += readings;
            }
            entries.push(entry);
        }
        let mut groups = Vec::with_capacity(members.len());
        for members in members {
            let len = model.take_group(&mut head)?;
            let (group, tail) = rest.split_at_checked(len)?;
            groups.push((group, members));
            rest = tail;
        }
        Some(Block {
            readings,
            entries,
            groups,
        })
    }

    pub(crate) fn summary(&self, column: usize) -> Option<ColumnSummary> {
        self.entries.get(column).map(|e| e.summary)
    }

    /// Columns of the base that are needed to read some columns, in order.
    pub(crate) fn needs_of_base(&self, wanted: &[usize]) -> Vec<usize> {
        let closure = self.closure(wanted);
        let references = closure.iter().flat_map(|&c| self.entries[c].references.iter());
        let mut needed: Vec<usize> = references.filter(|r| r.in_base).map(|r| r.column).collect();
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    /// The wanted columns and those of this block that they are told against, in order.
    fn closure(&self, wanted: &[usize]) -> Vec<usize> {
        let mut needed = vec![false; self.entries.len()];
        let mut open: Vec<usize> = wanted
            .iter()
            .copied()
            .filter(|&c| c < self.entries.len())
            .collect();
        while let Some(column) = open.pop() {
            if !std::mem::replace(&mut needed[column], true) {
                open.extend(
                    self.entries[column]
                        .references
                        .iter()
                        .filter(|r| !r.in_base)
                        .map(|r| r.column),
                );
            }
        }
        (0..needed.len()).filter(|&c| needed[c]).collect()
    }

    /// The values of some columns, in the order asked for. `base` gives the steps ([`Block::steps`]) of the columns of the base that
    /// [`Block::needs_of_base`] names. `None`: no such column, or it is not as long as the block.
    pub(crate) fn read(&self, wanted: &[usize], base: &BTreeMap<usize, Vec<i64>>) -> Option<Vec<Vec<u64>>> {
        let steps = self.steps(wanted, base)?;
        wanted
            .iter()
            .map(|&column| self.values(column, steps.get(&column).map_or(&[], Vec::as_slice)))
            .collect()
    }

    /// The steps, in units, of some columns and of those that they are told against; of a constant column none.
    pub(crate) fn steps(
        &self,
        wanted: &[usize],
        base: &BTreeMap<usize, Vec<i64>>,
    ) -> Option<BTreeMap<usize, Vec<i64>>> {
        let needed = self.closure(wanted);
        let mut residuals = self.residuals(&needed);
        let mut known: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
        let count = self.readings.saturating_sub(1);
        for &column in &needed {
            let entry = &self.entries[column];
            if entry.told == Told::Constant {
                continue;
            }
            let mut own = residuals.remove(&column).unwrap_or_else(|| vec![0; count]);
            if entry.told == Told::Bends {
                let mut step = 0i64;
                own.iter_mut().for_each(|v| {
                    step = step.wrapping_add(*v);
                    *v = step;
                });
            }
            for reference in &entry.references {
                let other = if reference.in_base {
                    base.get(&reference.column)
                } else {
                    known.get(&reference.column)
                };
                // A column of the base that does not move has no steps to add.
                let other = other.map_or(&[][..], Vec::as_slice);
                own.iter_mut()
                    .zip(other)
                    .for_each(|(own, &other)| *own = own.wrapping_add(reference.factor.of(other)));
            }
            if entry.told.is_coded()
                && let Some((last, others)) = own.split_last_mut()
            {
                *last = others
                    .iter()
                    .fold(entry.total(), |left, &step| left.wrapping_sub(step));
            }
            known.insert(column, own);
        }
        Some(known)
    }

    /// What was coded of some columns.
    fn residuals(&self, needed: &[usize]) -> BTreeMap<usize, Vec<i64>> {
        let mut out = BTreeMap::new();
        let count = self.readings.saturating_sub(2);
        for (bytes, members) in &self.groups {
            // What follows the last column that is needed is left alone.
            let Some(last) = members.iter().rposition(|m| needed.binary_search(m).is_ok()) else {
                continue;
            };
            let mut decoder = Decoder::new(bytes);
            for &column in &members[..=last] {
                let mut residual = steps::decode(&mut decoder, count, self.entries[column].is_signed());
                residual.push(0);
                out.insert(column, residual);
            }
        }
        out
    }

    fn values(&self, column: usize, steps: &[i64]) -> Option<Vec<u64>> {
        let entry = self.entries.get(column)?;
        let mut value = entry.summary.first;
        if entry.told == Told::Constant {
            return Some(vec![value; self.readings]);
        }
        // A block that we did not write may say that what has no reading, or one, moves.
        if steps.len() + 1 != self.readings {
            return None;
        }
        let mut out = Vec::with_capacity(self.readings);
        out.push(value);
        for &step in steps {
            value = value.wrapping_add((step as u64).wrapping_mul(entry.unit));
            out.push(value);
        }
        Some(out)
    }
}

/// Reads what would be a block if the check sum were right, and the columns of a base that it asks for, likewise.
#[cfg(any(test, fuzzing))]
#[cfg_attr(test, expect(unreachable_pub, reason = "fuzz targets reach it"))]
pub fn read_unsealed(block: &[u8], base: &[u8]) {
    const MOST: usize = 64;
    let (block, base) = (sealed(block), sealed(base));
    let Some(block) = Block::open(&block) else { return };
    let wanted: Vec<usize> = (0..block.entries.len().min(MOST)).collect();
    let needed = block.needs_of_base(&wanted);
    let steps = Block::open(&base).and_then(|base| base.steps(&needed, &BTreeMap::new()));
    if let Some(columns) = block.read(&wanted, &steps.unwrap_or_default()) {
        assert!(columns.iter().all(|column| column.len() == block.readings));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn columns() -> impl Strategy<Value = (Vec<Vec<u64>>, Vec<Vec<u64>>)> {
        (1usize..40, 0usize..30, 0usize..5).prop_flat_map(|(readings, count, based)| {
            let column = prop_oneof![
                any::<u64>().prop_map(move |v| vec![v; readings]),
                proptest::collection::vec(any::<u64>(), readings),
                (any::<u32>(), 0u64..1000).prop_map(move |(first, step)| (0..readings as u64)
                    .map(|i| u64::from(first) + i * i * step)
                    .collect()),
            ];
            let own = proptest::collection::vec(column.clone(), count);
            // Columns that follow others are what references are for.
            let own = own.prop_map(|mut own| {
                if let (Some(a), Some(b)) = (own.first().cloned(), own.last().cloned()) {
                    own.push(a.iter().zip(&b).map(|(x, y)| x.wrapping_add(*y)).collect());
                    own.push(a.iter().map(|x| x.wrapping_mul(4)).collect());
                }
                own
            });
            (own, proptest::collection::vec(column, based))
        })
    }

    fn gathered(columns: &[Vec<u64>]) -> Vec<Column> {
        let gather = |values: &Vec<u64>| {
            let mut column = Column::EMPTY;
            values.iter().for_each(|&v| column.push(v));
            column
        };
        columns.iter().map(gather).collect()
    }

    fn packed(columns: &[Vec<u64>], base: &[Vec<u64>]) -> Vec<u8> {
        pack(&gathered(columns), &gathered(base))
    }

    proptest! {
        #[test]
        fn columns_come_back((columns, base) in columns(), like in any::<bool>()) {
            let base = if like { columns.iter().take(3).cloned().collect() } else { base };
            let bytes = packed(&columns, &base);
            let block = Block::open(&bytes).unwrap();
            let base: BTreeMap<usize, Vec<i64>> = gathered(&base).iter().map(|c| c.steps().0).enumerate().collect();
            let all: Vec<usize> = (0..columns.len()).collect();
            prop_assert_eq!(&block.read(&all, &base).unwrap(), &columns);
            for (i, column) in columns.iter().enumerate() {
                let needed: BTreeMap<_, _> = block.needs_of_base(&[i]).into_iter().map(|c| (c, base[&c].clone())).collect();
                prop_assert_eq!(&block.read(&[i], &needed).unwrap()[0], column);
                let summary = block.summary(i).unwrap();
                prop_assert_eq!(summary.min, *column.iter().min().unwrap());
                prop_assert_eq!(summary.max, *column.iter().max().unwrap());
                prop_assert_eq!((summary.first, summary.last), (column[0], *column.last().unwrap()));
            }
        }

        #[test]
        fn a_flipped_bit_is_seen((columns, base) in columns(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = packed(&columns, &base);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(Block::open(&bytes).is_none());
        }

        #[test]
        fn bytes_that_nobody_packed_are_answered(
            (columns, base) in columns(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut body = packed(&columns, &base).split_off(4);
            for (at, byte) in changes {
                let at = at.index(body.len());
                body[at] = byte;
            }
            let bytes = sealed(&body);
            let Some(block) = Block::open(&bytes) else { return Ok(()) };
            let wanted: Vec<usize> = (0..block.entries.len().min(50)).collect();
            block.read(&wanted, &BTreeMap::new());
        }
    }

    /// As the target `block` of fuzz/ reads them: two bytes say how long the base is, which comes first.
    #[test]
    fn what_fuzzing_began_with_and_found_is_answered() {
        let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        for kind in ["seeds/block", "found/block"] {
            for entry in std::fs::read_dir(fuzz.join(kind)).unwrap() {
                let bytes = std::fs::read(entry.unwrap().path()).unwrap();
                let (length, rest) = bytes.split_first_chunk().unwrap();
                let (base, block) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
                read_unsealed(block, base);
            }
        }
    }

    #[test]
    fn every_cut_is_seen() {
        let bytes = packed(&[vec![1, 2, 3, 9], vec![5; 4], vec![11, 12, 13, 19]], &[]);
        for cut in 0..bytes.len() {
            assert!(Block::open(&bytes[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn a_column_of_no_block_is_not_there() {
        let bytes = packed(&[vec![1, 2]], &[]);
        assert_eq!(Block::open(&bytes).unwrap().read(&[1], &BTreeMap::new()), None);
    }
}
