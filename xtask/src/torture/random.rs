//! Random numbers that a seed gives again (xorshift64*, Vigna 2016).

/// A stream of them.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        // Never zero, where it would stay.
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than `end`; 0 where that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // The high bits are the better ones.
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// From 0 up to 1.
    pub(crate) fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_stay_below_and_reach_everything() {
        let mut random = Random::new(0);
        let mut seen = [0; 7];
        (0..1000).for_each(|_| seen[random.below(7)] += 1);
        assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
        assert_eq!(random.below(0), 0);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random.part())));
    }
}
