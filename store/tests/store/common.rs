//! A small node to record.

use model::{Boot, Reading, Run, RunOrigin, Template, Tick, TimeSpan, UnixNanos};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Reader, RunId, Slots, Writer};

pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const ALL: TimeSpan = TimeSpan {
    from: UnixNanos(i64::MIN),
    to: UnixNanos(i64::MAX),
};

/// A folder that goes with the test, and a database in it.
pub(crate) struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.path("x.db")
    }

    pub(crate) fn writer(&self) -> Writer {
        Writer::open(&self.db()).unwrap()
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.db()).unwrap()
    }

    /// SQL that no program of ours would say.
    pub(crate) fn tamper(&self, sql: &str) {
        let db = rusqlite::Connection::open(self.db()).unwrap();
        db.execute_batch(sql).unwrap();
    }
}

pub(crate) fn boot(id: &str) -> Boot {
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

pub(crate) fn run(origin: RunOrigin, import_key: Option<&str>) -> Run {
    Run {
        origin,
        interval: SECOND,
        started: UnixNanos(SECOND),
        import_key: import_key.map(String::from),
    }
}

/// A collector's run.
pub(crate) fn begin(writer: &mut Writer) -> RunId {
    writer
        .begin_run(&boot("a"), &run(RunOrigin::Collector, None))
        .unwrap()
        .unwrap()
}

pub(crate) fn tick(second: i64, texts: &[(&str, &str)]) -> Tick {
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

/// Ticks with a source `a` that says which second it is.
pub(crate) fn append(writer: &mut Writer, run: RunId, seconds: std::ops::RangeInclusive<i64>) {
    for second in seconds {
        writer
            .append(run, &tick(second, &[("a", &format!("n {second}"))]))
            .unwrap();
    }
}

pub(crate) fn compact(writer: &mut Writer, all: bool) {
    while writer.compact(all).unwrap() {}
}

pub(crate) fn span(from: i64, to: i64) -> TimeSpan {
    TimeSpan::new(UnixNanos(from * SECOND), UnixNanos(to * SECOND))
}

/// What is stored of a source, as `second: text`.
pub(crate) fn told(path: &Path, source: &str) -> Vec<String> {
    told_by(&Reader::open(path).unwrap(), source)
}

pub(crate) fn told_by(reader: &Reader, source: &str) -> Vec<String> {
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

/// What [`told`] says after [`append`].
pub(crate) fn counted(seconds: std::ops::RangeInclusive<i64>) -> Vec<String> {
    seconds.map(|s| format!("{s}: n {s}")).collect()
}
