//! `explain`, `report`, `incidents`, `causes`, `rules`: what the analyzer says.

use crate::answer::{Answer, Keep};
use crate::database::answer;
use crate::incidents::Listed;
use crate::problem::Problem;
use crate::query::{Address, Clock, Params, SECOND, stamp, stamp_up};
use crate::server::Shared;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;

/// Explained when nobody says which span.
const DEFAULT: i64 = 600 * SECOND;
/// Listed when nobody says which span.
const DEFAULT_LISTED: i64 = 3600 * SECOND;
/// A span in which incidents are looked for at most.
const MOST_LISTED: i64 = 24 * 3600 * SECOND;

/// `GET /api/v1/explain`: the document of `analyzer explain --json`.
pub(crate) async fn explain(
    State(shared): State<Arc<Shared>>,
    Address(address): Address,
    params: Params,
) -> Result<Answer, Problem> {
    params.only(&["from", "to", "last"])?;
    answer(&shared, address, move |reader, shared| {
        let clock = Clock::of(reader)?;
        let span = params.span(&clock, DEFAULT)?;
        let document = shared.windows.explain(reader, span, &clock)?;
        Answer::json(&document, Keep::of(span, &clock))
    })
    .await
}

/// `GET /api/v1/report?format=`: the same for people, as text, Markdown for a ticket, or one HTML file that needs nothing else.
pub(crate) async fn report(
    State(shared): State<Arc<Shared>>,
    Address(address): Address,
    params: Params,
) -> Result<Answer, Problem> {
    params.only(&["from", "to", "last", "format"])?;
    let format = params.choice("format", &["text", "md", "html"])?;
    answer(&shared, address, move |reader, shared| {
        let clock = Clock::of(reader)?;
        let span = params.span(&clock, DEFAULT)?;
        let document = shared.windows.explain(reader, span, &clock)?;
        let style = analyzer::report::Style {
            width: 100,
            color: false,
        };
        let (text, kind) = match format {
            "md" => (
                analyzer::report::markdown(&document),
                "text/markdown; charset=utf-8",
            ),
            "html" => (analyzer::report::html(&document), "text/html; charset=utf-8"),
            _ => (
                analyzer::report::text(&document, &analyzer::report::Commands::default(), &style),
                "text/plain; charset=utf-8",
            ),
        };
        let report = Answer::bytes(text, kind, Keep::of(span, &clock));
        // Saved and not shown: it brings a style of its own, which the policy of this page does not allow.
        Ok(if format == "html" {
            report.saved_as("highwater-report.html")
        } else {
            report
        })
    })
    .await
}

#[derive(Serialize)]
struct List {
    from: String,
    to: String,
    incidents: Vec<Listed>,
}

/// `GET /api/v1/incidents`: their headlines, in order of time.
pub(crate) async fn incidents(
    State(shared): State<Arc<Shared>>,
    Address(address): Address,
    params: Params,
) -> Result<Answer, Problem> {
    params.only(&["from", "to", "last"])?;
    answer(&shared, address, move |reader, shared| {
        let clock = Clock::of(reader)?;
        let span = params.span(&clock, DEFAULT_LISTED)?;
        if span.to.0.saturating_sub(span.from.0) > MOST_LISTED {
            return Err(Problem::bad_request("at most 24 hours are listed at a time"));
        }
        let list = List {
            from: stamp(span.from),
            to: stamp_up(span.to),
            incidents: shared.pieces.incidents(reader, &shared.windows, span, &clock)?,
        };
        Answer::json(&list, Keep::of(span, &clock))
    })
    .await
}

#[derive(Serialize)]
struct Manual {
    id: &'static str,
    name: &'static str,
    summary: &'static str,
    manual: &'static str,
}

/// `GET /api/v1/causes`: the taxonomy, with names and manual pages.
pub(crate) async fn causes(params: Params) -> Result<Answer, Problem> {
    params.only(&[])?;
    let manuals = analyzer::causes::all().iter().map(|c| Manual {
        id: c.id,
        name: c.name,
        summary: c.summary,
        manual: c.manual,
    });
    Answer::json(&manuals.collect::<Vec<_>>(), Keep::Past)
}

/// `GET /api/v1/rules`: what is looked for, with manual pages.
pub(crate) async fn rules(params: Params) -> Result<Answer, Problem> {
    params.only(&[])?;
    let manuals = analyzer::rules::all().iter().map(|r| Manual {
        id: r.id,
        name: r.id,
        summary: r.summary,
        manual: r.manual,
    });
    Answer::json(&manuals.collect::<Vec<_>>(), Keep::Past)
}
