//! Rows of a table about one subject, kept small: each number as its step from the row before.
//!
//! A tool prints a table after the other, ticks want all tables of one instant together: so the whole of a file is held until it is
//! written. A number that is eight characters in the text takes one to three bytes here.

use model::UnixNanos;

/// Numbers are kept to so many parts of one. The tools print hundredths, and products of two of them are taken.
const PARTS: f64 = 10_000.0;

/// A larger number is damage: the largest machines have some 10^11 kB. In parts it still fits 63 bits.
const LARGEST: f64 = 4e14;

/// Rows in order of time.
#[derive(Debug, Default)]
pub(in crate::import) struct Rows {
    times: Vec<u8>,
    values: Vec<u8>,
    last: Last,
}

/// What the next row is written as a step from.
#[derive(Debug, Default, Clone)]
struct Last {
    at: i64,
    step: i64,
    values: Vec<i64>,
}

/// When a row's interval began, and when it ended. Alike: nobody said when it began.
pub(in crate::import) type Interval = (UnixNanos, UnixNanos);

impl Rows {
    /// Adds a row; `NaN` and what is negative or too large is not there. Times do not go back.
    pub(in crate::import) fn push(&mut self, (since, at): Interval, values: impl Iterator<Item = f64>) {
        let last = &mut self.last;
        let step = at.0.wrapping_sub(last.at);
        put(&mut self.times, zigzag(step.wrapping_sub(last.step)));
        put(&mut self.times, zigzag(since.0.wrapping_sub(last.at)));
        (last.at, last.step) = (at.0, step);
        for (i, value) in values.enumerate() {
            if last.values.len() <= i {
                last.values.push(0);
            }
            // Nothing that is counted or measured here is negative.
            if !(0.0..=LARGEST).contains(&value) {
                self.values.push(0);
                continue;
            }
            let value = (value * PARTS).round() as i64;
            put(&mut self.values, zigzag(value - last.values[i]) + 1);
            last.values[i] = value;
        }
    }

    /// Bytes taken.
    pub(in crate::import) fn size(&self) -> usize {
        self.times.len() + self.values.len()
    }

    /// The interval of each row.
    pub(in crate::import) fn intervals(&self) -> impl Iterator<Item = Interval> {
        let mut times = self.times.as_slice();
        let (mut at, mut step) = (0i64, 0i64);
        std::iter::from_fn(move || take_interval(&mut times, &mut at, &mut step))
    }

    /// Reads the rows again.
    pub(in crate::import) fn read(&self) -> RowReader<'_> {
        RowReader {
            times: &self.times,
            values: &self.values,
            last: Last {
                values: vec![0; self.last.values.len()],
                ..Last::default()
            },
        }
    }
}

/// Rows from the first to the last.
pub(in crate::import) struct RowReader<'a> {
    times: &'a [u8],
    values: &'a [u8],
    last: Last,
}

impl RowReader<'_> {
    /// The next row's interval, and its numbers into `values`; `None` at the end.
    pub(in crate::import) fn next(&mut self, values: &mut Vec<f64>) -> Option<Interval> {
        let last = &mut self.last;
        let interval = take_interval(&mut self.times, &mut last.at, &mut last.step)?;
        values.clear();
        for last in &mut last.values {
            values.push(match take(&mut self.values)? {
                0 => f64::NAN,
                step => {
                    *last += unzigzag(step - 1);
                    *last as f64 / PARTS
                }
            });
        }
        Some(interval)
    }
}

fn take_interval(times: &mut &[u8], at: &mut i64, step: &mut i64) -> Option<Interval> {
    let before = *at;
    *step = step.wrapping_add(unzigzag(take(times)?));
    *at = before.wrapping_add(*step);
    let since = before.wrapping_add(unzigzag(take(times)?));
    Some((UnixNanos(since), UnixNanos(*at)))
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Seven bits a byte, the least first.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_come_back(rows in prop::collection::vec(
            (any::<i64>(), 0i64..1 << 40, prop::collection::vec(-1i64..4_000_000_000_000_000_000, 3)), 0..50)
        ) {
            let mut kept = Rows::default();
            let mut expected = Vec::new();
            for (at, length, numbers) in rows {
                let interval = (UnixNanos(at.wrapping_sub(length)), UnixNanos(at));
                let numbers: Vec<f64> = numbers.iter().map(|n| *n as f64 / PARTS).collect();
                kept.push(interval, numbers.iter().copied());
                expected.push((interval, numbers));
            }
            let intervals: Vec<_> = kept.intervals().collect();
            let mut reader = kept.read();
            let mut values = Vec::new();
            for (i, (interval, numbers)) in expected.iter().enumerate() {
                prop_assert_eq!(intervals[i], *interval);
                prop_assert_eq!(reader.next(&mut values), Some(*interval));
                for (was, is) in numbers.iter().zip(&values) {
                    prop_assert!(if *was < 0.0 { is.is_nan() } else { (was - is).abs() <= was * 1e-15 }, "{was} {is}");
                }
            }
            prop_assert_eq!(reader.next(&mut values), None);
        }
    }
}
