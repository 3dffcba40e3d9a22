//! `analyzer explain`

use super::database::Database;
use super::{Failure, output};
use analyzer::bundle;
use analyzer::explain::document::Status;
use analyzer::explain::{self, explain};
use analyzer::report::{self, Style};
use analyzer::time_grammar;
use chrono_tz::Tz;
use clap::Args;
use model::{Nanos, TimeSpan};
use std::io::{IsTerminal, Write};
use std::path::Path;
use store::Reader;

/// Explain what went wrong in a window: the first mover, what it set off, and what it was not
///
/// Without a window: the last ten minutes of the data, or of a bundle its own span. The header says which day and zone were taken.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Start of the window
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: Option<String>,
    /// End of the window [default: the end of the data]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    to: Option<String>,
    /// The last so much of the data, such as 30m
    #[arg(long, value_name = "LENGTH", conflicts_with_all = ["from", "to", "around"])]
    last: Option<String>,
    /// The window around a time, such as 10:52±5m or 10:52+-5m
    #[arg(long, value_name = "T±LENGTH", conflicts_with_all = ["from", "to"])]
    around: Option<String>,
    /// Time zone of clock times and of the report, such as Europe/Berlin [default: the node's own]
    #[arg(long, value_name = "ZONE")]
    tz: Option<Tz>,
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

/// Width of a report that no terminal shows, and the widest that is still read with ease.
const WIDTH: usize = 100;
const WIDEST: usize = 120;

impl Arguments {
    pub(super) fn run(self, db: &Path, color: clap::ColorChoice) -> Result<u8, Failure> {
        let db = Database::open(db, self.tz)?;
        let tz = db.context.tz;
        let span = self.window(&db)?;
        let explanation = explain(&db.reader, span, &explain::Options { tz })?;
        let text = if self.json {
            serde_json::to_string_pretty(&explanation).map_err(std::io::Error::from)? + "\n"
        } else if self.md {
            report::markdown(&explanation)
        } else {
            report::text(&explanation, &style(color))
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

    fn window(&self, db: &Database) -> Result<TimeSpan, Failure> {
        if let Some(text) = &self.last {
            return Ok(time_grammar::parse_last(text, &db.context)?);
        }
        if let Some(text) = &self.around {
            return Ok(time_grammar::parse_around(text, &db.context)?);
        }
        let (from, to) = (self.from.as_deref(), self.to.as_deref());
        if from.is_none()
            && to.is_none()
            && let Some(about) = bundle::about(&db.reader)?
        {
            return Ok(about.span());
        }
        let mut span = time_grammar::parse_window(from, to, DEFAULT_LENGTH, &db.context)?;
        if from.is_none() {
            // Nobody asked for what lies before the data.
            span.from = span.from.max(db.extent.from).min(span.to);
        }
        Ok(span)
    }
}

fn style(color: clap::ColorChoice) -> Style {
    let color = match color {
        clap::ColorChoice::Always => true,
        clap::ColorChoice::Never => false,
        // NO_COLOR, CLICOLOR_FORCE, TERM=dumb and whether it is a terminal at all.
        clap::ColorChoice::Auto => {
            anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
        }
    };
    let terminal = std::io::stdout()
        .is_terminal()
        .then(terminal_size::terminal_size)
        .flatten();
    let width = terminal.map_or(WIDTH, |(width, _)| usize::from(width.0).clamp(60, WIDEST));
    Style { width, color }
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
