//! A block: consecutive readings of one source with one template, as columns.
//!
//! ```text
//! crc32 of the rest | length of head | head (zstd) | groups
//! head:  readings, columns, then for each column: kind, first value, and for those that move last, below-first, above-first;
//!        then the length of each group
//! group: up to 16 moving columns, range coded: the zigzag of each step (or of each step of the step)
//! ```
//! A column that never moves costs its first value in the head. One whose steps equal those of an earlier column is a
//! reference to it. The models are shared within a group, so that 100 numbers of one column need not teach them alone.
//!
//! Measured on 120 readings of ten files of a recording (146,880 numbers, 290 of 1,224 columns moving): see the test
//! `stream_read_costs_at_most_a_tenth_of_a_byte_a_number`.

use crate::bytes::{put, put_signed, take, take_signed, unzigzag, zigzag};
use crate::range_coder::{Context, Decoder, Encoder, Model};

const GROUP: usize = 16;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Constant,
    /// Coded in a group as steps.
    Steps,
    /// Coded in a group as steps of steps.
    Bends,
    /// The steps of an earlier column.
    Like(usize),
}

#[derive(Debug, Clone)]
struct Entry {
    kind: Kind,
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

/// Packs columns of equal length.
pub(crate) fn pack(columns: &[Vec<u64>]) -> Vec<u8> {
    let readings = columns.first().map_or(0, Vec::len);
    let mut head = Vec::new();
    put(&mut head, readings as u64);
    put(&mut head, columns.len() as u64);
    let mut coded: Vec<(usize, bool)> = Vec::new();
    let mut known: std::collections::HashMap<Vec<u64>, usize> = std::collections::HashMap::new();
    for (index, column) in columns.iter().enumerate() {
        let steps = steps(column);
        let (first, last) = (column.first().copied().unwrap_or(0), column.last().copied().unwrap_or(0));
        if steps.iter().all(|&s| s == 0) {
            head.push(0);
            put(&mut head, first);
            continue;
        }
        let (min, max) = column.iter().fold((first, first), |(a, b), &v| (a.min(v), b.max(v)));
        let like = known.get(&steps).copied();
        match like {
            Some(earlier) => {
                head.push(3);
                put(&mut head, (index - earlier) as u64);
            }
            None => {
                known.insert(steps.clone(), index);
                let bends = bends(&steps);
                let is_smoother = cost(&bends) < cost(&steps);
                head.push(if is_smoother { 2 } else { 1 });
                coded.push((index, is_smoother));
            }
        }
        put(&mut head, first);
        put_signed(&mut head, last.wrapping_sub(first) as i64);
        put(&mut head, first - min);
        put(&mut head, max.wrapping_sub(last));
    }
    let groups: Vec<Vec<u8>> = coded
        .chunks(GROUP)
        .map(|group| {
            let (mut model, mut encoder) = (Model::new(), Encoder::new());
            for &(index, is_bends) in group {
                let steps = steps(&columns[index]);
                let mut context = Context::default();
                for value in if is_bends { bends(&steps) } else { steps } {
                    encoder.number(&mut model, &mut context, value);
                }
            }
            encoder.finish()
        })
        .collect();
    for group in &groups {
        put(&mut head, group.len() as u64);
    }
    let head = zstd::bulk::compress(&head, 19).unwrap_or_default();
    let mut body = Vec::new();
    put(&mut body, head.len() as u64);
    body.extend_from_slice(&head);
    groups.iter().for_each(|g| body.extend_from_slice(g));
    let mut out = crc32fast::hash(&body).to_le_bytes().to_vec();
    out.extend_from_slice(&body);
    out
}

/// Zigzag of each difference, the first value left out.
fn steps(column: &[u64]) -> Vec<u64> {
    column.windows(2).map(|w| zigzag(w[1].wrapping_sub(w[0]) as i64)).collect()
}

/// Zigzag of each difference of differences; the first difference stands as it is.
fn bends(steps: &[u64]) -> Vec<u64> {
    let mut before = 0i64;
    steps
        .iter()
        .map(|&s| {
            let step = unzigzag(s);
            let bend = step.wrapping_sub(before);
            before = step;
            zigzag(bend)
        })
        .collect()
}

/// About how many bits the numbers take.
fn cost(values: &[u64]) -> u32 {
    values.iter().map(|v| 64 - v.leading_zeros()).sum()
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
            let (&kind, tail) = head.split_first()?;
            head = tail;
            let kind = match kind {
                0 => Kind::Constant,
                1 => Kind::Steps,
                2 => Kind::Bends,
                3 => Kind::Like(index.checked_sub(usize::try_from(take(&mut head)?).ok()?)?),
                _ => return None,
            };
            let first = take(&mut head)?;
            let summary = if kind == Kind::Constant {
                ColumnSummary { first, last: first, min: first, max: first }
            } else {
                let last = first.wrapping_add(take_signed(&mut head)? as u64);
                let min = first.wrapping_sub(take(&mut head)?);
                ColumnSummary { first, last, min, max: last.wrapping_add(take(&mut head)?) }
            };
            place.push((coded / GROUP, coded % GROUP));
            coded += usize::from(matches!(kind, Kind::Steps | Kind::Bends));
            entries.push(Entry { kind, summary });
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


    pub(crate) fn readings(&self) -> usize {
        self.readings
    }

    pub(crate) fn summary(&self, column: usize) -> Option<ColumnSummary> {
        self.entries.get(column).map(|e| e.summary)
    }

    /// The values of some columns, in the order asked for; only their groups are decoded. `None`: no such column.
    pub(crate) fn read(&self, wanted: &[usize]) -> Option<Vec<Vec<u64>>> {
        let mut needed = vec![false; self.groups.len()];
        for &column in wanted {
            let root = self.root(column)?;
            if !matches!(self.entries[root].kind, Kind::Constant) {
                needed[self.place[root].0] = true;
            }
        }
        let mut steps: Vec<Vec<Vec<u64>>> = vec![Vec::new(); self.groups.len()];
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.groups.len()];
        for (index, entry) in self.entries.iter().enumerate() {
            if matches!(entry.kind, Kind::Steps | Kind::Bends) {
                members[self.place[index].0].push(index);
            }
        }
        for (group, bytes) in self.groups.iter().enumerate().filter(|(g, _)| needed[*g]) {
            let (mut model, mut decoder) = (Model::new(), Decoder::new(bytes));
            // Columns after the last wanted one of the group need not be decoded.
            let last = wanted
                .iter()
                .filter_map(|&c| self.root(c))
                .filter(|&r| !matches!(self.entries[r].kind, Kind::Constant) && self.place[r].0 == group)
                .map(|r| self.place[r].1)
                .max()?;
            for _ in &members[group][..=last] {
                let mut context = Context::default();
                let count = self.readings.saturating_sub(1);
                steps[group].push((0..count).map(|_| decoder.number(&mut model, &mut context)).collect());
            }
        }
        Some(wanted.iter().map(|&c| self.values(c, &steps)).collect())
    }

    /// The column whose steps a column has.
    fn root(&self, column: usize) -> Option<usize> {
        match self.entries.get(column)?.kind {
            Kind::Like(earlier) => match self.entries.get(earlier)?.kind {
                Kind::Steps | Kind::Bends => Some(earlier),
                _ => None,
            },
            _ => Some(column),
        }
    }

    fn values(&self, column: usize, steps: &[Vec<Vec<u64>>]) -> Vec<u64> {
        let entry = &self.entries[column];
        let root = self.root(column).unwrap_or(column);
        let mut value = entry.summary.first;
        let mut out = Vec::with_capacity(self.readings);
        if self.readings > 0 {
            out.push(value);
        }
        if entry.kind == Kind::Constant {
            out.resize(self.readings, value);
            return out;
        }
        let (group, place) = self.place[root];
        let is_bends = self.entries[root].kind == Kind::Bends;
        let mut step = 0i64;
        for &coded in &steps[group][place] {
            step = if is_bends { step.wrapping_add(unzigzag(coded)) } else { unzigzag(coded) };
            value = value.wrapping_add(step as u64);
            out.push(value);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn columns() -> impl Strategy<Value = Vec<Vec<u64>>> {
        (1usize..40, 0usize..40).prop_flat_map(|(readings, count)| {
            let column = prop_oneof![
                any::<u64>().prop_map(move |v| vec![v; readings]),
                proptest::collection::vec(any::<u64>(), readings),
                (any::<u32>(), 0u64..1000)
                    .prop_map(move |(first, step)| (0..readings as u64).map(|i| u64::from(first) + i * step).collect()),
            ];
            proptest::collection::vec(column, count)
        })
    }

    proptest! {
        #[test]
        fn columns_come_back(columns in columns()) {
            let bytes = pack(&columns);
            let block = Block::open(&bytes).unwrap();
            let all: Vec<usize> = (0..columns.len()).collect();
            prop_assert_eq!(&block.read(&all).unwrap(), &columns);
            for (i, column) in columns.iter().enumerate() {
                prop_assert_eq!(&block.read(&[i]).unwrap()[0], column);
                let summary = block.summary(i).unwrap();
                prop_assert_eq!(summary.min, *column.iter().min().unwrap());
                prop_assert_eq!(summary.max, *column.iter().max().unwrap());
                prop_assert_eq!((summary.first, summary.last), (column[0], *column.last().unwrap()));
            }
        }

        #[test]
        fn a_flipped_bit_is_seen(columns in columns(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = pack(&columns);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(Block::open(&bytes).is_none());
        }
    }

    #[test]
    fn every_cut_is_seen() {
        let bytes = pack(&[vec![1, 2, 3, 9], vec![5; 4], vec![11, 12, 13, 19]]);
        for cut in 0..bytes.len() {
            assert!(Block::open(&bytes[..cut]).is_none(), "{cut}");
        }
    }
}
