//! Who does not behave: slow ones, many at once, and a database that changes under way.

use super::{SECOND, Served, boot, database, database_with, reading, status};
use crate::listen;
use crate::server::{Access, site};
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

const STREAMS: usize = 1_000;

/// Asks for the live stream.
async fn stream(served: &Served) -> TcpStream {
    let mut socket = served.connect().await;
    let request = format!("GET /api/v1/live HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

/// Reads a stream until it has told a tick of this second, and answers the seconds of all ticks that it told.
async fn ticks_until(socket: &mut TcpStream, last: i64) -> Vec<i64> {
    let mut said = String::new();
    let mut buffer = vec![0; 16 << 10];
    loop {
        // What is not told yet to its end does not count.
        let whole = said.rfind("\n\n").map_or("", |end| &said[..end]);
        let seconds: Vec<i64> = whole
            .split("data: {\"at\":")
            .skip(1)
            .map(|rest| rest.split(['.', ',']).next().unwrap().parse().unwrap())
            .collect();
        if seconds.last() == Some(&last) {
            return seconds;
        }
        let read = socket.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the stream ended: {said}");
        said.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_are_each_told_every_tick_and_hold_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let served = Served::new(&path, None).await;
    // Some never read a byte.
    let mut deaf = Vec::new();
    for _ in 0..50 {
        deaf.push(stream(&served).await);
    }
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(stream(&served).await);
    }
    let before = 1_473_523_200 + 119;
    for socket in &mut streams {
        assert_eq!(ticks_until(socket, before).await, [before]);
    }
    // One alone, and then a lump, as after a stall of the disk.
    let mut writer = store::Writer::open(&path).unwrap();
    let run = Run {
        origin: RunOrigin::Collector,
        interval: SECOND,
        started: UnixNanos((before + 1) * SECOND),
        import_key: None,
    };
    let run = writer.begin_run(&boot("a"), &run).unwrap().unwrap();
    let tick = |second: i64| Tick {
        at: UnixNanos(second * SECOND),
        monotonic: second * SECOND,
        readings: vec![reading(500_000 + second)],
    };
    writer.append(run, &tick(before + 1)).unwrap();
    for socket in &mut streams {
        assert_eq!(ticks_until(socket, before + 1).await, [before + 1]);
    }
    let lump: Vec<i64> = (before + 2..before + 22).collect();
    let fill = |writer: &mut store::Writer| -> store::Result<()> {
        lump.iter()
            .try_for_each(|&second| writer.append(run, &tick(second)).map(drop))
    };
    writer.transaction(fill).unwrap();
    for socket in &mut streams {
        assert_eq!(ticks_until(socket, before + 21).await, lump);
    }
    assert_eq!(status(&served.get("/api/v1/node", "").await), "200");
}

/// Asks for the live stream until it is given.
async fn stream_given(served: &Served) -> TcpStream {
    loop {
        let mut socket = stream(served).await;
        if begins(&mut socket).await == "200" {
            return socket;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The status that an answer begins with.
async fn begins(socket: &mut TcpStream) -> String {
    let mut start = [0; 12];
    socket.read_exact(&mut start).await.unwrap();
    String::from_utf8_lossy(&start[9..]).into()
}

#[tokio::test]
async fn a_stream_too_many_is_refused_until_another_ends() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::with_room(&database(folder.path()), None, 16).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut socket = stream(&served).await;
        ticks_until(&mut socket, 1_473_523_200 + 119).await;
        streams.push(socket);
    }
    assert_eq!(begins(&mut stream(&served).await).await, "503");
    let refused = served.get("/api/v1/live", "").await;
    assert!(refused.contains("application/problem+json"), "{refused}");
    assert!(refused.contains("8 streams are open already"), "{refused}");
    assert_eq!(status(&served.get("/api/v1/node", "").await), "200");
    drop(streams.pop());
    ticks_until(&mut stream_given(&served).await, 1_473_523_200 + 119).await;
}

#[tokio::test]
async fn a_connection_too_many_is_told_so_until_another_ends() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::with_room(&database(folder.path()), None, 2).await;
    let idle = [served.connect().await, served.connect().await];
    let answer = served.get("/api/v1/node", "").await;
    assert_eq!(status(&answer), "503");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/problem+json"), "{answer}");
    assert!(
        head.contains(&format!("content-length: {}\r\n", body.len())),
        "{answer}"
    );
    drop(idle);
    while status(&served.get("/api/v1/node", "").await) != "200" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
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
    let site = site(path, access, stopping.clone());
    tokio::spawn(listen::serve(
        listener,
        site,
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
