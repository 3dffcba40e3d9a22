//! One column: its values while they are gathered, its ends, its steps.

/// The values of a slot, while they are gathered: most never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Column {
    Constant { value: u64, count: usize },
    Moving(Vec<u64>),
}

impl Column {
    pub(crate) const EMPTY: Column = Column::Constant { value: 0, count: 0 };

    pub(crate) fn push(&mut self, new: u64) {
        match self {
            Column::Constant { count: 0, .. } => *self = Column::Constant { value: new, count: 1 },
            Column::Constant { value, count } if *value == new => *count += 1,
            Column::Constant { value, count } => {
                let mut values = vec![*value; *count];
                values.push(new);
                *self = Column::Moving(values);
            }
            Column::Moving(values) => values.push(new),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Column::Constant { count, .. } => *count,
            Column::Moving(values) => values.len(),
        }
    }

    pub(crate) fn get(&self, place: usize) -> u64 {
        match self {
            Column::Constant { value, .. } => *value,
            Column::Moving(values) => values[place],
        }
    }

    pub(crate) fn summary(&self) -> ColumnSummary {
        match self {
            Column::Constant { value, .. } => ColumnSummary {
                first: *value,
                last: *value,
                min: *value,
                max: *value,
            },
            Column::Moving(values) => {
                let (first, last) = (
                    values.first().copied().unwrap_or(0),
                    values.last().copied().unwrap_or(0),
                );
                let (min, max) = values
                    .iter()
                    .fold((first, first), |(a, b), &v| (a.min(v), b.max(v)));
                ColumnSummary {
                    first,
                    last,
                    min,
                    max,
                }
            }
        }
    }

    /// The steps as multiples of their greatest common divisor, and that; no steps: the column does not move.
    pub(crate) fn steps(&self) -> (Vec<i64>, u64) {
        let Column::Moving(values) = self else {
            return (Vec::new(), 1);
        };
        let steps: Vec<i64> = values
            .windows(2)
            .map(|w| w[1].wrapping_sub(w[0]) as i64)
            .collect();
        let divisor = steps.iter().fold(0, |all, s| gcd(all, s.unsigned_abs()));
        let ends = self.summary();
        // Where values jump by more than an i64 holds, the sums of steps no longer say what the ends do.
        let is_sound = divisor > 1 && divisor < 1 << 31 && ends.max - ends.min < 1 << 62;
        let unit = if is_sound { divisor } else { 1 };
        (steps.iter().map(|s| s / unit as i64).collect(), unit)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

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
    /// How far the ends are apart, as multiples of `unit`. `None`: they are none.
    pub(crate) fn extent(&self, unit: u64) -> Option<Extent> {
        let units = |distance: u64| distance.is_multiple_of(unit).then_some(distance / unit);
        Some(Extent {
            below: units(self.first - self.min)?,
            last: units(self.last - self.min)?,
            range: units(self.max - self.min)?,
        })
    }
}

/// Where a column lies, in its unit: the first, last and greatest value over the least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extent {
    pub(crate) below: u64,
    pub(crate) last: u64,
    pub(crate) range: u64,
}

impl Extent {
    /// `None`: these are no ends of a column with this first value.
    pub(crate) fn around(self, first: u64, unit: u64) -> Option<ColumnSummary> {
        let min = first.checked_sub(self.below.checked_mul(unit)?)?;
        let at = |units: u64| min.checked_add(units.checked_mul(unit)?);
        Some(ColumnSummary {
            first,
            last: at(self.last)?,
            min,
            max: at(self.range)?,
        })
    }

    /// Whether it begins at its least value and ends at its greatest, as what only rises does.
    pub(crate) fn rises(self) -> bool {
        self.below == 0 && self.last == self.range
    }
}
