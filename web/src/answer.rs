//! A body with what a cache needs to know of it.

use crate::problem::Problem;
use crate::query::{Clock, SECOND};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::TimeSpan;
use serde::Serialize;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Ticks later than this after the end of a span can no longer change what is said of it.
const SETTLED: i64 = 120 * SECOND;

/// How long an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Ask again each time; the tag spares the body when nothing changed.
    Live,
    /// It speaks of what is past: minutes, not forever, because the server may be given another database.
    Past,
}

impl Keep {
    /// Whether all of a span lies well before the end of the data.
    pub(crate) fn of(span: TimeSpan, clock: &Clock) -> Keep {
        if span.to + SETTLED < clock.extent.to {
            Keep::Past
        } else {
            Keep::Live
        }
    }
}

/// An answer in full. Cheap to clone: the body is shared.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    body: Bytes,
    kind: &'static str,
    keep: Keep,
    tag: HeaderValue,
    /// When what is answered was read, RFC 3339.
    read_at: Option<HeaderValue>,
    /// The name under which a browser saves it.
    saved_as: Option<HeaderValue>,
}

impl Answer {
    /// As JSON.
    pub(crate) fn json(value: &impl Serialize, keep: Keep) -> Result<Answer, Problem> {
        let body = serde_json::to_vec(value).map_err(|e| Problem::internal(e.to_string()))?;
        Ok(Answer::bytes(body, "application/json", keep))
    }

    /// Bytes of a media type.
    pub(crate) fn bytes(body: impl Into<Bytes>, kind: &'static str, keep: Keep) -> Answer {
        let body = body.into();
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        // Weak, because compression changes the bytes and not what they say.
        let tag = format!("W/\"{:016x}\"", hasher.finish());
        Answer {
            body,
            kind,
            keep,
            tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("W/\"\"")),
            read_at: None,
            saved_as: None,
        }
    }

    /// With the time of the reading that it is.
    pub(crate) fn read_at(mut self, at: &str) -> Answer {
        self.read_at = HeaderValue::from_str(at).ok();
        self
    }

    /// To be saved, not shown. `name` is ours: letters, digits, dots and dashes.
    pub(crate) fn saved_as(mut self, name: &str) -> Answer {
        self.saved_as = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).ok();
        self
    }

    /// How many bytes it holds in memory.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
    }
}

impl Answer {
    /// Its headers, apart from those that every answer has.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        let keep = match self.keep {
            Keep::Live => "private, no-cache",
            Keep::Past => "private, max-age=300",
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(header::ETAG, self.tag.clone());
        if let Some(at) = &self.read_at {
            headers.insert("x-read-at", at.clone());
        }
        if let Some(name) = &self.saved_as {
            headers.insert(header::CONTENT_DISPOSITION, name.clone());
        }
        headers
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let headers = self.headers();
        let mut response = Response::new(Body::from(self.body));
        *response.headers_mut() = headers;
        response
    }
}

/// Answers "not modified" to whoever has the body already.
pub(crate) async fn conditional(request: Request, next: Next) -> Response {
    let has = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = next.run(request).await;
    if let (Some(has), Some(tag)) = (has, response.headers().get(header::ETAG))
        && response.status() == StatusCode::OK
        && is_among(&has, tag)
    {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

/// The weak comparison of RFC 9110.
fn is_among(has: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(has), Ok(tag)) = (has.to_str(), tag.to_str()) else {
        return false;
    };
    let opaque = |t: &str| t.trim().trim_start_matches("W/").to_string();
    has.split(',')
        .any(|one| one.trim() == "*" || opaque(one) == opaque(tag))
}
