//! kill -9, again and again, on one database.

use super::grid::Record;
use super::{Stage, Table};
use crate::children::Children;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::time::Duration;
use store::Reader;

/// The first tick comes some hundredths after the start; kills fall before, into and after it.
const LONGEST: f64 = 1.0;

/// Kills so often, and after each looks at the whole database and counts.
pub(super) fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let database = stage.folder.join("killed.db");
    let mut lost: BTreeMap<i64, u32> = BTreeMap::new();
    let (mut damaged, mut untold, mut doubled, mut ticks, mut none) = (Vec::new(), 0, 0, 0, 0);
    let mut stored_before = 0;
    for kill in 1..=stage.kills {
        let collector = stage.start(stage.collector(&database, &["--interval", "100ms"]))?;
        std::thread::sleep(Duration::from_secs_f64(stage.random.part() * LONGEST));
        let seen = collector.kill()?;
        if !database.exists() {
            // Killed before it came so far.
            none += 1;
            continue;
        }
        let reader = match Reader::open(&database) {
            Ok(reader) => reader,
            // A file was made, and nothing written to it: there was no tick yet to lose, or the one in flight.
            Err(_) if stored_before == 0 && seen <= 1 => {
                none += 1;
                continue;
            }
            Err(error) => bail!("after kill {kill}: {error}"),
        };
        damaged.extend(
            reader
                .integrity()?
                .into_iter()
                .map(|what| format!("kill {kill}: {what}")),
        );
        let stamps = reader.ticks(super::grid::ALWAYS)?;
        doubled += stamps
            .windows(2)
            .filter(|pair| pair[0].monotonic == pair[1].monotonic)
            .count();
        let stored = stamps.len();
        let lack = seen as i64 - (stored - stored_before) as i64;
        *lost.entry(lack).or_default() += 1;
        stored_before = stored;
        ticks += seen;
        if kill % 20 == 0 {
            println!("  {kill} kills, {stored} ticks stored");
        }
        if Children::asked_to_end() {
            bail!("asked to end");
        }
    }
    let record = Record::read(&database, super::grid::ALWAYS.from)?;
    untold += record.untold;
    let most = lost.keys().max().copied().unwrap_or(0);
    let all: Vec<String> = lost
        .iter()
        .map(|(lack, times)| format!("{lack}: {times} ×"))
        .collect();
    table.told(
        "kills, of them before there was a database",
        format!("{}, {none}", stage.kills),
    );
    table.told("ticks that were seen to be taken", ticks);
    table.must(
        "PRAGMA integrity_check after each",
        damaged.first().map_or("ok", |d| d),
        damaged.is_empty(),
    );
    table.must(
        "ticks missing at a kill, at most 1",
        format!("most {most} (seen less stored: {})", all.join(", ")),
        most <= 1,
    );
    table.must("ticks stored twice", doubled, doubled == 0);
    table.must("beats between ticks without a tick or a gap", untold, untold == 0);
    table.told("beats without a tick", record.why());
    Ok(())
}
