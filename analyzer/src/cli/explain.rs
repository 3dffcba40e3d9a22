//! `analyzer explain`

use super::database::Database;
use super::progress::Progress;
use super::site::SiteArguments;
use super::window::WindowArguments;
use super::{Failure, output};
use analyzer::explain::Options;
use analyzer::explain::document::Status;
use analyzer::incidents::explain_span;
use analyzer::report;
use clap::Args;
use model::{Nanos, TimeSpan};
use std::io::Write;
use std::path::Path;
use store::Reader;

/// Explain what went wrong in a window: the first mover, what it set off, and what it was not
///
/// Without a window: the last ten minutes of the data, or of a bundle its own span. The header says which day and zone were taken.
/// A window of more than two hours is read in full only where somebody may have been hurt.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    window: WindowArguments,
    #[command(flatten)]
    site: SiteArguments,
    /// Print JSON (schema highwater.explain/1)
    #[arg(long, conflicts_with = "md")]
    json: bool,
    /// Print Markdown
    #[arg(long)]
    md: bool,
    /// Write one self-contained HTML file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "md"])]
    html: Option<std::path::PathBuf>,
    /// Exit with status 1 when an incident was found
    #[arg(long)]
    exit_code: bool,
}

/// What is explained when nobody says which window.
const DEFAULT_LENGTH: Nanos = 600_000_000_000;

/// Ticks further apart than this many intervals leave a hole in the window.
const HOLE_INTERVALS: i64 = 3;

impl Arguments {
    pub(super) fn run(self, db: &Path, color: clap::ColorChoice) -> Result<u8, Failure> {
        let db = Database::open(db, self.window.tz)?;
        let tz = db.context.tz;
        let span = self.window.span_or_bundle(&db, DEFAULT_LENGTH)?;
        let options = Options {
            tz,
            site: self.site.load()?,
        };
        let mut progress = Progress::new();
        let explanation = explain_span(&db.reader, span, &options, &mut |done, all| {
            progress.at(done, all)
        })?;
        drop(progress);
        let text = if self.json {
            serde_json::to_string_pretty(&explanation).map_err(std::io::Error::from)? + "\n"
        } else if self.md {
            report::markdown(&explanation)
        } else {
            let commands = output::commands(&db, self.window.tz, span);
            report::text(&explanation, &commands, &output::style(color))
        };
        match &self.html {
            Some(file) => std::fs::write(file, report::html(&explanation))
                .map_err(|e| std::io::Error::new(e.kind(), format!("{}: {e}", file.display())))?,
            None => std::io::stdout().write_all(text.as_bytes())?,
        }
        if explanation.status == Status::NoData {
            return Err(Failure::NoData(format!(
                "no data in {}; there is some in {}",
                output::span(span, tz),
                output::span(db.extent, tz)
            )));
        }
        let holes = holes(&db.reader, span)?;
        for hole in &holes {
            // The report stands on standard output in full; nobody may be there to read this.
            let _ = writeln!(
                std::io::stderr(),
                "analyzer: no data in {}",
                output::span(*hole, tz)
            );
        }
        Ok(match explanation.status {
            Status::Incident if self.exit_code => 1,
            _ if is_partial(&holes, span) => 4,
            _ => 0,
        })
    }
}

/// Whether only a part of the window has data: it reaches beyond the record, or a tenth of it is missing. A recorder that was late for
/// some seconds under the very load that is asked about is said, and no failure.
fn is_partial(holes: &[TimeSpan], span: TimeSpan) -> bool {
    let at_an_edge = holes.iter().any(|h| h.from == span.from || h.to == span.to);
    let missing: f64 = holes.iter().map(|h| h.seconds()).sum();
    at_an_edge || missing > 0.1 * span.seconds()
}

/// The parts of a window in which nothing was recorded. A window without any tick has been dealt with.
fn holes(reader: &Reader, span: TimeSpan) -> Result<Vec<TimeSpan>, Failure> {
    let ticks = reader.ticks(span)?;
    let mut holes = Vec::new();
    let mut last = span.from;
    let mut interval = ticks.first().map_or(0, |tick| tick.interval);
    let ends = ticks.iter().map(|tick| (tick.at, tick.interval));
    for (at, next_interval) in ends.chain([(span.to, 0)]) {
        interval = interval.max(next_interval);
        if at.0 - last.0 > HOLE_INTERVALS * interval {
            holes.push(TimeSpan::new(last, at));
        }
        (last, interval) = (
            at,
            if next_interval > 0 {
                next_interval
            } else {
                interval
            },
        );
    }
    Ok(holes)
}
