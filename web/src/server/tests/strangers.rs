//! Who does not behave: slow ones, many at once, and a database that changes under way.

use super::{SECOND, Served, boot, database, database_with, reading, status};
use crate::listen;
use crate::server::{Access, router};
use crate::tls::Tls;
use model::{Run, RunOrigin, Tick, UnixNanos};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio_util::sync::CancellationToken;

const STREAMS: usize = 300;

#[tokio::test]
async fn hundreds_of_streams_get_the_tick_and_hold_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let served = Served::new(&path, None).await;
    let request = format!("GET /api/v1/live HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut socket = served.connect().await;
        socket.write_all(request.as_bytes()).await.unwrap();
        streams.push(socket);
    }
    // Half of them never read a byte; the others see a tick, and questions are answered beside them.
    for socket in streams.iter_mut().skip(STREAMS / 2) {
        let mut said = String::new();
        let mut buffer = [0; 4096];
        while !said.contains("event: tick") {
            let read = socket.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the stream ended: {said}");
            said.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    }
    assert_eq!(status(&served.get("/api/v1/node", "").await), "200");
}

#[tokio::test]
async fn who_sends_a_request_byte_by_byte_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(&database(folder.path()), None).await;
    let request = format!(
        "GET /api/v1/node HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        served.address
    );
    let mut slow = served.connect().await;
    for byte in request.as_bytes() {
        slow.write_all(&[*byte]).await.unwrap();
        if *byte == b'\n' {
            assert_eq!(status(&served.get("/api/v1/node", "").await), "200");
        }
    }
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "200");
}

#[tokio::test]
async fn what_is_asked_while_the_database_grows_and_is_compacted_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let served = Served::new(&path, None).await;
    let writing = std::thread::spawn({
        let path = path.clone();
        move || grow(&path)
    });
    let asked = "/api/v1/series?of=meminfo.MemFree&from=16:00:00&to=16:00:09";
    let wanted = (500_000..500_010)
        .map(|v| format!("{v}.0"))
        .collect::<Vec<_>>()
        .join(",");
    let mut asks = 0;
    while !writing.is_finished() || asks < 20 {
        let answer = served.get(asked, "").await;
        assert!(answer.contains(&format!("\"values\":[{wanted}]")), "{answer}");
        asks += 1;
    }
    writing.join().unwrap();
    let node = served.get("/api/v1/node", "").await;
    assert!(node.contains("\"to\":\"2016-09-10T17:"), "{node}");
}

/// More than an hour in a boot of its own, compacted again and again.
fn grow(path: &Path) {
    let mut writer = store::Writer::open(path).unwrap();
    let start = 1_473_523_200 + 300;
    let run = Run {
        origin: RunOrigin::Collector,
        interval: SECOND,
        started: UnixNanos(start * SECOND),
        import_key: None,
    };
    let run = writer.begin_run(&boot("b"), &run).unwrap().unwrap();
    for minute in 0..70 {
        let fill = |writer: &mut store::Writer| -> store::Result<()> {
            for second in minute * 60..(minute + 1) * 60 {
                let tick = Tick {
                    at: UnixNanos((start + second) * SECOND),
                    monotonic: (300 + second) * SECOND,
                    readings: vec![reading(500_000 + second)],
                };
                writer.append(run, &tick)?;
            }
            Ok(())
        };
        writer.transaction(fill).unwrap();
        while writer.compact(false).unwrap() {}
    }
    writer.compact(true).unwrap();
}

#[tokio::test]
async fn many_who_ask_the_same_at_once_get_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let served = Arc::new(Served::new(&path, None).await);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let served = served.clone();
        asking.spawn(async move { served.get("/api/v1/explain?from=16:00:00&to=16:01:00", "").await });
    }
    let answers = asking.join_all().await;
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_string();
    assert!(body(&answers[0]).contains("\"ticks\":61"), "{}", answers[0]);
    assert!(answers.iter().all(|answer| body(answer) == body(&answers[0])));
    // A database put in its place is another one, whatever was remembered.
    let other = tempfile::tempdir().unwrap();
    let asked = "/api/v1/series?of=meminfo.MemFree&from=16:00:00&to=16:00:00";
    assert!(served.get(asked, "").await.contains("[500000.0]"));
    std::fs::rename(database_with(other.path(), 9), &path).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(served.get(asked, "").await.contains("[9.0]"));
}

#[tokio::test]
async fn paths_lead_nowhere_but_into_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(&database(folder.path()), None).await;
    for target in [
        "/api/v1/file/../../../../etc/passwd",
        "/api/v1/file/%2e%2e/%2e%2e/etc/passwd",
        "/api/v1/file/meminfo%00",
        "/api/v1/file//etc/passwd",
        "/assets/../../Cargo.toml",
        "/assets/%2e%2e%2f%2e%2e%2fCargo.toml",
        "/assets/..%5c..%5cCargo.toml",
        "//etc/passwd",
        "/api/v1/../../etc/passwd",
    ] {
        let answer = served.get(target, "").await;
        assert!(!answer.contains("root:"), "{target}: {answer}");
        assert!(!answer.contains("[package]"), "{target}: {answer}");
        assert!(
            ["200", "400", "404"].contains(&status(&answer)),
            "{target}: {answer}"
        );
        let page = answer.contains("<!doctype html>");
        assert_eq!(status(&answer) == "200", page, "{target}: {answer}");
    }
}

/// Made with `openssl req -x509`, for `localhost`, good for a hundred years and for nothing else.
fn certificate() -> Tls {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/tests");
    Tls::new(here.join("localhost.crt"), here.join("localhost.key")).unwrap()
}

#[tokio::test]
async fn encrypted_it_answers_encrypted_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopping = CancellationToken::new();
    let access = Access {
        token: None,
        encrypted: true,
    };
    let router = router(path, access, stopping.clone());
    tokio::spawn(listen::serve(
        listener,
        router,
        Some(Arc::new(certificate())),
        stopping.clone(),
    ));

    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(include_bytes!("localhost.crt")).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, socket).await.unwrap();
    stream
        .write_all(b"GET /api/v1/node HTTP/1.1\r\nHost: node.example:7311\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert_eq!(status(&answer), "200", "{answer}");

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain
        .write_all(b"GET /api/v1/node HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut refused = Vec::new();
    let _ = plain.read_to_end(&mut refused).await;
    assert!(!refused.starts_with(b"HTTP/"), "answered in the clear");
    stopping.cancel();
}

#[test]
fn files_that_are_no_certificate_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/tests");
    let text = folder.path().join("text.pem");
    std::fs::write(&text, "no certificate\n").unwrap();
    for (certificate, key, part) in [
        (folder.path().join("no.pem"), here.join("localhost.key"), "no.pem"),
        (text.clone(), here.join("localhost.key"), "no certificate in it"),
        (here.join("localhost.crt"), text, "text.pem"),
    ] {
        let error = Tls::new(certificate, key).err().unwrap();
        assert!(format!("{error:#}").contains(part), "{error:#}");
    }
}
