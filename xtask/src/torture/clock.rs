//! A clock that is set. Only the collector sees it set: libfaketime stands between it and the wall clock. The steady clocks and a
//! suspend are the machine's own; what the collector makes of those is tested in its `clock.rs`.

use super::grid::{ALWAYS, Record};
use super::{Stage, Table, pause};
use crate::tools::FAKETIME;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::time::Duration;
use store::Reader;

/// Offsets, in turn; each is a step from the one before.
const OFFSETS: [i64; 5] = [3600, -1800, -1799, 86_400, 0];

/// Sets it a few times.
pub(super) fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let program = FAKETIME.ensure()?;
    let library = library().with_context(|| format!("the library of {}", program.display()))?;
    let (offset, database) = (stage.folder.join("offset"), stage.folder.join("x.db"));
    let set = |seconds: i64| -> Result<()> {
        // In one go: a file that is read half says another time.
        let draft = offset.with_extension("draft");
        std::fs::write(&draft, format!("{seconds:+}\n"))?;
        Ok(std::fs::rename(draft, &offset)?)
    };
    set(0)?;
    let mut command = stage.collector(&database, &["--interval", "50ms"]);
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", &offset)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut collector = stage.start(command)?;
    collector.await_ticks(20)?;
    for seconds in OFFSETS {
        set(seconds)?;
        pause(Duration::from_secs(2))?;
        collector.lives()?;
    }
    let (seen, status, _) = collector.end()?;
    table.must("ended well", status, status.success());
    let record = Record::read(&database, ALWAYS.from)?;
    let stored = record.ticks() as u64 + 1;
    table.must("ticks seen, stored", format!("{seen}, {stored}"), seen == stored);
    table.must(
        "beats of the steady clock that no gap tells of",
        record.why(),
        record.untold == 0,
    );
    let mut told: Vec<String> = Reader::open(&database)?
        .gaps(ALWAYS)?
        .into_iter()
        .map(|gap| gap.why)
        .collect();
    told.retain(|why| why.starts_with("the clock was set"));
    told.sort();
    let mut before = 0;
    let mut wanted: Vec<String> = OFFSETS
        .iter()
        .map(|offset| {
            let step = offset - std::mem::replace(&mut before, *offset);
            let way = if step > 0 { "forward" } else { "back" };
            format!("the clock was set {way} by {:.1} s", step.abs() as f64)
        })
        .collect();
    wanted.sort();
    table.must("steps told", told.join("; "), told == wanted);
    let found = Reader::open(&database)?.integrity()?;
    table.must(
        "PRAGMA integrity_check",
        found.first().map_or("ok", |f| f),
        found.is_empty(),
    );
    Ok(())
}

/// Where distributions put it.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let mut places = folders.chain(["/usr/lib".into(), "/usr/lib64".into()]);
    places.find_map(|folder| {
        let file = folder.join("faketime/libfaketime.so.1");
        file.is_file().then_some(file)
    })
}
