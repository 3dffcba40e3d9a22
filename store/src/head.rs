//! What the head of a block says of each column: how it is told, against which others, and its ends.

use crate::bytes::{unzigzag, zigzag};
use crate::column::{ColumnSummary, Extent};
use crate::rans::{Decoder, Encoder, SYMBOLS, Table};
use crate::relations::{self, Factor, Leader, Reference};
use crate::steps::{put_number, take_number};

/// How the steps of a column are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
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

    pub(crate) fn is_coded(self) -> bool {
        matches!(self, Told::Steps | Told::Bends)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) told: Told,
    pub(crate) references: Vec<Reference>,
    /// All steps are multiples of it.
    pub(crate) unit: u64,
    /// No step is negative.
    pub(crate) rises: bool,
    pub(crate) summary: ColumnSummary,
}

impl Entry {
    /// Whether what is coded may be negative.
    pub(crate) fn is_signed(&self) -> bool {
        !(self.rises && self.references.is_empty() && self.told == Told::Steps)
    }

    /// From the first value to the last, in units.
    pub(crate) fn total(&self) -> i64 {
        (self.summary.last.wrapping_sub(self.summary.first) as i64).wrapping_div(self.unit as i64)
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

    pub(crate) fn put(
        &self,
        entries: &[Entry],
        leaders: &[Leader],
        model: &mut HeadModel,
        head: &mut Encoder,
    ) {
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
                let extent = self.summary.extent(self.unit).unwrap_or_default();
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
    pub(crate) fn take(
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
                Extent::default()
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

/// What the head's coder has learnt.
pub(crate) struct HeadModel {
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
    pub(crate) fn new() -> HeadModel {
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

    pub(crate) fn put_group(&mut self, head: &mut Encoder, len: usize) {
        put_number(head, &mut self.group, &mut self.long, len as u64);
    }

    pub(crate) fn take_group(&mut self, head: &mut Decoder<'_>) -> Option<usize> {
        usize::try_from(take_number(head, &mut self.group, &mut self.long)).ok()
    }
}
