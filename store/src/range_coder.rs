//! An adaptive binary range coder, as in LZMA: small blocks of small numbers leave nothing for a dictionary coder to find.
//!
//! A number is coded as its bit length (0–64), whose bits are modelled in the context of the column's two lengths before (their
//! weighted mean, and whether one of them was zero), and the bits below the leading one, of which the first two and the last (the sign of a zigzag) are modelled and the rest cost one bit each. See Subbotin (1999),
//! "Carryless rangecoder", and Pavlov's LZMA specification for the arithmetic.

const PROBABILITY_BITS: u32 = 11;
const HALF: u16 = 1 << (PROBABILITY_BITS - 1);
const TOP: u32 = 1 << 24;

/// How fast a probability follows: fast at first, slow when much was seen.
#[derive(Clone, Copy)]
struct Bit {
    p: u16,
    seen: u8,
}

impl Bit {
    const NEW: Bit = Bit { p: HALF, seen: 0 };

    fn update(&mut self, bit: bool) {
        const RATES: [u8; 12] = [1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4];
        let rate = RATES.get(usize::from(self.seen)).copied().unwrap_or(4);
        self.seen = self.seen.saturating_add(1);
        if bit {
            self.p -= self.p >> rate;
        } else {
            self.p += ((1 << PROBABILITY_BITS) - self.p) >> rate;
        }
        self.p = self.p.clamp(16, (1 << PROBABILITY_BITS) - 16);
    }
}

const LENGTH_CLASSES: usize = 12;
const ZERO_CLASSES: usize = 3;

/// Bit lengths that behave alike as a context.
fn class(length: u32) -> usize {
    match length {
        0..=7 => length as usize,
        8..=9 => 8,
        10..=13 => 9,
        14..=20 => 10,
        _ => 11,
    }
}

/// What was learnt so far; coder and decoder learn the same.
pub(crate) struct Model {
    lengths: Vec<[Bit; 128]>,
    tops: Vec<[Bit; 4]>,
    /// The lowest bit, which for a zigzag is the sign: by the signs of the two numbers before.
    lows: [Bit; 4],
}

impl Model {
    pub(crate) fn new() -> Model {
        Model {
            lengths: vec![[Bit::NEW; 128]; LENGTH_CLASSES * ZERO_CLASSES],
            tops: vec![[Bit::NEW; 4]; 65],
            lows: [Bit::NEW; 4],
        }
    }
}

/// The bit lengths and lowest bits of the two numbers before, in the same column.
#[derive(Clone, Copy, Default)]
pub(crate) struct Context {
    one: u32,
    two: u32,
    lows: usize,
}

impl Context {
    fn index(self) -> usize {
        let zeros = match (self.one, self.two) {
            (0, _) => 0,
            (_, 0) => 1,
            _ => 2,
        };
        class((2 * self.one + self.two + 1) / 3) * ZERO_CLASSES + zeros
    }

    fn push(&mut self, length: u32, value: u64) {
        self.two = self.one;
        self.one = length;
        if length > 0 {
            self.lows = (self.lows << 1 | (value & 1) as usize) & 3;
        }
    }
}

pub(crate) struct Encoder {
    low: u64,
    range: u32,
    cache: u8,
    pending: u64,
    out: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new() -> Encoder {
        Encoder { low: 0, range: u32::MAX, cache: 0, pending: 1, out: Vec::new() }
    }

    fn shift(&mut self) {
        if self.low < 0xff00_0000 || self.low > 0xffff_ffff {
            let carry = (self.low >> 32) as u8;
            let mut byte = self.cache;
            while self.pending > 0 {
                self.out.push(byte.wrapping_add(carry));
                byte = 0xff;
                self.pending -= 1;
            }
            self.cache = (self.low >> 24) as u8;
        }
        self.pending += 1;
        self.low = (self.low & 0x00ff_ffff) << 8;
    }

    fn bit(&mut self, model: &mut Bit, bit: bool) {
        let bound = (self.range >> PROBABILITY_BITS) * u32::from(model.p);
        if bit {
            self.low += u64::from(bound);
            self.range -= bound;
        } else {
            self.range = bound;
        }
        model.update(bit);
        while self.range < TOP {
            self.range <<= 8;
            self.shift();
        }
    }

    fn plain(&mut self, bit: bool) {
        self.range >>= 1;
        if bit {
            self.low += u64::from(self.range);
        }
        while self.range < TOP {
            self.range <<= 8;
            self.shift();
        }
    }

    pub(crate) fn number(&mut self, model: &mut Model, context: &mut Context, value: u64) {
        let length = 64 - value.leading_zeros();
        let tree = &mut model.lengths[context.index()];
        let mut node = 1usize;
        for shift in (0..7).rev() {
            let bit = length >> shift & 1 == 1;
            self.bit(&mut tree[node], bit);
            node = node << 1 | usize::from(bit);
        }
        let mut top = 1usize;
        for (k, shift) in (0..length.saturating_sub(1)).rev().enumerate() {
            let bit = value >> shift & 1 == 1;
            if shift == 0 {
                self.bit(&mut model.lows[context.lows], bit);
            } else if k < 2 {
                self.bit(&mut model.tops[length as usize][top], bit);
                top = top << 1 | usize::from(bit);
            } else {
                self.plain(bit);
            }
        }
        context.push(length, value);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        for _ in 0..5 {
            self.shift();
        }
        // The first byte is always 0, and zeros at the end are what the decoder reads past the end.
        let mut out = self.out;
        out.remove(0);
        while out.last() == Some(&0) {
            out.pop();
        }
        out
    }
}

pub(crate) struct Decoder<'a> {
    code: u32,
    range: u32,
    input: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Decoder<'a> {
        let mut decoder = Decoder { code: 0, range: u32::MAX, input };
        for _ in 0..4 {
            decoder.code = decoder.code << 8 | decoder.next();
        }
        decoder
    }

    fn next(&mut self) -> u32 {
        match self.input.split_first() {
            Some((&byte, rest)) => {
                self.input = rest;
                u32::from(byte)
            }
            None => 0,
        }
    }

    fn bit(&mut self, model: &mut Bit) -> bool {
        let bound = (self.range >> PROBABILITY_BITS) * u32::from(model.p);
        let bit = self.code >= bound;
        if bit {
            self.code -= bound;
            self.range -= bound;
        } else {
            self.range = bound;
        }
        model.update(bit);
        self.refill();
        bit
    }

    fn plain(&mut self) -> bool {
        self.range >>= 1;
        let bit = self.code >= self.range;
        if bit {
            self.code -= self.range;
        }
        self.refill();
        bit
    }

    fn refill(&mut self) {
        while self.range < TOP {
            self.range <<= 8;
            self.code = self.code << 8 | self.next();
        }
    }

    pub(crate) fn number(&mut self, model: &mut Model, context: &mut Context) -> u64 {
        let tree = &mut model.lengths[context.index()];
        let mut node = 1usize;
        for _ in 0..7 {
            let bit = self.bit(&mut tree[node]);
            node = node << 1 | usize::from(bit);
        }
        // Damaged input can name a length beyond 64; the checksum has already said so, this only must not panic.
        let length = (node as u32 & 0x7f).min(64);
        let mut value = u64::from(length > 0);
        let mut top = 1usize;
        for k in 0..length.saturating_sub(1) {
            let bit = if k + 2 == length {
                self.bit(&mut model.lows[context.lows])
            } else if k < 2 {
                let bit = self.bit(&mut model.tops[length as usize][top]);
                top = top << 1 | usize::from(bit);
                bit
            } else {
                self.plain()
            };
            value = value << 1 | u64::from(bit);
        }
        context.push(length, value);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(values in proptest::collection::vec(
            prop_oneof![Just(0u64), 0u64..100, any::<u64>(), any::<u32>().prop_map(u64::from)], 0..400)) {
            let (mut model, mut context, mut encoder) = (Model::new(), Context::default(), Encoder::new());
            for &value in &values {
                encoder.number(&mut model, &mut context, value);
            }
            let bytes = encoder.finish();
            let (mut model, mut context, mut decoder) = (Model::new(), Context::default(), Decoder::new(&bytes));
            let back: Vec<u64> = values.iter().map(|_| decoder.number(&mut model, &mut context)).collect();
            prop_assert_eq!(back, values);
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut model, mut context, mut decoder) = (Model::new(), Context::default(), Decoder::new(&bytes));
            for _ in 0..500 {
                decoder.number(&mut model, &mut context);
            }
        }
    }
}
