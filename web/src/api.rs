//! The JSON API, version 1. Times are RFC 3339 or any that the command line takes.

use crate::database::ask;
use crate::problem::Problem;
use crate::server::Shared;
use analyzer::explain::document::{Explanation, Severity};
use analyzer::explain::{Options, explain as explain_span};
use analyzer::time_grammar;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use model::{TimeSpan, UnixNanos};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Reader;

const SECOND: i64 = 1_000_000_000;
/// A span that one answer explains at most.
const MOST_EXPLAINED_S: f64 = 6.0 * 3600.0;
/// A span that incidents are looked for in at most, by windows of [`WINDOW_S`].
const MOST_LISTED_S: f64 = 24.0 * 3600.0;
const WINDOW_S: i64 = 1800;

type Answer<T> = Result<Json<T>, Problem>;

/// From and to, both optional: the last ten minutes (explain) or hour (incidents) of the data.
#[derive(Debug, Deserialize)]
pub(crate) struct Span {
    from: Option<String>,
    to: Option<String>,
}

/// The zone in which bare times are meant: the node's own.
fn zone(reader: &Reader) -> Result<chrono_tz::Tz, Problem> {
    let boots = reader.boots()?;
    Ok(boots
        .last()
        .and_then(|b| b.tz.parse().ok())
        .unwrap_or(chrono_tz::UTC))
}

fn time(text: &str, reader: &Reader, end: UnixNanos) -> Result<UnixNanos, Problem> {
    let now = UnixNanos(Utc::now().timestamp_nanos_opt().unwrap_or(0));
    let context = time_grammar::Context {
        now,
        data_end: Some(end),
        tz: zone(reader)?,
    };
    time_grammar::parse(text, &context).map_err(|e| Problem::bad_request(e.to_string()))
}

impl Span {
    fn read(&self, reader: &Reader, default_s: i64) -> Result<TimeSpan, Problem> {
        let extent = reader
            .extent()?
            .ok_or_else(|| Problem::not_found("nothing is recorded yet"))?;
        let to = self
            .to
            .as_deref()
            .map_or(Ok(extent.to), |t| time(t, reader, extent.to))?;
        let from = match self.from.as_deref() {
            Some(text) => time(text, reader, extent.to)?,
            None => (to - default_s * SECOND).max(extent.from),
        };
        if from > to {
            return Err(Problem::bad_request("from is after to"));
        }
        Ok(TimeSpan::new(from, to))
    }
}

fn explained(reader: &Reader, span: TimeSpan) -> Result<Explanation, Problem> {
    if span.seconds() > MOST_EXPLAINED_S {
        let hours = MOST_EXPLAINED_S / 3600.0;
        return Err(Problem::bad_request(format!(
            "at most {hours} hours are explained at a time"
        )));
    }
    Ok(explain_span(reader, span, &Options { tz: zone(reader)? })?)
}

/// `GET /api/v1/explain`: the document of `analyzer explain --json`.
pub(crate) async fn explain(
    State(shared): State<Arc<Shared>>,
    Query(span): Query<Span>,
) -> Answer<Explanation> {
    ask(&shared, move |reader| explained(reader, span.read(reader, 600)?))
        .await
        .map(Json)
}

/// `GET /api/v1/markdown`: the same for a ticket.
pub(crate) async fn markdown(
    State(shared): State<Arc<Shared>>,
    Query(span): Query<Span>,
) -> Result<Response, Problem> {
    let text = ask(&shared, move |reader| {
        Ok(analyzer::report::markdown(&explained(
            reader,
            span.read(reader, 600)?,
        )?))
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response())
}

/// One line of the list of incidents.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    id: String,
    from: String,
    to: String,
    severity: Severity,
    headline: String,
    cause: Option<&'static str>,
    devices: Vec<String>,
    processes: Vec<String>,
}

/// The incidents of a span.
#[derive(Debug, Serialize)]
pub(crate) struct List {
    from: String,
    to: String,
    incidents: Vec<Listed>,
}

/// `GET /api/v1/incidents`
pub(crate) async fn incidents(State(shared): State<Arc<Shared>>, Query(span): Query<Span>) -> Answer<List> {
    ask(&shared, move |reader| {
        let span = span.read(reader, 3600)?;
        if span.seconds() > MOST_LISTED_S {
            return Err(Problem::bad_request("at most 24 hours are listed at a time"));
        }
        let mut incidents: Vec<Listed> = Vec::new();
        let mut from = span.from;
        while from <= span.to {
            let to = (from + WINDOW_S * SECOND).min(span.to);
            for incident in explained(reader, TimeSpan::new(from, to))?.incidents {
                let cause = incident.causes.first();
                // One that goes on across the edge of two windows is one.
                let goes_on = incidents.last_mut().filter(|last| {
                    last.cause == cause.map(|c| c.cause)
                        && last.to == stamp(from)
                        && incident.from.0 <= from + SECOND * 60
                });
                if let Some(last) = goes_on {
                    last.to = stamp(incident.to.0);
                    continue;
                }
                incidents.push(Listed {
                    id: incident.id,
                    from: stamp(incident.from.0),
                    to: stamp(incident.to.0),
                    severity: incident.severity,
                    headline: incident.headline,
                    cause: cause.map(|c| c.cause),
                    devices: cause.map_or(Vec::new(), |c| c.devices.clone()),
                    processes: cause.map_or(Vec::new(), |c| {
                        c.processes.iter().map(|p| p.comm.clone()).collect()
                    }),
                });
            }
            if to == span.to {
                break;
            }
            from = to;
        }
        Ok(List {
            from: stamp(span.from),
            to: stamp(span.to),
            incidents,
        })
    })
    .await
    .map(Json)
}

/// What the database holds.
#[derive(Debug, Serialize)]
pub(crate) struct Holds {
    hostname: Option<String>,
    kernel: Option<String>,
    cpus: Option<u32>,
    memory_bytes: Option<u64>,
    tz: String,
    from: Option<String>,
    to: Option<String>,
    size_bytes: u64,
}

/// `GET /api/v1/node`
pub(crate) async fn node(State(shared): State<Arc<Shared>>) -> Answer<Holds> {
    ask(&shared, |reader| {
        let boot = reader.boots()?.pop();
        let extent = reader.extent()?;
        Ok(Holds {
            hostname: boot.as_ref().map(|b| b.hostname.clone()),
            kernel: boot.as_ref().map(|b| b.kernel.clone()),
            cpus: boot.as_ref().map(|b| b.cpus),
            memory_bytes: boot.as_ref().and_then(|b| b.memory_bytes),
            tz: zone(reader)?.name().into(),
            from: extent.map(|e| stamp(e.from)),
            to: extent.map(|e| stamp(e.to)),
            size_bytes: reader.size_bytes(),
        })
    })
    .await
    .map(Json)
}

/// Which series.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    metric: String,
    #[serde(default = "host")]
    subject: String,
    from: Option<String>,
    to: Option<String>,
    #[serde(default = "points")]
    points: usize,
}

fn host() -> String {
    "host".into()
}

fn points() -> usize {
    600
}

/// `GET /api/v1/series`
pub(crate) async fn series(
    State(shared): State<Arc<Shared>>,
    Query(wanted): Query<Wanted>,
) -> Answer<crate::series::Series> {
    ask(&shared, move |reader| {
        let span = Span {
            from: wanted.from,
            to: wanted.to,
        }
        .read(reader, 600)?;
        if span.seconds() > MOST_EXPLAINED_S {
            return Err(Problem::bad_request("at most 6 hours are drawn at a time"));
        }
        crate::series::read(
            reader,
            span,
            &wanted.metric,
            &wanted.subject,
            wanted.points.clamp(2, 5000),
        )
    })
    .await
    .map(Json)
}

/// `GET /api/v1/metrics`
pub(crate) async fn metrics(State(shared): State<Arc<Shared>>) -> Answer<Vec<crate::series::Name>> {
    ask(&shared, |reader| {
        let extent = reader
            .extent()?
            .ok_or_else(|| Problem::not_found("nothing is recorded yet"))?;
        crate::series::names(
            reader,
            TimeSpan::new((extent.to - 60 * SECOND).max(extent.from), extent.to),
        )
    })
    .await
    .map(Json)
}

/// When.
#[derive(Debug, Deserialize)]
pub(crate) struct At {
    at: Option<String>,
}

/// `GET /api/v1/file/{source}`: the very bytes, and the time of their reading in `Last-Modified-Exactly`.
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Path(source): Path<String>,
    Query(at): Query<At>,
) -> Result<Response, Problem> {
    let (bytes, when) = ask(&shared, move |reader| {
        let extent = reader
            .extent()?
            .ok_or_else(|| Problem::not_found("nothing is recorded yet"))?;
        let at = at
            .at
            .as_deref()
            .map_or(Ok(extent.to), |t| time(t, reader, extent.to))?;
        // The file is read a moment after its tick.
        let reading = reader.reading_at(&source, at)?;
        let reading = reading.filter(|r| at.0 - r.at.0 <= 3 * r.interval.max(SECOND));
        let reading = reading.ok_or_else(|| {
            Problem::not_found(format!(
                "no {} was recorded then",
                source.chars().take(60).collect::<String>()
            ))
        })?;
        Ok((reading.template.render(&reading.values), stamp(reading.at)))
    })
    .await?;
    let mut response = ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response();
    if let Ok(value) = when.parse() {
        response.headers_mut().insert("x-read-at", value);
    }
    Ok(response)
}

/// Addresses under /api that do not exist.
pub(crate) async fn nothing() -> Problem {
    Problem::not_found(
        "no such resource; see /api/v1/node, explain, incidents, series, metrics, file/{source}",
    )
}

pub(crate) fn stamp(at: UnixNanos) -> String {
    DateTime::<Utc>::from_timestamp_nanos(at.0).to_rfc3339_opts(SecondsFormat::Millis, true)
}
