//! Errors as RFC 9457 problems.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What went wrong with a request.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            title,
            detail: detail.into(),
        }
    }

    /// The request makes no sense.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad request", detail)
    }

    /// Who asks is not known.
    pub(crate) fn unauthorized() -> Problem {
        let detail = "send Authorization: Bearer TOKEN";
        Problem::new(StatusCode::UNAUTHORIZED, "a token is wanted", detail)
    }

    /// The Host header names another site: a page elsewhere may have been pointed at us (DNS rebinding).
    pub(crate) fn misdirected(host: &str) -> Problem {
        let detail = format!("this server is not {host:?}");
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "not this host", detail)
    }

    /// Nothing is there.
    pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not found", detail)
    }

    /// Only reading is possible here.
    pub(crate) fn not_allowed() -> Problem {
        let detail = "only GET and HEAD: nothing can be changed from here";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", detail)
    }

    /// The database cannot be read now.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the database cannot be read",
            detail,
        )
    }

    /// More at a time than there is room for.
    pub(crate) fn busy(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many at a time", detail)
    }

    /// Our own fault.
    pub(crate) fn internal(detail: impl Into<String>) -> Problem {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong here",
            detail,
        )
    }

    /// What is wrong, for a person.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether nothing is there, as against something being wrong.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Problem {
        Problem::unavailable(error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body =
            serde_json::json!({ "title": self.title, "status": self.status.as_u16(), "detail": self.detail });
        let mut response = (self.status, body.to_string()).into_response();
        let mut set = |name, value| {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value))
        };
        set(header::CONTENT_TYPE, "application/problem+json");
        set(header::CACHE_CONTROL, "no-store");
        match self.status {
            StatusCode::UNAUTHORIZED => set(header::WWW_AUTHENTICATE, "Bearer"),
            StatusCode::METHOD_NOT_ALLOWED => set(header::ALLOW, "GET, HEAD"),
            StatusCode::SERVICE_UNAVAILABLE => set(header::RETRY_AFTER, "5"),
            _ => None,
        };
        response
    }
}
