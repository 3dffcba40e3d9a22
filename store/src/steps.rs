//! The steps of one column, one after the other: how they are told to the entropy coder.
//!
//! A step is its length in bits (0 for 0, 15 and more by way of a second table), its sign, and the bits below the leading one as they
//! are. What length is likely follows from the lengths just before, as learnt from recordings ([`USUAL`]), and from all lengths of this
//! column so far; the two count for half each. Columns know nothing of each other, so that each can be read alone.

use crate::rans::{BIT, Decoder, Encoder, SYMBOLS, Table, bit_cost, cost};

/// How often which length follows (columns: 0, 1, … 14, 15 and more bits) when the mean of the lengths before is so many half bits
/// (rows). Counted over all columns of eight recordings of 120 s of a virtual machine, idle and under reads, writes and memory pressure.
const USUAL: [[u16; SYMBOLS]; 32] = [
    [9170, 710, 115, 91, 51, 45, 26, 12, 12, 12, 7, 7, 8, 9, 4, 4],
    [
        12040, 4312, 1568, 773, 270, 247, 124, 88, 60, 33, 33, 33, 20, 20, 12, 10,
    ],
    [
        5855, 1887, 1338, 1121, 463, 268, 144, 68, 51, 34, 32, 20, 17, 16, 10, 14,
    ],
    [
        3673, 1040, 992, 944, 788, 254, 200, 81, 36, 34, 33, 33, 27, 13, 8, 10,
    ],
    [
        2488, 745, 800, 1007, 765, 340, 221, 94, 56, 51, 42, 40, 24, 14, 8, 11,
    ],
    [
        1712, 541, 651, 1111, 739, 350, 275, 121, 65, 60, 50, 50, 41, 27, 10, 12,
    ],
    [
        1102, 389, 497, 857, 685, 396, 230, 133, 90, 73, 51, 51, 50, 40, 12, 20,
    ],
    [
        796, 249, 361, 597, 682, 483, 299, 110, 90, 72, 53, 50, 37, 30, 15, 22,
    ],
    [
        557, 190, 266, 447, 578, 494, 304, 123, 78, 75, 53, 50, 25, 20, 13, 24,
    ],
    [
        391, 103, 174, 309, 395, 422, 324, 130, 70, 60, 50, 48, 36, 19, 12, 31,
    ],
    [
        306, 71, 103, 199, 260, 320, 262, 138, 80, 60, 50, 48, 31, 27, 14, 28,
    ],
    [
        239, 40, 79, 119, 154, 194, 229, 140, 108, 65, 44, 40, 26, 20, 12, 22,
    ],
    [
        135, 27, 42, 85, 111, 117, 148, 144, 130, 70, 45, 42, 20, 17, 9, 22,
    ],
    [121, 22, 39, 62, 70, 85, 139, 143, 150, 85, 50, 40, 28, 24, 14, 24],
    [85, 16, 32, 40, 48, 70, 106, 123, 143, 107, 67, 48, 28, 19, 16, 20],
    [66, 14, 18, 35, 38, 56, 80, 104, 132, 130, 73, 42, 33, 22, 22, 23],
    [40, 12, 12, 26, 33, 36, 58, 68, 101, 105, 68, 46, 34, 29, 20, 25],
    [41, 9, 11, 18, 22, 24, 36, 42, 66, 88, 79, 59, 36, 28, 16, 34],
    [26, 9, 9, 10, 17, 16, 20, 34, 50, 95, 108, 98, 57, 35, 21, 33],
    [28, 5, 6, 7, 11, 14, 18, 35, 52, 90, 118, 106, 65, 43, 22, 26],
    [21, 4, 5, 6, 7, 8, 15, 20, 42, 73, 109, 90, 72, 46, 26, 24],
    [18, 3, 4, 5, 5, 5, 8, 12, 26, 52, 68, 88, 72, 58, 26, 29],
    [19, 3, 3, 3, 5, 4, 7, 8, 14, 33, 56, 82, 90, 80, 36, 32],
    [20, 2, 2, 2, 3, 4, 5, 5, 8, 18, 44, 72, 106, 88, 50, 44],
    [10, 1, 2, 2, 2, 3, 4, 4, 6, 12, 28, 44, 66, 92, 66, 66],
    [8, 1, 1, 2, 2, 2, 3, 4, 5, 12, 26, 38, 68, 100, 94, 70],
    [6, 1, 1, 1, 2, 2, 2, 3, 4, 7, 20, 32, 52, 95, 108, 88],
    [5, 1, 1, 1, 1, 1, 2, 2, 2, 4, 12, 26, 34, 64, 95, 92],
    [4, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4, 8, 14, 38, 63, 91],
    [3, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 5, 8, 14, 36, 120],
    [2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 5, 9, 24, 145],
    [2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 6, 11, 191],
];

/// [`USUAL`] as tables.
static USUAL_TABLES: [Table; USUAL.len()] = {
    let mut tables = [Table::FLAT; USUAL.len()];
    let mut i = 0;
    while i < USUAL.len() {
        tables[i] = Table::of(USUAL[i]);
        i += 1;
    }
    tables
};

/// Lengths from this on are told by a second table.
const LONG: u32 = SYMBOLS as u32 - 1;

/// Two bits: about what the first step of a column that moves at all has.
const FIRST_MEAN: i32 = 2 << 8;

/// What was learnt of a column so far.
struct Model {
    own: Table,
    long: Table,
    /// Mean of the lengths before, in 1/256 bits, of which each new one takes a quarter.
    mean: i32,
    /// How likely a step is negative after one that was not, or was; of 2^15.
    negative: [u16; 2],
    signs_seen: [u8; 2],
    was_negative: usize,
    /// Whether there are negative steps at all.
    signed: bool,
}

impl Model {
    fn new(signed: bool) -> Model {
        Model {
            own: USUAL_TABLES[FIRST_MEAN as usize >> 7],
            long: Table::FLAT,
            mean: FIRST_MEAN,
            negative: [13_000, 18_000],
            signs_seen: [1; 2],
            was_negative: 0,
            signed,
        }
    }

    fn usual(&self) -> &'static Table {
        &USUAL_TABLES[((self.mean >> 7) as usize).min(USUAL.len() - 1)]
    }

    fn learn(&mut self, length: u32) {
        self.own.learn(length.min(LONG) as usize);
        self.mean += ((length << 8) as i32 - self.mean) >> 2;
    }

    fn learn_sign(&mut self, is_negative: bool) {
        let (p, seen) = (
            &mut self.negative[self.was_negative],
            &mut self.signs_seen[self.was_negative],
        );
        let rate = u32::from(*seen + 2).ilog2().min(4);
        *seen = seen.saturating_add(1).min(100);
        let step = (if is_negative { 32_767 } else { 0 } - i32::from(*p)) >> rate;
        *p = (i32::from(*p) + step).clamp(512, 32_256) as u16;
        self.was_negative = usize::from(is_negative);
    }
}

fn length(step: i64) -> u32 {
    64 - step.unsigned_abs().leading_zeros()
}

fn are_signed(steps: &[i64]) -> bool {
    steps.iter().any(|&s| s < 0)
}

/// Appends steps. The decoder must be told how many, and whether any may be negative.
pub(crate) fn encode(steps: &[i64], signed: bool, encoder: &mut Encoder) {
    let mut model = Model::new(signed);
    for &step in steps {
        let length = length(step);
        let usual = model.usual();
        encoder.symbol_between(usual, &model.own, length.min(LONG) as usize);
        put_long(encoder, &mut model.long, length);
        model.learn(length);
        if length == 0 {
            continue;
        }
        if model.signed {
            encoder.bit(model.negative[model.was_negative], step < 0);
            model.learn_sign(step < 0);
        }
        encoder.plain(step.unsigned_abs() & !(1 << (length - 1)), length - 1);
    }
}

/// The reverse of [`encode`].
pub(crate) fn decode(decoder: &mut Decoder<'_>, count: usize, signed: bool) -> Vec<i64> {
    let mut model = Model::new(signed);
    let mut steps = Vec::with_capacity(count + 1);
    for _ in 0..count {
        let usual = model.usual();
        let symbol = decoder.symbol_between(usual, &model.own) as u32;
        let length = take_long(decoder, &mut model.long, symbol);
        model.learn(length);
        if length == 0 {
            steps.push(0);
            continue;
        }
        let mut is_negative = false;
        if signed {
            is_negative = decoder.bit(model.negative[model.was_negative]);
            model.learn_sign(is_negative);
        }
        let magnitude = 1 << (length - 1) | decoder.plain(length - 1);
        steps.push(if is_negative {
            (magnitude as i64).wrapping_neg()
        } else {
            magnitude as i64
        });
    }
    steps
}

/// About how much [`encode`] takes, in 1/[`BIT`] bits. `None`: `limit` or more.
pub(crate) fn cost_below(steps: &[i64], limit: u64) -> Option<u64> {
    let mut model = Model::new(are_signed(steps));
    let mut all = 0;
    for &step in steps {
        let length = length(step);
        let usual = model.usual();
        all += cost(usual, &model.own, length.min(LONG) as usize);
        model.learn(length);
        if length > 0 {
            all += u64::from(length - 1) * BIT;
            if model.signed {
                all += bit_cost(model.negative[model.was_negative], step < 0);
                model.learn_sign(step < 0);
            }
        }
        if all >= limit {
            return None;
        }
    }
    Some(all)
}

/// A number with its length told by a table: for what is not a step.
pub(crate) fn put_number(encoder: &mut Encoder, table: &mut Table, long: &mut Table, value: u64) {
    let length = 64 - value.leading_zeros();
    encoder.symbol(table, length.min(LONG) as usize);
    put_long(encoder, long, length);
    if length > 1 {
        encoder.plain(value & !(1 << (length - 1)), length - 1);
    }
}

/// The reverse of [`put_number`].
pub(crate) fn take_number(decoder: &mut Decoder<'_>, table: &mut Table, long: &mut Table) -> u64 {
    let symbol = decoder.symbol(table) as u32;
    match take_long(decoder, long, symbol) {
        0 => 0,
        length => 1 << (length - 1) | decoder.plain(length - 1),
    }
}

fn put_long(encoder: &mut Encoder, long: &mut Table, length: u32) {
    if length >= LONG {
        let beyond = length - LONG;
        encoder.symbol(long, beyond.min(LONG) as usize);
        if beyond >= LONG {
            encoder.plain(u64::from(beyond - LONG), 6);
        }
    }
}

/// The length of which `symbol` came; at most 64 whatever the bytes.
fn take_long(decoder: &mut Decoder<'_>, long: &mut Table, symbol: u32) -> u32 {
    if symbol < LONG {
        return symbol;
    }
    match decoder.symbol(long) as u32 {
        LONG => (2 * LONG + decoder.plain(6) as u32).min(64),
        beyond => LONG + beyond,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn steps_come_back(steps in proptest::collection::vec(
            prop_oneof![Just(0i64), -100i64..100, any::<i64>(), any::<i32>().prop_map(i64::from), Just(i64::MIN)], 0..400)) {
            let mut encoder = Encoder::default();
            encode(&steps, are_signed(&steps), &mut encoder);
            let bytes = encoder.finish();
            prop_assert_eq!(decode(&mut Decoder::new(&bytes), steps.len(), are_signed(&steps)), steps);
        }

        #[test]
        fn the_estimate_is_what_it_costs(steps in proptest::collection::vec(
            prop_oneof![Just(0i64), -100i64..100, 0i64..16_000], 50..400)) {
            let mut encoder = Encoder::default();
            encode(&steps, are_signed(&steps), &mut encoder);
            let bytes = encoder.finish().len() as f32;
            let cost = cost_below(&steps, u64::MAX).unwrap();
            prop_assert!((cost as f32 / BIT as f32 / 8.0 - bytes).abs() < 5.0 + bytes / 50.0);
            prop_assert_eq!(cost_below(&steps, cost), None);
            prop_assert_eq!(cost_below(&steps, cost + 1), Some(cost));
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..100), signed in any::<bool>()) {
            prop_assert_eq!(decode(&mut Decoder::new(&bytes), 300, signed).len(), 300);
        }
    }
}
