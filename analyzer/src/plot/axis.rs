//! Both axes: which values lie at the edges, and where times stand.

use super::Line;
use chrono::{DateTime, Offset};
use chrono_tz::Tz;
use model::TimeSpan;

/// From the value at the lower edge to that at the upper one. Zero is an edge, unless that would leave half of the room empty.
pub(super) fn values(line: &Line) -> Option<(f64, f64)> {
    let (low, high) = line.range()?;
    Some(match (low, high) {
        (0.0, 0.0) => (0.0, 1.0),
        // Of what does not move, only zero can say how much it is.
        (low, high) if low >= 0.0 && (low < 0.5 * high || low == high) => (0.0, high),
        (low, high) if high <= 0.0 && (high > 0.5 * low || low == high) => (low, 0.0),
        other => other,
    })
}

/// Where in the span times are written, 0 to 1, and what: whole minutes, hours or days, `most` at most.
pub(super) fn times(span: TimeSpan, tz: Tz, most: usize) -> Vec<(f64, String)> {
    const STEPS: [i64; 20] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
        604_800, 2_592_000,
    ];
    let length = span.seconds();
    let fits = |step: &i64| length / *step as f64 <= most as f64;
    let step = STEPS.into_iter().find(fits).unwrap_or(31_536_000);
    let local = |seconds: i64| DateTime::from_timestamp(seconds, 0).map(|at| at.with_timezone(&tz));
    let from = span.from.0.div_euclid(1_000_000_000);
    let offset = local(from).map_or(0, |at| i64::from(at.offset().fix().local_minus_utc()));
    let first = (from + offset + step - 1).div_euclid(step) * step - offset;
    let format = match step {
        ..60 => "%H:%M:%S",
        60..86_400 => "%H:%M",
        _ => "%m-%d",
    };
    (0..)
        .map(|k| first + k * step)
        .skip_while(|&at| (at as f64) < span.from.seconds())
        .take_while(|&at| at as f64 <= span.to.seconds())
        .take(most)
        .filter_map(|at| {
            let place = (at as f64 - span.from.seconds()) / length.max(1e-9);
            Some((place, local(at)?.format(format).to_string()))
        })
        .collect()
}
