//! The page, embedded.

use crate::problem::Problem;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

#[derive(rust_embed::RustEmbed)]
#[folder = "ui/dist"]
struct Page;

/// The page itself, for every address that is not a file: the address is the page's state.
pub(crate) async fn index() -> Response {
    serve("index.html")
}

/// A script or style. Their names carry a digest of their content, so they never change.
pub(crate) async fn asset(Path(path): Path<String>) -> Response {
    serve(&format!("assets/{path}"))
}

/// Sets the theme and asks the first questions, before the first paint. Its name is fixed, so it is asked for each time.
pub(crate) async fn start() -> Response {
    serve("start.js")
}

/// The icon.
pub(crate) async fn mark() -> Response {
    serve("mark.svg")
}

fn serve(path: &str) -> Response {
    let Some(file) = Page::get(path) else {
        return Problem::not_found(format!("no file {}", path.chars().take(80).collect::<String>()))
            .into_response();
    };
    let kind = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let keep = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    (
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)],
        file.data.into_owned(),
    )
        .into_response()
}
