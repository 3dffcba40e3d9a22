//! Errors as RFC 9457 problems.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What went wrong with a request.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
}

impl Problem {
    /// The request makes no sense.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem {
            status: StatusCode::BAD_REQUEST,
            title: "bad request",
            detail: detail.into(),
        }
    }

    /// Who asks is not known.
    pub(crate) fn unauthorized() -> Problem {
        Problem {
            status: StatusCode::UNAUTHORIZED,
            title: "a token is wanted",
            detail: "send Authorization: Bearer TOKEN".into(),
        }
    }

    /// The Host header names another site: a page elsewhere may have been pointed at us (DNS rebinding).
    pub(crate) fn misdirected(host: &str) -> Problem {
        Problem {
            status: StatusCode::MISDIRECTED_REQUEST,
            title: "not this host",
            detail: format!("this server is not {host}"),
        }
    }

    /// Nothing is recorded there.
    pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
        Problem {
            status: StatusCode::NOT_FOUND,
            title: "not found",
            detail: detail.into(),
        }
    }

    /// The database cannot be read now.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Problem {
        Problem {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "the database cannot be read",
            detail: detail.into(),
        }
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
        let kind = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = header::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}
