//! Live: incidents that open, grow and close, as the record grows.

use crate::explain::document::{Explanation, Incident, Severity, Time};
use crate::explain::{Options, explain};
use crate::incidents::{Cache, troubles};
use model::{TimeSpan, UnixNanos};
use serde::Serialize;
use store::Reader;

/// What changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The tick that showed it.
    pub at: Time,
    /// How.
    pub what: What,
    /// First event of the incident.
    pub from: Time,
    /// How bad it is now.
    pub severity: Severity,
    /// The verdict now.
    pub cause: Option<String>,
    /// One line for a person.
    pub headline: String,
}

/// How an incident changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Somebody is being hurt.
    Opened,
    /// It became worse.
    Worse,
    /// The verdict changed: more is known.
    Verdict,
    /// Nobody was hurt for a while.
    Closed,
}

/// An incident that is open.
struct Open {
    from: UnixNanos,
    to: UnixNanos,
    /// Worst so far.
    severity: Severity,
    cause: Option<String>,
    headline: String,
}

/// What is known between two looks.
pub struct Watch {
    options: Options,
    open: Vec<Open>,
    looked_until: UnixNanos,
}

/// How far back a look goes: what began earlier stays as it was told.
const SPAN: i64 = 900_000_000_000;
/// Harm that stopped for so long is over.
const CLOSED_AFTER: i64 = 30_000_000_000;

impl Watch {
    /// Nothing is open, nothing was looked at before `start`.
    pub fn new(options: Options, start: UnixNanos) -> Watch {
        Watch {
            options,
            open: Vec::new(),
            looked_until: start,
        }
    }

    /// Looks at what was recorded since; the changes in their order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn look(&mut self, reader: &Reader) -> store::Result<Vec<Change>> {
        let Some(extent) = reader.extent()? else {
            return Ok(Vec::new());
        };
        let now = extent.to;
        if now <= self.looked_until {
            return Ok(Vec::new());
        }
        // Most seconds are quiet, and a few columns tell that.
        let recent = TimeSpan::new(self.looked_until.max(now - SPAN), now);
        self.looked_until = now;
        let suspicious =
            !troubles(reader, recent, &self.options, &mut Cache::off(), &mut |_, _| {})?.is_empty();
        if !suspicious && self.open.is_empty() {
            return Ok(Vec::new());
        }
        let oldest = self.open.iter().map(|o| o.from - 60_000_000_000).min();
        let from = (now - SPAN).min(oldest.unwrap_or(now)).max(now - 4 * SPAN);
        let explanation = explain(reader, TimeSpan::new(from, now), &self.options)?;
        Ok(self.changes(&explanation, now))
    }

    fn changes(&mut self, explanation: &Explanation, now: UnixNanos) -> Vec<Change> {
        let mut changes = Vec::new();
        let harmful = explanation
            .incidents
            .iter()
            .filter(|i| i.severity > Severity::Info);
        for incident in harmful {
            self.take(incident, now, &mut changes);
        }
        let (closed, open): (Vec<Open>, Vec<Open>) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|o| now - o.to.0 > UnixNanos(CLOSED_AFTER));
        self.open = open;
        changes.extend(closed.into_iter().map(|o| Change {
            at: Time(now),
            what: What::Closed,
            from: Time(o.from),
            severity: o.severity,
            cause: o.cause,
            headline: o.headline,
        }));
        changes
    }

    fn take(&mut self, incident: &Incident, now: UnixNanos, changes: &mut Vec<Change>) {
        let cause = incident.causes.first().map(|c| c.cause.to_string());
        let (from, to) = (incident.from.0, if incident.open { now } else { incident.to.0 });
        let overlapping = self.open.iter_mut().find(|o| from <= o.to && o.from <= to);
        let what = match overlapping {
            Some(known) => {
                known.to = known.to.max(to);
                known.from = known.from.min(from);
                let worse = incident.severity > known.severity;
                let verdict = cause != known.cause;
                known.severity = known.severity.max(incident.severity);
                known.headline = incident.headline.clone();
                known.cause = cause.clone();
                match (worse, verdict) {
                    (true, _) => What::Worse,
                    (false, true) => What::Verdict,
                    (false, false) => return,
                }
            }
            // It was over before we looked.
            None if now - to.0 > UnixNanos(CLOSED_AFTER) => return,
            None => {
                self.open.push(Open {
                    from,
                    to,
                    severity: incident.severity,
                    cause: cause.clone(),
                    headline: incident.headline.clone(),
                });
                What::Opened
            }
        };
        changes.push(Change {
            at: Time(now),
            what,
            from: Time(from),
            severity: incident.severity,
            cause,
            headline: incident.headline.clone(),
        });
    }
}
