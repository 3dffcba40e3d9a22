//! The command line.

use crate::{doctor, once, run};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Records what this machine's kernel says about memory and disks, every second, for `analyzer` to explain afterwards.
#[derive(Debug, Parser)]
#[command(name = "collector", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Record until SIGTERM or SIGINT; stays in the foreground
    ///
    /// Each file of /proc that highwater knows is read on a steady beat, and kept byte for byte. A file that cannot be read is
    /// said once, tried again and recorded as a gap; the others go on.
    Run(Run),
    /// Say which files can be read, what reading them costs, and whether the database can be written
    ///
    /// Exit status: 0 when recording would work, 1 when it would not.
    Doctor(Common),
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Database [default: $HIGHWATER_DB, else $STATE_DIRECTORY/highwater.db, else in the XDG state folder]
    #[arg(long, value_name = "PATH")]
    pub(crate) db: Option<PathBuf>,
    /// Where the kernel's files are: another machine's /proc, or the host's inside a container
    #[arg(long, value_name = "PATH", default_value = "/proc")]
    pub(crate) proc: PathBuf,
}

impl Common {
    pub(crate) fn database(&self) -> PathBuf {
        self.db.clone().unwrap_or_else(store::default_path)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Time between two readings: 1s, 250ms (from 10ms to 1h)
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,
    /// Take one reading of everything, store it, print a table of it, and end
    #[arg(long)]
    pub(crate) once: bool,
}

impl Arguments {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.command {
            Command::Run(run) if run.once => once::once(run),
            Command::Run(run) => run::run(run),
            Command::Doctor(common) => doctor::doctor(common),
        }
    }
}

/// `1s`, `100ms`, `5m`.
fn interval(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits]
        .parse()
        .map_err(|_| "expected a number and a unit, as in 1s or 250ms".to_string())?;
    let milliseconds = match &text[digits..] {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "" => return Err("the unit is missing: ms, s, m or h".to_string()),
        unit => return Err(format!("unknown unit `{unit}`: ms, s, m or h")),
    };
    match milliseconds {
        Some(ms @ 10..=3_600_000) => Ok(Duration::from_millis(ms)),
        _ => Err("must lie between 10ms and 1h".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::interval;

    #[test]
    fn intervals() {
        let said = [
            "1s",
            "100ms",
            "5m",
            "1h",
            "1",
            "",
            "s",
            "9ms",
            "2h",
            "1.5s",
            "99999999999999999999s",
            "1 s",
        ]
        .map(|text| match interval(text) {
            Ok(time) => format!("{text}: {time:?}"),
            Err(why) => format!("{text}: {why}"),
        });
        assert_eq!(
            said,
            [
                "1s: 1s",
                "100ms: 100ms",
                "5m: 300s",
                "1h: 3600s",
                "1: the unit is missing: ms, s, m or h",
                ": expected a number and a unit, as in 1s or 250ms",
                "s: expected a number and a unit, as in 1s or 250ms",
                "9ms: must lie between 10ms and 1h",
                "2h: must lie between 10ms and 1h",
                "1.5s: unknown unit `.5s`: ms, s, m or h",
                "99999999999999999999s: expected a number and a unit, as in 1s or 250ms",
                "1 s: unknown unit ` s`: ms, s, m or h",
            ]
        );
    }
}
