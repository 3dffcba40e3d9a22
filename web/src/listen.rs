//! Connections: how many, how long, and how they end. Whoever sends headers slowly, or takes an answer slowly, is let go.

use crate::patience::Patient;
use crate::tls::Tls;
use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections at a time; more wait to be accepted.
const MOST_CONNECTIONS: usize = 4096;
/// For the handshake, and for the headers of a request, so for an idle connection too.
const HEADERS_WITHIN: Duration = Duration::from_secs(20);
/// A request's line and headers: the longest address that the page makes is 5 kB.
const MOST_HEADER_BYTES: usize = 32 << 10;
const MOST_HEADERS: usize = 64;
/// Answers under way when the server is told to stop.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Serves until `stopping`, and then lets answers under way be finished.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<Tls>>,
    stopping: CancellationToken,
) -> Result<()> {
    more_files();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let place = tokio::select! {
            () = stopping.cancelled() => break,
            place = room.clone().acquire_owned() => place.context("no room")?,
        };
        let socket = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(_) => {
                    // Out of file descriptors, or the other side is gone already: neither is a reason to end.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let _ = socket.set_nodelay(true);
        let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            connection(socket, router, tls, watcher).await;
        });
    }
    drop(listener);
    let _ = timeout(LAST_ANSWERS, graceful.shutdown()).await;
    Ok(())
}

/// One connection to its end. What goes wrong with it concerns the other side only.
async fn connection(socket: TcpStream, router: Router, tls: Option<Arc<Tls>>, watcher: Watcher) {
    let socket = Patient::new(socket);
    match tls {
        None => talk(socket, router, watcher).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(HEADERS_WITHIN, tls.acceptor().accept(socket)).await {
                talk(stream, router, watcher).await;
            }
        }
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, router: Router, watcher: Watcher) {
    let service = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MOST_HEADER_BYTES)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let _ = watcher.watch(connection).await;
}

/// A thousand open streams are more than the 1,024 files that a shell allows by default; the hard limit is what counts.
fn more_files() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls only read and write the struct that they are given.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            let most = MOST_CONNECTIONS as libc::rlim_t + 256;
            limit.rlim_cur = limit.rlim_cur.max(most.min(limit.rlim_max));
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
