//! Who may ask, by which name, and what the answers forbid the browser.

use crate::problem::Problem;
use crate::server::Shared;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;

/// Checks host and token before anything else happens.
pub(crate) async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or("")
        .to_string();
    let mut response = match allowed(&shared, request.headers(), &host) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    protect(response.headers_mut());
    response
}

fn allowed(shared: &Shared, headers: &HeaderMap, host: &str) -> Result<(), Problem> {
    if !is_own_name(host, shared) {
        return Err(Problem::misdirected(&host.chars().take(80).collect::<String>()));
    }
    let Some(token) = &shared.token else { return Ok(()) };
    let given = headers.get(header::AUTHORIZATION).and_then(|h| h.to_str().ok());
    let given = given.and_then(|g| g.strip_prefix("Bearer ")).unwrap_or("");
    if same(given.as_bytes(), token.as_bytes()) {
        Ok(())
    } else {
        Err(Problem::unauthorized())
    }
}

/// An address, or localhost: a name of somebody else's domain that resolves to us is refused. With a token, which such a page
/// cannot know, any name is fine.
fn is_own_name(host: &str, shared: &Shared) -> bool {
    if shared.token.is_some() {
        return true;
    }
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Compares without telling by its time how far two texts agree.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (x, y)| differ | (x ^ y)) == 0
}

fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
