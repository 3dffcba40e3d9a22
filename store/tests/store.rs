//! Whatever is written comes back, in whatever form and after whatever happened between.

use model::{
    Boot, Fact, Gap, LogRecord, ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick, Reading, Run,
    RunOrigin, Template, Tick, TimeSpan, UnixNanos,
};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;
use store::{Error, Reader, RunId, Slots, Writer};

const SECOND: i64 = 1_000_000_000;
const ALL: TimeSpan = TimeSpan {
    from: UnixNanos(0),
    to: UnixNanos(i64::MAX),
};

fn boot(id: &str) -> Boot {
    Boot {
        boot_id: id.into(),
        hostname: "node".into(),
        kernel: "6.18".into(),
        machine: "x86_64".into(),
        cpus: 2,
        page_size: 4096,
        clk_tck: 100,
        memory_bytes: Some(1 << 34),
        cmdline: String::new(),
        tz: "UTC".into(),
    }
}

fn run(key: Option<&str>) -> Run {
    Run {
        origin: RunOrigin::Collector,
        interval: SECOND,
        started: UnixNanos(SECOND),
        import_key: key.map(String::from),
    }
}

fn begin(writer: &mut Writer) -> RunId {
    writer.begin_run(&boot("a"), &run(None)).unwrap().unwrap()
}

fn tick(second: i64, texts: &[(&str, &str)]) -> Tick {
    let readings = texts
        .iter()
        .map(|(source, text)| {
            let (template, values) = Template::parse(text.as_bytes(), None);
            Reading {
                source: (*source).into(),
                offset: 300_000,
                template: Arc::new(template),
                values,
            }
        })
        .collect();
    Tick {
        at: UnixNanos(second * SECOND),
        monotonic: second * SECOND,
        readings,
    }
}

/// What is stored of a source, as `second: text`.
fn told(path: &Path, source: &str) -> Vec<String> {
    let reader = Reader::open(path).unwrap();
    let mut lines = Vec::new();
    for stretch in reader.stretches(source, ALL, &mut |_| Slots::All).unwrap() {
        for (i, at) in stretch.at.iter().enumerate() {
            let values: Vec<u64> = stretch.columns.iter().map(|c| c[i]).collect();
            let text = String::from_utf8(stretch.template.render(&values)).unwrap();
            lines.push(format!("{}: {text}", at.0 / SECOND));
        }
    }
    lines
}

#[derive(Debug, Clone)]
enum Step {
    Append(String, String),
    Compact,
    Reopen,
    NewRun,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => ("(x [0-9]{1,3} y  [0-9]{1,6}\n)|[a-z0-9 .]{0,12}", "[0-9]{1,20}( [0-9]{1,3})?").prop_map(|(a, b)| Step::Append(a, b)),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        1 => Just(Step::NewRun),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_written_comes_back(steps in proptest::collection::vec(step(), 0..120)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut writer = Writer::open(&path).unwrap();
        let mut now = begin(&mut writer);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for (second, step) in (1i64..).zip(steps) {
            match step {
                Step::Append(one, two) => {
                    writer.append(now, &tick(second, &[("a", &one), ("b", &two)])).unwrap();
                    a.push(format!("{second}: {one}"));
                    b.push(format!("{second}: {two}"));
                }
                Step::Compact => while writer.compact(true).unwrap() {},
                Step::Reopen => {
                    drop(writer);
                    writer = Writer::open(&path).unwrap();
                }
                Step::NewRun => now = begin(&mut writer),
            }
        }
        prop_assert_eq!(told(&path, "a"), a);
        prop_assert_eq!(told(&path, "b"), b);
    }
}

#[test]
fn a_killed_writer_loses_nothing_that_was_appended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut writer = Writer::open(&path).unwrap();
    let now = begin(&mut writer);
    for second in 1..=700 {
        writer
            .append(now, &tick(second, &[("a", &format!("n {second}"))]))
            .unwrap();
    }
    // No close, no checkpoint: copy the files as a crash leaves them.
    let copy = folder.path().join("copy.db");
    for end in ["", "-wal"] {
        std::fs::copy(
            folder.path().join(format!("x.db{end}")),
            folder.path().join(format!("copy.db{end}")),
        )
        .unwrap();
    }
    assert_eq!(told(&copy, "a").len(), 700);
    // A log cut anywhere loses the last ticks, and nothing else.
    let wal = std::fs::read(folder.path().join("x.db-wal")).unwrap();
    let mut last = 0;
    for part in 1..=20 {
        std::fs::copy(&path, &copy).unwrap();
        let _ = std::fs::remove_file(folder.path().join("copy.db-shm"));
        std::fs::write(folder.path().join("copy.db-wal"), &wal[..wal.len() * part / 20]).unwrap();
        let lines = match Writer::open(&copy) {
            Ok(writer) => {
                drop(writer);
                told(&copy, "a")
            }
            Err(error) => panic!("cut at {part}/20: {error}"),
        };
        let wanted: Vec<String> = (1..=lines.len()).map(|s| format!("{s}: n {s}")).collect();
        assert_eq!(lines, wanted);
        assert!(lines.len() >= last);
        last = lines.len();
    }
    assert_eq!(last, 700);
}

#[test]
fn an_import_is_all_or_nothing_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut writer = Writer::open(&path).unwrap();
    let import = |writer: &mut Writer, fail: bool| {
        writer.transaction(|w| -> Result<bool, Error> {
            let Some(now) = w.begin_run(&boot("a"), &run(Some("k")))? else {
                return Ok(false);
            };
            w.append(now, &tick(5, &[("a", "n 1")]))?;
            if fail {
                return Err(Error::Damaged {
                    path: "x".into(),
                    what: "y".into(),
                });
            }
            Ok(true)
        })
    };
    assert!(import(&mut writer, true).is_err());
    assert_eq!(told(&path, "a"), Vec::<String>::new());
    assert!(import(&mut writer, false).unwrap());
    assert!(!import(&mut writer, false).unwrap());
    assert_eq!(told(&path, "a"), ["5: n 1"]);
}

#[test]
fn other_files_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(
        at("text"),
        "this is not a database, it is a text of some length".repeat(40),
    )
    .unwrap();
    std::fs::write(at("empty"), "").unwrap();
    drop(Writer::open(&at("newer")).unwrap());
    let db = rusqlite::Connection::open(at("newer")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let other = rusqlite::Connection::open(at("other")).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    let shown = |name: &str| {
        let error = Reader::open(&at(name))
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default();
        error.replace(&*at("").to_string_lossy(), "")
    };
    assert_eq!(
        shown("text"),
        "text: not a highwater database (not an SQLite file)"
    );
    assert_eq!(shown("empty"), "empty: not a highwater database (an empty file)");
    assert_eq!(
        shown("other"),
        "other: not a highwater database (an SQLite database of another program)"
    );
    assert_eq!(
        shown("newer"),
        "newer: written by a newer highwater (schema 99; this program knows up to 1): use the newer program"
    );
    assert!(shown("missing").starts_with("missing: no database there"));
    assert!(Writer::open(&at("text")).is_err());
    assert!(
        Writer::open(&at("other")).is_err(),
        "another program's tables are not ours to add to"
    );
    assert!(Writer::open(&at("empty")).is_ok(), "an empty file may be begun");
}

#[test]
fn a_damaged_block_is_said_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut writer = Writer::open(&path).unwrap();
    let now = begin(&mut writer);
    for second in 1..=100 {
        writer
            .append(
                now,
                &tick(second, &[("a", &format!("n {second}")), ("b", "same 1")]),
            )
            .unwrap();
    }
    while writer.compact(true).unwrap() {}
    drop(writer);
    let db = rusqlite::Connection::open(&path).unwrap();
    let source: i64 = db
        .query_row("SELECT id FROM source WHERE name = 'a'", [], |r| r.get(0))
        .unwrap();
    db.execute("UPDATE block SET body = zeroblob(20) WHERE source = ?1", [source])
        .unwrap();
    drop(db);
    let reader = Reader::open(&path).unwrap();
    let error = reader
        .stretches("a", ALL, &mut |_| Slots::All)
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("damaged: a at 1 s"), "{error}");
    assert_eq!(told(&path, "b").len(), 100);
}

#[test]
fn processes_are_carried_forward() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut writer = Writer::open(&path).unwrap();
    let now = begin(&mut writer);
    let sample = |pid: u32, state: char, read: u64| {
        let mut counters = [None; ProcessCounter::ALL.len()];
        counters[ProcessCounter::ReadBytes as usize] = Some(read);
        let identity = ProcessIdentity {
            pid,
            start_ticks: 7,
            comm: format!("p{pid}"),
            cmdline: None,
            cgroup: None,
        };
        ProcessSample {
            identity,
            state,
            wchan: (state == 'D').then(|| "io_schedule".into()),
            counters,
        }
    };
    let mut look = |second: i64, samples: Vec<ProcessSample>| {
        writer
            .append_processes(
                now,
                &ProcessTick {
                    at: UnixNanos(second * SECOND),
                    complete: false,
                    samples,
                },
            )
            .unwrap();
    };
    look(1, vec![sample(1, 'S', 10), sample(2, 'S', 20)]);
    look(2, vec![sample(1, 'D', 15)]);
    for second in 3..=130 {
        look(second, vec![]);
    }
    look(131, vec![sample(2, 'X', 99)]);
    look(132, vec![]);
    let shown = |span: TimeSpan| -> Vec<String> {
        let reader = Reader::open(&path).unwrap();
        let line = |s: &ProcessSample| {
            format!(
                "{} {} {:?}",
                s.identity.comm,
                s.state,
                s.get(ProcessCounter::ReadBytes)
            )
        };
        reader
            .processes(span)
            .unwrap()
            .iter()
            .filter(|t| !t.samples.is_empty())
            .map(|t| {
                format!(
                    "{}: {}",
                    t.at.0 / SECOND,
                    t.samples.iter().map(line).collect::<Vec<_>>().join(", ")
                )
            })
            .collect()
    };
    let span = |from: i64, to: i64| TimeSpan::new(UnixNanos(from * SECOND), UnixNanos(to * SECOND));
    assert_eq!(shown(span(2, 2)), ["2: p1 D Some(15), p2 S Some(20)"]);
    assert_eq!(
        shown(span(100, 140)),
        ["100: p1 D Some(15), p2 S Some(20)", "131: p2 X Some(99)"]
    );
    while writer.compact(true).unwrap() {}
    assert_eq!(
        shown(span(100, 140)),
        ["100: p1 D Some(15), p2 S Some(20)", "131: p2 X Some(99)"]
    );
    assert_eq!(shown(span(132, 140)), ["132: p1 D Some(15)"]);
}

#[test]
fn facts_are_stored_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut writer = Writer::open(&path).unwrap();
    let now = begin(&mut writer);
    let fact = |second: i64, value: Option<&str>| Fact {
        at: UnixNanos(second * SECOND),
        name: "sysctl.vm.swappiness".into(),
        value: value.map(String::from),
    };
    assert_eq!(
        writer
            .append_facts(&[fact(1, Some("60")), fact(2, Some("60"))])
            .unwrap(),
        1
    );
    drop(writer);
    let mut writer = Writer::open(&path).unwrap();
    assert_eq!(
        writer
            .append_facts(&[fact(3, Some("60")), fact(4, Some("10")), fact(6, None)])
            .unwrap(),
        2
    );
    let reader = Reader::open(&path).unwrap();
    let values = |from: i64, to: i64| -> Vec<Option<String>> {
        let span = TimeSpan::new(UnixNanos(from * SECOND), UnixNanos(to * SECOND));
        reader.facts(span).unwrap().into_iter().map(|f| f.value).collect()
    };
    assert_eq!(values(3, 5), [Some("60".to_string()), Some("10".to_string())]);
    assert_eq!(values(5, 9), [Some("10".to_string()), None]);
    assert_eq!(values(0, 0), []);
    writer
        .append_gap(&Gap {
            from: UnixNanos(1),
            to: UnixNanos(2),
            source: None,
            why: "late".into(),
        })
        .unwrap();
    assert_eq!(reader.gaps(ALL).unwrap().len(), 1);
    let record = LogRecord {
        at: UnixNanos(5),
        sequence: 9,
        priority: 6,
        text: "x".into(),
    };
    writer.append_log(now, &[record.clone(), record.clone()]).unwrap();
    assert_eq!(reader.log(ALL).unwrap(), [record]);
}

#[test]
fn retention_deletes_the_oldest_and_says_which_limit_bites() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut writer = Writer::open(&path).unwrap();
    let now = begin(&mut writer);
    for second in 1..=2000 {
        writer
            .append(now, &tick(second, &[("a", &format!("n {}", second * second))]))
            .unwrap();
    }
    while writer.compact(false).unwrap() {}
    assert!(!writer.retain(Some(3000 * SECOND), Some(1 << 30)).unwrap().more);
    let aged = writer.retain(Some(1000 * SECOND), None).unwrap();
    assert!(aged.by_age && !aged.by_size);
    assert_eq!(
        told(&path, "a").first().map(String::as_str),
        Some("601: n 361201")
    );
    let sized = writer.retain(None, Some(1)).unwrap();
    assert!(sized.by_size && !sized.by_age);
    assert_eq!(
        told(&path, "a").last().map(String::as_str),
        Some("2000: n 4000000"),
        "the newest stays"
    );
}
