//! A made-up /proc, the real binary, and what it recorded.
#![allow(dead_code, reason = "each test program uses a part")]

use model::{TimeSpan, UnixNanos};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use store::Reader;
use tempfile::TempDir;

pub(crate) const ALWAYS: TimeSpan = TimeSpan {
    from: UnixNanos(0),
    to: UnixNanos(i64::MAX),
};

/// A folder with a made-up /proc and a place for the database.
pub(crate) struct Machine {
    pub(crate) folder: TempDir,
}

impl Machine {
    pub(crate) fn new(files: &[(&str, &str)]) -> Machine {
        let machine = Machine {
            folder: TempDir::new().unwrap(),
        };
        std::fs::create_dir_all(machine.proc().join("pressure")).unwrap();
        files.iter().for_each(|(name, text)| machine.set(name, text));
        machine
    }

    pub(crate) fn proc(&self) -> PathBuf {
        self.folder.path().join("proc")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("state/highwater.db")
    }

    /// Replaces a file's text in one go, as the kernel would.
    pub(crate) fn set(&self, name: &str, text: &str) {
        let draft = self.folder.path().join("draft");
        std::fs::write(&draft, text).unwrap();
        // The collector keeps the old file open: what it still sees of it must be nothing.
        if let Ok(old) = std::fs::OpenOptions::new()
            .write(true)
            .open(self.proc().join(name))
        {
            old.set_len(0).unwrap();
        }
        std::fs::rename(draft, self.proc().join(name)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        self.set(name, "");
        std::fs::remove_file(self.proc().join(name)).unwrap();
    }

    pub(crate) fn collector(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_collector"));
        command
            .args(arguments)
            .arg("--proc")
            .arg(self.proc())
            .arg("--db")
            .arg(self.database());
        command.env_remove("NOTIFY_SOCKET").env("TZ", "Europe/Berlin");
        // What is installed on this machine says nothing here.
        command.env("HIGHWATER_CONFIG", "");
        command
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.database()).unwrap()
    }

    /// Waits until the record of a source says `text`.
    pub(crate) fn await_text(&self, source: &str, text: &str) {
        let begun = Instant::now();
        let told = || last_text(&Reader::open(&self.database()).ok()?, source);
        while told().as_deref() != Some(text) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{source} never read {text:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn last_text(reader: &Reader, source: &str) -> Option<String> {
    let reading = reader.reading_at(source, ALWAYS.to).ok()??;
    Some(String::from_utf8_lossy(&reading.template.render(&reading.values)).into_owned())
}

pub(crate) fn start(mut command: Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Ends it as systemd does, and waits.
pub(crate) fn terminate(child: Child) -> Output {
    assert!(
        Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    child.wait_with_output().unwrap()
}
