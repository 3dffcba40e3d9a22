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

use crate::bytes::{put, sealed, take, unsealed, unzigzag, zigzag};
use crate::rans::{Decoder, Encoder, SYMBOLS, Table};
use crate::relations::{self, Apart, Factor, Leader};
use crate::steps::{self, put_number, take_number};
use std::collections::{BTreeMap, HashMap};

/// A group is closed when it has so many numbers: each costs 4 bytes, and reading a column decodes those before it in its group.
const GROUP_NUMBERS: usize = 1500;
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

impl ColumnSummary {
    fn of(column: &[u64]) -> ColumnSummary {
        let (first, last) = (
            column.first().copied().unwrap_or(0),
            column.last().copied().unwrap_or(0),
        );
        let (min, max) = column
            .iter()
            .fold((first, first), |(a, b), &v| (a.min(v), b.max(v)));
        ColumnSummary {
            first,
            last,
            min,
            max,
        }
    }

    /// The ends as multiples of `unit`: how far the last, least and greatest value are from the first. `None`: they are none.
    fn extent(&self, unit: u64) -> Option<Extent> {
        let units = |distance: u64| distance.is_multiple_of(unit).then_some(distance / unit);
        Some(Extent {
            below: units(self.first - self.min)?,
            last: units(self.last - self.min)?,
            range: units(self.max - self.min)?,
        })
    }
}

/// Where a column lies, in its unit: the first and last value over the least one, and the greatest over the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    below: u64,
    last: u64,
    range: u64,
}

impl Extent {
    /// `None`: these are no ends of a column with this first value.
    fn around(self, first: u64, unit: u64) -> Option<ColumnSummary> {
        let min = first.checked_sub(self.below.checked_mul(unit)?)?;
        let at = |units: u64| min.checked_add(units.checked_mul(unit)?);
        Some(ColumnSummary {
            first,
            last: at(self.last)?,
            min,
            max: at(self.range)?,
        })
    }

    fn rises(self) -> bool {
        self.below == 0 && self.last == self.range
    }
}

/// How the steps of a column are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Constant,
    /// The steps of an earlier column, in its own unit.
    Twin,
    /// The other columns say all.
    Wholly,
    /// What the other columns do not say, as it is.
    Steps,
    /// As the difference to what was left at the tick before.
    Bends,
}

impl Told {
    const ALL: [Told; 5] = [Told::Constant, Told::Twin, Told::Wholly, Told::Steps, Told::Bends];

    fn is_coded(self) -> bool {
        matches!(self, Told::Steps | Told::Bends)
    }
}

/// Another column whose steps are taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reference {
    in_base: bool,
    column: usize,
    factor: Factor,
}

#[derive(Debug, Clone)]
struct Entry {
    told: Told,
    references: Vec<Reference>,
    /// All steps are multiples of it.
    unit: u64,
    /// No step is negative.
    rises: bool,
    summary: ColumnSummary,
}

impl Entry {
    /// Whether what is coded may be negative.
    fn is_signed(&self) -> bool {
        !(self.rises && self.references.is_empty() && self.told == Told::Steps)
    }

    /// From the first value to the last, in units.
    fn total(&self) -> i64 {
        (self.summary.last.wrapping_sub(self.summary.first) as i64).wrapping_div(self.unit as i64)
    }
}

/// What the head's coder has learnt.
struct HeadModel {
    told: [Table; Told::ALL.len()],
    rises: [Table; 2],
    references: Table,
    base: [Table; 2],
    factor: Table,
    distance: Table,
    column: Table,
    unit: Table,
    first: [Table; 4],
    range: [Table; 2],
    group: Table,
    long: Table,
    /// How the column before was told, and whether the constant before was 0.
    before: Told,
    was_zero: bool,
}

impl HeadModel {
    fn new() -> HeadModel {
        let few = |count: usize| {
            let mut weights = [1; SYMBOLS];
            weights[..count].fill(64);
            Table::of(weights)
        };
        HeadModel {
            told: [few(Told::ALL.len()); Told::ALL.len()],
            rises: [few(2); 2],
            references: few(relations::MOST + 1),
            base: [few(2); 2],
            factor: Table::of([60, 20, 4, 2, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1]),
            distance: Table::FLAT,
            column: Table::FLAT,
            unit: Table::of([1, 100, 4, 8, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
            first: [Table::FLAT; 4],
            range: [Table::FLAT; 2],
            group: Table::FLAT,
            long: Table::FLAT,
            before: Told::Constant,
            was_zero: true,
        }
    }

    fn first_table(&mut self, told: Told, is_predicted: bool) -> (&mut Table, &mut Table) {
        let table = match told {
            _ if is_predicted => 3,
            Told::Constant => usize::from(self.was_zero),
            _ => 2,
        };
        (&mut self.first[table], &mut self.long)
    }
}

/// The steps of a column as multiples of their unit, and that unit.
fn in_units(column: &[u64], summary: &ColumnSummary) -> (Vec<i64>, u64) {
    let steps: Vec<i64> = column
        .windows(2)
        .map(|w| w[1].wrapping_sub(w[0]) as i64)
        .collect();
    let divisor = steps.iter().fold(0, |all, s| gcd(all, s.unsigned_abs()));
    // Where values jump by more than an i64 holds, the sums of steps no longer say what the ends do.
    let is_sound = divisor > 1 && divisor < 1 << 31 && summary.max - summary.min < 1 << 62;
    let unit = if is_sound { divisor } else { 1 };
    (steps.iter().map(|s| s / unit as i64).collect(), unit)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn bends(steps: &[i64]) -> Vec<i64> {
    let mut before = 0i64;
    steps
        .iter()
        .map(|&s| s.wrapping_sub(std::mem::replace(&mut before, s)))
        .collect()
}

/// Packs columns of equal length; `base` holds the columns of another block over the same ticks, or nothing.
pub(crate) fn pack(columns: &[Vec<u64>], base: &[Vec<u64>]) -> Vec<u8> {
    let readings = columns.first().map_or(0, Vec::len);
    let base: Vec<Leader> = base
        .iter()
        .enumerate()
        .map(|(column, values)| Leader::new(column, in_units(values, &ColumnSummary::of(values)).0))
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
        put_number(&mut head, &mut model.group, &mut model.long, group.len() as u64);
    }
    let mut plain = Vec::new();
    put(&mut plain, readings as u64);
    put(&mut plain, columns.len() as u64);
    plain.extend(head.finish());
    let mut body = Vec::new();
    put(&mut body, plain.len() as u64);
    body.extend(plain);
    packer.groups.done.iter().for_each(|g| body.extend_from_slice(g));
    sealed(body)
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
    fn add(&mut self, column: &[u64], base: &[Leader]) -> Entry {
        let summary = ColumnSummary::of(column);
        let (steps, unit) = in_units(column, &summary);
        if steps.iter().all(|&s| s == 0) {
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
            depth,
        } = relations::take_off(&steps, &self.leaders, base);
        let references = references
            .into_iter()
            .map(|r| Reference {
                in_base: r.in_base,
                column: r.column,
                factor: r.factor,
            })
            .collect();
        let mut entry = Entry {
            told: Told::Wholly,
            references,
            unit,
            rises,
            summary,
        };
        if residual.iter().any(|&r| r != 0) {
            let bent = bends(&residual);
            entry.told = if steps::bits(&bent) < steps::bits(&residual) {
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
        self.leaders.push(Leader {
            column: self.entries.len(),
            steps,
            depth,
        });
        entry
    }
}

impl Entry {
    /// What the first value would be if the other columns said it too. `None`: they are not all in this block.
    fn predicted(&self, entries: &[Entry]) -> Option<u64> {
        let mut first = 0u64;
        for reference in &self.references {
            let other = entries.get(reference.column).filter(|_| !reference.in_base)?;
            let units = reference.factor.of((other.summary.first / other.unit) as i64);
            first = first.wrapping_add((units as u64).wrapping_mul(self.unit));
        }
        (!self.references.is_empty()).then_some(first)
    }

    fn put(&self, entries: &[Entry], leaders: &[Leader], model: &mut HeadModel, head: &mut Encoder) {
        head.symbol(&mut model.told[model.before as usize], self.told as usize);
        model.before = self.told;
        if !matches!(self.told, Told::Constant | Told::Twin) {
            head.symbol(
                &mut model.rises[usize::from(self.told == Told::Steps)],
                usize::from(self.rises),
            );
            head.symbol(&mut model.references, self.references.len());
        }
        for (i, reference) in self.references.iter().enumerate() {
            if self.told != Told::Twin {
                head.symbol(&mut model.base[i.min(1)], usize::from(reference.in_base));
                head.symbol(&mut model.factor, reference.factor.code());
            }
            let (table, number) = if reference.in_base {
                (&mut model.column, reference.column)
            } else {
                let later = leaders
                    .iter()
                    .filter(|l| l.column > reference.column && l.column < entries.len())
                    .count();
                (&mut model.distance, later)
            };
            put_number(head, table, &mut model.long, number as u64);
        }
        if self.told != Told::Constant {
            put_number(head, &mut model.unit, &mut model.long, self.unit);
        }
        let predicted = self.predicted(entries);
        let (table, long) = model.first_table(self.told, predicted.is_some());
        let first = predicted.map_or(self.summary.first, |p| {
            zigzag(self.summary.first.wrapping_sub(p) as i64)
        });
        put_number(head, table, long, first);
        match self.told {
            Told::Constant => model.was_zero = first == 0,
            Told::Twin => {}
            _ => {
                let extent = self.summary.extent(self.unit).unwrap_or(Extent {
                    below: 0,
                    last: 0,
                    range: 0,
                });
                put_number(
                    head,
                    &mut model.range[usize::from(self.rises)],
                    &mut model.long,
                    extent.range,
                );
                if !self.rises {
                    let bits = 64 - extent.range.leading_zeros();
                    head.plain(extent.below, bits);
                    head.plain(extent.last, bits);
                }
            }
        }
    }

    /// The reverse of [`Entry::put`]; `leaders` are the columns that may be named by their distance.
    fn take(
        entries: &[Entry],
        leaders: &[usize],
        model: &mut HeadModel,
        head: &mut Decoder<'_>,
    ) -> Option<Entry> {
        let told = *Told::ALL.get(head.symbol(&mut model.told[model.before as usize]))?;
        model.before = told;
        let (mut rises, mut count) = (true, usize::from(told == Told::Twin));
        if !matches!(told, Told::Constant | Told::Twin) {
            rises = head.symbol(&mut model.rises[usize::from(told == Told::Steps)]) == 1;
            count = head.symbol(&mut model.references);
        }
        let mut references = Vec::with_capacity(count);
        for i in 0..count {
            let (mut in_base, mut factor) = (false, Factor::ONE);
            if told != Told::Twin {
                in_base = head.symbol(&mut model.base[i.min(1)]) == 1;
                factor = Factor::decode(head.symbol(&mut model.factor));
            }
            let table = if in_base {
                &mut model.column
            } else {
                &mut model.distance
            };
            let number = usize::try_from(take_number(head, table, &mut model.long)).ok()?;
            let column = if in_base {
                number
            } else {
                *leaders.iter().rev().nth(number)?
            };
            references.push(Reference {
                in_base,
                column,
                factor,
            });
        }
        let mut entry = Entry {
            told,
            references,
            unit: 1,
            rises,
            summary: ColumnSummary {
                first: 0,
                last: 0,
                min: 0,
                max: 0,
            },
        };
        if told != Told::Constant {
            entry.unit = take_number(head, &mut model.unit, &mut model.long).max(1);
        }
        let predicted = entry.predicted(entries);
        let (table, long) = model.first_table(told, predicted.is_some());
        let first = take_number(head, table, long);
        let first = predicted.map_or(first, |p| p.wrapping_add(unzigzag(first) as u64));
        let extent = match told {
            Told::Constant => {
                model.was_zero = first == 0;
                Extent {
                    below: 0,
                    last: 0,
                    range: 0,
                }
            }
            Told::Twin => {
                let of = entries.get(entry.references.first()?.column)?;
                entry.rises = of.rises;
                of.summary.extent(of.unit)?
            }
            _ => {
                let range = take_number(head, &mut model.range[usize::from(rises)], &mut model.long);
                let bits = if rises { 0 } else { 64 - range.leading_zeros() };
                let (below, last) = (head.plain(bits), head.plain(bits));
                Extent {
                    below,
                    last: if rises { range } else { last },
                    range,
                }
            }
        };
        entry.summary = extent.around(first, entry.unit)?;
        Some(entry)
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
            let len = usize::try_from(take_number(&mut head, &mut model.group, &mut model.long)).ok()?;
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
    /// [`Block::needs_of_base`] names. `None`: no such column.
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
        let mut out = Vec::with_capacity(self.readings);
        out.push(value);
        for &step in steps {
            value = value.wrapping_add((step as u64).wrapping_mul(entry.unit));
            out.push(value);
        }
        Some(out)
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

    proptest! {
        #[test]
        fn columns_come_back((columns, base) in columns(), like in any::<bool>()) {
            let base = if like { columns.iter().take(3).cloned().collect() } else { base };
            let bytes = pack(&columns, &base);
            let block = Block::open(&bytes).unwrap();
            let base: BTreeMap<usize, Vec<i64>> = base
                .iter()
                .map(|column| in_units(column, &ColumnSummary::of(column)).0)
                .enumerate()
                .collect();
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
