//! Who may ask, by which name, and what the answers forbid the browser.

use crate::problem::Problem;
use crate::query::cut;
use crate::server::Shared;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;

/// Checks host and token before anything else happens.
pub(crate) async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let kind = match is_api(request.uri().path()) {
        true => Kind::Data,
        false => Kind::Page,
    };
    let mut response = match allowed(&shared, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    protect(response.headers_mut(), kind);
    response
}

/// Whether who asks may be answered.
pub(crate) fn allowed<B>(shared: &Shared, request: &axum::http::Request<B>) -> Result<(), Problem> {
    let Some(token) = &shared.access.token else {
        if shared.access.encrypted {
            return Ok(());
        }
        // A name of somebody else's domain that resolves to us is refused. With a token, which such a page cannot know, or a
        // certificate, which it does not have, any name is fine.
        let host = request.headers().get(header::HOST);
        let host = host.map_or("", |h| h.to_str().unwrap_or("?"));
        return if is_own_name(host) {
            Ok(())
        } else {
            Err(Problem::misdirected(&cut(host)))
        };
    };
    // The page itself says nothing about the machine, and is what asks for the token.
    if !is_api(request.uri().path()) {
        return Ok(());
    }
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|h| h.to_str().ok());
    let given = given.and_then(|g| g.strip_prefix("Bearer ")).unwrap_or("");
    if same(given.as_bytes(), token.as_bytes()) {
        Ok(())
    } else {
        Err(Problem::unauthorized())
    }
}

fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

/// `localhost` or an address of this machine's own loopback, with or without a port.
fn is_own_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Compares without telling by its time how far two texts agree.
fn same(a: &[u8], b: &[u8]) -> bool {
    let differ = a.iter().zip(b).fold(0, |differ, (x, y)| differ | (x ^ y));
    a.len() == b.len() && std::hint::black_box(differ) == 0
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The page and what belongs to it.
    Page,
    /// What the API says: nothing that a browser should show, frame or take for something else.
    Data,
}

/// What each answer forbids the browser.
pub(crate) fn protect(headers: &mut HeaderMap, kind: Kind) {
    const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
                        base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    const DATA: &str = "default-src 'none'; frame-ancestors 'none'";
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    match kind {
        Kind::Data => set(header::CONTENT_SECURITY_POLICY, DATA),
        Kind::Page => {
            set(header::CONTENT_SECURITY_POLICY, PAGE);
            set(header::REFERRER_POLICY, "no-referrer");
            set(
                HeaderName::from_static("cross-origin-opener-policy"),
                "same-origin",
            )
        }
    };
}
