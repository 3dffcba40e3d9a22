//! The power goes: what is on the disk at some moment is all there is.
//!
//! The database lies on an ext4 on an image. The image, which holds what reached the block device and nothing of what the kernel
//! only has in memory, is copied at random moments; the copy is mounted as after a power cut. (A disk that loses what it said it
//! had flushed is not tried: against that nobody can write.)

use super::grid::{ALWAYS, Record};
use super::mount::Mount;
use super::{Stage, Table, now, pause};
use anyhow::{Result, bail};
use model::UnixNanos;
use std::path::Path;
use std::time::Duration;
use store::Reader;

const CUTS: usize = 8;
/// Between two cuts at most.
const LONGEST: f64 = 7.0;
/// What is documented: a sync each 10 s, and a little for the sync itself.
const MOST_LOST: f64 = 12.0;

/// Takes pictures of a disk and looks at each.
pub(super) fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let live = Mount::ext4(&stage.folder.join("live"), 48)?;
    let database = live.folder.join("x.db");
    let mut collector = stage.start(stage.collector(&database, &["--interval", "100ms"]))?;
    collector.await_ticks(1)?;
    let begun = now()?;
    let (mut lost, mut damaged, mut stuck) = (Vec::new(), Vec::new(), Vec::new());
    for cut in 0..CUTS {
        pause(Duration::from_secs_f64(0.5 + stage.random.part() * LONGEST))?;
        collector.lives()?;
        let picture = stage.folder.join("cut.img");
        let at = copy_of_one_moment(live.image.as_deref().unwrap_or(Path::new("")), &picture)?;
        let mount = Mount::image(&stage.folder.join("cut"), &picture)?;
        let database = mount.folder.join("x.db");
        let last = match Reader::open(&database) {
            Ok(reader) => {
                damaged.extend(
                    reader
                        .integrity()?
                        .into_iter()
                        .map(|what| format!("cut {cut}: {what}")),
                );
                reader.extent()?.map_or(begun, |span| span.to)
            }
            // Nothing of it had reached the disk.
            Err(_) => begun,
        };
        lost.push((at.0 - last.0) as f64 / 1e9);
        // What stands there, whatever it is, must not keep a collector from recording.
        let again = stage.start(stage.collector(&database, &["--interval", "100ms"]));
        let goes_on = again.and_then(|mut again| {
            again.await_ticks(5)?;
            again.end()
        });
        match goes_on {
            Ok(_) if Record::read(&database, at)?.ticks() >= 4 => {}
            Ok(_) => stuck.push(format!("cut {cut}: nothing was stored")),
            Err(error) => stuck.push(format!("cut {cut}: {error:#}")),
        }
        println!("  cut {cut}: {:.1} s lost", lost[cut]);
    }
    collector.end()?;
    let most = lost.iter().copied().fold(0.0, f64::max);
    let mean = lost.iter().sum::<f64>() / lost.len() as f64;
    table.must(
        &format!("lost at a power cut, at most {MOST_LOST} s"),
        format!("most {most:.1} s, mean {mean:.1} s, {CUTS} cuts"),
        most <= MOST_LOST,
    );
    table.must(
        "PRAGMA integrity_check after each",
        damaged.first().map_or("ok", |d| d),
        damaged.is_empty(),
    );
    table.must(
        "a collector goes on from there",
        stuck.first().map_or("yes", |s| s),
        stuck.is_empty(),
    );
    let record = Record::read(&database, ALWAYS.from)?;
    table.must(
        "beats of the living one that no gap tells of",
        record.untold,
        record.untold == 0,
    );
    Ok(())
}

/// Copies until nothing changed from one copy to the next: that is how it was when the first one ended.
fn copy_of_one_moment(image: &Path, picture: &Path) -> Result<UnixNanos> {
    let mut before = std::fs::read(image)?;
    for _ in 0..50 {
        let at = now()?;
        let after = std::fs::read(image)?;
        if before == after {
            std::fs::write(picture, after)?;
            return Ok(at);
        }
        before = after;
    }
    bail!("{} never stood still", image.display())
}
