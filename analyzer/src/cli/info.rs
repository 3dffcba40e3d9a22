//! `analyzer info`

use super::database::Database;
use super::{Failure, output};
use clap::Args;
use model::{RunOrigin, TimeSpan};
use std::io::{BufWriter, Write};
use std::path::Path;

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
        let mut out = BufWriter::new(std::io::stdout().lock());
        // The write-ahead log is part of the database until it is folded in.
        let wal = db.path.with_file_name(format!(
            "{}-wal",
            db.path.file_name().unwrap_or_default().display()
        ));
        let size: u64 = [&db.path, &wal]
            .iter()
            .filter_map(|path| Some(std::fs::metadata(path).ok()?.len()))
            .sum();
        writeln!(
            out,
            "{}: {}, {} ticks",
            db.path.display(),
            output::bytes(size),
            output::count(ticks.len() as u64)
        )?;
        for (index, boot) in boots.iter().enumerate() {
            let memory = boot.memory_bytes.map_or(String::new(), |b| {
                format!(", {:.1} GiB", b as f64 / (1u64 << 30) as f64)
            });
            writeln!(
                out,
                "\n{} · Linux {} · {} CPUs{memory} · boot {} · zone {}",
                boot.hostname, boot.kernel, boot.cpus, boot.boot_id, boot.tz
            )?;
            for (id, _, run) in runs.iter().filter(|(_, boot, _)| *boot == index) {
                let of_run = || ticks.iter().filter(|tick| tick.run == *id).map(|tick| tick.at);
                let (Some(from), Some(to)) = (of_run().min(), of_run().max()) else {
                    continue;
                };
                let origin = match run.origin {
                    RunOrigin::Collector => "recorded by the collector",
                    RunOrigin::Import => "imported",
                    RunOrigin::ImportAverages => "imported; each value is the average over its interval",
                };
                writeln!(
                    out,
                    "  {}  {} ticks every {}, {origin}",
                    output::span(TimeSpan::new(from, to), db.context.tz),
                    output::count(of_run().count() as u64),
                    output::length(run.interval)
                )?;
            }
        }
        writeln!(out, "\nsources: {}", db.reader.sources(db.extent)?.join(", "))?;
        for gap in db.reader.gaps(db.extent)? {
            let source = gap.source.map_or(String::new(), |source| format!(" of {source}"));
            let span = output::span(TimeSpan::new(gap.from, gap.to), db.context.tz);
            writeln!(out, "gap{source}: {span}: {}", gap.why)?;
        }
        out.flush()?;
        Ok(0)
    }
}
