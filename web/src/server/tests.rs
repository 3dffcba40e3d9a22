//! The server asked over a socket, as a browser and as a stranger would.

use super::{Access, site_with};
use crate::listen;
use model::{Boot, Reading, Run, RunOrigin, Template, Tick, UnixNanos};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

const SECOND: i64 = 1_000_000_000;

mod strangers;

fn boot(id: &str) -> Boot {
    Boot {
        boot_id: id.into(),
        hostname: "<script>alert(1)</script>".into(),
        kernel: "6.18".into(),
        machine: "x86_64".into(),
        cpus: 2,
        page_size: 4096,
        clk_tck: 100,
        memory_bytes: None,
        cmdline: String::new(),
        tz: "UTC".into(),
    }
}

/// A meminfo with so much free memory, in kB.
fn reading(free: i64) -> Reading {
    let text = format!("MemTotal:  1000000 kB\nMemFree:    {free} kB\n");
    let (template, values) = Template::parse(text.as_bytes(), None);
    Reading {
        source: "meminfo".into(),
        offset: 0,
        template: Arc::new(template),
        values,
    }
}

/// Two minutes of a quiet machine.
fn database(folder: &Path) -> PathBuf {
    database_with(folder, 500_000)
}

/// The same with another amount of free memory to begin with, in kB.
fn database_with(folder: &Path, free: i64) -> PathBuf {
    let path = folder.join("x.db");
    let mut writer = store::Writer::open(&path).unwrap();
    let start = 1_473_523_200;
    let run = Run {
        origin: RunOrigin::Collector,
        interval: SECOND,
        started: UnixNanos(start * SECOND),
        import_key: None,
    };
    let run = writer.begin_run(&boot("a"), &run).unwrap().unwrap();
    for i in 0..120 {
        let at = UnixNanos((start + i) * SECOND);
        writer
            .append(
                run,
                &Tick {
                    at,
                    monotonic: i * SECOND,
                    readings: vec![reading(free + i)],
                },
            )
            .unwrap();
    }
    path
}

/// A real server on a loopback port, until it is dropped.
struct Served {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Served {
    async fn new(path: &Path, token: Option<&str>) -> Served {
        Served::with_room(path, token, listen::most_connections()).await
    }

    async fn with_room(path: &Path, token: Option<&str>, most_connections: usize) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stopping = CancellationToken::new();
        let access = Access {
            token: token.map(String::from),
            encrypted: false,
        };
        let site = site_with(path.into(), access, stopping.clone(), most_connections);
        tokio::spawn(listen::serve(listener, site, None, stopping.clone()));
        Served {
            address,
            _stop: stopping.drop_guard(),
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Whatever comes back for these bytes until the server closes.
    async fn raw(&self, request: &[u8]) -> String {
        let mut socket = self.connect().await;
        // The server may refuse, and close, before all of it is sent.
        let _ = socket.write_all(request).await;
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Status line, headers and body of one GET.
    async fn get(&self, target: &str, headers: &str) -> String {
        let host = if headers.contains("Host:") {
            String::new()
        } else {
            format!("Host: {}\r\n", self.address)
        };
        let request = format!("GET {target} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
        self.raw(request.as_bytes()).await
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("")
}

#[tokio::test]
async fn questions_are_answered_and_bad_ones_are_problems() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(&database(folder.path()), None).await;
    for (target, wanted, part) in [
        ("/api/v1/node", "200", "\"tz\":\"UTC\""),
        (
            "/api/v1/span?from=16:00:10&to=16:00:20",
            "200",
            "{\"from\":\"2016-09-10T16:00:10.000Z\",\"to\":\"2016-09-10T16:00:20.000Z\"}",
        ),
        ("/api/v1/span?from=soon", "400", "soon"),
        ("/api/v1/explain", "200", "\"schema\":\"highwater.explain/1\""),
        (
            "/api/v1/explain?from=16:00:10&to=16:01",
            "200",
            "\"status\":\"no_incident\"",
        ),
        (
            "/api/v1/explain?from=15:00&to=15:01",
            "200",
            "\"status\":\"no_data\"",
        ),
        ("/api/v1/explain?last=30s", "200", "\"ticks\":31"),
        ("/api/v1/report", "200", "No incident"),
        ("/api/v1/report?format=md", "200", "text/markdown"),
        (
            "/api/v1/report?format=html",
            "200",
            "attachment; filename=\"highwater-report.html\"",
        ),
        ("/api/v1/incidents", "200", "\"incidents\":[]"),
        ("/api/v1/causes", "200", "page_cache_flood"),
        ("/api/v1/rules", "200", "kswapd-scan"),
        ("/api/v1/series?metric=meminfo.MemFree", "200", "500000"),
        (
            "/api/v1/series?of=mem.free&of=meminfo.MemFree@host&points=3",
            "200",
            "\"unit\":\"B\"",
        ),
        (
            "/api/v1/series?of=mem.free&of=no.such",
            "200",
            "\"unknown\":[\"no.such@host\"]",
        ),
        (
            "/api/v1/series?of=meminfo.MemFree&rate=true&last=1m",
            "200",
            "\"unit\":\"kB/s\"",
        ),
        (
            "/api/v1/series?of=meminfo.MemFree&from=2016-01-01&points=2",
            "200",
            "\"max\":[null,500119.0]",
        ),
        (
            "/api/v1/series?of=meminfo.MemFree&format=csv",
            "200",
            "time,meminfo.MemFree@host (kB)\r\n",
        ),
        ("/api/v1/metrics", "200", "meminfo.MemFree"),
        ("/api/v1/processes", "200", "\"processes\":[]"),
        ("/api/v1/sources", "200", "[\"meminfo\"]"),
        (
            "/api/v1/file/meminfo?at=16:00:30",
            "200",
            "MemFree:    500030 kB\n",
        ),
        ("/api/v1/facts?prefix=sysctl.", "200", "[]"),
        ("/api/v1/log", "200", "[]"),
        ("/api/v1/openapi.json", "200", "\"openapi\":"),
        ("/api/v1/explain?from=nonsense", "400", "application/problem+json"),
        (
            "/api/v1/explain?from=2016-09-10T16:01:00Z&to=2016-09-10T16:00:00Z",
            "400",
            "is after",
        ),
        ("/api/v1/explain?from=2016-09-10T00:00:00Z", "400", "hours"),
        ("/api/v1/explain?from=%ff", "400", "cannot read"),
        ("/api/v1/explain?form=16:00", "400", "no parameter form"),
        ("/api/v1/explain?from=16:00&from=16:01", "400", "twice"),
        ("/api/v1/explain?from=16:00&last=1m", "400", "either last"),
        ("/api/v1/report?format=pdf", "400", "text, md, html"),
        ("/api/v1/incidents?from=@0&to=@9223372036", "400", "24 hours"),
        ("/api/v1/series?of=no.such", "404", "no series no.such@host"),
        ("/api/v1/series?of=mem.free&from=2016-09-01", "400", "24 hours"),
        ("/api/v1/series", "400", "1 to 64 series"),
        ("/api/v1/series?of=mem.free&points=1", "400", "from 2 to 10000"),
        ("/api/v1/series?of=mem.free&points=many", "400", "from 2 to 10000"),
        ("/api/v1/processes?at=15:00", "404", "nothing is recorded"),
        (
            "/api/v1/file/meminfo?at=2016-09-09T00:00:00Z",
            "404",
            "no meminfo was recorded before that",
        ),
        ("/api/v1/file/meminfo?at=16:01:30&at=16:01", "400", "twice"),
        ("/api/v1/file/..%2f..%2fetc%2fpasswd", "404", "was recorded"),
        ("/api/v1/nothing", "404", "no such resource"),
        ("/assets/..%2f..%2fCargo.toml", "404", "no file"),
        ("/any/address", "200", "<!doctype html>"),
    ] {
        let answer = served.get(target, "").await;
        assert_eq!(status(&answer), wanted, "{target}: {answer}");
        assert!(
            answer.to_lowercase().contains(&part.to_lowercase()),
            "{target}: {answer}"
        );
        assert!(
            answer.contains("content-security-policy: default-src 'none'"),
            "{target}"
        );
    }
}

#[tokio::test]
async fn nothing_can_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(&database(folder.path()), None).await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let host = served.address;
        let request = format!("{method} /api/v1/node HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = served.raw(request.as_bytes()).await;
        assert_eq!(status(&answer), "405", "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(&database(folder.path()), None).await;
    let first = served.get("/api/v1/explain", "").await;
    let tag = first
        .lines()
        .find_map(|l| l.strip_prefix("etag: "))
        .unwrap()
        .trim();
    let again = served
        .get("/api/v1/explain", &format!("If-None-Match: {tag}\r\n"))
        .await;
    assert_eq!(status(&again), "304");
    assert!(again.ends_with("\r\n\r\n"), "no body: {again}");
    let other = served
        .get("/api/v1/node", &format!("If-None-Match: {tag}\r\n"))
        .await;
    assert_eq!(status(&other), "200");
    // Compression is a matter of the way, not of what is said.
    let packed = served.get("/api/v1/explain", "Accept-Encoding: gzip\r\n").await;
    assert!(packed.contains("content-encoding: gzip"));
    assert!(packed.contains(tag));
}

#[tokio::test]
async fn a_database_that_comes_later_or_is_replaced_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let served = Served::new(&path, None).await;
    let asked = "/api/v1/series?of=meminfo.MemFree&from=16:00:00&to=16:00:00";
    assert_eq!(status(&served.get(asked, "").await), "503");
    assert_eq!(database(folder.path()), path);
    let there = served.get(asked, "").await;
    assert!(there.contains("\"values\":[500000.0]"), "{there}");
    let other = tempfile::tempdir().unwrap();
    let other = database_with(other.path(), 700_000);
    std::fs::rename(other, &path).unwrap();
    // The file is looked at twenty times a second.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let replaced = served.get(asked, "").await;
    assert!(replaced.contains("\"values\":[700000.0]"), "{replaced}");
}

#[tokio::test]
async fn a_stream_tells_each_tick_and_what_is_going_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let served = Served::new(&path, None).await;
    let mut socket = served.connect().await;
    let request = format!("GET /api/v1/live HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    let mut buffer = [0; 4096];
    while !(said.contains("event: tick") && said.contains("event: state")) {
        let read = socket.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the stream ended: {said}");
        said.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(said.contains("text/event-stream"), "{said}");
    assert!(said.contains("\"mem.free@host\":512122000.0"), "{said}");
    assert!(said.contains("\"status\":\"recorded\""), "{said}");
    // It ends when the server does.
    drop(served);
    while socket.read(&mut buffer).await.unwrap_or(0) > 0 {}
}

#[tokio::test]
async fn giant_headers_and_nonsense_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(&database(folder.path()), None).await;
    let giant = format!("X: {}\r\n", "x".repeat(100_000));
    assert_eq!(status(&served.get("/api/v1/node", &giant).await), "431");
    let many: String = (0..200).map(|i| format!("X{i}: y\r\n")).collect();
    assert_eq!(status(&served.get("/api/v1/node", &many).await), "431");
    let long = format!("/api/v1/series?of={}", "x".repeat(100_000));
    assert!(["414", "431"].contains(&status(&served.get(&long, "").await)));
    assert_eq!(status(&served.raw(b"\x16\x03\x01 nonsense\r\n\r\n").await), "400");
    assert_eq!(
        status(
            &served
                .raw(b"GET /api/v1/node HTTP/1.1\r\nConnection: close\r\n\r\n")
                .await
        ),
        "421"
    );
    assert_eq!(status(&served.get("/api/v1/node", "").await), "200");
}

#[tokio::test]
async fn other_names_and_missing_tokens_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let node = "/api/v1/node";
    let open = Served::new(&path, None).await;
    let closed = Served::new(&path, Some("s")).await;
    assert_eq!(status(&open.get(node, "Host: evil.example\r\n").await), "421");
    assert_eq!(status(&open.get(node, "Host: localhost:7311\r\n").await), "200");
    assert_eq!(status(&closed.get(node, "").await), "401");
    assert_eq!(
        status(&closed.get(node, "Authorization: Bearer x\r\n").await),
        "401"
    );
    assert_eq!(
        status(&closed.get(node, "Authorization: Bearer s\r\n").await),
        "200"
    );
}

#[tokio::test]
async fn what_is_known_already_is_said_alike_and_to_the_same_people() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let (open, closed) = (
        Served::new(&path, None).await,
        Served::new(&path, Some("s")).await,
    );
    let list = "/api/v1/incidents?last=1m";
    let sorted = |answer: &str| {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<_> = head.lines().filter(|line| !line.starts_with("date: ")).collect();
        lines.sort_unstable();
        (lines.join("\n"), body.to_string())
    };
    let worked_out = open.get(list, "").await;
    assert_eq!(status(&worked_out), "200");
    assert_eq!(sorted(&open.get(list, "").await), sorted(&worked_out));
    let packed = open.get(list, "Accept-Encoding: br, gzip\r\n").await;
    assert!(packed.contains("content-encoding: gzip"), "{packed}");
    for refused in ["gzip;q=0", "identity", "br"] {
        let plain = open.get(list, &format!("Accept-Encoding: {refused}\r\n")).await;
        assert_eq!(sorted(&plain).1, sorted(&worked_out).1, "{refused}");
    }
    assert_eq!(status(&open.get(list, "Host: evil.example\r\n").await), "421");
    let asked = closed.get(list, "Authorization: Bearer s\r\n").await;
    assert_eq!(status(&asked), "200");
    assert_eq!(status(&closed.get(list, "").await), "401");
}

#[tokio::test]
async fn a_database_that_is_not_there_or_not_one_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let ask = async |name: &str| {
        let served = Served::new(&folder.path().join(name), None).await;
        served.get("/api/v1/explain", "").await
    };
    let missing = ask("no.db").await;
    assert_eq!(status(&missing), "503");
    assert!(missing.contains("no database there"));
    std::fs::write(
        folder.path().join("bad.db"),
        "not a database at all, but some text",
    )
    .unwrap();
    let bad = ask("bad.db").await;
    assert_eq!(status(&bad), "503");
    drop(store::Writer::open(&folder.path().join("empty.db")).unwrap());
    let empty = ask("empty.db").await;
    assert_eq!(status(&empty), "404");
    assert!(empty.contains("nothing is recorded yet"));
}
