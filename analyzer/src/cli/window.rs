//! Which window: `--from`, `--to`, `--last`, `--around`, `--tz`, alike for every command that looks at one.

use super::Failure;
use super::database::Database;
use analyzer::{bundle, time_grammar};
use chrono_tz::Tz;
use clap::Args;
use model::{Nanos, TimeSpan};

#[derive(Debug, Args)]
pub(super) struct WindowArguments {
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
    pub(super) tz: Option<Tz>,
}

impl WindowArguments {
    /// The window meant; where nobody says any part of it, a bundle's own.
    pub(super) fn span_or_bundle(&self, db: &Database, length: Nanos) -> Result<TimeSpan, Failure> {
        let said = [&self.from, &self.to, &self.last, &self.around];
        match bundle::about(&db.reader)? {
            Some(about) if said.iter().all(|part| part.is_none()) => Ok(about.span()),
            _ => self.span(db, length),
        }
    }

    /// The window meant; where nobody says its start, it is so long.
    pub(super) fn span(&self, db: &Database, length: Nanos) -> Result<TimeSpan, Failure> {
        if let Some(text) = &self.last {
            return Ok(time_grammar::parse_last(text, &db.context)?);
        }
        if let Some(text) = &self.around {
            return Ok(time_grammar::parse_around(text, &db.context)?);
        }
        let (from, to) = (self.from.as_deref(), self.to.as_deref());
        let mut span = time_grammar::parse_window(from, to, length, &db.context)?;
        if from.is_none() {
            // Nobody asked for what lies before the data.
            span.from = span.from.max(db.extent.from).min(span.to);
        }
        Ok(span)
    }
}
