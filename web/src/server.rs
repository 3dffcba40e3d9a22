//! Routes, and the life of the server.

use crate::database::Answers;
use crate::incidents::Pieces;
use crate::live::{self, Live};
use crate::problem::Problem;
use crate::tls::Tls;
use crate::windows::Windows;
use crate::{answer, assets, explanations, guard, listen, openapi, processes, records, series};
use anyhow::{Context, Result};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;

/// Questions that are answered at a time; more wait.
const QUESTIONS_AT_A_TIME: usize = 4;

/// Who may ask, and by which name.
#[derive(Default)]
pub(crate) struct Access {
    /// Carried by each question.
    pub(crate) token: Option<String>,
    /// Connections are encrypted: the browser has checked the server's name against its certificate.
    pub(crate) encrypted: bool,
}

/// What every request sees.
pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) access: Access,
    pub(crate) turns: Arc<Semaphore>,
    pub(crate) answers: Answers,
    pub(crate) windows: Windows,
    pub(crate) pieces: Pieces,
    pub(crate) live: Live,
    pub(crate) stopping: CancellationToken,
}

/// One database, and all that can be asked of it.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) shared: Arc<Shared>,
    pub(crate) router: Router,
    /// Connections that may be open at a time.
    pub(crate) most_connections: usize,
}

/// A site that ends its streams when `stopping`.
fn site(path: PathBuf, access: Access, stopping: CancellationToken) -> Site {
    site_with(path, access, stopping, listen::most_connections())
}

/// The same for at most so many connections at a time.
fn site_with(path: PathBuf, access: Access, stopping: CancellationToken, most_connections: usize) -> Site {
    let shared = Arc::new(Shared {
        path,
        access,
        turns: Arc::new(Semaphore::new(QUESTIONS_AT_A_TIME)),
        answers: Answers::default(),
        windows: Windows::default(),
        pieces: Pieces::default(),
        // Streams last; the other half of the connections is for questions.
        live: Live::new(most_connections / 2),
        stopping,
    });
    Live::keep(shared.clone());
    let router = Router::new()
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/node", get(records::node))
        .route("/api/v1/span", get(records::span))
        .route("/api/v1/explain", get(explanations::explain))
        .route("/api/v1/report", get(explanations::report))
        .route("/api/v1/incidents", get(explanations::incidents))
        .route("/api/v1/causes", get(explanations::causes))
        .route("/api/v1/rules", get(explanations::rules))
        .route("/api/v1/series", get(series::series))
        .route("/api/v1/metrics", get(series::metrics))
        .route("/api/v1/processes", get(processes::processes))
        .route("/api/v1/sources", get(records::sources))
        .route("/api/v1/file/{*source}", get(records::file))
        .route("/api/v1/facts", get(records::facts))
        .route("/api/v1/log", get(records::log))
        .route("/api/v1/live", get(live::live))
        .route("/api/{*rest}", get(records::nothing))
        .route("/assets/{*path}", get(assets::asset))
        .route("/start.js", get(assets::start))
        .route("/mark.svg", get(assets::mark))
        .fallback_service(get(assets::index))
        .method_not_allowed_fallback(async || Problem::not_allowed())
        .layer(from_fn(answer::conditional))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(shared.clone(), guard::check))
        .with_state(shared.clone());
    Site {
        shared,
        router,
        most_connections,
    }
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(path: PathBuf, listen: SocketAddr, token: Option<String>, tls: Option<Tls>) -> Result<()> {
    // Connections have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let access = Access {
            token,
            encrypted: tls.is_some(),
        };
        tell(&path, address, &access);
        let stopping = CancellationToken::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let told = stopping.clone();
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            told.cancel();
        });
        let site = site(path, access, stopping.clone());
        listen::serve(listener, site, tls.map(Arc::new), stopping).await
    })
}

/// Where it is, and who can read it.
fn tell(path: &Path, address: SocketAddr, access: &Access) {
    let scheme = if access.encrypted { "https" } else { "http" };
    eprintln!("web: {} at {scheme}://{address}/", path.display());
    if address.ip().is_loopback() {
        return;
    }
    match (&access.token, access.encrypted) {
        (Some(_), true) => eprintln!("web: it can be reached from outside; who has the token can read"),
        (Some(_), false) => eprintln!(
            "web: it can be reached from outside, and what is sent can be read on the way, the token too: see --tls-cert"
        ),
        (None, _) => {
            eprintln!("web: it can be reached from outside, and whoever reaches it can read: see --token")
        }
    }
}

#[cfg(test)]
mod tests;
