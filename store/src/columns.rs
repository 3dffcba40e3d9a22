//! A block: consecutive readings of one source with one template, as columns.
//!
//! ```text
//! crc32 of the rest | length of head | head (zstd) | groups
//! head:   readings, columns; then in turn for each column its kind (and references), its first value, and for those that move
//!         last, below-first, above-last; then the length of each group
//! group:  up to 128 coded columns, range coded: the zigzag of each step (or of each step of the step)
//! ```
//! A column that never moves costs its first value in the head. One that moves is told as its steps, less those of up to two other
//! columns where that is cheaper: `Active` is the sum of its two parts, most of meminfo and of zoneinfo's nodes is vmstat again. The
//! others stand earlier in the block, or in its *base*, the block of another source over the same ticks. What is left is range coded
//! ([`crate::range_coder`]) with models shared within a group.
//!
//! Measured on 120 readings of ten files of a real incident (146,880 numbers; 290 of 1,224 columns move), bytes a number:
//! zigzag varints under xz 0.108, under zstd 0.13; range coded alone 0.142; with references inside the block 0.120; with vmstat as base 0.098
//! (of 142,680 slots; 0.095 of the digit runs).
//! Mixing seven contexts instead of one saves another tenth, but reads seven times as slowly: not taken.

use crate::bytes::{put, put_signed, take, take_signed, unzigzag, zigzag};
use crate::range_coder::{Context, Decoder, Encoder, Model};
use std::collections::HashMap;

const GROUP: usize = 128;
/// Earlier columns of the block that are tried as references.
const REACH: usize = 64;
/// Ticks that a reference is tried on before all are.
const SAMPLE: usize = 64;
/// About what a reference costs, in bits.
const REFERENCE_BITS: u64 = 20;
/// A block longer than this is not one that we wrote.
const MOST_READINGS: u64 = 1 << 20;
const MOST_COLUMNS: u64 = 1 << 22;

/// What is known of a column without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSummary {
    /// First value.
    pub first: u64,
    /// Last value.
    pub last: u64,
    /// Smallest value.
    pub min: u64,
    /// Largest value.
    pub max: u64,
}

/// How a column is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Constant,
    /// Its residual is coded as it is.
    Steps,
    /// Its residual is coded as differences.
    Bends,
    /// It has no residual: the references say all.
    Told,
}

/// Another column whose steps are taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reference {
    in_base: bool,
    column: usize,
    factor: i64,
}

/// Factors, by their place in the code: what is pages here is kB there, and KiB are two sectors.
const FACTORS: [i64; 6] = [1, -1, 4, -4, 2, 8];

#[derive(Debug, Clone)]
struct Entry {
    kind: Kind,
    references: Vec<Reference>,
    summary: ColumnSummary,
}

/// The head of a block, decoded; columns are decoded on demand.
pub(crate) struct Block<'a> {
    readings: usize,
    entries: Vec<Entry>,
    groups: Vec<&'a [u8]>,
    /// For a coded column: which group, and which place in it.
    place: Vec<(usize, usize)>,
}

/// The steps of a column.
fn steps(column: &[u64]) -> Vec<i64> {
    column.windows(2).map(|w| w[1].wrapping_sub(w[0]) as i64).collect()
}

fn bends(steps: &[i64]) -> Vec<i64> {
    let mut before = 0i64;
    steps.iter().map(|&s| s.wrapping_sub(std::mem::replace(&mut before, s))).collect()
}

/// About how many bits the numbers take.
fn cost(values: impl Iterator<Item = i64>) -> u64 {
    values.map(|v| u64::from(64 - zigzag(v).leading_zeros()) + u64::from(v != 0)).sum()
}

/// Packs columns of equal length; `base` holds the columns of another block over the same ticks, or nothing.
pub(crate) fn pack(columns: &[Vec<u64>], base: &[Vec<u64>]) -> Vec<u8> {
    let readings = columns.first().map_or(0, Vec::len);
    let moving = |all: &[Vec<u64>]| -> Vec<(usize, Vec<i64>)> {
        let steps = all.iter().map(|c| steps(c)).enumerate();
        steps.filter(|(_, s)| s.iter().any(|&v| v != 0)).collect()
    };
    let base = moving(base);
    let mut head = Vec::new();
    put(&mut head, readings as u64);
    put(&mut head, columns.len() as u64);
    let mut earlier: Vec<(usize, Vec<i64>)> = Vec::new();
    let mut coded: Vec<Vec<i64>> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let steps = steps(column);
        let (first, last) = (column.first().copied().unwrap_or(0), column.last().copied().unwrap_or(0));
        if steps.iter().all(|&s| s == 0) {
            head.push(0);
            put(&mut head, first);
            continue;
        }
        let (references, residual) = refer(&steps, &earlier, &base);
        let bent = bends(&residual);
        let kind = if residual.iter().all(|&r| r == 0) {
            3
        } else if cost(bent.iter().copied()) < cost(residual.iter().copied()) {
            coded.push(bent);
            2
        } else {
            coded.push(residual);
            1
        };
        head.push(kind | (references.len() as u8) << 2);
        for reference in &references {
            let factor = FACTORS.iter().position(|&f| f == reference.factor).unwrap_or(0) as u64;
            let column = if reference.in_base { reference.column } else { index - reference.column };
            put(&mut head, (column as u64 * 2 + u64::from(reference.in_base)) * FACTORS.len() as u64 + factor);
        }
        let (min, max) = column.iter().fold((first, first), |(a, b), &v| (a.min(v), b.max(v)));
        put(&mut head, first);
        put_signed(&mut head, last.wrapping_sub(first) as i64);
        put(&mut head, first - min);
        put(&mut head, max.wrapping_sub(last));
        if !earlier.iter().any(|(_, e)| *e == steps) {
            earlier.push((index, steps));
        }
    }
    let groups: Vec<Vec<u8>> = coded
        .chunks(GROUP)
        .map(|group| {
            let (mut model, mut encoder) = (Model::new(), Encoder::new());
            for values in group {
                let mut context = Context::default();
                values.iter().for_each(|&v| encoder.number(&mut model, &mut context, zigzag(v)));
            }
            encoder.finish()
        })
        .collect();
    groups.iter().for_each(|g| put(&mut head, g.len() as u64));
    let head = zstd::bulk::compress(&head, 19).unwrap_or_default();
    let mut body = Vec::new();
    put(&mut body, head.len() as u64);
    body.extend_from_slice(&head);
    groups.iter().for_each(|g| body.extend_from_slice(g));
    let mut out = crc32fast::hash(&body).to_le_bytes().to_vec();
    out.extend_from_slice(&body);
    out
}

/// Up to two references that make the steps cheaper, and what is left of them.
fn refer(
    steps: &[i64],
    earlier: &[(usize, Vec<i64>)],
    base: &[(usize, Vec<i64>)],
) -> (Vec<Reference>, Vec<i64>) {
    let mut residual = steps.to_vec();
    let mut references = Vec::new();
    let stride = steps.len().div_ceil(SAMPLE).max(1);
    let near = &earlier[earlier.len().saturating_sub(REACH)..];
    while references.len() < 2 {
        let all = cost(residual.iter().copied());
        let sampled = cost(residual.iter().step_by(stride).copied());
        let own = near.iter().map(|c| (false, c));
        let candidates = own
            .chain(base.iter().map(|c| (true, c)))
            .flat_map(|(in_base, c)| FACTORS.map(|factor| (in_base, c, factor)));
        let less = |other: &[i64], factor: i64, stride: usize| {
            let pairs = residual.iter().zip(other).step_by(stride);
            cost(pairs.map(|(a, b)| a.wrapping_sub(b.wrapping_mul(factor))))
        };
        let best = candidates
            .map(|(in_base, (column, other), factor)| (less(other, factor, stride), in_base, *column, other, factor))
            .min_by_key(|c| c.0)
            .filter(|c| c.0 < sampled);
        let Some((_, in_base, column, other, factor)) = best else { break };
        if less(other, factor, 1) + REFERENCE_BITS >= all {
            break;
        }
        for (left, taken) in residual.iter_mut().zip(other) {
            *left = left.wrapping_sub(taken.wrapping_mul(factor));
        }
        references.push(Reference { in_base, column, factor });
    }
    (references, residual)
}

impl<'a> Block<'a> {
    /// Reads the head. `None`: these bytes are not what [`pack`] wrote.
    pub(crate) fn open(bytes: &'a [u8]) -> Option<Block<'a>> {
        let (crc, mut body) = bytes.split_at_checked(4)?;
        if crc != crc32fast::hash(body).to_le_bytes() {
            return None;
        }
        let head_len = usize::try_from(take(&mut body)?).ok()?;
        let (packed, mut rest) = body.split_at_checked(head_len)?;
        let head = zstd::stream::decode_all(packed).ok()?;
        let mut head = head.as_slice();
        let readings = take(&mut head).filter(|&n| n <= MOST_READINGS)? as usize;
        let columns = take(&mut head).filter(|&n| n <= MOST_COLUMNS)? as usize;
        let mut entries = Vec::with_capacity(columns);
        let mut place = Vec::with_capacity(columns);
        let mut coded = 0;
        for index in 0..columns {
            let entry = Entry::take(&mut head, index)?;
            place.push((coded / GROUP, coded % GROUP));
            coded += usize::from(matches!(entry.kind, Kind::Steps | Kind::Bends));
            entries.push(entry);
        }
        let mut groups = Vec::new();
        for _ in 0..coded.div_ceil(GROUP) {
            let len = usize::try_from(take(&mut head)?).ok()?;
            let (group, tail) = rest.split_at_checked(len)?;
            groups.push(group);
            rest = tail;
        }
        Some(Block { readings, entries, groups, place })
    }

    pub(crate) fn summary(&self, column: usize) -> Option<ColumnSummary> {
        self.entries.get(column).map(|e| e.summary)
    }

    /// Columns of the base that are needed to read some columns, in order.
    pub(crate) fn needs_of_base(&self, wanted: &[usize]) -> Vec<usize> {
        let mut needed: Vec<usize> = self
            .closure(wanted)
            .into_iter()
            .flat_map(|c| self.entries[c].references.iter())
            .filter(|r| r.in_base)
            .map(|r| r.column)
            .collect();
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    /// The wanted columns and those of this block that they are told against, in order.
    fn closure(&self, wanted: &[usize]) -> Vec<usize> {
        let mut needed = vec![false; self.entries.len()];
        let mut open: Vec<usize> = wanted.iter().copied().filter(|&c| c < self.entries.len()).collect();
        while let Some(column) = open.pop() {
            if !std::mem::replace(&mut needed[column], true) {
                open.extend(self.entries[column].references.iter().filter(|r| !r.in_base).map(|r| r.column));
            }
        }
        (0..needed.len()).filter(|&c| needed[c]).collect()
    }

    /// The values of some columns, in the order asked for; only their groups are decoded. `base` gives the columns that
    /// [`Block::needs_of_base`] names. `None`: no such column.
    pub(crate) fn read(&self, wanted: &[usize], base: &HashMap<usize, Vec<u64>>) -> Option<Vec<Vec<u64>>> {
        if wanted.iter().any(|&c| c >= self.entries.len()) {
            return None;
        }
        let needed = self.closure(wanted);
        let mut residuals = self.residuals(&needed);
        let mut known: HashMap<usize, Vec<i64>> = HashMap::new();
        for &column in &needed {
            let entry = &self.entries[column];
            let count = self.readings.saturating_sub(1);
            let mut own = residuals.remove(&column).unwrap_or_else(|| vec![0; count]);
            if entry.kind == Kind::Bends {
                let mut step = 0i64;
                own.iter_mut().for_each(|v| {
                    step = step.wrapping_add(*v);
                    *v = step;
                });
            }
            for reference in &entry.references {
                let of_base;
                let other = if reference.in_base {
                    of_base = steps(base.get(&reference.column)?);
                    &of_base
                } else {
                    known.get(&reference.column)?
                };
                for (own, other) in own.iter_mut().zip(other) {
                    *own = own.wrapping_add(other.wrapping_mul(reference.factor));
                }
            }
            known.insert(column, own);
        }
        Some(wanted.iter().map(|&c| self.values(c, &known)).collect())
    }

    /// What was coded of some columns.
    fn residuals(&self, needed: &[usize]) -> HashMap<usize, Vec<i64>> {
        let is_coded = |c: &usize| matches!(self.entries[*c].kind, Kind::Steps | Kind::Bends);
        // The last place that is needed of each group: what follows need not be decoded.
        let mut last: Vec<Option<usize>> = vec![None; self.groups.len()];
        for &column in needed.iter().filter(|c| is_coded(c)) {
            let (group, place) = self.place[column];
            last[group] = last[group].max(Some(place));
        }
        let mut out = HashMap::new();
        let mut decoders: Vec<Option<(Model, Decoder)>> =
            self.groups.iter().zip(&last).map(|(g, l)| l.map(|_| (Model::new(), Decoder::new(g)))).collect();
        for column in (0..self.entries.len()).filter(is_coded) {
            let (group, place) = self.place[column];
            let Some((model, decoder)) = decoders[group].as_mut().filter(|_| Some(place) <= last[group]) else { continue };
            let mut context = Context::default();
            let count = self.readings.saturating_sub(1);
            let values = (0..count).map(|_| unzigzag(decoder.number(model, &mut context))).collect();
            out.insert(column, values);
        }
        out
    }

    fn values(&self, column: usize, known: &HashMap<usize, Vec<i64>>) -> Vec<u64> {
        let mut value = self.entries[column].summary.first;
        let mut out = Vec::with_capacity(self.readings);
        if self.readings > 0 {
            out.push(value);
        }
        for &step in known.get(&column).into_iter().flatten() {
            value = value.wrapping_add(step as u64);
            out.push(value);
        }
        out
    }
}

impl Entry {
    fn take(head: &mut &[u8], index: usize) -> Option<Entry> {
        let (&code, tail) = head.split_first()?;
        *head = tail;
        let kind = match code & 3 {
            0 => Kind::Constant,
            1 => Kind::Steps,
            2 => Kind::Bends,
            _ => Kind::Told,
        };
        let mut references = Vec::new();
        for _ in 0..code >> 2 {
            let code = usize::try_from(take(head)?).ok()?;
            let (code, factor) = (code / FACTORS.len(), FACTORS[code % FACTORS.len()]);
            let in_base = code & 1 == 1;
            let column = if in_base { code / 2 } else { index.checked_sub(code / 2).filter(|&c| c < index)? };
            references.push(Reference { in_base, column, factor });
        }
        let first = take(head)?;
        let summary = if kind == Kind::Constant {
            ColumnSummary { first, last: first, min: first, max: first }
        } else {
            let last = first.wrapping_add(take_signed(head)? as u64);
            let min = first.wrapping_sub(take(head)?);
            ColumnSummary { first, last, min, max: last.wrapping_add(take(head)?) }
        };
        Some(Entry { kind, references, summary })
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
                (any::<u32>(), 0u64..1000)
                    .prop_map(move |(first, step)| (0..readings as u64).map(|i| u64::from(first) + i * i * step).collect()),
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

    proptest! {
        #[test]
        fn columns_come_back((columns, base) in columns(), like in any::<bool>()) {
            let base = if like { columns.iter().take(3).cloned().collect() } else { base };
            let bytes = pack(&columns, &base);
            let block = Block::open(&bytes).unwrap();
            let base: HashMap<usize, Vec<u64>> = base.into_iter().enumerate().collect();
            let all: Vec<usize> = (0..columns.len()).collect();
            prop_assert_eq!(&block.read(&all, &base).unwrap(), &columns);
            for (i, column) in columns.iter().enumerate() {
                let needed: HashMap<_, _> = block.needs_of_base(&[i]).into_iter().map(|c| (c, base[&c].clone())).collect();
                prop_assert_eq!(&block.read(&[i], &needed).unwrap()[0], column);
                let summary = block.summary(i).unwrap();
                prop_assert_eq!(summary.min, *column.iter().min().unwrap());
                prop_assert_eq!(summary.max, *column.iter().max().unwrap());
                prop_assert_eq!((summary.first, summary.last), (column[0], *column.last().unwrap()));
            }
        }

        #[test]
        fn a_flipped_bit_is_seen((columns, base) in columns(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = pack(&columns, &base);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(Block::open(&bytes).is_none());
        }
    }

    #[test]
    fn every_cut_is_seen() {
        let bytes = pack(&[vec![1, 2, 3, 9], vec![5; 4], vec![11, 12, 13, 19]], &[]);
        for cut in 0..bytes.len() {
            assert!(Block::open(&bytes[..cut]).is_none(), "{cut}");
        }
    }
}
