//! Functions of time: lines through known points, noise that repeats exactly, and rates added up.

/// Seconds after 10:40:00.
pub(super) type Seconds = f64;

/// Straight lines through known points; level before the first and after the last.
#[derive(Debug, Clone)]
pub(super) struct Curve(Vec<(Seconds, f64)>);

impl Curve {
    /// Through these points, in order of time.
    pub(super) fn through(points: impl IntoIterator<Item = (Seconds, f64)>) -> Curve {
        Curve(points.into_iter().collect())
    }

    /// The value at `t`; exactly a point's value at a point.
    pub(super) fn at(&self, t: Seconds) -> f64 {
        let after = self.0.partition_point(|(at, _)| *at <= t);
        match (
            after.checked_sub(1).and_then(|i| self.0.get(i)),
            self.0.get(after),
        ) {
            (Some(&(t0, v0)), Some(&(t1, v1))) => v0 + (v1 - v0) * (t - t0) / (t1 - t0),
            (Some(&(_, value)), None) | (None, Some(&(_, value))) => value,
            (None, None) => 0.0,
        }
    }
}

/// Random numbers that depend on a name and a place only, so that two runs make the same bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise(u64);

impl Noise {
    /// A source of its own for each name.
    pub(super) fn new(name: &str) -> Noise {
        Noise(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    /// Another source from this one.
    pub(super) fn nth(self, number: u64) -> Noise {
        Noise(mix(self.0 ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// A number from 0 to 1 for this place.
    pub(super) fn pick(self, place: i64) -> f64 {
        (mix(self
            .0
            .wrapping_add((place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            >> 11) as f64
            / (1u64 << 53) as f64
    }

    /// From −1 to 1, continuous, with an independent value every `period` seconds.
    pub(super) fn at(self, t: Seconds, period: Seconds) -> f64 {
        let place = t / period;
        let (before, part) = (place.floor(), place - place.floor());
        let value = |place: f64| 2.0 * self.pick(place as i64) - 1.0;
        value(before) * (1.0 - part) + value(before + 1.0) * part
    }
}

/// SplitMix64's finaliser.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A rate added up from 10:40:00 on: what a counter shows.
#[derive(Debug, Clone)]
pub(super) struct Flow(Vec<f64>);

/// Step of the sums.
const STEP: Seconds = 0.02;

impl Flow {
    /// Adds up `rate` (never negative) from `start`, which is the counter's value at 10:40:00.
    pub(super) fn of(start: f64, rate: impl Fn(Seconds) -> f64) -> Flow {
        let mut sum = start;
        let steps = ((super::LENGTH + 2.0) / STEP) as usize;
        let mut sums = Vec::with_capacity(steps + 1);
        sums.push(sum);
        for step in 0..steps {
            sum += rate((step as Seconds + 0.5) * STEP).max(0.0) * STEP;
            sums.push(sum);
        }
        Flow(sums)
    }

    /// The counter at `t`, not yet rounded.
    pub(super) fn at(&self, t: Seconds) -> f64 {
        let place = (t / STEP).clamp(0.0, (self.0.len() - 2) as f64);
        let (index, part) = (place as usize, place.fract());
        self.0[index] * (1.0 - part) + self.0[index + 1] * part
    }

    /// The counter at `t` as the kernel prints it.
    pub(super) fn count(&self, t: Seconds) -> u64 {
        self.at(t).max(0.0) as u64
    }
}

/// 0 before `begins`, then towards 1 with this time constant.
pub(super) fn rise(t: Seconds, begins: Seconds, constant: Seconds) -> f64 {
    if t <= begins {
        0.0
    } else {
        1.0 - (-(t - begins) / constant).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_meet_their_points() {
        let curve = Curve::through([(1.0, 10.0), (3.0, 30.0), (4.0, 0.0)]);
        assert_eq!(
            [0.0, 1.0, 2.0, 3.0, 3.5, 4.0, 9.0].map(|t| curve.at(t)),
            [10.0, 10.0, 20.0, 30.0, 15.0, 0.0, 0.0]
        );
    }

    #[test]
    fn flows_add_up_their_rate() {
        let flow = Flow::of(100.0, |t| if t < 10.0 { 0.0 } else { 50.0 });
        assert_eq!(flow.count(10.0), 100);
        assert_eq!(flow.count(14.0), 300);
    }

    #[test]
    fn noise_repeats_and_keeps_its_bounds() {
        let noise = Noise::new("a");
        assert_eq!(noise.at(3.3, 1.0), Noise::new("a").at(3.3, 1.0));
        assert_ne!(noise.at(3.3, 1.0), Noise::new("b").at(3.3, 1.0));
        assert!((0..1000).all(|i| noise.at(f64::from(i) * 0.37, 1.0).abs() <= 1.0));
    }
}
