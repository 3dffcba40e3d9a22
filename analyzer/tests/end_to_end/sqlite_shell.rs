//! The loadable extension in the plain `sqlite3` shell. It is built by `cargo build --manifest-path extension/Cargo.toml`, which
//! `cargo xtask test` does before it runs these.

use crate::scratch::{Scratch, recordings};
use expect_test::expect;
use model::{TimeSpan, UnixNanos};
use std::path::{Path, PathBuf};
use std::process::Command;
use store::{Reader, Slots};

/// The library without its `.so`, as one types it; `None`, and said, where it or the shell is not there.
fn extension() -> Option<PathBuf> {
    let library = Path::new(env!("CARGO_BIN_EXE_analyzer")).with_file_name("libhighwater");
    if !library.with_extension("so").exists() {
        eprintln!("the extension is not built: nothing was tried");
        return None;
    }
    if Command::new("sqlite3").arg("--version").output().is_err() {
        eprintln!("there is no sqlite3 shell: nothing was tried");
        return None;
    }
    Some(library)
}

/// What the shell answers, its errors included.
fn shell(library: &Path, db: &Path, sql: &str) -> String {
    let output = Command::new("sqlite3")
        .arg("-cmd")
        .arg(format!(".load {}", library.display()))
        .arg(db)
        .arg(sql)
        .output()
        .unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    text += &String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), None, "{text}");
    text
}

fn import(scratch: &Scratch, recording: &Path) {
    let output = scratch.analyzer(&["import", "recording", recording.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn questions_and_answers() {
    let Some(library) = extension() else { return };
    let scratch = Scratch::new();
    scratch.write_recording();
    import(&scratch, &scratch.path("recording"));
    let questions = [
        "SELECT * FROM samples WHERE source = 'vmstat' AND at < 1700000001",
        "SELECT at, value FROM samples WHERE metric = 'meminfo.MemFree' AND at BETWEEN 1700000001 AND '2023-11-14 22:13:22.5'",
        "SELECT value FROM samples WHERE metric = 'meminfo.MemFree' AND at >= '1700000001.0001' AND at < '2023-11-14T22:13:22Z'",
        "SELECT value FROM samples WHERE metric = 'meminfo.MemFree' AND at = (SELECT max(at) FROM samples WHERE source = 'meminfo')",
        "SELECT metric, count(*) FROM samples WHERE metric IN ('vmstat.pgfault', 'meminfo.MemFree', 'no.such') GROUP BY metric",
        "SELECT count(*) FROM samples WHERE metric = 'vmstat.pgfault' AND metric = 'meminfo.MemFree'",
        "SELECT count(*) FROM samples WHERE at > NULL",
        "SELECT count(*) FROM samples WHERE at > 5 AND at < 4",
        "SELECT count(*) FROM samples WHERE metric LIKE 'vmstat.pg%' AND subject = 'host'",
        "SELECT value FROM stretch t JOIN samples s ON s.metric = 'vmstat.pgfault' AND s.at BETWEEN t.from_ns / 1e9 AND t.to_ns / 1e9 + 0.5",
        "BEGIN; SELECT count(*) FROM samples; SELECT count(*) FROM samples; COMMIT",
        "SELECT count(*) FROM samples WHERE at > 'soon'",
        "DELETE FROM samples",
    ];
    let told: Vec<String> = questions
        .iter()
        .map(|sql| format!("{sql}\n{}", shell(&library, &scratch.db(), sql)))
        .collect();
    expect![[r#"
        SELECT * FROM samples WHERE source = 'vmstat' AND at < 1700000001
        1700000000.0002|vmstat|host|vmstat.nr_free_pages|483390|pages|gauge
        1700000000.0002|vmstat|host|vmstat.pgfault|1000||counter
        1700000000.0002|vmstat|host|vmstat.pgmajfault|7||counter

        SELECT at, value FROM samples WHERE metric = 'meminfo.MemFree' AND at BETWEEN 1700000001 AND '2023-11-14 22:13:22.5'
        1700000001.0001|1833560
        1700000002.0001|933560

        SELECT value FROM samples WHERE metric = 'meminfo.MemFree' AND at >= '1700000001.0001' AND at < '2023-11-14T22:13:22Z'
        1833560

        SELECT value FROM samples WHERE metric = 'meminfo.MemFree' AND at = (SELECT max(at) FROM samples WHERE source = 'meminfo')
        933560

        SELECT metric, count(*) FROM samples WHERE metric IN ('vmstat.pgfault', 'meminfo.MemFree', 'no.such') GROUP BY metric
        meminfo.MemFree|3
        vmstat.pgfault|3

        SELECT count(*) FROM samples WHERE metric = 'vmstat.pgfault' AND metric = 'meminfo.MemFree'
        0

        SELECT count(*) FROM samples WHERE at > NULL
        0

        SELECT count(*) FROM samples WHERE at > 5 AND at < 4
        0

        SELECT count(*) FROM samples WHERE metric LIKE 'vmstat.pg%' AND subject = 'host'
        6

        SELECT value FROM stretch t JOIN samples s ON s.metric = 'vmstat.pgfault' AND s.at BETWEEN t.from_ns / 1e9 AND t.to_ns / 1e9 + 0.5
        1000
        1500
        4500

        BEGIN; SELECT count(*) FROM samples; SELECT count(*) FROM samples; COMMIT
        15
        15

        SELECT count(*) FROM samples WHERE at > 'soon'
        Error: stepping, samples: "soon" is no time

        DELETE FROM samples
        Error: in prepare, table samples may not be modified
    "#]].assert_eq(&told.join("\n"));
    scratch.write("other.db", "");
    expect![[r#"
        Error: stepping, samples: ./other.db: not a highwater database (an empty file)
    "#]]
    .assert_eq(
        &shell(&library, &scratch.path("other.db"), "SELECT * FROM samples")
            .replace(scratch.path("").to_str().unwrap(), "./"),
    );
}

/// Every number of two files of a recording, compacted and not, against the store's own reader.
#[test]
fn the_shell_sees_what_the_store_sees() {
    let Some(library) = extension() else { return };
    let sample =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-data/page-cache-flood/page-cache-flood.tar.xz");
    let recording = recordings().into_iter().next().unwrap_or(sample);
    let scratch = Scratch::new();
    import(&scratch, &recording);
    let all = TimeSpan::new(UnixNanos(0), UnixNanos(i64::MAX));
    let reader = Reader::open(&scratch.db()).unwrap();
    for source in ["meminfo", "diskstats"] {
        let mut expected: Vec<String> = Vec::new();
        for stretch in reader.stretches(source, all, &mut |_| Slots::All).unwrap() {
            for column in sources::decode(source, &stretch.template).unwrap() {
                for (at, &raw) in stretch.at.iter().zip(&stretch.columns[column.slot]) {
                    expected.push(format!(
                        "{}|{}|{}|{}",
                        (at.seconds() * 1e4).round() as i64,
                        column.metric.name,
                        column.subject,
                        column.value(raw)
                    ));
                }
            }
        }
        assert!(expected.len() > 1000);
        let sql = format!(
            "SELECT CAST(round(at * 1e4) AS INTEGER), metric, subject, value FROM samples WHERE source = '{source}'"
        );
        let mut told: Vec<String> = shell(&library, &scratch.db(), &sql)
            .lines()
            .map(str::to_owned)
            .collect();
        expected.sort();
        told.sort();
        assert!(
            told == expected,
            "{source}: {} and {}",
            told.len(),
            expected.len()
        );
    }
}

/// A writer at work while the shell asks: neither fails, and what was written is seen.
#[test]
fn a_collector_may_write_meanwhile() {
    let Some(library) = extension() else { return };
    let scratch = Scratch::new();
    scratch.write_recording();
    import(&scratch, &scratch.path("recording"));
    let mut writer = store::Writer::open(&scratch.db()).unwrap();
    let reader = Reader::open(&scratch.db()).unwrap();
    let (run, ..) = reader.runs().unwrap().remove(0);
    let reading = reader
        .reading_at("meminfo", UnixNanos(i64::MAX))
        .unwrap()
        .unwrap();
    for second in 0..40 {
        for part in 0..50 {
            let at = UnixNanos(1_700_000_010_000_000_000 + second * 1_000_000_000 + part * 20_000_000);
            let tick = model::Tick {
                at,
                monotonic: at.0 - 1_600_000_000_000_000_000,
                readings: vec![model::Reading {
                    source: "meminfo".into(),
                    offset: 0,
                    template: reading.template.clone(),
                    values: reading.values.clone(),
                }],
            };
            writer.append(run, &tick).unwrap();
        }
        while writer.compact(false).unwrap() {}
        if second % 10 == 0 {
            let sql = "SELECT count(*) FROM samples WHERE metric = 'meminfo.MemFree'";
            let told = shell(&library, &scratch.db(), sql);
            assert_eq!(told, format!("{}\n", 3 + (second + 1) * 50));
        }
    }
}
