//! Series for charts: signals and columns by name, over any span, thinned so that no spike is lost.

use crate::answer::{Answer, Keep};
use crate::database::{answer, ask};
use crate::problem::Problem;
use crate::query::{Address, Clock, Params, SECOND, cut, stamp, stamp_up};
use crate::server::Shared;
use crate::windows::Loaded;
use analyzer::column::{self, Grid, Points};
use analyzer::rules::rounded;
use analyzer::window::Window;
use axum::extract::State;
use model::TimeSpan;
use serde::Serialize;
use std::sync::Arc;
use store::Reader;

/// Drawn when nobody says which span.
const DEFAULT: i64 = 600 * SECOND;
/// Series in one answer at most.
const MOST_SERIES: usize = 64;
/// Signals are derived over this much at most; columns are read over any span.
const MOST_DERIVED: i64 = 24 * 3600 * SECOND;
/// They are derived by pieces of this length, which bounds the memory that it takes.
const PIECE: i64 = 3600 * SECOND;
/// What is loaded before a piece: enough for the first rate.
const LEAD_S: i64 = 10;

#[derive(Serialize)]
struct Drawn {
    from: String,
    to: String,
    /// Seconds since the Unix epoch: of each tick, or where thinned of the middle of each stretch.
    at: Vec<f64>,
    series: Vec<Series>,
    /// What was asked for and is not there.
    unknown: Vec<String>,
}

/// `null` where nothing is known. Where thinned, a point covers a stretch: its mean, and the lowest and highest in it.
#[derive(Serialize)]
struct Series {
    metric: String,
    subject: String,
    unit: String,
    values: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Vec<Option<f64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Vec<Option<f64>>>,
}

/// Metric and subject.
type Wanted = (String, String);

/// `GET /api/v1/series?of=disk.read@vda&of=…`, or `?metric=disk.read&subject=vda`.
pub(crate) async fn series(
    State(shared): State<Arc<Shared>>,
    Address(address): Address,
    params: Params,
) -> Result<Answer, Problem> {
    params.only(&[
        "of", "metric", "subject", "from", "to", "last", "points", "rate", "format",
    ])?;
    let mut wanted: Vec<Wanted> = Vec::new();
    for of in params.all("of") {
        let (metric, subject) = of.split_once('@').unwrap_or((of, "host"));
        wanted.push((metric.into(), subject.into()));
    }
    if let Some(metric) = params.one("metric")? {
        wanted.push((metric.into(), params.one("subject")?.unwrap_or("host").into()));
    }
    if wanted.is_empty() || wanted.len() > MOST_SERIES {
        return Err(Problem::bad_request(format!(
            "name 1 to {MOST_SERIES} series: of=METRIC@SUBJECT, see /api/v1/metrics"
        )));
    }
    let points = params.number("points", 600, 2..=10_000)?;
    let rate = match params.choice("rate", &["auto", "true", "false"])? {
        "auto" => None,
        word => Some(word == "true"),
    };
    let csv = params.choice("format", &["json", "csv"])? == "csv";
    answer(&shared, address, move |reader, shared| {
        let clock = Clock::of(reader)?;
        let span = params.span(&clock, DEFAULT)?;
        let drawn = draw(reader, shared, span, &wanted, points, rate)?;
        let keep = Keep::of(span, &clock);
        if csv {
            let text = crate::csv::text(&drawn.at, &columns(&drawn));
            return Ok(Answer::bytes(text, "text/csv; charset=utf-8", keep).saved_as("highwater-series.csv"));
        }
        Answer::json(&drawn, keep)
    })
    .await
}

fn draw(
    reader: &Reader,
    shared: &Shared,
    span: TimeSpan,
    wanted: &[Wanted],
    points: usize,
    rate: Option<bool>,
) -> Result<Drawn, Problem> {
    let grid = Grid::of(reader, span, points)?;
    if grid.is_empty() {
        return Err(Problem::not_found("nothing is recorded in this span"));
    }
    let mut found: Vec<Option<(String, Points)>> = Vec::new();
    for (metric, subject) in wanted {
        let column = column::read(reader, &grid, metric, subject, rate)?;
        found.push(column.map(|c| (c.unit(), c.points)));
    }
    if found.iter().any(Option::is_none) {
        signals(reader, shared, span, &grid, wanted, &mut found)?;
    }
    let mut series = Vec::new();
    let mut unknown = Vec::new();
    for ((metric, subject), found) in wanted.iter().zip(found) {
        match found {
            Some((unit, points)) => series.push(Series::new(metric, subject, unit, &grid, &points)),
            None => unknown.push(format!("{}@{}", cut(metric), cut(subject))),
        }
    }
    if series.is_empty() {
        return Err(Problem::not_found(format!("no series {}", unknown.join(", "))));
    }
    let millis = |t: model::UnixNanos| (t.seconds() * 1e3).round() / 1e3;
    Ok(Drawn {
        from: stamp(span.from),
        to: stamp_up(span.to),
        at: grid.times().into_iter().map(millis).collect(),
        series,
        unknown,
    })
}

/// Fills in what is no column but may be a signal.
fn signals(
    reader: &Reader,
    shared: &Shared,
    span: TimeSpan,
    grid: &Grid,
    wanted: &[Wanted],
    found: &mut [Option<(String, Points)>],
) -> Result<(), Problem> {
    let missing: Vec<usize> = (0..found.len()).filter(|&i| found[i].is_none()).collect();
    let mut take = |loaded: &Loaded, inside: TimeSpan| {
        for &i in &missing {
            let (metric, subject) = &wanted[i];
            let mut of = loaded.signals.each(metric);
            let Some(signal) = of.find(|s| s.subject.to_string() == *subject) else {
                continue;
            };
            let (_, points) = found[i].get_or_insert_with(|| (signal.unit.into(), Points::unknown(grid)));
            for (&tick, &value) in loaded.window.ticks.iter().zip(&signal.values) {
                if inside.contains(tick) {
                    points.put(grid, tick, value, 1.0);
                }
            }
        }
    };
    if let Some(loaded) = shared.windows.covering(reader, span) {
        take(&loaded, span);
        return Ok(());
    }
    if span.to.0.saturating_sub(span.from.0) > MOST_DERIVED {
        return Err(Problem::bad_request(
            "signals are derived over at most 24 hours at a time; columns of files are read over any span",
        ));
    }
    let mut from = span.from;
    while from <= span.to {
        let piece = TimeSpan::new(from, (from + PIECE).min(span.to));
        if let Some(window) = Window::load_with_lead(reader, piece, LEAD_S)? {
            take(&Loaded::new(window), piece);
        }
        from = from + PIECE + 1;
    }
    Ok(())
}

impl Series {
    fn new(metric: &str, subject: &str, unit: String, grid: &Grid, points: &Points) -> Series {
        let known = |values: &[f64]| -> Vec<Option<f64>> {
            values
                .iter()
                .map(|v| v.is_finite().then(|| rounded(*v)))
                .collect()
        };
        let thinned = grid.is_thinned();
        Series {
            metric: metric.into(),
            subject: subject.into(),
            unit,
            values: known(&points.mean),
            min: thinned.then(|| known(&points.low)),
            max: thinned.then(|| known(&points.high)),
        }
    }
}

/// The columns of a table: title and values.
fn columns(drawn: &Drawn) -> Vec<(String, &[Option<f64>])> {
    let mut columns = Vec::new();
    for one in &drawn.series {
        let title = |of: &str| match one.unit.as_str() {
            "" => format!("{}@{}{of}", one.metric, one.subject),
            unit => format!("{}@{}{of} ({unit})", one.metric, one.subject),
        };
        match (&one.min, &one.max) {
            (Some(min), Some(max)) => {
                columns.push((title(" mean"), one.values.as_slice()));
                columns.push((title(" min"), min));
                columns.push((title(" max"), max));
            }
            _ => columns.push((title(""), one.values.as_slice())),
        }
    }
    columns
}

#[derive(Serialize)]
struct Name {
    metric: String,
    subject: String,
    unit: String,
    /// `signal`, `gauge` or `counter`.
    kind: &'static str,
}

/// `GET /api/v1/metrics?at=`: every series that the minute before a time has, signals first, in a fixed order.
pub(crate) async fn metrics(State(shared): State<Arc<Shared>>, params: Params) -> Result<Answer, Problem> {
    params.only(&["at"])?;
    ask(&shared, move |reader, _| {
        let clock = Clock::of(reader)?;
        let at = params.at(&clock)?;
        let span = TimeSpan::new(at - 60 * SECOND, at);
        let columns = column::names(reader, span)?;
        let window = Window::load_with_lead(reader, span, 0)?;
        let signals = window.map(|w| Loaded::new(w).signals);
        let mut names: Vec<Name> = Vec::new();
        for signal in signals.iter().flat_map(|s| s.all()) {
            names.push(Name {
                metric: signal.name.into(),
                subject: signal.subject.to_string(),
                unit: signal.unit.into(),
                kind: "signal",
            });
        }
        for (metric, subject) in columns {
            names.push(Name {
                metric: metric.name.to_string(),
                subject: subject.to_string(),
                unit: metric.unit.symbol().into(),
                kind: if metric.kind.is_counter() {
                    "counter"
                } else {
                    "gauge"
                },
            });
        }
        Answer::json(&names, Keep::of(span, &clock))
    })
    .await
}
