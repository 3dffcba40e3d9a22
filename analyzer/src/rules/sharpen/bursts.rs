//! Onsets dated by readings ten times a second.
//!
//! Between two of them a rate is known as between two ticks. A tick's bounds shrink to those of the first interval in which the rate was
//! at least half of what it rose by, and the last before it in which there was a tenth at most: where no interval was quiet, the burst
//! began too late to tell.

use super::{Change, Finding};
use crate::bursts::Row;
use crate::units;
use model::{Onset, Subject, UnixNanos};

/// Signal, the numbers whose sum it is the rate of, and how much of its unit each of them is.
const RATES: [(&str, &[&str], f64); 8] = [
    ("reclaim.kswapd_scan", &["pgscan_kswapd"], 1.0),
    (
        "reclaim.direct_entries",
        &["allocstall_normal", "allocstall_movable"],
        1.0,
    ),
    ("swap.out", &["pswpout"], 1.0),
    ("swap.in", &["pswpin"], 1.0),
    ("disk.own_read", &["read_sectors"], 512.0),
    ("disk.reads", &["reads"], 1.0),
    ("disk.own_write", &["written_sectors"], 512.0),
    ("disk.writes", &["writes"], 1.0),
];

/// Readings further apart than this are of two bursts.
const APART_NS: i64 = 1_500_000_000;

pub(super) fn change(rows: &[Row], finding: &Finding) -> Option<Change> {
    let (_, names, unit) = RATES.iter().find(|(signal, ..)| *signal == finding.signal)?;
    let number = |row: &Row| -> Option<f64> {
        let of = |name: &&str| match &finding.subject {
            Subject::Device(device) => row.numbers.get(&format!("{device} {name}")),
            _ => row.numbers.get(*name),
        };
        // A kernel may have one of them only.
        let known: Vec<u64> = names.iter().filter_map(of).copied().collect();
        (!known.is_empty()).then(|| known.iter().sum::<u64>() as f64 * unit)
    };
    let rate = |pair: &[Row]| -> Option<f64> {
        let (before, after) = (number(&pair[0])?, number(&pair[1])?);
        let apart = pair[1].at.0.checked_sub(pair[0].at.0)?;
        // A counter that goes back was reset.
        (after >= before && (1..=APART_NS).contains(&apart)).then(|| (after - before) * 1e9 / apart as f64)
    };
    let Onset { earliest, latest, .. } = finding.onset;
    let before = if finding.before.is_finite() {
        finding.before
    } else {
        0.0
    };
    let rise = finding.now - before;
    if rise.is_nan() || rise <= 0.0 {
        return None;
    }
    let mut quiet_until: Option<UnixNanos> = None;
    for pair in rows
        .windows(2)
        .filter(|pair| pair[1].at > earliest && pair[0].at < latest)
    {
        match rate(pair) {
            None => quiet_until = None,
            Some(rate) if rate <= before + rise / 10.0 => quiet_until = Some(pair[1].at),
            Some(rate) if rate >= before + rise / 2.0 => {
                let (from, to) = (quiet_until?.max(earliest), pair[1].at.min(latest));
                // As much of the interval as it would take at the later rate.
                let part = (rate / finding.now).clamp(0.0, 1.0) * (pair[1].at.0 - pair[0].at.0) as f64;
                return (from < to).then(|| Change {
                    onset: Onset::new(from, pair[1].at - part as i64, to),
                    signal: "highwater/burst",
                    at: pair[1].at,
                    value: rate,
                    unit: finding.unit,
                    text: format!(
                        "{} within {:.0} ms, by readings {:.0} ms apart",
                        units::value(rate, finding.unit),
                        (to.0 - from.0) as f64 / 1e6,
                        (pair[1].at.0 - pair[0].at.0) as f64 / 1e6
                    ),
                });
            }
            Some(_) => {}
        }
    }
    None
}
