//! The files of a machine, as its kernel prints them.

use super::machine::{Machine, PAGE};
use model::{ProcessTick, UnixNanos};
use std::fmt::Write;

/// All of a machine, each name under /proc with its text.
pub(super) fn of(machine: &Machine) -> Vec<(String, String)> {
    let mut files = vec![
        ("meminfo".to_string(), meminfo(machine)),
        ("vmstat".into(), vmstat(machine)),
        ("zoneinfo".into(), zoneinfo(machine)),
        ("buddyinfo".into(), buddyinfo(machine)),
        ("diskstats".into(), diskstats(machine)),
        ("stat".into(), stat(machine)),
        (
            "loadavg".into(),
            format!("{:.2} 0.50 0.50 1/100 5000\n", machine.load),
        ),
    ];
    for (kind, (some, full)) in &machine.pressure_us {
        let text = format!(
            "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={}\n",
            some.round(),
            full.round()
        );
        files.push((format!("pressure/{kind}"), text));
    }
    files.extend(machine.groups.clone());
    files.retain(|(source, _)| !machine.unread.contains(&source.as_str()));
    files
}

/// Its processes; those that ended in the second are told once more.
pub(super) fn processes(machine: &Machine, at: UnixNanos) -> ProcessTick {
    let ended = machine.ended.iter().map(|process| {
        let mut sample = process.sample.clone();
        sample.state = 'X';
        sample
    });
    ProcessTick {
        at,
        complete: true,
        samples: machine
            .processes
            .values()
            .map(|p| p.sample.clone())
            .chain(ended)
            .collect(),
    }
}

fn meminfo(machine: &Machine) -> String {
    let mut text = String::new();
    for (name, value) in &machine.meminfo {
        match *name {
            "HugePages_Total" => writeln!(text, "{:16}{value:8}", "HugePages_Total:").unwrap(),
            _ => writeln!(text, "{:16}{:8} kB", format!("{name}:"), value / 1024).unwrap(),
        }
    }
    writeln!(text, "{:16}{:8} kB", "MemFree:", machine.free() / 1024).unwrap();
    text + "Hugepagesize:       2048 kB\n"
}

fn vmstat(machine: &Machine) -> String {
    let free = format!("nr_free_pages {}\n", machine.free_pages());
    let dirty = machine.meminfo["Dirty"] / PAGE;
    let counters = machine
        .vmstat
        .iter()
        .map(|(name, value)| format!("{name} {value}\n"));
    free + &format!("nr_dirty {dirty}\n") + &counters.collect::<String>()
}

fn zoneinfo(machine: &Machine) -> String {
    let mut text = String::new();
    for zone in &machine.zones {
        writeln!(
            text,
            "Node {}, zone {:>8}\n  pages free     {}\n        boost    0\n        min      {}\n        low      {}\n        \
             high     {}\n        spanned  {}\n        present  {}\n        managed  {}\n        protection: (0, 0, {}, {})\n  \
             pagesets\n    cpu: 0\n              count:    {}\n  start_pfn:           4096",
            zone.node,
            zone.name,
            zone.free,
            zone.min,
            zone.low,
            zone.high,
            zone.managed,
            zone.managed,
            zone.managed,
            zone.reserve,
            zone.reserve,
            zone.in_cpu_lists
        )
        .unwrap();
    }
    text
}

/// Blocks of order 10 and single pages, as much of each as the zone says.
fn buddyinfo(machine: &Machine) -> String {
    let mut text = String::new();
    for zone in &machine.zones {
        let large = (zone.free as f64 * zone.whole / 1024.0) as i64;
        writeln!(
            text,
            "Node {}, zone {:>8} {} 0 0 0 0 0 0 0 0 0 {large}",
            zone.node,
            zone.name,
            zone.free - 1024 * large
        )
        .unwrap();
    }
    text
}

fn diskstats(machine: &Machine) -> String {
    let mut text = String::new();
    for (minor, disk) in machine.disks.values().enumerate() {
        disk.print(minor, &mut text);
    }
    text
}

fn stat(machine: &Machine) -> String {
    let [user, system, idle, iowait, steal] = machine.cpu_ticks.map(|ticks| ticks.round());
    format!(
        "cpu  {user} 0 {system} {idle} {iowait} 0 0 {steal} 0 0\nctxt 1\nbtime 1\nprocesses 5000\nprocs_running {}\nprocs_blocked {}\n",
        machine.running, machine.blocked
    )
}
