//! `analyzer watch`

use super::database::Database;
use super::site::SiteArguments;
use super::{Failure, output};
use analyzer::explain::Options;
use analyzer::units;
use analyzer::watch::{Change, Watch, What};
use clap::Args;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Watch the record grow, and print a line when an incident opens, grows worse or closes
///
/// Runs until it is interrupted, or until nobody reads its output any more.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    site: SiteArguments,
    /// Time zone to print times in, such as Europe/Berlin [default: the node's own]
    #[arg(long, value_name = "ZONE")]
    tz: Option<chrono_tz::Tz>,
    /// Also tell what happened in the last so much of the record, such as 30m
    #[arg(long, value_name = "LENGTH")]
    since: Option<String>,
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
    /// Look once, print, and end
    #[arg(long)]
    once: bool,
}

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// A record that did not grow for so many looks is said to stand still.
const STILL: u32 = 15;

impl Arguments {
    pub(super) fn run(self, path: &Path, color: clap::ColorChoice) -> Result<u8, Failure> {
        let db = Database::open(path, self.tz)?;
        let tz = db.context.tz;
        let start = match &self.since {
            Some(text) => analyzer::time_grammar::parse_last(text, &db.context)?.from,
            None => db.extent.to - 60_000_000_000,
        };
        let mut watch = Watch::new(
            Options {
                tz,
                site: self.site.load()?,
            },
            start,
        );
        let style = output::style(color);
        let mut out = std::io::stdout();
        let (mut last, mut still) = (db.extent.to, 0);
        loop {
            for change in watch.look(&db.reader)? {
                let line = if self.json {
                    serde_json::to_string(&change).map_err(std::io::Error::from)?
                } else {
                    line(&change, tz, &style)
                };
                writeln!(out, "{line}")?;
            }
            out.flush()?;
            if self.once {
                return Ok(0);
            }
            std::thread::sleep(PAUSE);
            let now = db.reader.extent()?.map_or(last, |e| e.to);
            still = if now > last { 0 } else { still + 1 };
            last = now;
            if still == STILL {
                eprintln!(
                    "analyzer: nothing was recorded since {}: is the collector running?",
                    output::time(last, tz)
                );
            }
        }
    }
}

fn line(change: &Change, tz: chrono_tz::Tz, style: &analyzer::report::Style) -> String {
    let (word, color) = match change.what {
        What::Opened => ("opened", "1;31"),
        What::Worse => ("worse", "1;31"),
        What::Verdict => ("verdict", "1;33"),
        What::Closed => ("closed", "32"),
    };
    let since = (change.at.0.0 - change.from.0.0) as f64 / 1e9;
    let severity = format!("{:?}", change.severity).to_lowercase();
    format!(
        "{}  {}  {severity}  {} (for {})",
        &output::time(change.at.0, tz)[..19],
        style.paint(color, word),
        change.headline.replace(char::is_control, "\u{fffd}"),
        units::length(since)
    )
}
