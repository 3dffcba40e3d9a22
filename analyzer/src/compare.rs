//! What differs between two spans: each signal's level in the one and in the other, the largest change first.
//!
//! This is what people do with two pages of `sar`: before, and a few seconds after. No cause is claimed.

use crate::explain::document::Time;
use crate::onset::median;
use crate::processes::{Measure, rank};
use crate::rules::rounded;
use crate::signals::Signals;
use crate::window::Window;
use model::{ProcessCounter, TimeSpan};
use serde::Serialize;
use store::Reader;

/// The schema's name.
pub const SCHEMA: &str = "highwater.compare/1";

/// Two spans side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The first span.
    pub a: Side,
    /// The second one.
    pub b: Side,
    /// Largest score first.
    pub differences: Vec<Difference>,
    /// Signals whose level is the same in both, within noise.
    pub alike: usize,
}

/// One span.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// First tick.
    pub from: Time,
    /// Last tick.
    pub to: Time,
    /// Ticks in it.
    pub ticks: usize,
    /// Who did most in it.
    pub top: Vec<Top>,
}

/// A process that did most of something.
#[derive(Debug, Clone, Serialize)]
pub struct Top {
    /// Of what: `CPU time`, `bytes read`, `bytes written`.
    pub of: &'static str,
    /// Process id.
    pub pid: u32,
    /// Name.
    pub comm: String,
    /// Of all that was seen to do it, 0–1.
    pub share: f64,
}

/// A signal that differs, or is known on one side only.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// `mem.file_cache`
    pub signal: &'static str,
    /// Of what.
    pub subject: String,
    /// Of both.
    pub unit: &'static str,
    /// Median in the first span; `None`: not known.
    pub a: Option<f64>,
    /// Median in the second.
    pub b: Option<f64>,
    /// Natural logarithm of how many times as much it is, either way. `None`: one side is not known.
    pub score: Option<f64>,
}

/// How well the two spans must be apart: of all pairs of values, one from each, so many more lie one way than the other.
const LEAST_APART: f64 = 0.8;
/// Changes below this part of the larger level are not worth a line.
const LEAST_PART: f64 = 0.05;

/// Compares. `None`: nothing was recorded in one of the spans, which is returned.
///
/// # Errors
/// When the database cannot be read.
pub fn compare(reader: &Reader, a: TimeSpan, b: TimeSpan) -> store::Result<Result<Comparison, TimeSpan>> {
    // A rate at the first tick needs the one before.
    let load = |span| Window::load_with_lead(reader, span, 2);
    let Some(first) = load(a)? else {
        return Ok(Err(a));
    };
    let Some(second) = load(b)? else {
        return Ok(Err(b));
    };
    let (in_a, in_b) = (Signals::derive(&first), Signals::derive(&second));
    let mut differences = Vec::new();
    let mut alike = 0;
    for signal in in_a.all() {
        let Some(other) = in_b.of(signal.name, &signal.subject) else {
            differences.push(Difference {
                signal: signal.name,
                subject: signal.subject.to_string(),
                unit: signal.unit,
                a: known(median(&signal.values[first.first..])),
                b: None,
                score: None,
            });
            continue;
        };
        let (values_a, values_b) = (&signal.values[first.first..], &other.values[second.first..]);
        let (level_a, level_b) = (median(values_a), median(values_b));
        let larger = level_a.abs().max(level_b.abs());
        let apart = apart(values_a, values_b);
        let score = times(level_a, level_b, signal.unit);
        if apart.abs() < LEAST_APART || (level_b - level_a).abs() <= LEAST_PART * larger || score < LEAST_PART
        {
            alike += 1;
            continue;
        }
        differences.push(Difference {
            signal: signal.name,
            subject: signal.subject.to_string(),
            unit: signal.unit,
            a: known(level_a),
            b: known(level_b),
            score: known(score),
        });
    }
    for signal in in_b.all() {
        if in_a.of(signal.name, &signal.subject).is_none() {
            differences.push(Difference {
                signal: signal.name,
                subject: signal.subject.to_string(),
                unit: signal.unit,
                a: None,
                b: known(median(&signal.values[second.first..])),
                score: None,
            });
        }
    }
    differences.retain(|d| d.a.is_some() || d.b.is_some());
    differences.sort_by(|x, y| {
        let key = |d: &Difference| d.score.unwrap_or(0.0);
        key(y)
            .total_cmp(&key(x))
            .then_with(|| (x.signal, &x.subject).cmp(&(y.signal, &y.subject)))
    });
    Ok(Ok(Comparison {
        schema: SCHEMA,
        a: side(&first),
        b: side(&second),
        differences,
        alike,
    }))
}

fn side(window: &Window) -> Side {
    let (from, to) = (window.first, window.len() - 1);
    let mut top = Vec::new();
    let counters: [(&'static str, &'static [ProcessCounter]); 3] = [
        (
            "CPU time",
            &[ProcessCounter::UserTicks, ProcessCounter::SystemTicks],
        ),
        ("bytes read", &[ProcessCounter::ReadBytes]),
        ("bytes written", &[ProcessCounter::WriteBytes]),
    ];
    for (of, counters) in counters {
        let doers = rank(window, from, to, Measure::Moved(counters));
        top.extend(doers.iter().take(3).filter(|d| d.share >= 0.05).map(|d| Top {
            of,
            pid: d.identity.pid,
            comm: d.identity.comm.clone(),
            share: (d.share * 1000.0).round() / 1000.0,
        }));
    }
    Side {
        from: Time(window.ticks[from]),
        to: Time(window.ticks[to]),
        ticks: to + 1 - from,
        top,
    }
}

fn known(value: f64) -> Option<f64> {
    value.is_finite().then(|| rounded(value))
}

/// How apart the values are, −1 to 1: of all pairs, those that are larger in `b` less those that are smaller (Cliff's delta). It asks for no
/// distribution, and one wild second does not sway it. NaN when a side has no value.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let mut a: Vec<f64> = a.iter().copied().filter(|v| !v.is_nan()).collect();
    a.sort_unstable_by(f64::total_cmp);
    let mut sum = 0i64;
    let mut pairs = 0i64;
    for value in b.iter().filter(|v| !v.is_nan()) {
        let below = a.partition_point(|x| x < value) as i64;
        let not_above = a.partition_point(|x| x <= value) as i64;
        sum += below - (a.len() as i64 - not_above);
        pairs += a.len() as i64;
    }
    if pairs == 0 {
        f64::NAN
    } else {
        sum as f64 / pairs as f64
    }
}

/// How many times as much it is, as a logarithm; levels below what matters in their unit count as that.
fn times(a: f64, b: f64, unit: &str) -> f64 {
    let floor = match unit {
        "B" => 1e6,
        "B/s" => 1e5,
        "pages" => 1000.0,
        "pages/s" => 10.0,
        "ratio" => 0.01,
        _ => 1.0,
    };
    ((b.abs().max(floor)) / (a.abs().max(floor))).ln().abs()
}
