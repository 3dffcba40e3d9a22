//! What a request asks for: parameters, times, spans. Anything that is not understood is a problem, never ignored.

use crate::problem::Problem;
use analyzer::time_grammar::{self, Context};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use chrono::{DateTime, SecondsFormat, Utc};
use model::{Nanos, TimeSpan, UnixNanos};
use store::Reader;

pub(crate) const SECOND: Nanos = 1_000_000_000;

/// The parameters of a request, in order.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(pairs) =
            Query::try_from_uri(&parts.uri).map_err(|e| Problem::bad_request(e.body_text()))?;
        Ok(Params(pairs))
    }
}

/// The path and parameters of a request, under which its answer is remembered.
pub(crate) struct Address(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Address(parts.uri.to_string()))
    }
}

impl Params {
    /// Refuses parameters that are not among `known`: a misspelt one would otherwise be silently without effect.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(Problem::bad_request(format!(
                "no parameter {}; there are: {}",
                cut(name),
                known.join(", ")
            ))),
            None => Ok(()),
        }
    }

    /// All values of a parameter.
    pub(crate) fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter; it may stand there once.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            Some(_) => Err(Problem::bad_request(format!("{name} is given twice"))),
            None => Ok(first),
        }
    }

    /// A whole number inside of a range.
    pub(crate) fn number(
        &self,
        name: &str,
        default: usize,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<usize, Problem> {
        let Some(text) = self.one(name)? else {
            return Ok(default);
        };
        let number = text.parse().ok().filter(|n| range.contains(n));
        number.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            Problem::bad_request(format!(
                "{name} is a number from {least} to {most}, not {:?}",
                cut(text)
            ))
        })
    }

    /// One of several words; the first one where it is not given.
    pub(crate) fn choice(&self, name: &str, words: &[&'static str]) -> Result<&'static str, Problem> {
        let Some(text) = self.one(name)? else {
            return Ok(words[0]);
        };
        let word = words.iter().find(|word| **word == text);
        word.copied().ok_or_else(|| {
            Problem::bad_request(format!(
                "{name} is one of {}, not {:?}",
                words.join(", "),
                cut(text)
            ))
        })
    }

    /// From `from` to `to`, or the `last` so long of the data; without any of them the last `default`.
    pub(crate) fn span(&self, clock: &Clock, default: Nanos) -> Result<TimeSpan, Problem> {
        let (from, to, last) = (self.one("from")?, self.one("to")?, self.one("last")?);
        let bad = |e: time_grammar::TimeError| Problem::bad_request(e.to_string());
        let mut span = match last {
            Some(_) if from.is_some() || to.is_some() => {
                return Err(Problem::bad_request("either last, or from and to"));
            }
            Some(last) => time_grammar::parse_last(last, &clock.context).map_err(bad)?,
            None => time_grammar::parse_window(from, to, default, &clock.context).map_err(bad)?,
        };
        if from.is_none() {
            // Nobody asked for what lies before the data.
            span.from = span.from.max(clock.extent.from).min(span.to);
        }
        Ok(span)
    }

    /// The time `at`; without it the end of the data.
    pub(crate) fn at(&self, clock: &Clock) -> Result<UnixNanos, Problem> {
        match self.one("at")? {
            Some(text) => {
                time_grammar::parse(text, &clock.context).map_err(|e| Problem::bad_request(e.to_string()))
            }
            None => Ok(clock.extent.to),
        }
    }
}

/// What times mean in a database.
pub(crate) struct Clock {
    /// First to last tick.
    pub(crate) extent: TimeSpan,
    pub(crate) context: Context,
}

impl Clock {
    /// A database without a tick has no times: not found.
    pub(crate) fn of(reader: &Reader) -> Result<Clock, Problem> {
        let extent = reader
            .extent()?
            .ok_or_else(|| Problem::not_found("nothing is recorded yet"))?;
        let tz = zone(reader)?;
        let now = UnixNanos(Utc::now().timestamp_nanos_opt().unwrap_or(0));
        let context = Context {
            now,
            data_end: Some(extent.to),
            tz,
        };
        Ok(Clock { extent, context })
    }

    pub(crate) fn tz(&self) -> chrono_tz::Tz {
        self.context.tz
    }
}

/// The zone in which bare times are meant: the node's own, UTC where it is not known.
pub(crate) fn zone(reader: &Reader) -> Result<chrono_tz::Tz, Problem> {
    let boots = reader.boots()?;
    Ok(boots
        .last()
        .and_then(|boot| boot.tz.parse().ok())
        .unwrap_or(chrono_tz::UTC))
}

/// Our clock, RFC 3339.
pub(crate) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn stamp(at: UnixNanos) -> String {
    DateTime::<Utc>::from_timestamp_nanos(at.0).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The same, rounded up: the end of a span that still holds the instant.
pub(crate) fn stamp_up(at: UnixNanos) -> String {
    stamp(up(at))
}

/// The next whole millisecond.
pub(crate) fn up(at: UnixNanos) -> UnixNanos {
    UnixNanos(
        at.0.div_euclid(1_000_000) * 1_000_000
            + if at.0.rem_euclid(1_000_000) > 0 {
                1_000_000
            } else {
                0
            },
    )
}

/// What a stranger wrote, short enough to be said back.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
