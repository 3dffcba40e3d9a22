//! A machine that changes while it is recorded: devices, CPUs, control groups and processes come and go, files give garbage or hang.

mod common;

use common::*;
use model::{ProcessSample, TimeSpan, UnixNanos};
use std::process::Command;
use std::time::{Duration, Instant};

const TWO_CPUS: &str = "cpu  3 3\ncpu0 1 1\ncpu1 2 2\nprocs_running 1\n";
const ONE_CPU: &str = "cpu  3 3\ncpu0 1 1\nprocs_running 1\n";
const DISK: &str = " 254       0 vda 1 2 3 4 5 6 7 8 9 10 11\n";
const DISK_AND_LOOP: &str =
    " 254       0 vda 1 2 3 4 5 6 7 8 9 10 11\n   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n";

fn stat(pid: u32, state: char, utime: u32) -> String {
    format!("{pid} (worker) {state} 1 1 1 0 -1 4194560 0 0 0 0 {utime} 0 0 0 20 0 1 0 77 9000 50 0\n")
}

/// Waits until `is_so`, for a minute at most.
fn await_that(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn samples_of(machine: &Machine, pid: u32) -> Vec<ProcessSample> {
    let looks = machine.reader().processes(ALWAYS).unwrap_or_default();
    let all = looks.into_iter().flat_map(|look| look.samples);
    all.filter(|sample| sample.identity.pid == pid).collect()
}

#[test]
fn cpus_and_devices_come_and_go() {
    let machine = Machine::new(&[("stat", TWO_CPUS), ("diskstats", DISK)]);
    let child = start(machine.collector(&["run", "--interval", "20ms"]));
    machine.await_text("stat", TWO_CPUS);
    for _ in 0..2 {
        machine.set("stat", ONE_CPU);
        machine.set("diskstats", DISK_AND_LOOP);
        machine.await_text("stat", ONE_CPU);
        machine.await_text("diskstats", DISK_AND_LOOP);
        machine.set("stat", TWO_CPUS);
        machine.set("diskstats", DISK);
        machine.await_text("stat", TWO_CPUS);
        machine.await_text("diskstats", DISK);
    }
    // No number of a device that went, nor of a file cut short, becomes another's.
    machine.set("diskstats", " 254       0 vda 1 2 3 4 5 6");
    machine.await_text("diskstats", " 254       0 vda 1 2 3 4 5 6");
    machine.set("diskstats", &"x9".repeat(100_000));
    machine.await_text("diskstats", &"x9".repeat(100_000));
    assert!(terminate(child).status.success());
}

#[test]
fn processes_of_a_made_up_machine_come_and_go_and_one_that_hangs_stops_nothing_else() {
    let machine = Machine::new(&[("meminfo", "MemFree: 1 kB\n")]);
    let put = |pid: u32, state: char, utime: u32| {
        let folder = machine.proc().join(pid.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("stat"), stat(pid, state, utime)).unwrap();
        std::fs::write(folder.join("wchan"), "rq_qos_wait").unwrap();
    };
    put(42, 'S', 1);
    let child = start(machine.collector(&["run", "--interval", "50ms"]));
    machine.await_text("meminfo", "MemFree: 1 kB\n");
    await_that("the first process", || !samples_of(&machine, 42).is_empty());
    put(42, 'D', 9);
    await_that("it waits", || {
        samples_of(&machine, 42)
            .iter()
            .any(|s| s.state == 'D' && s.wchan.as_deref() == Some("rq_qos_wait"))
    });
    let folder = machine.proc().join("42");
    std::fs::write(folder.join("stat"), "").unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    await_that("it ended", || {
        samples_of(&machine, 42).last().is_some_and(|s| s.state == 'X')
    });

    // Whoever opens this waits for somebody who never comes, as for a lock that is never released.
    let folder = machine.proc().join("43");
    std::fs::create_dir_all(&folder).unwrap();
    let made = Command::new("mkfifo").arg(folder.join("stat")).status().unwrap();
    assert!(made.success());
    std::thread::sleep(Duration::from_millis(1500));
    machine.set("meminfo", "MemFree: 2 kB\n");
    machine.await_text("meminfo", "MemFree: 2 kB\n");
    let output = terminate(child);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn control_groups_and_what_recording_costs_are_sources_like_others() {
    let machine = Machine::new(&[("meminfo", "MemFree: 1 kB\n")]);
    let groups = machine.folder.path().join("sys/fs/cgroup");
    let put = |name: &str, text: &str| {
        std::fs::create_dir_all(groups.join(name).parent().unwrap()).unwrap();
        std::fs::write(groups.join(name), text).unwrap();
    };
    put("cgroup.controllers", "memory\n");
    put("a.slice/db.service/cpu.stat", "usage_usec 1\n");
    put("a.slice/db.service/memory.current", "4096\n");
    let child = start(machine.collector(&["run", "--interval", "100ms"]));
    machine.await_text("cgroup/a.slice/db.service/memory.current", "4096\n");
    put("a.slice/db.service/cpu.stat", "usage_usec 2\n");
    put("a.slice/db.service/memory.current", "8192\n");
    machine.await_text("cgroup/a.slice/db.service/memory.current", "8192\n");
    // The first says little: wait for another.
    await_that("what it costs", || {
        last_text(&machine.reader(), "highwater/self").is_some_and(|own| !own.starts_with("ticks 1\n"))
    });
    let output = terminate(child);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let reader = machine.reader();
    // It was read a little before its tick, and not before the record began.
    let reading = reader
        .reading_at("cgroup/a.slice/db.service/memory.current", ALWAYS.to)
        .unwrap()
        .unwrap();
    let ticks = reader.ticks(TimeSpan::new(UnixNanos(0), reading.at)).unwrap();
    assert!(!ticks.is_empty());
    let own = last_text(&reader, "highwater/self").unwrap();
    let of = |name: &str| {
        let line = own.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert!(of("ticks ") > 3, "{own}");
    assert_eq!(of("cgroups "), 2, "{own}");
    assert_eq!(of("dropped "), 0, "{own}");
    assert!(own.contains("\nread meminfo us "), "{own}");
    let (template, _) = model::Template::parse(own.as_bytes(), None);
    let columns = sources::decode("highwater/self", &template).unwrap();
    let unknown = sources::own().unknown(&template);
    assert!(unknown.is_empty(), "{unknown:?}");
    assert_eq!(columns.len(), template.slots().len());
}
