//! An entropy coder for small alphabets: rANS over adaptive tables of 16 symbols.
//!
//! See Duda, "Asymmetric numeral systems" (2013), and Giesen's notes on rANS and on adapting whole tables at once. A decoder must do
//! what the encoder did in reverse, so the encoder notes all symbols and writes them last to first.

/// Probabilities are so many bits.
const BITS: u32 = 15;
const ONE: u16 = 1 << BITS;
/// The coder's state stays at or above this, in steps of 16 bits.
const LOW: u32 = 1 << 16;
/// At most so many plain bits in one step.
const PLAIN: u32 = 15;

/// Symbols of a table.
pub(crate) const SYMBOLS: usize = 16;

/// How likely each of 16 symbols is: `starts[s]` is the sum of all before it, of 2^15.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    starts: [u16; SYMBOLS],
    seen: u8,
}

impl Table {
    /// All symbols alike.
    pub(crate) const FLAT: Table = Table::of([1; SYMBOLS]);

    /// From weights; none may be 0.
    pub(crate) const fn of(weights: [u16; SYMBOLS]) -> Table {
        let (mut total, mut i) = (0u32, 0);
        while i < SYMBOLS {
            total += weights[i] as u32;
            i += 1;
        }
        let (mut starts, mut sum, mut i) = ([0; SYMBOLS], 0u32, 0);
        while i < SYMBOLS {
            // Each symbol keeps a probability of at least 1 of 2^15, whatever its weight.
            starts[i] = ((sum * (ONE as u32 - SYMBOLS as u32)) / total) as u16 + i as u16;
            sum += weights[i] as u32;
            i += 1;
        }
        Table { starts, seen: 0 }
    }

    /// Halfway between two tables.
    #[inline]
    fn between(&self, other: &Table) -> [u16; SYMBOLS] {
        let mut starts = [0; SYMBOLS];
        for ((start, a), b) in starts.iter_mut().zip(&self.starts).zip(&other.starts) {
            *start = (a + b) >> 1;
        }
        starts
    }

    /// Makes `symbol` likelier: fast at first, then by a sixteenth of what is missing.
    #[inline]
    pub(crate) fn learn(&mut self, symbol: usize) {
        const RATES: [u32; 6] = [1, 2, 3, 3, 3, 3];
        let rate = RATES.get(usize::from(self.seen)).copied().unwrap_or(4);
        self.seen = self.seen.saturating_add(1);
        for (start, target) in self.starts.iter_mut().zip(TARGETS[symbol]) {
            *start = start.wrapping_add((target.wrapping_sub(*start as i16) >> rate) as u16);
        }
    }
}

/// Where the starts of a table go that has seen one symbol only. They keep a distance of 1, so that no symbol becomes impossible.
static TARGETS: [[i16; SYMBOLS]; SYMBOLS] = {
    let mut targets = [[0; SYMBOLS]; SYMBOLS];
    let mut i = 0;
    while i < SYMBOLS * SYMBOLS {
        let (symbol, start) = (i / SYMBOLS, i % SYMBOLS);
        let beyond = if start > symbol { ONE - SYMBOLS as u16 } else { 0 };
        targets[symbol][start] = (beyond + start as u16) as i16;
        i += 1;
    }
    targets
};

fn share(starts: &[u16; SYMBOLS], symbol: usize) -> (u16, u16) {
    let end = starts.get(symbol + 1).copied().unwrap_or(ONE);
    (starts[symbol], end - starts[symbol])
}

/// 1/[`BIT`] bits that `symbol` costs when its probability is that of the two tables on average.
#[inline]
pub(crate) fn cost(a: &Table, b: &Table, symbol: usize) -> u64 {
    // As `between` says, but only of the one symbol.
    let start = |symbol: usize| (a.starts[symbol] + b.starts[symbol]) >> 1;
    let end = if symbol + 1 < SYMBOLS {
        start(symbol + 1)
    } else {
        ONE
    };
    share_cost(end - start(symbol))
}

/// 1/[`BIT`] bits that a bit costs which is set in `p` of 2^15 cases.
#[inline]
pub(crate) fn bit_cost(p: u16, bit: bool) -> u64 {
    share_cost(if bit { p } else { ONE - p })
}

/// What one bit is in costs.
pub(crate) const BIT: u64 = 1 << 11;

/// 1/[`BIT`] bits that something costs whose share is so much of 2^15.
#[inline]
fn share_cost(share: u16) -> u64 {
    // The leading one's place says how many whole bits, the eight bits below it the rest.
    let zeros = (share | 1).leading_zeros();
    let below = usize::from((share | 1) << zeros) >> 7 & 0xff;
    u64::from(zeros) * BIT - u64::from(PARTS[below])
}

/// The logarithm to base 2 of 1 + (i + ½)/256, in 1/[`BIT`].
static PARTS: [u16; 256] = {
    let mut parts = [0; 256];
    let mut i = 0;
    while i < parts.len() {
        // By squaring, a digit at a time: from 2 on the digit is one.
        let (mut number, mut log, mut digit) = ((1 << 30) + (2 * i as u64 + 1) * (1 << 21), 0, BIT / 2);
        while digit > 0 {
            number = (number * number) >> 30;
            if number >= 1 << 31 {
                (number, log) = (number >> 1, log + digit);
            }
            digit /= 2;
        }
        parts[i] = log as u16;
        i += 1;
    }
    parts
};

/// Collects symbols, then writes them.
#[derive(Default)]
pub(crate) struct Encoder {
    /// Start and share of 2^15 of each symbol.
    shares: Vec<(u16, u16)>,
}

impl Encoder {
    /// A symbol of `table`, which learns it.
    pub(crate) fn symbol(&mut self, table: &mut Table, symbol: usize) {
        self.shares.push(share(&table.starts, symbol));
        table.learn(symbol);
    }

    /// A symbol as likely as the two tables say on average; neither learns.
    pub(crate) fn symbol_between(&mut self, a: &Table, b: &Table, symbol: usize) {
        self.shares.push(share(&a.between(b), symbol));
    }

    /// A bit that is set in `p` of 2^15 cases.
    pub(crate) fn bit(&mut self, p: u16, bit: bool) {
        self.shares.push(if bit { (0, p) } else { (p, ONE - p) });
    }

    /// The lowest `count` bits of `value`, not modelled.
    pub(crate) fn plain(&mut self, mut value: u64, mut count: u32) {
        while count > 0 {
            let now = count.min(PLAIN);
            let share = ONE >> now;
            self.shares
                .push(((value as u16 & ((1 << now) - 1)) * share, share));
            value >>= now;
            count -= now;
        }
    }

    /// The bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        if self.shares.is_empty() {
            return Vec::new();
        }
        let mut words = Vec::new();
        let mut state = LOW;
        for (start, share) in self.shares.into_iter().rev() {
            let (start, share) = (u32::from(start), u32::from(share));
            if u64::from(state) >= u64::from(share) << (32 - BITS) {
                words.push(state as u16);
                state >>= 16;
            }
            state = ((state / share) << BITS) + state % share + start;
        }
        words.push(state as u16);
        words.push((state >> 16) as u16);
        words.iter().rev().flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// Reads what an [`Encoder`] wrote. Any bytes at all give some symbols.
pub(crate) struct Decoder<'a> {
    state: u32,
    input: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Decoder<'a> {
        let mut decoder = Decoder { state: 0, input };
        decoder.state = decoder.word() << 16 | decoder.word();
        decoder
    }

    fn word(&mut self) -> u32 {
        match self.input.split_first_chunk() {
            Some((word, rest)) => {
                self.input = rest;
                u32::from(u16::from_le_bytes(*word))
            }
            None => 0,
        }
    }

    #[inline]
    fn step(&mut self, start: u16, share: u16) {
        let below = (self.state & u32::from(ONE - 1)).wrapping_sub(u32::from(start));
        self.state = u32::from(share)
            .wrapping_mul(self.state >> BITS)
            .wrapping_add(below);
        if self.state < LOW {
            self.state = self.state << 16 | self.word();
        }
    }

    #[inline]
    fn find(&mut self, starts: &[u16; SYMBOLS]) -> usize {
        let place = (self.state & u32::from(ONE - 1)) as i16;
        // All 16 at once, and the first is always below: a plain search would wait for each comparison.
        let below: u16 = starts.iter().map(|&start| u16::from(start as i16 <= place)).sum();
        let symbol = usize::from(below - 1) & (SYMBOLS - 1);
        let (start, share) = share(starts, symbol);
        self.step(start, share);
        symbol
    }

    pub(crate) fn symbol(&mut self, table: &mut Table) -> usize {
        let symbol = self.find(&table.starts);
        table.learn(symbol);
        symbol
    }

    pub(crate) fn symbol_between(&mut self, a: &Table, b: &Table) -> usize {
        self.find(&a.between(b))
    }

    pub(crate) fn bit(&mut self, p: u16) -> bool {
        let bit = self.state & u32::from(ONE - 1) < u32::from(p);
        if bit {
            self.step(0, p)
        } else {
            self.step(p, ONE - p)
        }
        bit
    }

    pub(crate) fn plain(&mut self, count: u32) -> u64 {
        let (mut value, mut done) = (0, 0);
        while done < count {
            let now = (count - done).min(PLAIN);
            let share = ONE >> now;
            let bits = (self.state & u32::from(ONE - 1)) as u16 / share;
            self.step(bits * share, share);
            value |= u64::from(bits) << done;
            done += now;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Part {
        Symbol(usize),
        Between(usize),
        Bit(u16, bool),
        Plain(u64, u32),
    }

    fn part() -> impl Strategy<Value = Part> {
        prop_oneof![
            (0..SYMBOLS).prop_map(Part::Symbol),
            (0..SYMBOLS).prop_map(Part::Between),
            (1..ONE, any::<bool>()).prop_map(|(p, bit)| Part::Bit(p, bit)),
            (any::<u64>(), 0u32..=64).prop_map(|(value, count)| {
                Part::Plain(
                    if count == 64 {
                        value
                    } else {
                        value & ((1 << count) - 1)
                    },
                    count,
                )
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(parts in proptest::collection::vec(part(), 0..500)) {
            let (mut table, fixed) = (Table::FLAT, Table::of([900, 1, 1, 50, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]));
            let mut encoder = Encoder::default();
            for part in &parts {
                match *part {
                    Part::Symbol(s) => encoder.symbol(&mut table, s),
                    Part::Between(s) => encoder.symbol_between(&table, &fixed, s),
                    Part::Bit(p, bit) => encoder.bit(p, bit),
                    Part::Plain(value, count) => encoder.plain(value, count),
                }
            }
            let bytes = encoder.finish();
            let (mut table, mut decoder) = (Table::FLAT, Decoder::new(&bytes));
            for part in &parts {
                match *part {
                    Part::Symbol(s) => prop_assert_eq!(decoder.symbol(&mut table), s),
                    Part::Between(s) => prop_assert_eq!(decoder.symbol_between(&table, &fixed), s),
                    Part::Bit(p, bit) => prop_assert_eq!(decoder.bit(p), bit),
                    Part::Plain(value, count) => prop_assert_eq!(decoder.plain(count), value),
                }
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut table, mut decoder) = (Table::FLAT, Decoder::new(&bytes));
            for count in 0..300 {
                prop_assert!(decoder.symbol(&mut table) < SYMBOLS);
                decoder.bit(77);
                decoder.plain(count % 65);
            }
        }
    }

    #[test]
    fn no_symbol_becomes_impossible() {
        let mut table = Table::FLAT;
        for symbol in [0, 15, 7].into_iter().flat_map(|s| std::iter::repeat_n(s, 1000)) {
            table.learn(symbol);
            assert!((0..SYMBOLS).all(|s| share(&table.starts, s).1 > 0 && share(&table.starts, s).1 < ONE));
        }
    }

    #[test]
    fn a_symbol_seen_often_costs_little() {
        let (mut table, mut encoder) = (Table::FLAT, Encoder::default());
        (0..8000).for_each(|_| encoder.symbol(&mut table, 3));
        assert!(encoder.finish().len() < 20);
    }
}
