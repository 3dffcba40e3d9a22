//! Routes, listening, and a graceful end.

use crate::{api, assets, guard};
use anyhow::{Context, Result};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;

/// Questions that are answered at a time; more wait.
const QUESTIONS_AT_A_TIME: usize = 4;

/// What every request sees.
pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) token: Option<String>,
    pub(crate) turns: Semaphore,
}

/// All routes over one database.
pub(crate) fn router(path: PathBuf, token: Option<String>) -> Router {
    let shared = Arc::new(Shared {
        path,
        token,
        turns: Semaphore::new(QUESTIONS_AT_A_TIME),
    });
    Router::new()
        .route("/api/v1/explain", get(api::explain))
        .route("/api/v1/incidents", get(api::incidents))
        .route("/api/v1/series", get(api::series))
        .route("/api/v1/metrics", get(api::metrics))
        .route("/api/v1/node", get(api::node))
        .route("/api/v1/markdown", get(api::markdown))
        .route("/api/v1/file/{*source}", get(api::file))
        .route("/api/{*rest}", get(api::nothing))
        .route("/assets/{*path}", get(assets::asset))
        .fallback(get(assets::index))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(shared.clone(), guard::check))
        .with_state(shared)
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(path: PathBuf, listen: SocketAddr, token: Option<String>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen)
            .await
            .with_context(|| format!("{listen}"))?;
        let address = listener.local_addr()?;
        eprintln!("web: {} at http://{address}/", path.display());
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let told = async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        };
        axum::serve(listener, router(path, token))
            .with_graceful_shutdown(told)
            .await?;
        Ok(())
    })
}

#[cfg(test)]
mod tests;
