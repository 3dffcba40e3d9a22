//! `analyzer info`

use super::database::Database;
use super::{Failure, output};
use clap::Args;
use model::{RunOrigin, TimeSpan};
use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::Path;
use store::RunId;

/// Print what the database holds: machines, boots, spans, sources
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Time zone to print times in, such as Europe/Berlin [default: the node's own]
    #[arg(long, value_name = "ZONE")]
    tz: Option<chrono_tz::Tz>,
}

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let db = Database::open(db, self.tz)?;
        let (boots, runs) = (db.reader.boots()?, db.reader.runs()?);
        let ticks = db.reader.ticks(db.extent)?;
        let mut by_run: HashMap<RunId, (TimeSpan, u64)> = HashMap::new();
        for tick in &ticks {
            let (span, count) = by_run
                .entry(tick.run)
                .or_insert((TimeSpan::new(tick.at, tick.at), 0));
            (span.to, *count) = (tick.at, *count + 1);
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        writeln!(
            out,
            "{}: {}, {} ticks",
            db.path.display(),
            output::bytes(db.reader.size_bytes()),
            output::count(ticks.len() as u64)
        )?;
        for (index, boot) in boots.iter().enumerate() {
            // 0: an import that did not say.
            let cpus = if boot.cpus == 0 {
                "?".to_owned()
            } else {
                boot.cpus.to_string()
            };
            let memory = boot.memory_bytes.map_or(String::new(), |b| {
                format!(", {:.1} GiB", b as f64 / (1u64 << 30) as f64)
            });
            writeln!(
                out,
                "\n{} · Linux {} · {cpus} CPUs{memory} · boot {} · zone {}",
                boot.hostname, boot.kernel, boot.boot_id, boot.tz
            )?;
            let mut spans: Vec<_> = runs
                .iter()
                .filter(|(_, boot, _)| *boot == index)
                .filter_map(|(id, _, run)| Some((*by_run.get(id)?, run)))
                .collect();
            spans.sort_by_key(|((span, _), _)| span.from);
            for ((span, count), run) in spans {
                let origin = match run.origin {
                    RunOrigin::Collector => "recorded by the collector",
                    RunOrigin::Import => "imported",
                    RunOrigin::ImportAverages => "imported; each value is the average over its interval",
                };
                writeln!(
                    out,
                    "  {}  {} ticks every {}, {origin}",
                    output::span(span, db.context.tz),
                    output::count(count),
                    output::length(run.interval)
                )?;
            }
        }
        let sizes = db.reader.sizes()?;
        writeln!(out)?;
        for source in db.reader.sources(db.extent)? {
            // What is still in single ticks has not been counted by anybody.
            let size = sizes
                .iter()
                .find(|size| size.source == source)
                .map_or(String::new(), |size| {
                    let (ticks, numbers) = (output::count(size.ticks), output::count(size.numbers));
                    format!(
                        "  {ticks} readings of {numbers} numbers in {}",
                        output::bytes(size.blob_bytes)
                    )
                });
            writeln!(out, "{:15}{size}", source.as_ref())?;
        }
        for gap in db.reader.gaps(db.extent)? {
            let source = gap.source.map_or(String::new(), |source| format!(" of {source}"));
            let span = output::span(TimeSpan::new(gap.from, gap.to), db.context.tz);
            writeln!(out, "gap{source}: {span}: {}", gap.why)?;
        }
        out.flush()?;
        Ok(0)
    }
}
