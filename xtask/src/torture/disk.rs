//! Disks that take nothing for a while: full, read-only, hanging.

use super::grid::{ALWAYS, Record};
use super::mount::Mount;
use super::{Stage, Table, pause};
use crate::command;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use store::Reader;

/// At this interval the ring, which holds five minutes of seconds, is full after some twenty seconds.
const INTERVAL: &str = "50ms";
/// The ring holds that without a loss.
const SHORT: Duration = Duration::from_secs(6);
/// The ring does not.
const LONG: Duration = Duration::from_secs(40);
const WRITABLE: &str = "can be written again";

/// Fills the file system to the last byte, twice.
pub(super) fn full(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let mount = Mount::tmpfs(&stage.folder.join("small"), 8)?;
    let filler = mount.folder.join("filler");
    trouble(
        stage,
        table,
        &mount,
        "the disk is full",
        &|| fill(&filler),
        &|| Ok(std::fs::remove_file(&filler)?),
    )
}

/// Freezes it, twice: nothing fails, everything hangs.
pub(super) fn stall(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let mount = Mount::ext4(&stage.folder.join("slow"), 64)?;
    let freeze =
        |way: &str| command::output(command::in_root("fsfreeze").arg(way).arg(&mount.folder)).map(drop);
    trouble(stage, table, &mount, "", &|| freeze("-f"), &|| freeze("-u"))
}

/// Two troubles, one that the ring outlasts and one that it does not.
fn trouble(
    stage: &Stage,
    table: &mut Table,
    mount: &Mount,
    says: &str,
    begin: &dyn Fn() -> Result<()>,
    end: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let database = mount.folder.join("x.db");
    let mut collector = stage.start(stage.collector(&database, &["--interval", INTERVAL]))?;
    collector.await_ticks(20)?;
    for (time, name) in [(SHORT, "short"), (LONG, "long")] {
        let before = collector.ticks();
        begin()?;
        pause(time)?;
        let during = collector.ticks() - before;
        end()?;
        let expected = time.as_millis() as u64 / 50;
        table.must(
            &format!("{name}: ticks taken in {} s of it", time.as_secs()),
            format!("{during} of {expected}"),
            // Other programs take the CPU as well; a sampling loop that waits for the disk takes none.
            during * 10 >= expected * 8,
        );
        collector.await_ticks(100)?;
        if name == "short" {
            // What waited is written by now; what is lost in the long trouble does not count here.
            collector.await_that("all is stored", |_| {
                Record::read(&database, ALWAYS.from).is_ok_and(|r| r.ticks() as u64 + 20 > before + during)
            })?;
            let record = Record::read(&database, ALWAYS.from)?;
            let dropped: u64 = dropped(&record);
            table.must("short: beats lost to the disk", dropped, dropped == 0);
        }
    }
    let (seen, status, said) = collector.end()?;
    table.must("ended well afterwards", status, status.success());
    if !says.is_empty() {
        table.must(
            "said what was wrong, and when it was over",
            says,
            said.contains(says) && said.contains(WRITABLE),
        );
    }
    let record = Record::read(&database, ALWAYS.from)?;
    let lost = dropped(&record);
    table.must(
        "long: beats lost to the disk, told as a gap",
        lost,
        lost > 0 && record.untold == 0,
    );
    table.told("beats without a tick", record.why());
    let stored = record.ticks() as u64 + 1;
    let told = told_lost(&said);
    table.must(
        "ticks seen = stored + told as lost",
        format!("{seen} = {stored} + {told}"),
        seen == stored + told,
    );
    let found = Reader::open(&database)?.integrity()?;
    table.must(
        "PRAGMA integrity_check",
        found.first().map_or("ok", |f| f),
        found.is_empty(),
    );
    Ok(())
}

/// Beats whose gap says that they did not fit into memory.
fn dropped(record: &Record) -> u64 {
    record
        .reasons
        .iter()
        .filter(|(why, _)| why.contains("fit into memory"))
        .map(|(_, count)| count)
        .sum()
}

/// What it said it dropped, summed.
fn told_lost(said: &str) -> u64 {
    let counts = said.lines().filter_map(|line| {
        let rest = line.split_once("could not be written: ")?.1;
        // Messages may be told of besides.
        rest.split_once(" ticks ")?.0.parse::<u64>().ok()
    });
    counts.sum()
}

/// Takes all room there is.
fn fill(path: &Path) -> Result<()> {
    let mut file = File::create(path)?;
    let mut size = 1 << 20;
    while size > 0 {
        if file.write_all(&vec![0xa5; size]).is_err() {
            size /= 2;
        }
    }
    Ok(())
}

/// An ext4 that found an error in itself: it refuses all writes and cannot be mended while it is mounted.
pub(super) fn read_only(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let folder = stage.folder.join("broken");
    let mount = Mount::ext4(&folder, 64)?;
    let database = folder.join("x.db");
    let mut collector = stage.start(stage.collector(&database, &["--interval", INTERVAL]))?;
    // Longer than the sync interval: before, nothing need have reached the disk.
    collector.await_ticks(260)?;
    let trigger = format!("/sys/fs/ext4/{}/trigger_fs_error", mount.device()?);
    std::fs::write(&trigger, "1").context(trigger)?;
    let before = collector.ticks();
    pause(SHORT)?;
    let during = collector.ticks() - before;
    let expected = SHORT.as_millis() as u64 / 50;
    table.must(
        "ticks taken meanwhile",
        format!("{during} of {expected}"),
        during * 10 >= expected * 8,
    );
    let begun = std::time::Instant::now();
    let (seen, status, said) = collector.end()?;
    table.must(
        "ends when told to, all the same",
        format!("{:.1} s, {status}", begun.elapsed().as_secs_f64()),
        status.success(),
    );
    let word = said
        .lines()
        .find(|line| line.contains("sampling goes on"))
        .unwrap_or("nothing")
        .to_owned();
    table.must("said what was wrong", &word, word != "nothing");
    let lost = said
        .lines()
        .find(|line| line.contains("are lost"))
        .unwrap_or("nothing")
        .to_owned();
    table.must("said what is lost", &lost, lost != "nothing");
    let image = mount.image.clone().context("an image")?;
    drop(mount);
    // 1: errors were corrected.
    let mended = command::in_root("fsck.ext4")
        .args(["-f", "-y"])
        .arg(&image)
        .output()?;
    table.told("fsck.ext4", mended.status);
    let _mount = Mount::image(&folder, &image)?;
    let found = Reader::open(&database)?.integrity()?;
    table.must(
        "PRAGMA integrity_check once mended",
        found.first().map_or("ok", |f| f),
        found.is_empty(),
    );
    let stored = Record::read(&database, ALWAYS.from)?.ticks();
    table.must(
        "ticks kept of those before it",
        format!("{stored} of {before}"),
        stored + 240 >= before as usize,
    );
    table.told(
        "ticks seen before and after it, stored",
        format!("{before} + {}, {stored}", seen - before),
    );
    let mut again = stage.start(stage.collector(&database, &["--interval", INTERVAL]))?;
    again.await_ticks(20)?;
    again.end()?;
    let more = Record::read(&database, ALWAYS.from)?.ticks();
    table.must(
        "recording goes on after a restart",
        format!("{} ticks more", more - stored),
        more >= stored + 19,
    );
    Ok(())
}
