//! Questions whose answer is known already: said at once, before any of the layers that others go through.
//!
//! When something goes wrong on a machine, many look at the same few addresses.

use crate::answer::Answer;
use crate::guard::{self, Kind};
use crate::server::Shared;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::sync::{Arc, OnceLock};

/// Shorter ones are sent as they are; the layer that packs other answers has the same limit.
const LEAST_PACKED: usize = 32;
/// Longer ones are packed piece by piece while they are sent, which holds nobody else up.
const MOST_PACKED: usize = 200_000;

/// An answer as it is sent.
#[derive(Clone)]
pub(crate) struct Ready(Arc<Inner>);

struct Inner {
    headers: HeaderMap,
    body: Bytes,
    packed: OnceLock<Option<Bytes>>,
}

impl Ready {
    pub(crate) fn new(answer: &Answer) -> Ready {
        let mut headers = answer.headers();
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        guard::protect(&mut headers, Kind::Data);
        Ready(Arc::new(Inner {
            headers,
            body: answer.body().clone(),
            packed: OnceLock::new(),
        }))
    }

    /// As bytes of gzip, worked out once. `None`: it is sent as it is.
    fn packed(&self) -> Option<&Bytes> {
        let body = &self.0.body;
        let pack = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(5));
            encoder.write_all(body).ok()?;
            encoder.finish().ok().map(Bytes::from)
        };
        self.0.packed.get_or_init(pack).as_ref()
    }
}

/// The answer to a request, if it is known and nothing has to be looked at more closely.
pub(crate) fn answer<B>(shared: &Shared, request: &Request<B>) -> Option<Response<Body>> {
    let headers = request.headers();
    if request.method() != Method::GET || headers.contains_key(header::IF_NONE_MATCH) {
        return None;
    }
    let address = request.uri().path_and_query()?.as_str();
    if !address.starts_with("/api/") {
        return None;
    }
    guard::allowed(shared, request).ok()?;
    let ready = shared.answers.ready(&shared.path, address)?;
    let packs = match headers.get(header::ACCEPT_ENCODING) {
        None => false,
        // Whatever else may stand there is for the layer that reads all of it.
        Some(_) if ready.0.body.len() < LEAST_PACKED => false,
        Some(value) if says_gzip(value) && ready.0.body.len() <= MOST_PACKED => true,
        Some(_) => return None,
    };
    let body = if packs { ready.packed()? } else { &ready.0.body };
    let mut response = Response::new(Body::from(body.clone()));
    *response.headers_mut() = ready.0.headers.clone();
    if packs {
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
    }
    Some(response)
}

/// A plain wish for gzip, as browsers have it.
fn says_gzip(value: &HeaderValue) -> bool {
    value
        .to_str()
        .is_ok_and(|value| value.split(',').any(|one| one.trim() == "gzip"))
}
