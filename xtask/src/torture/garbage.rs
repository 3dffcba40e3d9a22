//! A /proc whose files come and go and say what no kernel says.

use super::grid::{ALWAYS, Record};
use super::{Stage, Table, pause};
use crate::children::Children;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use store::{Reader, Slots};

const SECONDS: u64 = 20;
/// Below /proc; the last ones are a process's.
const FILES: [&str; 14] = [
    "meminfo",
    "zoneinfo",
    "buddyinfo",
    "vmstat",
    "diskstats",
    "stat",
    "loadavg",
    "pressure/memory",
    "pressure/io",
    "77/stat",
    "77/io",
    "77/status",
    "77/cmdline",
    "77/schedstat",
];

/// Changes a file every few milliseconds, then makes all of them whole again.
pub(super) fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let proc = stage.folder.join("proc");
    let mut whole: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    let mut written: BTreeMap<&str, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for name in FILES {
        let text = std::fs::read(Path::new("/proc").join(name.replace("77/", "self/"))).unwrap_or_default();
        set(&proc.join(name), &text)?;
        whole.insert(name, text.clone());
        written.entry(name).or_default().insert(text);
    }
    let database = stage.folder.join("x.db");
    let mut command = stage.collector(&database, &["--interval", "20ms"]);
    command.arg("--proc").arg(&proc);
    let mut collector = stage.start(command)?;
    collector.await_ticks(5)?;
    let begun = Instant::now();
    let mut changes = 0u64;
    while begun.elapsed() < Duration::from_secs(SECONDS) && !Children::asked_to_end() {
        collector.lives()?;
        let name = FILES[stage.random.below(FILES.len())];
        let path = proc.join(name);
        match mutated(stage, &whole[name]) {
            Some(text) => {
                set(&path, &text)?;
                written.entry(name).or_default().insert(text);
            }
            None => gone(&path)?,
        }
        changes += 1;
        std::thread::sleep(Duration::from_millis(2 + stage.random.below(10) as u64));
    }
    for (name, text) in &whole {
        set(&proc.join(name), text)?;
    }
    let resident = resident_mib(collector.id())?;
    // Files that failed are tried again after 64 ticks at the latest.
    collector.await_ticks(150)?;
    pause(Duration::from_secs(2))?;
    let (seen, status, said) = collector.end()?;
    table.told("changes of files, ticks", format!("{changes}, {seen}"));
    table.must("ended well", status, status.success());
    table.must(
        "resident memory, at most 64 MiB",
        format!("{resident} MiB"),
        resident <= 64,
    );
    table.told("lines said", said.lines().count());
    let record = Record::read(&database, ALWAYS.from)?;
    table.must("beats that no gap tells of", record.why(), record.untold == 0);

    let reader = Reader::open(&database)?;
    let (mut readings, mut strange, mut back) = (0u64, 0u64, 0);
    for (name, texts) in &written {
        for stretch in reader.stretches(name, ALWAYS, &mut |_| Slots::All)? {
            for i in 0..stretch.at.len() {
                let values: Vec<u64> = stretch.columns.iter().map(|column| column[i]).collect();
                let text = stretch.template.render(&values);
                readings += 1;
                // A file that is being written has only its beginning.
                strange += u64::from(!texts.iter().any(|whole| whole.starts_with(&text)));
            }
        }
        let last = reader.reading_at(name, ALWAYS.to)?;
        back += usize::from(last.is_some_and(|last| last.template.render(&last.values) == whole[name]));
    }
    table.must(
        "readings that say what no file said",
        format!("{strange} of {readings}"),
        strange == 0 && readings > 0,
    );
    let system = FILES.iter().filter(|name| !name.starts_with("77/")).count();
    table.must(
        "files read again, byte for byte, once they were whole",
        format!("{back} of {system}"),
        back == system,
    );
    let found = reader.integrity()?;
    table.must(
        "PRAGMA integrity_check",
        found.first().map_or("ok", |f| f),
        found.is_empty(),
    );
    Ok(())
}

/// What a file says next; `None`: it is not there.
fn mutated(stage: &mut Stage, whole: &[u8]) -> Option<Vec<u8>> {
    let random = &mut stage.random;
    let mut text = whole.to_vec();
    match random.below(8) {
        0 => return None,
        1 => text.truncate(random.below(text.len())),
        2 => text = (0..random.below(20_000)).map(|_| random.next() as u8).collect(),
        3 => text = b"9".repeat(random.below(200_000)),
        4 => text.clear(),
        5 | 6 => {
            for _ in 0..=random.below(20) {
                let at = random.below(text.len());
                if let Some(byte) = text.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
        }
        // Whole again; numbers that grow beyond all bounds.
        _ => {
            let digits = b"18446744073709551616".repeat(1 + random.below(2));
            let at = random.below(text.len());
            text.splice(at..at, digits);
        }
    }
    Some(text)
}

/// Writes a file in place: the collector keeps it open.
fn set(path: &Path, text: &[u8]) -> Result<()> {
    std::fs::create_dir_all(path.parent().context("a folder")?)?;
    let mut file = std::fs::File::create(path)?;
    Ok(file.write_all(text)?)
}

fn gone(path: &Path) -> Result<()> {
    // Who has it open sees nothing any more.
    set(path, b"")?;
    Ok(std::fs::remove_file(path)?)
}

fn resident_mib(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    for line in status.lines() {
        if let Some(rest) = line.strip_prefix("VmHWM:") {
            return Ok(rest.trim().trim_end_matches(" kB").parse::<u64>()? / 1024);
        }
    }
    bail!("no VmHWM in /proc/{id}/status")
}
