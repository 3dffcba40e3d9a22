//! The incidents of long spans: looked for piece by piece, and each piece once.

use crate::database::{Version, lock};
use crate::problem::Problem;
use crate::query::{Clock, SECOND, up};
use crate::windows::{MOST_EXPLAINED, Windows};
use analyzer::explain::Options;
use analyzer::explain::document::{Confidence, Explanation, Incident, Severity, Time};
use analyzer::incidents::Cache;
use model::{TimeSpan, UnixNanos};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::Reader;

/// Incidents are looked for by windows of this length, on its multiples, so that the same window is asked for again.
const PIECE: i64 = 1800 * SECOND;
/// What lies closer to the beginning of a window may have begun before it.
const EDGE: i64 = 60 * SECOND;
/// Pieces whose incidents are remembered: a month.
const MOST_PIECES: usize = 1_500;

/// An incident in a list, with the span in which it is explained.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Listed {
    id: String,
    from: Time,
    to: Time,
    open: bool,
    severity: Severity,
    headline: String,
    cause: Option<&'static str>,
    confidence: Option<Confidence>,
    devices: Vec<String>,
    processes: Vec<String>,
    explain: Explained,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Explained {
    from: Time,
    to: Time,
}

/// The incidents of a piece; where one goes on beyond it, of all pieces up to its end.
#[derive(Clone)]
struct Piece {
    span: TimeSpan,
    /// `None`: all of it is past and cannot change while the file is the same.
    version: Option<Version>,
    incidents: Arc<Vec<Listed>>,
}

/// Pieces by their beginning.
#[derive(Default)]
pub(crate) struct Pieces(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    file: Option<(u64, u64)>,
    pieces: BTreeMap<i64, Piece>,
}

impl Pieces {
    /// The incidents that share an instant with a span, in order of time.
    pub(crate) fn incidents(
        &self,
        reader: &Reader,
        windows: &Windows,
        span: TimeSpan,
        clock: &Clock,
    ) -> Result<Vec<Listed>, Problem> {
        let mut found: Vec<Listed> = Vec::new();
        let (from, to) = (span.from.max(clock.extent.from), span.to.min(clock.extent.to));
        let mut start = from.0.div_euclid(PIECE) * PIECE;
        while start <= to.0 && from <= to {
            let piece = self.piece(reader, windows, start, clock)?;
            for one in piece.incidents.iter() {
                let overlaps = one.from.0 <= span.to && span.from <= one.to.0;
                if overlaps && !found.iter().any(|f| f.id == one.id) {
                    found.push(one.clone());
                }
            }
            start = (piece.span.to.0.div_euclid(PIECE) * PIECE).max(start + PIECE);
        }
        found.sort_by(|a, b| a.from.cmp(&b.from).then_with(|| a.id.cmp(&b.id)));
        Ok(found)
    }

    /// The piece that begins at `start`.
    fn piece(&self, reader: &Reader, windows: &Windows, start: i64, clock: &Clock) -> Result<Piece, Problem> {
        let version =
            Version::of(reader.path()).ok_or_else(|| Problem::unavailable("the database is gone"))?;
        if let Some(known) = self.known(start, version) {
            return Ok(known);
        }
        let whole = TimeSpan::new(UnixNanos(start), UnixNanos(start + PIECE));
        // Most pieces are quiet, and a few columns tell that.
        let (span, incidents) = match is_quiet(reader, whole, clock)? {
            true => (whole, Vec::new()),
            false => {
                let (span, document) = settled(reader, windows, start, clock)?;
                let listed = document
                    .incidents
                    .iter()
                    .map(|i| listed(i, span, clock))
                    .collect();
                (span, listed)
            }
        };
        let past = span.to + 2 * EDGE < clock.extent.to;
        let piece = Piece {
            span,
            version: (!past).then_some(version),
            incidents: Arc::new(incidents),
        };
        let mut kept = lock(&self.0);
        kept.pieces.insert(start, piece.clone());
        while kept.pieces.len() > MOST_PIECES {
            kept.pieces.pop_first();
        }
        Ok(piece)
    }

    fn known(&self, start: i64, version: Version) -> Option<Piece> {
        let mut kept = lock(&self.0);
        if kept.file != Some(version.file) {
            *kept = Kept {
                file: Some(version.file),
                pieces: BTreeMap::new(),
            };
        }
        let known = kept.pieces.get(&start)?;
        known.version.is_none_or(|v| v == version).then(|| known.clone())
    }
}

/// Whether nobody can have been hurt in a span.
fn is_quiet(reader: &Reader, span: TimeSpan, clock: &Clock) -> Result<bool, Problem> {
    let options = Options::new(clock.tz());
    let troubles = analyzer::incidents::troubles(reader, span, &options, &mut Cache::off(), &mut |_, _| {})?;
    Ok(troubles.is_empty())
}

/// Explains a piece. Where something was under way at its beginning it begins earlier, and where something goes on at its
/// end it is made longer.
fn settled(
    reader: &Reader,
    windows: &Windows,
    start: i64,
    clock: &Clock,
) -> Result<(TimeSpan, Explanation), Problem> {
    let mut span = TimeSpan::new(UnixNanos(start), UnixNanos(start + PIECE));
    let mut document = windows.explain(reader, span, clock)?;
    let under_way = document.incidents.iter().any(|i| i.from.0 < span.from + EDGE);
    if under_way && clock.extent.from < span.from {
        span.from = span.from - PIECE / 3;
        document = windows.explain(reader, span, clock)?;
    }
    while document.incidents.iter().any(|i| i.open)
        && span.to < clock.extent.to
        && 2 * (span.to.0 - span.from.0) <= MOST_EXPLAINED
    {
        span.to = span.to + (span.to.0 - start);
        document = windows.explain(reader, span, clock)?;
    }
    Ok((span, document))
}

/// An incident as it stands in a list.
pub(crate) fn listed(incident: &Incident, span: TimeSpan, clock: &Clock) -> Listed {
    let cause = incident.causes.first();
    Listed {
        id: incident.id.clone(),
        from: incident.from,
        to: incident.to,
        open: incident.open,
        severity: incident.severity,
        headline: incident.headline.clone(),
        cause: cause.map(|c| c.cause),
        confidence: cause.map(|c| c.confidence),
        devices: cause.map_or(Vec::new(), |c| c.devices.clone()),
        processes: cause.map_or(Vec::new(), |c| {
            c.processes.iter().map(|p| p.comm.clone()).collect()
        }),
        explain: Explained {
            from: Time(span.from.max(clock.extent.from)),
            to: Time(up(span.to.min(clock.extent.to))),
        },
    }
}
