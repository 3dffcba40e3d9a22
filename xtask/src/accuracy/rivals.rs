//! Simple methods that anyone could use instead. Each ranks the quantities; the first that speaks for a cause is its answer.
//! They are given what favours them: only meaningful quantities, and to the last one the true beginning.

use super::series::Series;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

/// A quantity that a method names.
pub(super) struct Named {
    cause: Option<&'static str>,
    device: Option<String>,
    /// When it began to move, where the method says so.
    at: Option<f64>,
}

type Method = fn(&[Series], &Value) -> Vec<Named>;

/// Name and method.
pub(super) const METHODS: [(&str, Method); 3] = [
    ("largest robust z", largest_z),
    ("earliest change", earliest_change),
    ("BARO's scorer", baro),
];

/// Part of the recording that counts as ordinary: all of ours have some forty of a hundred seconds before trouble.
const ORDINARY: f64 = 0.25;
/// Deviations that count as a change.
const CHANGED: f64 = 8.0;

/// Median and median absolute deviation (scaled to a standard deviation) of the ordinary part, with a floor of a hundredth
/// of the largest value so that a constant does not make everything infinite.
fn ordinary(series: &Series) -> (f64, f64) {
    let part = &series.values[..(series.values.len() as f64 * ORDINARY) as usize];
    let middle = quantile(part, 0.5);
    let deviations: Vec<f64> = part.iter().map(|value| (value - middle).abs()).collect();
    let largest = series
        .values
        .iter()
        .fold(0.0, |most: f64, value| most.max(value.abs()));
    (
        middle,
        (1.4826 * quantile(&deviations, 0.5))
            .max(0.01 * largest)
            .max(1e-9),
    )
}

fn first_change(series: &Series, (middle, spread): (f64, f64)) -> Option<f64> {
    let far = |value: &f64| (value - middle).abs() > CHANGED * spread;
    let index = series.values.windows(3).position(|three| three.iter().all(far))?;
    Some(series.at[index])
}

/// Ranked by the largest distance from the ordinary median, in deviations.
fn largest_z(series: &[Series], _: &Value) -> Vec<Named> {
    rank(series, |series| {
        let (middle, spread) = ordinary(series);
        let at = first_change(series, (middle, spread))?;
        let most = series
            .values
            .iter()
            .map(|value| (value - middle).abs() / spread)
            .fold(0.0, f64::max);
        Some((-most, Some(at)))
    })
}

/// Ranked by when the first of three seconds in a row lies far from the ordinary.
fn earliest_change(series: &[Series], _: &Value) -> Vec<Named> {
    rank(series, |series| {
        first_change(series, ordinary(series)).map(|at| (at, Some(at)))
    })
}

/// The scorer of BARO (Pham, Ha, Zhang, FSE 2024): median and interquartile range before the failure, largest z after it.
/// Its own change-point detection is replaced by the true time, or the middle where there is none.
fn baro(series: &[Series], truth: &Value) -> Vec<Named> {
    rank(series, |series| {
        let begun = truth["begun"].as_f64().unwrap_or(series.at[series.at.len() / 2]);
        let split = series.at.partition_point(|at| *at < begun);
        let (before, after) = series.values.split_at(split);
        if before.is_empty() || after.is_empty() {
            return None;
        }
        let range = quantile(before, 0.75) - quantile(before, 0.25);
        // As scikit-learn's RobustScaler does: a range of zero counts as one.
        let range = if range > 0.0 { range } else { 1.0 };
        let middle = quantile(before, 0.5);
        let most = after
            .iter()
            .map(|value| (value - middle) / range)
            .fold(f64::NEG_INFINITY, f64::max);
        Some((-most, None))
    })
}

fn rank(series: &[Series], score: impl Fn(&Series) -> Option<(f64, Option<f64>)>) -> Vec<Named> {
    let mut ranked: Vec<(f64, Named)> = series
        .iter()
        .filter_map(|series| {
            let (score, at) = score(series)?;
            Some((
                score,
                Named {
                    cause: series.cause,
                    device: series.device.clone(),
                    at,
                },
            ))
        })
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked.into_iter().map(|(_, named)| named).collect()
}

/// The ranking as a document that can be judged like the explainer's: one incident, each cause once.
pub(super) fn document(ranking: &[Named]) -> Value {
    let mut causes: Vec<Value> = Vec::new();
    for named in ranking {
        let Some(cause) = named.cause else { continue };
        if causes.iter().any(|known| known["cause"] == cause) {
            continue;
        }
        let at = named.at.map(time);
        let devices: Vec<&String> = named.device.iter().collect();
        causes.push(json!({"cause": cause, "devices": devices, "processes": [],
                           "onset": {"earliest": at, "best": at, "latest": at}}));
    }
    if causes.is_empty() {
        return json!({"incidents": []});
    }
    json!({"incidents": [{"from": "1970-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "severity": "warning",
                          "causes": causes, "timeline": [], "links": [], "ruled_out": []}]})
}

fn time(unix: f64) -> String {
    DateTime::from_timestamp_micros((unix * 1e6) as i64)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// With linear interpolation, as numpy does by default.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * (sorted.len().saturating_sub(1)) as f64;
    match (sorted.get(place as usize), sorted.get(place.ceil() as usize)) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(cause: &'static str, begins: usize, to: f64) -> Series {
        let values = (0..100)
            .map(|i| {
                if i < begins {
                    10.0 + f64::from(i as u32 % 3)
                } else {
                    to
                }
            })
            .collect();
        Series {
            cause: Some(cause),
            device: None,
            at: (0..100).map(f64::from).collect(),
            values,
        }
    }

    #[test]
    fn each_method_names_what_it_looks_for() {
        let all = [
            series("early", 50, 40.0),
            series("large", 60, 9000.0),
            series("never", 100, 0.0),
        ];
        let truth = json!({"begun": 45.0});
        let first = |method: Method| method(&all, &truth)[0].cause;
        assert_eq!(
            [first(largest_z), first(earliest_change), first(baro)],
            [Some("large"), Some("early"), Some("large")]
        );
        assert_eq!(earliest_change(&all, &truth)[0].at, Some(50.0));
        assert_eq!(document(&largest_z(&all[2..], &truth)), json!({"incidents": []}));
    }

    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), 2.5);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.25), 2.0);
    }
}
