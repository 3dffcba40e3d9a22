//! Settings from the command line, the environment and the file, as the real binary sees them, and a reload while it records.

mod common;

use common::*;
use expect_test::{Expect, expect};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MEMINFO: &str = "MemTotal:       16384 kB\nMemFree:         1234 kB\n";

/// A configuration file in a folder of its own.
struct File(TempDir);

impl File {
    fn new(text: &str) -> File {
        let file = File(TempDir::new().unwrap());
        file.set(text);
        file
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("h.toml")
    }

    fn set(&self, text: &str) {
        std::fs::write(self.path(), text).unwrap();
    }

    /// What the collector prints or says, with the folder's name left out.
    fn collector(&self, arguments: &[&str], environment: &[(&str, &str)]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_collector"))
            .args(arguments)
            .env_clear()
            .env("HIGHWATER_CONFIG", self.path())
            .env("HOME", "/home/her")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        said.replace(&format!("{}/", self.0.path().display()), "")
    }
}

/// Who started the collector and is told how it goes, as systemd is.
struct Manager {
    path: std::path::PathBuf,
    socket: UnixDatagram,
}

impl Manager {
    fn listen(machine: &Machine) -> Manager {
        let path = machine.folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Manager { path, socket }
    }

    fn heard(&self) -> String {
        let mut buffer = [0; 4096];
        let length = loop {
            match self.socket.recv(&mut buffer) {
                // The end of another test's child.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                length => break length.unwrap(),
            }
        };
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

fn check(said: &str, expected: &Expect) {
    expected.assert_eq(said);
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let file = File::new(
        "db = \"/var/x.db\"\n[collector]\ninterval = \"2s\"\nkeep_age = \"3d\"\nkeep_bytes = \"1GiB\"\nno_processes = true\n",
    );
    let said = file.collector(
        &["config", "--interval", "4s"],
        &[("HIGHWATER_KEEP_AGE", "5d"), ("HIGHWATER_INTERVAL", "3s")],
    );
    let known = ["db", "proc", "interval", "keep_age", "keep_bytes", "no_processes"];
    let of_these = said
        .lines()
        .filter(|line| known.contains(&line.split(' ').next().unwrap()))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n");
    check(
        &of_these.collect::<String>(),
        &expect![[r#"
            db /var/x.db h.toml:1
            proc /proc built in
            interval 4s command line
            keep_age 5d $HIGHWATER_KEEP_AGE
            keep_bytes 1GiB h.toml:5
            no_processes true h.toml:6
        "#]],
    );
    file.set("");
    let said = file.collector(&["config"], &[("HIGHWATER_NO_PROCESSES", "no")]);
    assert!(
        said.contains("/home/her/.local/state/highwater/highwater.db"),
        "{said}"
    );
    let line = said
        .lines()
        .find(|line| line.starts_with("no_processes"))
        .unwrap();
    assert!(
        line.split_whitespace()
            .eq(["no_processes", "false", "$HIGHWATER_NO_PROCESSES"]),
        "{line}"
    );
}

#[test]
fn what_is_wrong_is_told_with_file_line_and_reason() {
    let mut told = String::new();
    for text in [
        "[collector]\nkeep_age = \"15x\"\n",
        "[collector]\n\nkeep_age = true\n",
        "[collector]\nno_processes = \"yes\"\n",
        "[collector]\nkeep_bytes = 17\n",
        "[colector]\n",
        "[collector]\nkeep_age = \"1d\n",
        "keep_age = \"1d\"\n",
    ] {
        // What wins is looked at, and so is what does not.
        told += &File::new(text).collector(&["config", "--keep-age", "2d"], &[]);
    }
    let unknown = File::new("[collector]\nkeepage = \"1d\"\n").collector(&["doctor"], &[]);
    told += unknown.split("; there are").next().unwrap();
    told += "\n";
    let file = File::new("");
    told += &file.collector(&["run", "--once"], &[("HIGHWATER_INTERVAL", "1")]);
    told += &file.collector(&["run", "--config", "/nowhere/h.toml"], &[]);
    check(
        &told,
        &expect![[r#"
        collector: h.toml:2: keep_age: "15x": the unit must be one of m, h, d
        collector: h.toml:3: keep_age: expected text, found true or false
        collector: h.toml:2: no_processes: expected true or false
        collector: h.toml:2: keep_bytes: "17": the unit must be one of MiB, GiB, TiB
        collector: h.toml:1: unknown section [colector]: there are collector, web
        collector: h.toml:2: invalid basic string, expected `"`
        collector: h.toml:1: unknown key keep_age: before the sections stands db
        collector: h.toml:2: keepage: unknown key
        collector: $HIGHWATER_INTERVAL: "1": the unit must be one of ms, s, m, h
        collector: /nowhere/h.toml: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn a_reload_takes_over_what_is_right_and_keeps_what_was_there_otherwise() {
    let machine = Machine::new(&[("meminfo", MEMINFO)]);
    let database = format!("db = {:?}\n", machine.database());
    let file = File::new(&(database.clone() + "[collector]\ninterval = \"20ms\"\nkeep_age = \"3d\"\n"));
    let manager = Manager::listen(&machine);
    let mut command = Command::new(env!("CARGO_BIN_EXE_collector"));
    command
        .args(["run", "--proc"])
        .arg(machine.proc())
        .env("HIGHWATER_CONFIG", file.path())
        .env("NOTIFY_SOCKET", &manager.path);
    let child = start(command);
    assert!(manager.heard().starts_with("READY=1\nSTATUS=recording to "));

    let reload = |text: &str| {
        file.set(text);
        let told = Command::new("kill")
            .args(["-HUP", &child.id().to_string()])
            .status();
        assert!(told.unwrap().success());
        let reloading = manager.heard();
        let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(since.parse::<u64>().is_ok(), "{reloading}");
        assert!(manager.heard().starts_with("READY=1\n"));
    };
    reload("[collector]\ninterval = \"soon\"\n");
    reload("db = \"/elsewhere\"\n[collector]\ninterval = \"50ms\"\nkeep_age = \"4d\"\n");
    reload(&(database + "[collector]\ninterval = \"50ms\"\nkeep_age = \"4d\"\n"));

    // Ticks are recorded under the new interval, in the same database.
    let begun = Instant::now();
    let intervals = loop {
        let ticks = machine.reader().ticks(ALWAYS).unwrap();
        let intervals: std::collections::BTreeSet<_> = ticks.iter().map(|tick| tick.interval).collect();
        if intervals.len() > 1 || begun.elapsed() > Duration::from_secs(60) {
            break intervals;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(intervals.into_iter().eq([20_000_000, 50_000_000]));
    let output = terminate(child);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let folder = format!("{}/", file.0.path().display());
    let of_settings: String = said
        .lines()
        .filter(|line| line.contains("h.toml") || line.contains("nothing changed"))
        .map(|line| line.replace(&folder, "") + "\n")
        .collect();
    check(
        &of_settings,
        &expect![[r#"
        collector: h.toml:2: interval: "soon": expected a number and a unit of ms, s, m, h; the settings stay as they were
        collector: db will be /elsewhere after the next start (h.toml:1)
        collector: interval is now 50ms (h.toml:3)
        collector: keep_age is now 4d (h.toml:4)
        collector: configuration read again: nothing changed
    "#]],
    );
}

#[test]
fn a_long_interval_does_not_look_like_a_loop_that_hangs() {
    let machine = Machine::new(&[("meminfo", MEMINFO)]);
    let manager = Manager::listen(&machine);
    let mut command = machine.collector(&["run", "--interval", "1h"]);
    command
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "200000");
    let child = start(command);
    let signs = (0..20)
        .map(|_| manager.heard())
        .filter(|heard| heard == "WATCHDOG=1");
    assert!(signs.count() >= 18);
    // The first at once, and another should the hour be full just now.
    assert!((1..=2).contains(&machine.reader().ticks(ALWAYS).unwrap().len()));
    assert!(terminate(child).status.success());
}

#[test]
fn the_example_has_every_key() {
    let file = File::new("");
    let example = file.collector(&["config", "--example"], &[]);
    for line in file.collector(&["config"], &[]).lines() {
        let key = line.split(' ').next().unwrap();
        assert!(
            key == "db" || example.contains(&format!("\n#{key} = ")),
            "{key}: {example}"
        );
    }
}
