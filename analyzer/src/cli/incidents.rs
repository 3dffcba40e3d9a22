//! `analyzer incidents`

use super::database::Database;
use super::progress::Progress;
use super::site::SiteArguments;
use super::window::WindowArguments;
use super::{Failure, output};
use analyzer::explain::Options;
use analyzer::explain::document::Severity;
use analyzer::incidents::{Cache, Summary, over};
use analyzer::report;
use clap::{Args, ValueEnum};
use model::Nanos;
use std::io::Write;
use std::path::Path;

/// List the incidents of days: when, how bad, what, and how to ask for more
///
/// Without a window: the last seven days of the data. What was worked out once is kept in the database (--no-cache: not).
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    window: WindowArguments,
    #[command(flatten)]
    site: SiteArguments,
    /// Only those whose verdict is this cause (see `analyzer causes`)
    #[arg(long, value_name = "ID")]
    cause: Option<String>,
    /// Only those that this device is blamed for
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Only those that a process of this name is blamed for
    #[arg(long, value_name = "COMM")]
    process: Option<String>,
    /// Only those at least so bad
    #[arg(long, value_enum, default_value_t = Least::Warning, value_name = "SEVERITY")]
    severity: Least,
    /// Print JSON, an array
    #[arg(long)]
    json: bool,
    /// Neither use nor keep what was worked out before
    #[arg(long)]
    no_cache: bool,
    /// Exit with status 1 when there is any
    #[arg(long)]
    exit_code: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Least {
    Warning,
    Critical,
}

const DEFAULT_LENGTH: Nanos = 7 * 86_400_000_000_000;

impl Arguments {
    pub(super) fn run(self, path: &Path, color: clap::ColorChoice) -> Result<u8, Failure> {
        let db = Database::open(path, self.window.tz)?;
        let tz = db.context.tz;
        let span = self.window.span(&db, DEFAULT_LENGTH)?;
        let commands = output::commands(&db, self.window.tz, span);
        if let Some(cause) = &self.cause
            && !analyzer::causes::all().iter().any(|c| c.id == cause)
        {
            return Err(Failure::Usage(format!(
                "no cause is called {cause:?}; `analyzer causes` lists them"
            )));
        }
        let site = self.site.load()?;
        let mut cache = match self.no_cache {
            true => Cache::off(),
            false => Cache::on(site.version()),
        };
        let mut progress = Progress::new();
        let mut found = over(
            &db.reader,
            span,
            &Options { tz, site },
            &mut cache,
            &mut |done, all| progress.at(done, all),
        )?;
        drop(progress);
        cache.save(path);
        found.retain(|i| self.wants(i));
        let mut out = std::io::stdout();
        if self.json {
            let text = serde_json::to_string_pretty(&found).map_err(std::io::Error::from)?;
            writeln!(out, "{text}")?;
        } else {
            let count = match found.len() {
                0 => "No incident".to_string(),
                1 => "1 incident".into(),
                n => format!("{n} incidents"),
            };
            writeln!(out, "{count} in {}\n", output::span(span, tz))?;
            out.write_all(report::list(&found, tz.name(), &commands, &output::style(color)).as_bytes())?;
        }
        Ok(u8::from(self.exit_code && !found.is_empty()))
    }

    fn wants(&self, incident: &Summary) -> bool {
        let least = match self.severity {
            Least::Warning => Severity::Warning,
            Least::Critical => Severity::Critical,
        };
        let of = |wanted: &Option<String>, has: &[String]| wanted.as_ref().is_none_or(|w| has.contains(w));
        incident.severity >= least
            && self
                .cause
                .as_ref()
                .is_none_or(|c| incident.cause.as_ref() == Some(c))
            && of(&self.device, &incident.devices)
            && of(&self.process, &incident.processes)
    }
}
