//! The server asked over a socket, as a browser and as a stranger would.

use super::router;
use model::{Boot, Reading, Run, RunOrigin, Template, Tick, UnixNanos};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SECOND: i64 = 1_000_000_000;

/// Two minutes of a quiet machine.
fn database(folder: &Path) -> PathBuf {
    let path = folder.join("x.db");
    let mut writer = store::Writer::open(&path).unwrap();
    let boot = Boot {
        boot_id: "b".into(),
        hostname: "<script>alert(1)</script>".into(),
        kernel: "6.18".into(),
        machine: "x86_64".into(),
        cpus: 2,
        page_size: 4096,
        clk_tck: 100,
        memory_bytes: None,
        cmdline: String::new(),
        tz: "UTC".into(),
    };
    let start = 1_473_504_000;
    let run = Run {
        origin: RunOrigin::Collector,
        interval: SECOND,
        started: UnixNanos(start * SECOND),
        import_key: None,
    };
    let run = writer.begin_run(&boot, &run).unwrap().unwrap();
    for i in 0..120 {
        let text = format!("MemTotal:  1000000 kB\nMemFree:    {} kB\n", 500_000 + i);
        let (template, values) = Template::parse(text.as_bytes(), None);
        let reading = Reading {
            source: "meminfo".into(),
            offset: 0,
            template: Arc::new(template),
            values,
        };
        let at = UnixNanos((start + i) * SECOND);
        writer
            .append(
                run,
                &Tick {
                    at,
                    monotonic: i * SECOND,
                    readings: vec![reading],
                },
            )
            .unwrap();
    }
    path
}

/// Status, headers and body of one request to a real server on a loopback port.
async fn get(path: PathBuf, token: Option<&str>, target: &str, headers: &str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(axum::serve(listener, router(path, token.map(String::from))).into_future());
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let host = if headers.contains("Host:") {
        String::new()
    } else {
        format!("Host: {address}\r\n")
    };
    let request = format!("GET {target} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    served.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("")
}

#[tokio::test]
async fn questions_are_answered_and_bad_ones_are_problems() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    for (target, wanted, part) in [
        ("/api/v1/node", "200", "\"tz\":\"UTC\""),
        ("/api/v1/explain", "200", "\"schema\":\"highwater.explain/1\""),
        (
            "/api/v1/explain?from=10:40:10&to=10:41",
            "200",
            "\"status\":\"no_incident\"",
        ),
        ("/api/v1/incidents", "200", "\"incidents\":[]"),
        ("/api/v1/series?metric=meminfo.MemFree", "200", "500000"),
        ("/api/v1/series?metric=mem.free&points=3", "200", "\"unit\":\"B\""),
        ("/api/v1/metrics", "200", "meminfo.MemFree"),
        (
            "/api/v1/file/meminfo?at=10:40:30",
            "200",
            "MemFree:    500030 kB\n",
        ),
        ("/api/v1/explain?from=nonsense", "400", "application/problem+json"),
        ("/api/v1/explain?from=10:41&to=10:40", "400", "from is after to"),
        ("/api/v1/explain?from=2016-09-01&to=2016-09-10", "400", "hours"),
        (
            "/api/v1/file/meminfo?at=2016-09-09T00:00:00Z",
            "404",
            "no meminfo was recorded then",
        ),
        ("/api/v1/file/..%2f..%2fetc%2fpasswd", "404", "was recorded then"),
        ("/api/v1/nothing", "404", "no such resource"),
        ("/assets/..%2f..%2fCargo.toml", "404", "no file"),
        ("/any/address", "200", "<!doctype html>"),
    ] {
        let answer = get(path.clone(), None, target, "").await;
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
async fn other_names_and_missing_tokens_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let node = "/api/v1/node";
    assert_eq!(
        status(&get(path.clone(), None, node, "Host: evil.example\r\n").await),
        "421"
    );
    assert_eq!(
        status(&get(path.clone(), None, node, "Host: localhost:7311\r\n").await),
        "200"
    );
    assert_eq!(status(&get(path.clone(), Some("s"), node, "").await), "401");
    assert_eq!(
        status(&get(path.clone(), Some("s"), node, "Authorization: Bearer x\r\n").await),
        "401"
    );
    assert_eq!(
        status(&get(path, Some("s"), node, "Authorization: Bearer s\r\n").await),
        "200"
    );
}

#[tokio::test]
async fn a_database_that_is_not_there_or_not_one_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let missing = get(folder.path().join("no.db"), None, "/api/v1/explain", "").await;
    assert_eq!(status(&missing), "503");
    assert!(missing.contains("no database there"));
    std::fs::write(
        folder.path().join("bad.db"),
        "not a database at all, but some text",
    )
    .unwrap();
    let bad = get(folder.path().join("bad.db"), None, "/api/v1/explain", "").await;
    assert_eq!(status(&bad), "503");
    drop(store::Writer::open(&folder.path().join("empty.db")).unwrap());
    let empty = get(folder.path().join("empty.db"), None, "/api/v1/explain", "").await;
    assert_eq!(status(&empty), "404");
    assert!(empty.contains("nothing is recorded yet"));
}
