//! The real binary, on a made-up /proc and on the real one, read back through the store.

mod common;

use common::*;
use model::TimeSpan;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use store::Reader;
use tempfile::TempDir;

const MEMINFO: &str = "MemTotal:       16384 kB\nMemFree:         1234 kB\n";
const DISKSTATS: &str = " 254       0 vda 1 2 3 4 5 6 7 8 9 10 11\n";
const DISKSTATS_AND_SDA: &str =
    " 254       0 vda 1 2 3 4 5 6 7 8 9 10 11\n   8       0 sda 0 0 0 0 0 0 0 0 0 0 0\n";

#[test]
fn each_file_fails_alone_and_comes_back() {
    let machine = Machine::new(&[
        ("meminfo", MEMINFO),
        ("diskstats", DISKSTATS),
        ("loadavg", "0.00 0.01 0.05 1/9 7\n"),
    ]);
    let child = start(machine.collector(&["run", "--interval", "20ms"]));
    machine.await_text("meminfo", MEMINFO);

    machine.set("diskstats", DISKSTATS_AND_SDA);
    machine.await_text("diskstats", DISKSTATS_AND_SDA);
    machine.set("diskstats", "\u{0}garbage 18446744073709551616\n");
    machine.await_text("diskstats", "\u{0}garbage 18446744073709551616\n");
    machine.set("diskstats", DISKSTATS);
    machine.await_text("diskstats", DISKSTATS);

    machine.remove("meminfo");
    std::thread::sleep(Duration::from_millis(200));
    machine.set("meminfo", "MemTotal:       16384 kB\nMemFree:           99 kB\n");
    machine.await_text("meminfo", "MemTotal:       16384 kB\nMemFree:           99 kB\n");
    // A file that was not there at first.
    machine.set("vmstat", "nr_free_pages 5\n");
    machine.await_text("vmstat", "nr_free_pages 5\n");

    let output = terminate(child);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(
        said.matches("meminfo: cannot be read any more").count(),
        1,
        "{said}"
    );
    assert_eq!(said.matches("meminfo: readable again").count(), 1, "{said}");
    assert_eq!(
        said.matches("vmstat: not recorded: this kernel has no such file")
            .count(),
        1,
        "{said}"
    );
    assert!(!said.contains("loadavg"), "{said}");

    let reader = machine.reader();
    let gaps = reader.gaps(ALWAYS).unwrap();
    let of: Vec<_> = gaps
        .iter()
        .filter(|g| g.source.is_some())
        .map(|g| (g.source.as_deref(), g.from < g.to))
        .collect();
    assert!(of.contains(&(Some("meminfo"), true)), "{gaps:?}");
    assert!(
        of.iter()
            .all(|(source, _)| *source == Some("meminfo") || *source == Some("diskstats")),
        "{gaps:?}"
    );
    // While meminfo was away, the others were read.
    let gap = gaps
        .iter()
        .find(|g| g.source.as_deref() == Some("meminfo"))
        .unwrap();
    let inside = TimeSpan::new(gap.from + 1, gap.to - 1);
    let names: Vec<_> = reader
        .sources(inside)
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(names.contains(&"loadavg".to_string()), "{names:?}");
}

#[test]
fn the_boot_is_described() {
    let machine = Machine::new(&[
        ("meminfo", MEMINFO),
        ("stat", "cpu  1 1\ncpu0 1 0\ncpu1 0 1\n"),
        ("cmdline", "root=/dev/vda quiet\n"),
    ]);
    std::fs::create_dir_all(machine.proc().join("sys/kernel/random")).unwrap();
    machine.set(
        "sys/kernel/random/boot_id",
        "6a6f0c0e-0000-4000-8000-000000000001\n",
    );
    machine.set("sys/kernel/hostname", "db7\n");
    machine.set("sys/kernel/osrelease", "6.1.0-test\n");
    let output = machine.collector(&["run", "--once"]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let table = String::from_utf8(output.stdout).unwrap();
    let words: Vec<Vec<&str>> = table
        .lines()
        .map(|l| l.split_whitespace().take(3).collect())
        .collect();
    assert_eq!(
        words,
        [
            ["source", "bytes", "numbers"],
            ["meminfo", "50", "2"],
            ["stat", "27", "6"]
        ]
    );

    let boots = machine.reader().boots().unwrap();
    let boot = &boots[0];
    assert_eq!(boots.len(), 1);
    assert_eq!(boot.boot_id, "6a6f0c0e-0000-4000-8000-000000000001");
    assert_eq!(
        (boot.hostname.as_str(), boot.kernel.as_str(), boot.cpus),
        ("db7", "6.1.0-test", 2)
    );
    assert_eq!(
        (boot.memory_bytes, boot.cmdline.as_str()),
        (Some(16384 * 1024), "root=/dev/vda quiet")
    );
    assert_eq!(boot.tz, "Europe/Berlin");
}

#[test]
fn the_real_kernel_is_recorded_on_a_steady_beat() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("highwater.db");
    let mut command = Command::new(env!("CARGO_BIN_EXE_collector"));
    command
        .args(["run", "--interval", "100ms", "--db"])
        .arg(&database)
        .env_remove("NOTIFY_SOCKET");
    let child = start(command);
    std::thread::sleep(Duration::from_secs(3));
    let output = terminate(child);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let reader = Reader::open(&database).unwrap();
    let ticks = reader.ticks(ALWAYS).unwrap();
    assert!(ticks.len() > 3, "{ticks:?}");
    // Each tick belongs to a beat, a multiple of the interval, and the beats between two ticks that have none are told as a gap.
    let gaps = reader.gaps(ALWAYS).unwrap();
    for pair in ticks.windows(2) {
        let beats = pair[1].monotonic / 100_000_000 - pair[0].monotonic / 100_000_000;
        let told = gaps.iter().any(|g| g.from <= pair[0].at && pair[1].at <= g.to);
        assert!(
            beats <= 1 || told,
            "{beats} beats at {:?}, told: {gaps:?}",
            pair[0]
        );
    }
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(reader.boots().unwrap()[0].boot_id, boot_id.trim());
    let text = last_text(&reader, "meminfo").unwrap();
    let first_line = std::fs::read_to_string("/proc/meminfo")
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .to_string();
    assert_eq!(text.lines().next(), Some(first_line.as_str()));
}

#[test]
fn doctor_tells_what_can_be_read() {
    let machine = Machine::new(&[("meminfo", MEMINFO), ("vmstat", "")]);
    let output = machine.collector(&["doctor"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let of = |source: &str| said.lines().find(|l| l.starts_with(source)).unwrap().to_string();
    assert!(of("meminfo").split_whitespace().eq([
        "meminfo",
        "50",
        "2",
        of("meminfo").split_whitespace().last().unwrap()
    ]));
    assert!(of("vmstat").ends_with("not recorded: empty"), "{said}");
    assert!(
        of("zoneinfo").ends_with("not recorded: this kernel has no such file"),
        "{said}"
    );
    assert!(said.contains("can be written"), "{said}");
    // Looking does not create.
    assert!(!machine.database().exists());
}

#[test]
fn bad_databases_are_one_line() {
    let machine = Machine::new(&[("meminfo", MEMINFO)]);
    let text = machine.folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "these are my notes, and no database at all, however long they may be",
    )
    .unwrap();
    assert_eq!(
        refusal(&machine, &text),
        "not a highwater database (not an SQLite file)"
    );
    let folder = machine.folder.path().join("proc");
    assert_eq!(refusal(&machine, &folder), "not a highwater database (a folder)");
}

/// What `run` says of a database, without its path.
fn refusal(machine: &Machine, database: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_collector"));
    command
        .args(["run", "--proc"])
        .arg(machine.proc())
        .arg("--db")
        .arg(database);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    let prefix = format!("collector: {}: ", database.display());
    said.trim_end().strip_prefix(&prefix).unwrap_or(&said).to_string()
}
