//! As much of HTTP as a scraper needs: GET of one path, one answer a connection.
//!
//! Bounded in everything: connections, the size of a question, and the time that either side takes.

use super::Metrics;
use super::families::Format;
use super::node::Decoded;
use std::io;
use std::net::{SocketAddr, TcpListener as Listener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Who comes when so many are being answered is not answered.
const CONNECTIONS: usize = 8;

/// The longest question.
const QUESTION_BYTES: usize = 8 << 10;

/// What is for people.
const TEXT: &str = "text/plain; charset=utf-8";

/// From the first byte of the question to the last of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Binds, and answers on a thread of its own. Gives the address, which has a port of its own choice when asked for port 0.
///
/// # Errors
/// When the address cannot be had, or there can be no thread.
pub(super) fn start(address: SocketAddr, metrics: Arc<Metrics>) -> io::Result<SocketAddr> {
    let listener = Listener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let serve = move || {
        // A runtime that is current makes of the socket one that can be waited for.
        let _ = runtime.block_on(async { serve(TcpListener::from_std(listener)?, metrics).await });
    };
    std::thread::Builder::new()
        .name("metrics".into())
        .stack_size(1 << 20)
        .spawn(serve)?;
    Ok(bound)
}

async fn serve(listener: TcpListener, metrics: Arc<Metrics>) -> io::Result<()> {
    let turns = Arc::new(Semaphore::new(CONNECTIONS));
    let decoded = Arc::new(Mutex::new(Decoded::default()));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: that passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(turn) = turns.clone().try_acquire_owned() else {
            continue;
        };
        let (metrics, decoded) = (metrics.clone(), decoded.clone());
        tokio::spawn(async move {
            let _ = tokio::time::timeout(PATIENCE, answer(stream, &metrics, &decoded)).await;
            drop(turn);
        });
    }
}

async fn answer(mut stream: TcpStream, metrics: &Metrics, decoded: &Mutex<Decoded>) -> io::Result<()> {
    let mut question = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = question.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if question.len() >= QUESTION_BYTES {
            return refuse(&mut stream, "431 Request Header Fields Too Large").await;
        }
        if stream.read_buf(&mut question).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&question[..end]);
    match understood(&head) {
        Ok((wanted, with_body)) => {
            let (status, kind, text) = match wanted {
                Wanted::Metrics(format) => {
                    let mut decoded = decoded.lock().unwrap_or_else(PoisonError::into_inner);
                    (
                        "200 OK",
                        format.content_type(),
                        metrics.text(&mut decoded, format),
                    )
                }
                Wanted::Health if metrics.is_present() => ("200 OK", TEXT, "recording\n".into()),
                Wanted::Health => (
                    "503 Service Unavailable",
                    TEXT,
                    "no tick was taken lately\n".into(),
                ),
            };
            let head = head_of(status, kind, text.len());
            stream.write_all(head.as_bytes()).await?;
            if with_body {
                stream.write_all(text.as_bytes()).await?;
            }
            stream.shutdown().await
        }
        Err(status) => refuse(&mut stream, status).await,
    }
}

async fn refuse(stream: &mut TcpStream, status: &str) -> io::Result<()> {
    let text = format!("{status}\nThere are /metrics and /health.\n");
    let head = head_of(status, TEXT, text.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

fn head_of(status: &str, content_type: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nVary: Accept\r\n\
         Connection: close\r\n\r\n"
    )
}

/// What may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Metrics(Format),
    /// Whether ticks are taken, for who restarts what hangs.
    Health,
}

/// What is asked for, and whether more than the head is wanted; else the status.
fn understood(head: &str) -> Result<(Wanted, bool), &'static str> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let (Some(method), Some(target), Some("HTTP/1.0" | "HTTP/1.1"), None) =
        (method, target, version, words.next())
    else {
        return Err("400 Bad Request");
    };
    if method != "GET" && method != "HEAD" {
        return Err("405 Method Not Allowed");
    }
    let with_body = method == "GET";
    match target.split('?').next() {
        Some("/metrics") => {}
        Some("/health") => return Ok((Wanted::Health, with_body)),
        _ => return Err("404 Not Found"),
    }
    let accept = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("accept").then_some(value)
    });
    let open = accept
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().map(str::trim) == Some("application/openmetrics-text"));
    let format = if open {
        Format::OpenMetrics
    } else {
        Format::Prometheus
    };
    Ok((Wanted::Metrics(format), with_body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions() {
        let open = "GET /metrics HTTP/1.1\r\nHost: x\r\naccept: text/html, application/openmetrics-text;version=1.0.0;q=0.5";
        assert_eq!(understood(open), Ok((Wanted::Metrics(Format::OpenMetrics), true)));
        assert_eq!(
            understood("GET /metrics?x=y HTTP/1.0\r\nAccept: */*"),
            Ok((Wanted::Metrics(Format::Prometheus), true))
        );
        assert_eq!(
            understood("HEAD /metrics HTTP/1.1"),
            Ok((Wanted::Metrics(Format::Prometheus), false))
        );
        assert_eq!(understood("GET / HTTP/1.1"), Err("404 Not Found"));
        assert_eq!(
            understood("POST /metrics HTTP/1.1"),
            Err("405 Method Not Allowed")
        );
        for bad in [
            "",
            "GET",
            "GET /metrics",
            "GET /metrics HTTP/2",
            "GET  /metrics HTTP/1.1",
            "GET /metrics HTTP/1.1 x",
        ] {
            assert_eq!(understood(bad), Err("400 Bad Request"), "{bad:?}");
        }
    }
}
