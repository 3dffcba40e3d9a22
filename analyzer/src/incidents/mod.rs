//! The incidents of days: where anybody could have been hurt ([`screen`]) is explained, and remembered ([`Cache`]).

mod cache;
mod each;
mod long;
mod screen;

pub use cache::Cache;
pub(crate) use cache::hash;
pub use long::explain_span;

use each::each;

use crate::explain::document::{Confidence, Incident, Severity, Time};
use crate::explain::{Options, explain};
use model::{TimeSpan, UnixNanos};
use serde::{Deserialize, Serialize};
use store::Reader;

/// An incident in a list. `analyzer explain` over its [`Summary::window`] tells the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// As in `highwater.explain/1`.
    pub id: String,
    /// First event.
    pub from: Time,
    /// Last harm.
    pub to: Time,
    /// Still going on at the end of the data.
    pub open: bool,
    /// How bad.
    pub severity: Severity,
    /// One line for a person.
    pub headline: String,
    /// The worst harm, in one line.
    pub harm: Option<String>,
    /// The verdict's id; `None`: it could not be told.
    pub cause: Option<String>,
    /// Its variant.
    pub variant: Option<String>,
    /// How sure.
    pub confidence: Option<Confidence>,
    /// Of the verdict.
    pub devices: Vec<String>,
    /// Names, of the verdict.
    pub processes: Vec<String>,
    /// The window that explains it.
    pub window: Span,
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// From.
    pub from: Time,
    /// To.
    pub to: Time,
}

/// What is passed to whoever shows progress: seconds of the record done, of all.
pub type Progress<'a> = dyn FnMut(f64, f64) + 'a;

/// Hits closer than this belong together.
const JOIN: i64 = 120_000_000_000;
/// What is looked at before and after the hits.
const BEFORE: i64 = 120_000_000_000;
const AFTER: i64 = 90_000_000_000;
/// What ended longer ago is another incident.
const APART: i64 = 20_000_000_000;
/// A trouble is explained in pieces of at most this length.
const MOST: i64 = 7_200_000_000_000;

/// All incidents that did harm in a span, by time. What the cache knows is not worked out again; what is past is put into it.
///
/// # Errors
/// When the database cannot be read.
pub fn over(
    reader: &Reader,
    span: TimeSpan,
    options: &Options,
    cache: &mut Cache,
    progress: &mut Progress,
) -> store::Result<Vec<Summary>> {
    let Some(extent) = reader.extent()? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for (window, is_past) in troubles(reader, span, options, cache, progress)? {
        let key = format!("incidents {} {}", window.from.0, window.to.0);
        match cache.get::<Vec<Summary>>(reader, &key)? {
            Some(known) => found.extend(known),
            None => unknown.push((window, is_past, key)),
        }
    }
    let windows: Vec<TimeSpan> = unknown.iter().map(|u| u.0).collect();
    for ((_, is_past, key), mine) in unknown
        .into_iter()
        .zip(explained(reader, &windows, options, extent)?)
    {
        if is_past {
            cache.put(key, &mine);
        }
        found.extend(mine);
    }
    found.retain(|i| i.from.0 <= span.to && span.from <= i.to.0);
    Ok(joined(found))
}

/// The harmful incidents of each window.
fn explained(
    reader: &Reader,
    windows: &[TimeSpan],
    options: &Options,
    extent: TimeSpan,
) -> store::Result<Vec<Vec<Summary>>> {
    each(reader, windows, |reader, window| {
        let explanation = explain(reader, window, options)?;
        let harmful = explanation
            .incidents
            .iter()
            .filter(|i| i.severity > Severity::Info);
        Ok(harmful.map(|i| summary(i, window, extent)).collect())
    })
}

/// The windows in which somebody may have been hurt, in order; with each, whether all of it is past and cannot change any more.
///
/// # Errors
/// When the database cannot be read.
pub fn troubles(
    reader: &Reader,
    span: TimeSpan,
    options: &Options,
    cache: &mut Cache,
    progress: &mut Progress,
) -> store::Result<Vec<(TimeSpan, bool)>> {
    let Some(extent) = reader.extent()? else {
        return Ok(Vec::new());
    };
    let span = TimeSpan::new(span.from.max(extent.from), span.to.min(extent.to));
    if span.from > span.to {
        return Ok(Vec::new());
    }
    // Whole chunks on their multiples, so that the same chunk is asked for again.
    let length = screen::CHUNK_SECONDS * 1_000_000_000;
    let mut hits: Vec<UnixNanos> = Vec::new();
    let mut start = span.from.0.div_euclid(length) * length;
    while start <= span.to.0 {
        let chunk = TimeSpan::new(UnixNanos(start), UnixNanos(start + length - 1));
        let key = format!("screen {start}");
        let known = cache.get::<Vec<i64>>(reader, &key)?;
        hits.extend(match known {
            Some(known) => known.into_iter().map(UnixNanos).collect(),
            None => {
                let found = screen::suspicious(reader, chunk)?;
                if chunk.to < extent.to {
                    cache.put(key, &found.iter().map(|h| h.0).collect::<Vec<_>>());
                }
                found
            }
        });
        start += length;
        let done = start.min(span.to.0) - span.from.0;
        progress(done as f64 / 1e9, span.seconds());
    }
    if options.site.can_harm() {
        // No screen knows what a site calls harm: its rules are run over all of it.
        for found in findings_of_site(reader, span, options)? {
            if options.site.severity(found.rule) > Some(Severity::Info) {
                hits.extend([found.from, found.from + (found.seconds * 1e9) as i64]);
            }
        }
        hits.sort_unstable();
    }
    let mut clusters: Vec<TimeSpan> = Vec::new();
    for hit in hits {
        match clusters
            .last_mut()
            .filter(|c| hit.0 - c.to.0 <= JOIN && hit.0 - c.from.0 <= MOST)
        {
            Some(cluster) => cluster.to = hit,
            None => clusters.push(TimeSpan::new(hit, hit)),
        }
    }
    let windows = clusters.into_iter().map(|c| {
        let window = TimeSpan::new(c.from - BEFORE, c.to + AFTER);
        (window, window.to < extent.to)
    });
    Ok(windows
        .filter(|(w, _)| w.from <= span.to && span.from <= w.to)
        .collect())
}

/// What one of a site's own rules found.
#[derive(Debug, Clone)]
pub struct SiteFinding {
    /// Its id.
    pub rule: &'static str,
    /// Of what.
    pub subject: String,
    /// When it began.
    pub from: UnixNanos,
    /// For how long it lasted.
    pub seconds: f64,
    /// Its numbers.
    pub evidence: Vec<String>,
}

/// All that a site's rules find over a span, harmless or not, hour by hour.
///
/// # Errors
/// When the database cannot be read.
pub fn findings_of_site(
    reader: &Reader,
    span: TimeSpan,
    options: &Options,
) -> store::Result<Vec<SiteFinding>> {
    let length = screen::CHUNK_SECONDS * 1_000_000_000;
    let mut found: Vec<SiteFinding> = Vec::new();
    let mut start = span.from;
    while start <= span.to {
        let piece = TimeSpan::new(start, span.to.min(start + (length - 1)));
        start = start + length;
        let Some(window) = crate::window::Window::load(reader, piece)? else {
            continue;
        };
        let signals = crate::signals::Signals::derive(&window);
        let topology = crate::topology::Topology::of(&window);
        let scene = crate::rules::Scene {
            window: &window,
            signals: &signals,
            topology: &topology,
            site: options.site,
        };
        for finding in options.site.find(&scene) {
            let end = window.ticks[finding.to];
            let one = SiteFinding {
                rule: finding.rule,
                subject: finding.subject.to_string(),
                from: finding.onset.best,
                seconds: end.seconds_since(finding.onset.best),
                evidence: finding.evidence.iter().map(|e| e.text.clone()).collect(),
            };
            // What began in the piece before was told there; here is the rest of it.
            let known = found.iter_mut().rev().find(|f| {
                let went_on = f.from + ((f.seconds + 5.0) * 1e9) as i64;
                f.rule == one.rule && f.subject == one.subject && one.from <= went_on
            });
            match known {
                Some(known) => known.seconds = known.seconds.max(end.seconds_since(known.from)),
                None => found.push(one),
            }
        }
    }
    found.sort_by(|a, b| (a.from, a.rule, &a.subject).cmp(&(b.from, b.rule, &b.subject)));
    Ok(found)
}

fn summary(incident: &Incident, window: TimeSpan, extent: TimeSpan) -> Summary {
    let verdict = incident.causes.first();
    Summary {
        id: incident.id.clone(),
        from: incident.from,
        to: incident.to,
        open: incident.open,
        severity: incident.severity,
        headline: incident.headline.clone(),
        harm: incident.harm.clone(),
        cause: verdict.map(|c| c.cause.into()),
        variant: verdict.and_then(|c| c.variant).map(Into::into),
        confidence: verdict.map(|c| c.confidence),
        devices: verdict.map(|c| c.devices.clone()).unwrap_or_default(),
        processes: verdict.map_or_else(Vec::new, |c| c.processes.iter().map(|p| p.comm.clone()).collect()),
        window: Span {
            from: Time(window.from.max(extent.from)),
            to: Time(window.to.min(extent.to)),
        },
    }
}

/// What two windows saw of one trouble is one: the same cause, overlapping or one right after the other.
fn joined(mut found: Vec<Summary>) -> Vec<Summary> {
    found.sort_by(|a, b| (a.from, &a.id).cmp(&(b.from, &b.id)));
    let mut out: Vec<Summary> = Vec::new();
    for next in found {
        let same = |last: &&mut Summary| last.cause == next.cause && next.from.0.0 - last.to.0.0 <= APART;
        match out.iter_mut().rev().find(same) {
            Some(last) => {
                if next.to >= last.to {
                    // Going on at the end of its window, it may be seen to end in the next.
                    (last.to, last.open) = (next.to, next.open);
                }
                last.window.to = last.window.to.max(next.window.to);
                if next.severity > last.severity {
                    last.severity = next.severity;
                    last.headline = next.headline;
                    last.harm = next.harm;
                }
            }
            None => out.push(next),
        }
    }
    out
}
