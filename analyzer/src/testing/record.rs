//! A database of kernel files, written by the real writer and read by the real reader.

use crate::window::Window;
use model::{
    Boot, Event, Fact, LogRecord, ProcessTick, Reading, Run, RunOrigin, Template, Tick, TimeSpan, UnixNanos,
};
use std::path::PathBuf;
use std::sync::Arc;
use store::{Reader, RunId, Writer};
use tempfile::TempDir;

/// Nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// Writes what a collector would. The database goes when this does.
pub(crate) struct Record {
    folder: TempDir,
    writer: Writer,
    run: RunId,
}

impl Record {
    /// Of a machine with two CPUs. Its boot is named, so that another name is another boot.
    pub(crate) fn new() -> Record {
        // A database waits for its disk some fifteen times when it is made; in memory that is nothing.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let mut writer = Writer::open(&folder.path().join("x.db")).unwrap();
        let run = begun(&mut writer, "b", UnixNanos(0));
        Record { folder, writer, run }
    }

    /// Another run, of a boot of this name.
    pub(crate) fn begin(&mut self, boot_id: &str, at: UnixNanos) {
        self.run = begun(&mut self.writer, boot_id, at);
    }

    /// Files that were read at an instant, each a name under /proc and a text.
    pub(crate) fn files<'a>(
        &mut self,
        at: UnixNanos,
        monotonic: i64,
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        let reading = |(source, text): (&str, &str)| {
            let (template, values) = Template::parse(text.as_bytes(), None);
            Reading {
                source: source.into(),
                offset: 0,
                template: Arc::new(template),
                values,
            }
        };
        let tick = Tick {
            at,
            monotonic,
            readings: files.into_iter().map(reading).collect(),
        };
        self.writer.append(self.run, &tick).unwrap();
    }

    /// A look at processes.
    pub(crate) fn processes(&mut self, look: &ProcessTick) {
        self.writer.append_processes(self.run, look).unwrap();
    }

    /// What stands beside the files.
    pub(crate) fn beside(&mut self, facts: &[Fact], log: &[LogRecord], events: &[Event]) {
        self.writer.append_facts(facts).unwrap();
        self.writer.append_log(self.run, log).unwrap();
        self.writer.append_events(self.run, events).unwrap();
    }

    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("x.db")
    }

    /// All of it.
    pub(crate) fn window(&self) -> Window {
        let everything = TimeSpan::new(UnixNanos(0), UnixNanos(i64::MAX / 2));
        let reader = Reader::open(&self.path()).unwrap();
        Window::load(&reader, everything).unwrap().unwrap()
    }
}

fn begun(writer: &mut Writer, boot_id: &str, at: UnixNanos) -> RunId {
    let boot = Boot {
        boot_id: boot_id.into(),
        hostname: "h".into(),
        kernel: "6.18".into(),
        machine: "x86_64".into(),
        cpus: 2,
        page_size: 4096,
        clk_tck: 100,
        memory_bytes: None,
        cmdline: String::new(),
        tz: "UTC".into(),
    };
    let run = Run {
        origin: RunOrigin::Collector,
        interval: SECOND,
        started: at,
        import_key: None,
    };
    writer.begin_run(&boot, &run).unwrap().unwrap()
}
