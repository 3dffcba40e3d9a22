//! Who did it: a reader, a writer and a memory eater, each for two seconds and for twenty, must come first of its kind in the record.

use super::load::Load;
use super::{Stage, Table, now, pause};
use anyhow::{Context, Result};
use model::{ProcessCounter, ProcessIdentity, ProcessTick, TimeSpan, UnixNanos};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use store::Reader;

const MIB: u32 = 300;
const SHORT: u32 = 2;
const LONG: u32 = 20;

struct Case {
    comm: &'static str,
    seconds: u32,
    counter: ProcessCounter,
    /// From before it began until after it ended.
    span: TimeSpan,
    pid: u32,
}

/// Makes them one after another while one collector records at one second.
pub(super) fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    stage.load_program()?;
    let data = stage.folder.join("data");
    std::fs::write(&data, vec![0x5a; (MIB as usize) << 20])?;
    std::fs::File::open(&data)?.sync_all()?;
    let out = stage.folder.join("out");
    let (data, out) = (
        data.to_string_lossy().into_owned(),
        out.to_string_lossy().into_owned(),
    );
    let database = stage.folder.join("x.db");
    let mut collector = stage.start(stage.collector(&database, &["--interval", "1s"]))?;
    collector.await_ticks(2)?;
    let mut cases = Vec::new();
    for seconds in [SHORT, LONG] {
        let rate = (MIB / seconds).to_string();
        let mib = MIB.to_string();
        let kinds: [(&str, ProcessCounter, Vec<&str>); 3] = [
            (
                "t-reader",
                ProcessCounter::ReadBytes,
                vec!["readdirect", &data, &rate],
            ),
            (
                "t-writer",
                ProcessCounter::WriteBytes,
                vec!["write", &out, &mib, &rate],
            ),
            ("t-eater", ProcessCounter::RssPages, vec!["anon", &mib, &rate]),
        ];
        for (comm, counter, arguments) in kinds {
            // Anywhere between two ticks.
            pause(Duration::from_secs_f64(1.0 + stage.random.part()))?;
            let from = now()?;
            let arguments: Vec<&str> = [comm].into_iter().chain(arguments).collect();
            let load: Load = stage.load(&arguments)?;
            let pid = load.id();
            pause(Duration::from_secs(seconds.into()))?;
            drop(load);
            pause(Duration::from_millis(2500))?;
            collector.lives()?;
            let span = TimeSpan::new(UnixNanos(from.0 - 1_500_000_000), now()?);
            cases.push(Case {
                comm,
                seconds,
                counter,
                span,
                pid,
            });
        }
    }
    collector.end()?;
    let reader = Reader::open(&database)?;
    for case in cases {
        let looks = reader.processes(case.span)?;
        let mut all: Vec<(u64, &ProcessIdentity)> = moved(&looks, case.counter);
        all.sort_by(|a, b| b.cmp(a));
        let sum: u64 = all.iter().map(|(amount, _)| amount).sum();
        let (first, who) = *all.first().context("nobody moved")?;
        let place = all.iter().position(|(_, who)| who.pid == case.pid);
        let own = place.map_or(0, |place| all[place].0);
        let first = format!(
            "first is {} with {:.0} %",
            who.comm,
            first as f64 / sum as f64 * 100.0
        );
        let place = place.map_or("not in the record".into(), |place| format!("place {}", place + 1));
        table.must(
            &format!("{} s, by {}: {}", case.seconds, case.counter.name(), case.comm),
            format!(
                "{place}, {:.0} % of all; {first}",
                own as f64 / sum as f64 * 100.0
            ),
            who.pid == case.pid && who.comm == case.comm,
        );
    }
    Ok(())
}

/// By how much each went up: from its first known number, or from nothing where it was not there at the first look.
fn moved(looks: &[ProcessTick], counter: ProcessCounter) -> Vec<(u64, &ProcessIdentity)> {
    let mut seen: HashMap<&ProcessIdentity, (u64, u64)> = HashMap::new();
    let old: HashSet<&ProcessIdentity> = looks
        .iter()
        .take(1)
        .flat_map(|look| &look.samples)
        .map(|s| &*s.identity)
        .collect();
    for sample in looks.iter().flat_map(|look| &look.samples) {
        let Some(value) = sample.get(counter) else {
            continue;
        };
        // Who was there before may have a number that is read only once it moves.
        let begun = if old.contains(&*sample.identity) { value } else { 0 };
        let entry = seen.entry(&sample.identity).or_insert((begun, value));
        entry.1 = entry.1.max(value);
    }
    seen.into_iter()
        .map(|(who, (from, to))| (to.saturating_sub(from), who))
        .collect()
}
