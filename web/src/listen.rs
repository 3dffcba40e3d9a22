//! Connections: how many, how long, and how they end. Whoever sends headers slowly, or takes an answer slowly, is let go; whoever comes
//! when there is no room is told so.

use crate::patience::Patient;
use crate::quick;
use crate::server::Site;
use crate::tls::Tls;
use anyhow::{Context, Result};
use axum::body::Body;
use axum::http::Request;
use futures_util::future::{Either, ready};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Handle};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

/// Connections at a time, if we may open so many files.
const MOST_CONNECTIONS: usize = 4096;
/// Files that are not connections: the database, once for each question, and what a program has open anyway.
const OTHER_FILES: usize = 128;
/// Who comes when there is no room is refused, but so many at a time only: more wait to be accepted.
const MOST_REFUSALS: usize = 64;
/// Threads for connections.
const MOST_LANES: usize = 8;
/// For what a refused one may still send, and for the refusal itself.
const REFUSAL_WITHIN: Duration = Duration::from_secs(2);
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
    site: Site,
    tls: Option<Arc<Tls>>,
    stopping: CancellationToken,
) -> Result<()> {
    let room = Arc::new(Semaphore::new(site.most_connections));
    let refusals = Arc::new(Semaphore::new(MOST_REFUSALS));
    let graceful = GracefulShutdown::new();
    let lanes = Lanes::new()?;
    loop {
        let turn = tokio::select! {
            () = stopping.cancelled() => break,
            turn = refusals.clone().acquire_owned() => turn.context("stopping")?,
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
        let Ok(place) = room.clone().try_acquire_owned() else {
            let clear = tls.is_none();
            tokio::spawn(async move {
                let _turn = turn;
                let _ = timeout(REFUSAL_WITHIN, refuse(socket, clear)).await;
            });
            continue;
        };
        let _ = socket.set_nodelay(true);
        let (site, tls, watcher) = (site.clone(), tls.clone(), graceful.watcher());
        lanes.take(socket, async move |socket| {
            let _place = place;
            connection(socket, site, tls, watcher).await;
        });
    }
    drop(listener);
    let _ = timeout(LAST_ANSWERS, graceful.shutdown()).await;
    Ok(())
}

/// Threads that each wait for their own connections, one for each CPU: none wakes another, and none takes work from another, which
/// costs more than answering does. What reads the database is done elsewhere, see [`crate::database::ask`].
struct Lanes {
    handles: Vec<Handle>,
    next: Cell<usize>,
    /// Ends them when it is dropped.
    _ending: DropGuard,
}

impl Lanes {
    fn new() -> Result<Lanes> {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let ending = CancellationToken::new();
        let handles = (0..count.min(MOST_LANES)).map(|_| {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let ended = ending.clone();
            std::thread::Builder::new().name("lane".into()).spawn(move || {
                runtime.block_on(ended.cancelled());
                runtime.shutdown_background();
            })?;
            Ok(handle)
        });
        Ok(Lanes {
            handles: handles.collect::<Result<_>>()?,
            next: Cell::new(0),
            _ending: ending.drop_guard(),
        })
    }

    /// Gives a connection to the next lane. A socket is waited for by the runtime that made it, so it is made anew there.
    fn take<F>(&self, socket: TcpStream, work: impl FnOnce(TcpStream) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        self.next.set((self.next.get() + 1) % self.handles.len());
        let Ok(socket) = socket.into_std() else { return };
        self.handles[self.next.get()].spawn(async move {
            if let Ok(socket) = TcpStream::from_std(socket) {
                work(socket).await;
            }
        });
    }
}

/// One connection to its end. What goes wrong with it concerns the other side only.
async fn connection(socket: TcpStream, site: Site, tls: Option<Arc<Tls>>, watcher: Watcher) {
    let socket = Patient::new(socket);
    match tls {
        None => talk(socket, site, watcher).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(HEADERS_WITHIN, tls.acceptor().accept(socket)).await {
                talk(stream, site, watcher).await;
            }
        }
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, site: Site, watcher: Watcher) {
    let service = service_fn(
        move |request: Request<Incoming>| match quick::answer(&site.shared, &request) {
            Some(answer) => Either::Left(ready(Ok(answer))),
            None => Either::Right(site.router.clone().oneshot(request.map(Body::new))),
        },
    );
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MOST_HEADER_BYTES)
        .max_headers(MOST_HEADERS)
        // Head and body in one piece: copying the body costs less than telling the kernel of two.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    let _ = watcher.watch(connection).await;
}

/// Says that there is no room, where that can be said in the clear.
async fn refuse(mut socket: TcpStream, clear: bool) {
    if !clear {
        return;
    }
    let body = r#"{"title":"too many at a time","status":503,"detail":"as many connections are open as there may be"}"#;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\nretry-after: 5\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = socket.write_all(answer.as_bytes()).await;
    let _ = socket.shutdown().await;
    // Closed with something unread, the other side would see a reset and not the answer.
    let mut rest = [0; 1024];
    while socket.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

/// Connections that there is room for, after asking for more files: each is one. A thousand streams are more than the 1,024 files that a shell allows by default;
/// the hard limit is what counts.
pub(crate) fn most_connections() -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let wanted = (MOST_CONNECTIONS + OTHER_FILES) as libc::rlim_t;
    // SAFETY: both calls only read and write the struct that they are given.
    let files = unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
            1024
        } else if limit.rlim_cur >= wanted {
            wanted
        } else {
            let before = limit.rlim_cur;
            limit.rlim_cur = wanted.min(limit.rlim_max);
            match libc::setrlimit(libc::RLIMIT_NOFILE, &limit) {
                0 => limit.rlim_cur,
                _ => before,
            }
        }
    };
    (files as usize).saturating_sub(OTHER_FILES).max(16)
}
