//! Which columns move together: what a column's steps are, apart from those of others.
//!
//! Files say the same thing several times over (`Active` and its two parts, zones and their node, a disk and its partition). A search
//! over samples finds up to [`MOST`] columns whose steps, times a factor, are best taken off; only what that leaves is coded.

use crate::rans::BIT;
use crate::steps::cost_below;

/// Columns taken off one column at most.
pub(crate) const MOST: usize = 3;
/// A column is told against others that are told against others at most so many times, so that reading one reads few.
const DEPTH: u8 = 3;
/// Earlier columns of the block that are tried.
const REACH: usize = 64;
/// Ticks that a column is tried on before all are.
const SAMPLE: usize = 96;
/// A reference costs about this, and must save that and one of so many parts of what there is: it slows reading down.
const REFERENCE_COST: u64 = 14 * BIT;
const LEAST_SAVING: u64 = 32;
/// So many of the candidates that look best are tried in earnest.
const TRIED: usize = 2;

/// A small factor: a number times a power of two, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Factor {
    code: u8,
}

impl Factor {
    pub(crate) const ONE: Factor = Factor { code: 0 };

    /// Numerator and shift to the right, by code.
    const ALL: [(i64, u32); 16] = [
        (1, 0),
        (-1, 0),
        (2, 0),
        (-2, 0),
        (4, 0),
        (-4, 0),
        (8, 0),
        (-8, 0),
        (1, 1),
        (-1, 1),
        (1, 2),
        (-1, 2),
        (1, 3),
        (-1, 3),
        (3, 0),
        (-3, 0),
    ];

    pub(crate) fn decode(code: usize) -> Factor {
        Factor {
            code: code as u8 & 15,
        }
    }

    pub(crate) fn code(self) -> usize {
        usize::from(self.code)
    }

    pub(crate) fn of(self, step: i64) -> i64 {
        let (numerator, shift) = Self::ALL[self.code()];
        step.wrapping_mul(numerator) >> shift
    }

    fn nearest(slope: f64) -> Factor {
        let distance =
            |&(numerator, shift): &(i64, u32)| (slope - numerator as f64 / f64::from(1 << shift)).abs();
        let best = Self::ALL
            .iter()
            .enumerate()
            .min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        Factor {
            code: best.map_or(0, |(code, _)| code as u8),
        }
    }
}

/// A column that others may be told against.
pub(crate) struct Leader {
    pub(crate) column: usize,
    pub(crate) steps: Vec<i64>,
    /// How many columns stand between it and one that is told by itself, at most.
    depth: u8,
    sample: Sample,
}

impl Leader {
    pub(crate) fn new(column: usize, steps: Vec<i64>, depth: u8) -> Leader {
        Leader {
            column,
            sample: Sample::of(&steps),
            steps,
            depth,
        }
    }

    pub(crate) fn moves(&self) -> bool {
        self.steps.iter().any(|&s| s != 0)
    }
}

/// Some of the steps of a column, at the same ticks for all columns of the same length.
struct Sample {
    steps: Vec<i64>,
    /// The same once more, and their sum and that of their squares.
    numbers: Vec<f64>,
    sum: f64,
    square: f64,
}

impl Sample {
    fn of(steps: &[i64]) -> Sample {
        let stride = steps.len().div_ceil(SAMPLE).max(1);
        let steps: Vec<i64> = steps.iter().step_by(stride).copied().collect();
        let numbers: Vec<f64> = steps.iter().map(|&step| step as f64).collect();
        Sample {
            sum: numbers.iter().sum(),
            square: numbers.iter().map(|number| number * number).sum(),
            steps,
            numbers,
        }
    }

    /// By least squares, how much this rises with `other`; 0 when `other` is always the same.
    fn slope(&self, other: &Sample) -> f64 {
        // Four sums at a time: they do not wait for each other.
        let (mine, others) = (self.numbers.chunks_exact(4), other.numbers.chunks_exact(4));
        let last = mine.remainder().iter().zip(others.remainder());
        let mut sums = [0.0; 4];
        for (mine, others) in mine.zip(others) {
            for i in 0..4 {
                sums[i] += mine[i] * others[i];
            }
        }
        let with = sums.iter().sum::<f64>() + last.map(|(a, b)| a * b).sum::<f64>();
        let n = self.numbers.len() as f64;
        let spread = other.square - other.sum * other.sum / n;
        if spread > 0.0 {
            (with - self.sum * other.sum / n) / spread
        } else {
            0.0
        }
    }
}

/// Another column whose steps are taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) in_base: bool,
    pub(crate) column: usize,
    pub(crate) factor: Factor,
}

/// The steps of a column, taken apart.
pub(crate) struct Apart {
    pub(crate) references: Vec<Reference>,
    pub(crate) residual: Vec<i64>,
    /// What the residual costs, as [`cost_below`] says.
    pub(crate) cost: u64,
    pub(crate) depth: u8,
}

/// Takes off what makes the steps cheaper to tell.
pub(crate) fn take_off(steps: &[i64], earlier: &[Leader], base: &[Leader]) -> Apart {
    let mut apart = Apart {
        references: Vec::new(),
        residual: steps.to_vec(),
        cost: cost_below(steps, u64::MAX).unwrap_or(u64::MAX),
        depth: 0,
    };
    let near = &earlier[earlier.len().saturating_sub(REACH)..];
    let mut residual = Vec::with_capacity(steps.len());
    while apart.references.len() < MOST {
        let Some(mut limit) = (apart.cost - apart.cost / LEAST_SAVING).checked_sub(REFERENCE_COST) else {
            break;
        };
        let mut found = None;
        let mut best = Vec::new();
        for (in_base, other, factor) in candidates(&apart.residual, near, base) {
            residual.clear();
            residual.extend(less(&apart.residual, &other.steps, factor));
            if let Some(cost) = cost_below(&residual, limit) {
                limit = cost;
                found = Some((cost, in_base, other, factor));
                std::mem::swap(&mut best, &mut residual);
            }
        }
        let Some((cost, in_base, other, factor)) = found else {
            break;
        };
        apart.references.push(Reference {
            in_base,
            column: other.column,
            factor,
        });
        apart.depth = apart.depth.max(if in_base { 1 } else { other.depth + 1 });
        (apart.cost, apart.residual) = (cost, best);
    }
    apart
}

fn less<'a>(steps: &'a [i64], other: &'a [i64], factor: Factor) -> impl Iterator<Item = i64> + 'a {
    steps
        .iter()
        .zip(other)
        .map(move |(a, &b)| a.wrapping_sub(factor.of(b)))
}

/// The few that look best on a sample.
fn candidates<'a>(steps: &[i64], near: &'a [Leader], base: &'a [Leader]) -> Vec<(bool, &'a Leader, Factor)> {
    let sample = Sample::of(steps);
    let now: u32 = sample.steps.iter().map(|&step| rough(step)).sum();
    let mut found: Vec<(u32, bool, &Leader, Factor)> = Vec::new();
    let own = near.iter().filter(|l| l.depth < DEPTH).map(|l| (false, l));
    for (in_base, leader) in own.chain(base.iter().map(|l| (true, l))) {
        // The slope that fits best, and 1 or -1, which do where a few large steps spoil the slope.
        let slope = sample.slope(&leader.sample);
        let sign = Factor {
            code: u8::from(slope < 0.0),
        };
        let slope = Factor::nearest(slope);
        for factor in [Some(sign), Some(slope).filter(|&s| s != sign)]
            .into_iter()
            .flatten()
        {
            let cost = less(&sample.steps, &leader.sample.steps, factor).map(rough).sum();
            if cost < now {
                found.push((cost, in_base, leader, factor));
            }
        }
    }
    found.sort_by_key(|f| (f.0, f.1, f.2.column, f.3.code));
    found.truncate(TRIED);
    found
        .into_iter()
        .map(|(_, in_base, leader, factor)| (in_base, leader, factor))
        .collect()
}

/// About how many bits a step takes.
fn rough(step: i64) -> u32 {
    64 - step.unsigned_abs().leading_zeros() + u32::from(step != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(column: usize, steps: &[i64]) -> Leader {
        Leader::new(column, steps.to_vec(), 0)
    }

    #[test]
    fn a_sum_is_found() {
        let noise = |seed: i64| {
            (0..100)
                .map(move |i: i64| (i * i * seed) % 997)
                .collect::<Vec<i64>>()
        };
        let (a, b) = (noise(7), noise(13));
        let sum: Vec<i64> = a.iter().zip(&b).map(|(a, b)| a * 4 - b).collect();
        let apart = take_off(&sum, &[leader(3, &a), leader(5, &b)], &[]);
        let told: Vec<(usize, i64)> = apart
            .references
            .iter()
            .map(|r| (r.column, r.factor.of(100)))
            .collect();
        assert_eq!(told, [(3, 400), (5, -100)]);
        assert!(apart.residual.iter().all(|&r| r == 0));
    }

    #[test]
    fn no_chain_is_longer_than_may_be_and_the_best_is_taken() {
        let steps: Vec<i64> = (0..100).map(|i: i64| i * i * 7919 % 99_991).collect();
        let near: Vec<i64> = steps.iter().zip(0..).map(|(step, i)| step + i % 2).collect();
        let at = |depth| Leader::new(usize::from(depth), steps.clone(), depth);
        let all = [at(0), at(1), at(2), at(3)];
        let told = |earlier: &[Leader]| {
            let apart = take_off(&steps, earlier, &[]);
            let columns: Vec<usize> = apart.references.iter().map(|r| r.column).collect();
            (columns, apart.depth)
        };
        assert_eq!(told(&all[..1]), (vec![0], 1));
        assert_eq!(told(&all[2..]), (vec![2], 3));
        assert_eq!(told(&all[3..]), (vec![], 0));
        assert_eq!(told(&[leader(7, &near), at(0), leader(8, &near)]).0, [0]);
    }

    #[test]
    fn what_does_not_help_is_left_alone() {
        let apart = take_off(
            &[1; 100],
            &[leader(0, &[5, -3].repeat(50))],
            &[leader(0, &[9, 0, 4, 4].repeat(25))],
        );
        assert_eq!(apart.references, []);
        assert_eq!(apart.residual, [1; 100]);
    }
}
