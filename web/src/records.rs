//! `node`, `sources`, `file`, `facts`, `log`: what is recorded, as it was.

use crate::answer::{Answer, Keep};
use crate::database::ask;
use crate::problem::Problem;
use crate::query::{Clock, Params, SECOND, cut, stamp, stamp_up, zone};
use crate::server::Shared;
use analyzer::cat::{self, cat};
use axum::extract::{Path, State};
use model::TimeSpan;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Node {
    /// Of this program.
    version: &'static str,
    hostname: Option<String>,
    kernel: Option<String>,
    cpus: Option<u32>,
    memory_bytes: Option<u64>,
    tz: String,
    from: Option<String>,
    to: Option<String>,
    /// Our clock, by which a reader sees how old the last tick is.
    now: String,
    size_bytes: u64,
    boots: Vec<Boot>,
}

#[derive(Serialize)]
struct Boot {
    boot_id: String,
    hostname: String,
    kernel: String,
    machine: String,
    cpus: u32,
    memory_bytes: Option<u64>,
    tz: String,
}

/// `GET /api/v1/node`: the machine that was recorded last, and how much of it there is.
pub(crate) async fn node(State(shared): State<Arc<Shared>>, params: Params) -> Result<Answer, Problem> {
    params.only(&[])?;
    ask(&shared, |reader, _| {
        let boots = reader.boots()?;
        let extent = reader.extent()?;
        let last = boots.last();
        let node = Node {
            version: env!("CARGO_PKG_VERSION"),
            hostname: last.map(|b| b.hostname.clone()),
            kernel: last.map(|b| b.kernel.clone()),
            cpus: last.map(|b| b.cpus),
            memory_bytes: last.and_then(|b| b.memory_bytes),
            tz: zone(reader)?.name().into(),
            from: extent.map(|e| stamp(e.from)),
            to: extent.map(|e| stamp_up(e.to)),
            now: crate::query::now(),
            size_bytes: reader.size_bytes(),
            boots: boots
                .iter()
                .map(|b| Boot {
                    boot_id: b.boot_id.clone(),
                    hostname: b.hostname.clone(),
                    kernel: b.kernel.clone(),
                    machine: b.machine.clone(),
                    cpus: b.cpus,
                    memory_bytes: b.memory_bytes,
                    tz: b.tz.clone(),
                })
                .collect(),
        };
        Answer::json(&node, Keep::Live)
    })
    .await
}

#[derive(Serialize)]
struct Span {
    from: String,
    to: String,
}

/// `GET /api/v1/span?from=&to=&last=`: which time words mean. Nothing has to be recorded then.
pub(crate) async fn span(State(shared): State<Arc<Shared>>, params: Params) -> Result<Answer, Problem> {
    params.only(&["from", "to", "last"])?;
    ask(&shared, move |reader, _| {
        let span = params.span(&Clock::of(reader)?, 600 * SECOND)?;
        let meant = Span {
            from: stamp(span.from),
            to: stamp_up(span.to),
        };
        Answer::json(&meant, Keep::Live)
    })
    .await
}

/// `GET /api/v1/file/{source}`: the very bytes; `X-Read-At` says when they were read.
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Path(source): Path<String>,
    params: Params,
) -> Result<Answer, Problem> {
    params.only(&["at"])?;
    ask(&shared, move |reader, _| {
        let clock = Clock::of(reader)?;
        let at = params.at(&clock)?;
        match cat(reader, &source, at)? {
            cat::Answer::Bytes { at, bytes } => {
                let keep = Keep::of(TimeSpan::new(at, at), &clock);
                // Kernel files are not always UTF-8, and these are their very bytes.
                Ok(Answer::bytes(bytes, "text/plain", keep).read_at(&stamp(at)))
            }
            cat::Answer::Never => Err(Problem::not_found(format!(
                "no {} was recorded before that",
                cut(&source)
            ))),
            cat::Answer::Stale { last, .. } => Err(Problem::not_found(format!(
                "no {} was recorded then; the reading before is of {}",
                cut(&source),
                stamp(last)
            ))),
        }
    })
    .await
}

/// `GET /api/v1/sources?at=`: names of the files that were recorded in the minute before a time.
pub(crate) async fn sources(State(shared): State<Arc<Shared>>, params: Params) -> Result<Answer, Problem> {
    params.only(&["at"])?;
    ask(&shared, move |reader, _| {
        let clock = Clock::of(reader)?;
        let at = params.at(&clock)?;
        let span = TimeSpan::new(at - 60 * SECOND, at);
        Answer::json(&reader.sources(span)?, Keep::of(span, &clock))
    })
    .await
}

#[derive(Serialize)]
struct Fact {
    name: String,
    value: Option<String>,
    /// Since when it held.
    since: String,
}

/// `GET /api/v1/facts?at=&prefix=`: settings and topology as they were, `sysctl.vm.swappiness`, `block.vda`.
pub(crate) async fn facts(State(shared): State<Arc<Shared>>, params: Params) -> Result<Answer, Problem> {
    params.only(&["at", "prefix"])?;
    ask(&shared, move |reader, _| {
        let clock = Clock::of(reader)?;
        let at = params.at(&clock)?;
        let prefix = params.one("prefix")?.unwrap_or("");
        let span = TimeSpan::new(at, at);
        let held = reader.facts(span)?.into_iter();
        let facts = held.filter(|f| f.name.starts_with(prefix)).map(|f| Fact {
            name: f.name,
            value: f.value,
            since: stamp(f.at),
        });
        Answer::json(&facts.collect::<Vec<_>>(), Keep::of(span, &clock))
    })
    .await
}

#[derive(Serialize)]
struct Line {
    at: String,
    sequence: u64,
    priority: u32,
    text: String,
}

/// Lines of the kernel's log in one answer at most; the newest are kept.
const MOST_LINES: usize = 2_000;

/// `GET /api/v1/log?from=&to=`: the kernel's log.
pub(crate) async fn log(State(shared): State<Arc<Shared>>, params: Params) -> Result<Answer, Problem> {
    params.only(&["from", "to", "last"])?;
    ask(&shared, move |reader, _| {
        let clock = Clock::of(reader)?;
        let span = params.span(&clock, 600 * SECOND)?;
        let records = reader.log(span)?;
        let older = records.len().saturating_sub(MOST_LINES);
        let lines = records.into_iter().skip(older).map(|r| Line {
            at: stamp(r.at),
            sequence: r.sequence,
            priority: r.priority,
            text: r.text,
        });
        Answer::json(&lines.collect::<Vec<_>>(), Keep::of(span, &clock))
    })
    .await
}

/// Addresses under /api that do not exist.
pub(crate) async fn nothing() -> Problem {
    Problem::not_found("no such resource; /api/v1/openapi.json says what there is")
}
