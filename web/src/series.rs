//! Series for charts: signals and metrics by name, thinned so that no spike is lost.

use crate::api::stamp;
use crate::problem::Problem;
use analyzer::signals::Signals;
use analyzer::window::Window;
use model::TimeSpan;
use serde::Serialize;
use store::Reader;

/// A series of a span. A point covers a stretch: lowest and highest value in it; `null` where nothing is known.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    metric: String,
    subject: String,
    unit: String,
    from: String,
    to: String,
    /// Seconds since the Unix epoch, of the middle of each stretch.
    at: Vec<f64>,
    min: Vec<Option<f64>>,
    max: Vec<Option<f64>>,
}

/// A series that there is.
#[derive(Debug, Serialize)]
pub(crate) struct Name {
    metric: String,
    subject: String,
    unit: String,
}

fn load(reader: &Reader, span: TimeSpan) -> Result<Window, Problem> {
    Window::load(reader, span)?.ok_or_else(|| Problem::not_found("nothing is recorded in this span"))
}

/// Signals (`reclaim.kswapd_scan`) and metrics (`vmstat.pgfault`) alike; counters as rates.
pub(crate) fn read(
    reader: &Reader,
    span: TimeSpan,
    metric: &str,
    subject: &str,
    points: usize,
) -> Result<Series, Problem> {
    let window = load(reader, span)?;
    let signals = Signals::derive(&window);
    let signal = signals
        .all()
        .find(|s| s.name == metric && s.subject.to_string() == subject);
    let (unit, values) = match signal {
        Some(signal) => (signal.unit.to_string(), signal.values.clone()),
        None => {
            let all = window.all();
            let found = all
                .iter()
                .find(|(name, of, _)| **name == *metric && of.to_string() == subject);
            let (_, _, series) = found.ok_or_else(|| {
                let metric: String = metric.chars().take(80).collect();
                Problem::not_found(format!(
                    "no series {metric} of {}",
                    subject.chars().take(80).collect::<String>()
                ))
            })?;
            let symbol = series.metric.unit.symbol();
            if series.metric.kind.is_counter() {
                (format!("{symbol}/s"), window.rates(series))
            } else {
                (symbol.to_string(), series.values.clone())
            }
        }
    };
    let first = window.first;
    let count = window.len() - first;
    let stretches = count.min(points);
    let mut series = Series {
        metric: metric.into(),
        subject: subject.into(),
        unit,
        from: stamp(span.from),
        to: stamp(span.to),
        at: Vec::with_capacity(stretches),
        min: Vec::with_capacity(stretches),
        max: Vec::with_capacity(stretches),
    };
    for k in 0..stretches {
        let (a, b) = (first + k * count / stretches, first + (k + 1) * count / stretches);
        let known = || values[a..b].iter().copied().filter(|v| !v.is_nan());
        series
            .at
            .push((window.ticks[a].seconds() + window.ticks[b - 1].seconds()) / 2.0);
        series.min.push(known().reduce(f64::min));
        series.max.push(known().reduce(f64::max));
    }
    Ok(series)
}

/// Every series of a span, in a fixed order.
pub(crate) fn names(reader: &Reader, span: TimeSpan) -> Result<Vec<Name>, Problem> {
    let window = load(reader, span)?;
    let signals = Signals::derive(&window);
    let mut names: Vec<Name> = signals
        .all()
        .map(|s| Name {
            metric: s.name.into(),
            subject: s.subject.to_string(),
            unit: s.unit.into(),
        })
        .collect();
    names.extend(window.all().into_iter().map(|(metric, subject, series)| Name {
        metric: metric.to_string(),
        subject: subject.to_string(),
        unit: series.metric.unit.symbol().into(),
    }));
    Ok(names)
}
