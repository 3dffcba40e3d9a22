//! `--from`, `--to`, `--last` and `--tz` of commands that read whatever span they are asked for.

use super::Failure;
use super::database::Database;
use analyzer::time_grammar;
use chrono_tz::Tz;
use clap::Args;
use model::{TimeSpan, UnixNanos};

/// A span; without ends it is everything that was recorded.
#[derive(Debug, Args)]
pub(super) struct Span {
    /// Start of the span [default: the first thing recorded]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: Option<String>,
    /// End of the span [default: the last thing recorded]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    to: Option<String>,
    /// The last so much of what was recorded, such as 30m
    #[arg(long, value_name = "LENGTH", conflicts_with_all = ["from", "to"])]
    last: Option<String>,
    /// Time zone of clock times, such as Europe/Berlin [default: the node's own]
    #[arg(long, value_name = "ZONE")]
    pub(super) tz: Option<Tz>,
}

impl Span {
    /// The span that is meant.
    pub(super) fn of(&self, db: &Database) -> Result<TimeSpan, Failure> {
        if let Some(text) = &self.last {
            return Ok(time_grammar::parse_last(text, &db.context)?);
        }
        let time = |text: &Option<String>, else_at: UnixNanos| match text {
            Some(text) => time_grammar::parse(text, &db.context),
            None => Ok(else_at),
        };
        let (from, to) = (time(&self.from, db.extent.from)?, time(&self.to, db.extent.to)?);
        if from > to {
            return Err(Failure::Usage("--from is after --to".into()));
        }
        Ok(TimeSpan::new(from, to))
    }
}
