//! What happens to files: deleted, replaced, cut, overwritten, while the collector has them open.

use super::collector::Collector;
use super::grid::Record;
use super::{Stage, Table, now};
use anyhow::{Context, Result};
use model::UnixNanos;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use store::Reader;

type Harm = fn(&Path) -> Result<()>;

const HARMS: &[(&str, Harm)] = &[
    ("deleted", |db| Ok(std::fs::remove_file(db)?)),
    ("deleted with its log", |db| {
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(part(db, end))?;
        }
        Ok(())
    }),
    ("deleted with its folder", |db| {
        Ok(std::fs::remove_dir_all(db.parent().context("a folder")?)?)
    }),
    ("replaced by a copy of itself", |db| {
        let copy = part(db, ".copy");
        std::fs::copy(db, &copy)?;
        Ok(std::fs::rename(copy, db)?)
    }),
    ("replaced by another program's file", |db| {
        let copy = part(db, ".copy");
        std::fs::write(&copy, vec![b'x'; 20_000])?;
        Ok(std::fs::rename(copy, db)?)
    }),
    ("cut to nothing", |db| {
        Ok(OpenOptions::new().write(true).open(db)?.set_len(0)?)
    }),
    ("cut to a page and a half", |db| {
        Ok(OpenOptions::new().write(true).open(db)?.set_len(6000)?)
    }),
    ("overwritten", |db| overwrite(db, 0)),
    ("overwritten but for its first page", |db| overwrite(db, 4096)),
    ("overwritten with its log", |db| {
        overwrite(db, 0)?;
        overwrite(&part(db, "-wal"), 0)
    }),
];

/// One collector goes through all of them.
pub(super) fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let database = stage.folder.join("state").join("x.db");
    let mut collector = stage.start(stage.collector(&database, &["--interval", "50ms"]))?;
    for (name, harm) in HARMS {
        println!("  {name} …");
        recorded(&mut collector, &database, now()?)?;
        let (said, at, before) = (collector.said().len(), now()?, collector.ticks());
        harm(&database)?;
        recorded(&mut collector, &database, at)?;
        let dark = collector.ticks() - before;
        let found = Reader::open(&database)?.integrity()?;
        let said = collector.said()[said..].to_owned();
        let word = said
            .lines()
            .next()
            .unwrap_or("nothing")
            .replace(&*stage.folder.to_string_lossy(), "…");
        table.must(
            &format!("{name}: goes on, database whole"),
            format!("after {dark} ticks; {word}"),
            found.is_empty(),
        );
    }
    let copies = std::fs::read_dir(stage.folder.join("state"))?
        .flatten()
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.contains(".damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")
        });
    let copies = copies.count();
    table.must("damaged copies kept, at most 2", copies, copies <= 2);
    let (_, status, _) = collector.end()?;
    table.must("ended well", status, status.success());
    Ok(())
}

/// Waits until ticks after `at` can be read, and a few more follow.
fn recorded(collector: &mut Collector, database: &Path, at: UnixNanos) -> Result<()> {
    collector.await_that("a tick that can be read", |_| {
        Record::read(database, UnixNanos(i64::MIN)).is_ok_and(|record| {
            record
                .runs
                .iter()
                .flatten()
                .filter(|(tick, _)| *tick > at)
                .count()
                > 10
        })
    })
}

/// Bytes that nobody wrote, from an offset to the end.
fn overwrite(path: &Path, from: u64) -> Result<()> {
    let size = std::fs::metadata(path)?.len().saturating_sub(from);
    let file: File = OpenOptions::new().write(true).open(path)?;
    Ok(file.write_all_at(&vec![0xa5; size as usize], from)?)
}

fn part(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
