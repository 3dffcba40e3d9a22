//! `collector run --once`: one tick, and a table of it.

use crate::clock::Instant;
use crate::sampler::Sampler;
use crate::{cli, node};
use anyhow::Context;
use model::{Nanos, Run, RunOrigin};
use std::process::ExitCode;
use store::Writer;

/// Takes one tick, stores it, and prints what was read.
pub(crate) fn once(arguments: &cli::Run) -> anyhow::Result<ExitCode> {
    let now = Instant::now();
    let path = arguments.common.database()?;
    let mut writer = Writer::open(&path)?;
    let interval = arguments.interval.as_nanos() as Nanos;
    let run = Run {
        origin: RunOrigin::Collector,
        interval,
        started: now.wall,
        import_key: None,
    };
    let begun = writer.begin_run(&node::boot(&arguments.common.proc, now.wall), &run)?;
    let run = begun.context("only an import's run can be there already")?;
    let (tick, _) = Sampler::new(&arguments.common.proc).tick(&now);
    writer.append(run, &tick)?;
    println!(
        "{:<16} {:>8} {:>8} {:>10}",
        "source", "bytes", "numbers", "at (µs)"
    );
    for reading in &tick.readings {
        let bytes = reading.template.render(&reading.values).len();
        println!(
            "{:<16} {bytes:>8} {:>8} {:>10}",
            reading.source,
            reading.values.len(),
            reading.offset / 1000
        );
    }
    Ok(if tick.readings.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
