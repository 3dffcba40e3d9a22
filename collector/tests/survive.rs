//! What happens to the database while it is written, and processes that come and go.

mod common;

use common::*;
use model::{ProcessCounter, ProcessSample};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;
use store::Reader;

const MEMINFO: &str = "MemTotal:       16384 kB\nMemFree:         1234 kB\n";
const LATER: &str = "MemTotal:       16384 kB\nMemFree:            5 kB\n";

/// Starts a collector and waits until it records.
fn recording(machine: &Machine) -> std::process::Child {
    let child = start(machine.collector(&["run", "--interval", "20ms"]));
    machine.await_text("meminfo", MEMINFO);
    child
}

#[test]
fn a_database_that_is_removed_is_begun_anew() {
    let machine = Machine::new(&[("meminfo", MEMINFO)]);
    std::fs::create_dir_all(machine.proc().join("sys/vm")).unwrap();
    machine.set("sys/vm/swappiness", "60\n");
    let child = recording(&machine);
    while machine.reader().facts(ALWAYS).unwrap().is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::fs::remove_file(machine.database()).unwrap();
    machine.set("meminfo", LATER);
    machine.await_text("meminfo", LATER);
    let output = terminate(child);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(
        said.matches("was removed while recording: begun anew").count(),
        1,
        "{said}"
    );
    // What holds is told again.
    let facts = machine.reader().facts(ALWAYS).unwrap();
    assert!(
        facts
            .iter()
            .any(|f| f.name == "sysctl.vm.swappiness" && f.value.as_deref() == Some("60")),
        "{facts:?}"
    );
}

#[test]
fn a_database_that_breaks_is_moved_aside() {
    let machine = Machine::new(&[("meminfo", MEMINFO)]);
    let child = recording(&machine);
    // The whole file and its log of writes become rubbish, in place: a file that is cut is noticed at once, and its log moved too.
    for end in ["-wal", ""] {
        let path = format!("{}{end}", machine.database().display());
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let len = file.metadata().unwrap().len() as usize;
        file.write_all_at(&vec![0xA5; len.max(8192)], 0).unwrap();
    }
    machine.set("meminfo", LATER);
    machine.await_text("meminfo", LATER);
    let output = terminate(child);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("moved aside to"), "{said}");
}

#[test]
fn systemd_is_told() {
    let machine = Machine::new(&[("meminfo", MEMINFO)]);
    let socket = machine.folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut command = machine.collector(&["run", "--interval", "20ms"]);
    command
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "100000");
    let child = start(command);
    let word = || {
        let mut words = [0; 4096];
        let len = manager.recv(&mut words).unwrap();
        String::from_utf8_lossy(&words[..len]).into_owned()
    };
    assert_eq!(
        word(),
        format!("READY=1\nSTATUS=recording to {}", machine.database().display())
    );
    assert_eq!([word(), word()], ["WATCHDOG=1", "WATCHDOG=1"]);
    terminate(child);
    let last = std::iter::repeat_with(word).find(|word| word != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
}

#[test]
fn one_collector_a_database() {
    let machine = Machine::new(&[("meminfo", MEMINFO)]);
    let child = recording(&machine);
    let output = machine.collector(&["run"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.trim_end().ends_with("another collector records there"),
        "{said}"
    );
    terminate(child);
}

#[test]
fn killed_at_any_moment_it_loses_no_tick_that_was_read_back() {
    let machine = Machine::new(&[("meminfo", MEMINFO)]);
    let mut before = 0;
    for round in 0..10 {
        let mut child = start(machine.collector(&["run", "--interval", "10ms"]));
        std::thread::sleep(Duration::from_millis(100 + 17 * round));
        let stored = Reader::open(&machine.database())
            .and_then(|r| r.ticks(ALWAYS))
            .map_or(0, |t| t.len());
        child.kill().unwrap();
        child.wait().unwrap();
        let Ok(reader) = Reader::open(&machine.database()) else {
            continue;
        };
        // Killed before it had made the tables, it recorded nothing: then it was the first round that got so far.
        let ticks = reader.ticks(ALWAYS).map_or(0, |t| t.len());
        assert!(
            ticks >= stored.max(before),
            "round {round}: {ticks} ticks, were {stored}, {before}"
        );
        // Whatever is there decodes.
        if ticks > 0 {
            assert_eq!(last_text(&reader, "meminfo").as_deref(), Some(MEMINFO));
        }
        before = ticks;
    }
    assert!(before > 0);
}

#[test]
fn processes_that_write_and_end_are_kept_with_their_last_counters() {
    let folder = tempfile::TempDir::new().unwrap();
    let database = folder.path().join("highwater.db");
    let mut collector = Command::new(env!("CARGO_BIN_EXE_collector"));
    collector
        .args(["run", "--interval", "100ms", "--db"])
        .arg(&database)
        .env_remove("NOTIFY_SOCKET");
    let collector = start(collector);
    std::thread::sleep(Duration::from_millis(500));
    // A name that is hostile, 8 MiB written, and an end.
    let script = "printf '(x) R 1' > /proc/self/comm; head -c 8388608 /dev/zero > out; read line";
    let mut writer = Command::new("bash");
    let mut writer = writer
        .args(["-c", script])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    drop(writer.stdin.take());
    writer.wait().unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    assert!(terminate(collector).status.success());

    let looks = Reader::open(&database).unwrap().processes(ALWAYS).unwrap();
    assert!(looks[0].complete);
    let of_writer = |s: &&ProcessSample| s.identity.pid == writer.id();
    let samples: Vec<&ProcessSample> = looks.iter().flat_map(|l| &l.samples).filter(of_writer).collect();
    let last = samples.last().unwrap();
    assert_eq!((last.state, last.identity.comm.as_str()), ('X', "(x) R 1"));
    assert!(
        last.identity
            .cmdline
            .as_deref()
            .unwrap()
            .starts_with("bash -c printf"),
        "{last:?}"
    );
    // What a child wrote becomes its parent's once it was waited for.
    assert!(
        last.get(ProcessCounter::WriteChars).unwrap() >= 8 << 20,
        "{last:?}"
    );
    assert_eq!(last.get(ProcessCounter::Threads), Some(1));
}
