//! When ticks and readings were, in compacted form.
//!
//! ```text
//! stamps:   crc32 of the rest | ticks | first wall time | first monotonic time | entropy coded: the changes of the wall clock's steps, the
//!           steps of how far the two clocks are apart
//! readings: crc32 of the rest | entropy coded: ticks left out before each reading, first offset, steps of the offset
//! ```

use crate::bytes::{put, put_signed, sealed, take, take_signed, unsealed, unzigzag, zigzag};
use crate::rans::{Decoder, Encoder};
use crate::steps::{decode, encode};

/// More than we put into a stretch.
const MOST_TICKS: u64 = 1 << 20;

/// Packs the wall and monotonic times of ticks, nanoseconds.
pub(crate) fn pack_stamps(stamps: &[(i64, i64)]) -> Vec<u8> {
    let mut out = Vec::new();
    let (at, monotonic) = stamps.first().copied().unwrap_or_default();
    put(&mut out, stamps.len() as u64);
    put_signed(&mut out, at);
    put_signed(&mut out, monotonic);
    let mut encoder = Encoder::default();
    encode(&bends(stamps.iter().map(|s| s.0)), true, &mut encoder);
    encode(
        &steps(stamps.iter().map(|s| s.1.wrapping_sub(s.0))),
        true,
        &mut encoder,
    );
    out.extend(encoder.finish());
    sealed(&out)
}

/// The reverse of [`pack_stamps`]; `None`: damaged.
pub(crate) fn stamps(blob: &[u8]) -> Option<Vec<(i64, i64)>> {
    let mut rest = unsealed(blob)?;
    let count = take(&mut rest).filter(|&n| n <= MOST_TICKS)? as usize;
    let (mut at, monotonic) = (take_signed(&mut rest)?, take_signed(&mut rest)?);
    let mut apart = monotonic.wrapping_sub(at);
    let mut decoder = Decoder::new(rest);
    let bends = decode(&mut decoder, count.saturating_sub(1), true);
    let drifts = decode(&mut decoder, count.saturating_sub(1), true);
    let mut out = Vec::with_capacity(count);
    out.extend((count > 0).then_some((at, monotonic)));
    let mut step = 0i64;
    for (bend, drift) in bends.into_iter().zip(drifts) {
        step = step.wrapping_add(bend);
        at = at.wrapping_add(step);
        apart = apart.wrapping_add(drift);
        out.push((at, at.wrapping_add(apart)));
    }
    Some(out)
}

/// Packs which ticks of a stretch have a reading, ascending, and how much later than its tick each was read.
pub(crate) fn pack_readings(readings: &[(usize, i64)]) -> Vec<u8> {
    let mut next = 0;
    let skipped: Vec<i64> = readings
        .iter()
        .map(|&(index, _)| (index - std::mem::replace(&mut next, index + 1)) as i64)
        .collect();
    let mut encoder = Encoder::default();
    encode(&skipped, false, &mut encoder);
    encoder.plain(readings.first().map_or(0, |r| zigzag(r.1)), 64);
    encode(&steps(readings.iter().map(|r| r.1)), true, &mut encoder);
    sealed(&encoder.finish())
}

/// The reverse of [`pack_readings`]; `None`: damaged.
pub(crate) fn readings(blob: &[u8], count: usize) -> Option<Vec<(usize, i64)>> {
    if count as u64 > MOST_TICKS {
        return None;
    }
    let mut decoder = Decoder::new(unsealed(blob)?);
    let skipped = decode(&mut decoder, count, false);
    let mut offset = unzigzag(decoder.plain(64));
    let steps = decode(&mut decoder, count.saturating_sub(1), true);
    let mut next = 0usize;
    let mut out = Vec::with_capacity(count);
    for (skipped, step) in skipped.into_iter().zip(std::iter::once(0).chain(steps)) {
        let index = next.checked_add(usize::try_from(skipped).ok()?)?;
        offset = offset.wrapping_add(step);
        out.push((index, offset));
        next = index.checked_add(1)?;
    }
    Some(out)
}

fn steps(values: impl Iterator<Item = i64>) -> Vec<i64> {
    let values: Vec<i64> = values.collect();
    values.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect()
}

fn bends(values: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut before = 0i64;
    steps(values)
        .into_iter()
        .map(|step| step.wrapping_sub(std::mem::replace(&mut before, step)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stamps_come_back(times in proptest::collection::vec(prop_oneof![
            (any::<i64>(), any::<i64>()),
            (0i64..3000, 0i64..3000),
        ], 0..50)) {
            prop_assert_eq!(stamps(&pack_stamps(&times)), Some(times));
        }

        #[test]
        fn readings_come_back(gaps in proptest::collection::vec((0usize..3, any::<i64>()), 0..50)) {
            let mut next = 0;
            let times: Vec<(usize, i64)> = gaps.into_iter().map(|(gap, offset)| {
                let index = next + gap;
                next = index + 1;
                (index, offset)
            }).collect();
            prop_assert_eq!(readings(&pack_readings(&times), times.len()), Some(times));
        }
    }

    #[test]
    fn damage_is_seen() {
        let blob = pack_stamps(&[(5, 6), (7, 9), (8, 8)]);
        let of_readings = pack_readings(&[(0, 3), (2, 4)]);
        for cut in 0..blob.len() {
            assert_eq!(stamps(&blob[..cut]), None);
        }
        for cut in 0..of_readings.len() {
            assert_eq!(readings(&of_readings[..cut], 2), None);
        }
    }
}
