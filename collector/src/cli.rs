//! The command line.

use crate::{config, doctor, once, run};
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::io::Write;
use std::net::SocketAddr;
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
    ///
    /// Each option can also be given in the environment or in the configuration file: see `collector config`. SIGHUP reads that file
    /// again.
    Run(Run),
    /// Say which files can be read, what reading them costs, and whether the database can be written
    ///
    /// Exit status: 0 when recording would work, 1 when it would not.
    Doctor(Common),
    /// Print every setting as it holds and where it comes from
    ///
    /// The command line goes before the environment ($HIGHWATER_KEEP_AGE for --keep-age), which goes before the configuration file
    /// (keep_age in its section [collector]).
    Config(Config),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    #[command(hide = true)]
    Man {
        /// A folder that exists
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Config {
    #[command(flatten)]
    run: Run,
    /// Print the section of the configuration file with every key explained instead
    #[arg(long)]
    example: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml if it is there]
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Database [default: $HIGHWATER_DB, else `db` in the configuration file, else $STATE_DIRECTORY/highwater.db, else in the XDG
    /// state folder]
    #[arg(long, value_name = "PATH")]
    pub(crate) db: Option<PathBuf>,
    /// Where the kernel's files are: another machine's /proc, or the host's inside a container
    #[arg(long, value_name = "PATH", default_value = "/proc")]
    pub(crate) proc: PathBuf,
}

impl Common {
    pub(crate) fn database(&self) -> store::Result<PathBuf> {
        self.db.clone().map_or_else(store::default_path, Ok)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Time between two readings: 1s, 250ms (from 10ms to 1h)
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,
    /// Delete what is older than this: 14d, 12h
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = age)]
    pub(crate) keep_age: Duration,
    /// Delete the oldest while the database is larger than this: 2GiB, 500MiB
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = size)]
    pub(crate) keep_bytes: u64,
    /// Do not look at processes: the greater part of what recording costs, but it names who did it
    #[arg(long)]
    pub(crate) no_processes: bool,
    /// Do not look at control groups
    #[arg(long)]
    pub(crate) no_cgroups: bool,
    /// Time between readings of a few numbers for ten seconds after a stall that the kernel tells of, and after free memory falls to
    /// a watermark (from 10ms to 1s; 0: none)
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = burst_interval)]
    pub(crate) burst_interval: Duration,
    /// How much of the time before is recorded with such a burst (up to 60s). It is read all the time and kept in memory for that, 6 KiB
    /// a reading at most: with 10s at 100ms some 0.1 % of a CPU more and 1.4 MiB (`collector doctor` measures it)
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = burst_ring)]
    pub(crate) burst_ring: Duration,
    /// Serve what was last read to Prometheus at this address, under node_exporter's names: 127.0.0.1:9101. There is no token: who
    /// can reach the address can read it
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Take one reading of every file, store it, print a table of it, and end
    #[arg(long)]
    pub(crate) once: bool,
}

impl Arguments {
    /// Runs the command, with where its settings came from.
    pub(crate) fn run(self, effective: Vec<config::Effective>) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Run(run) if run.once => return once::once(&run),
            Command::Run(run) => return run::run(run, effective),
            Command::Doctor(common) => return doctor::doctor(&common, &effective),
            Command::Config(config) if config.example => print(config::example().as_bytes())?,
            Command::Config(config) => {
                print(config::table(&effective, &config.run.common.database()?).as_bytes())?;
            }
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Arguments::command(), "collector", &mut script);
                print(&script)?;
            }
            Command::Man { folder } => clap_mangen::generate_to(Arguments::command(), folder)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What `run` is to do; `None` for another command.
    pub(crate) fn into_run(self) -> Option<Run> {
        match self.command {
            Command::Run(run) => Some(run),
            _ => None,
        }
    }
}

/// Prints; a reader that has gone is no failure of ours.
fn print(text: &[u8]) -> std::io::Result<()> {
    match std::io::stdout().write_all(text) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// `1s`, `100ms`, `5m`.
fn interval(text: &str) -> Result<Duration, String> {
    let milliseconds = amount(text, &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)])?;
    let fits = (10..=3_600_000).contains(&milliseconds);
    fits.then(|| Duration::from_millis(milliseconds))
        .ok_or("must lie between 10ms and 1h".to_string())
}

/// `100ms`, or `0`.
fn burst_interval(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let milliseconds = amount(text, &[("ms", 1), ("s", 1000)])?;
    (10..=1000)
        .contains(&milliseconds)
        .then(|| Duration::from_millis(milliseconds))
        .ok_or("must lie between 10ms and 1s, or be 0".to_string())
}

/// `10s`, or `0`.
fn burst_ring(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let seconds = amount(text, &[("s", 1)])?;
    let fits = (1..=60).contains(&seconds);
    fits.then(|| Duration::from_secs(seconds))
        .ok_or("must lie between 1s and 60s, or be 0".to_string())
}

/// `14d`, `12h`.
fn age(text: &str) -> Result<Duration, String> {
    let minutes = amount(text, &[("m", 1), ("h", 60), ("d", 1440)])?;
    let fits = (60..=1440 * 36_500).contains(&minutes);
    fits.then(|| Duration::from_secs(60 * minutes))
        .ok_or("must lie between 1h and 36500d".to_string())
}

/// `2GiB`, `500MiB`.
fn size(text: &str) -> Result<u64, String> {
    let bytes = amount(text, &[("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)])?;
    (bytes >= 16 << 20)
        .then_some(bytes)
        .ok_or("must be 16MiB or more".to_string())
}

/// A number and one of these units, in the smallest.
fn amount(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits]
        .parse()
        .map_err(|_| format!("expected a number and a unit of {names}"))?;
    let unit = &text[digits..];
    let (_, size) = units
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(format!("the unit must be one of {names}"))?;
    number.checked_mul(*size).ok_or("too large".to_string())
}

#[cfg(test)]
mod tests {
    use super::{age, burst_interval, burst_ring, interval, size};
    use std::time::Duration;

    #[test]
    fn intervals() {
        let of = |text: &str| match interval(text) {
            Ok(time) => format!("{time:?}"),
            Err(why) => why,
        };
        assert_eq!(
            [of("1s"), of("100ms"), of("5m"), of("1h")],
            ["1s", "100ms", "300s", "3600s"]
        );
        for text in ["1", "1.5s", "1 s", "1sec"] {
            assert_eq!(of(text), "the unit must be one of ms, s, m, h", "{text}");
        }
        for text in ["", "s", "-1s", "99999999999999999999s"] {
            assert_eq!(of(text), "expected a number and a unit of ms, s, m, h", "{text}");
        }
        assert_eq!(
            [of("9ms"), of("2h")],
            ["must lie between 10ms and 1h", "must lie between 10ms and 1h"]
        );
        assert_eq!(of("18446744073709551615h"), "too large");
        assert_eq!(burst_interval("0"), Ok(Duration::ZERO));
        assert_eq!(burst_ring("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(
            burst_ring("61s").unwrap_err(),
            "must lie between 1s and 60s, or be 0"
        );
        assert_eq!(burst_interval("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(
            burst_interval("2s").unwrap_err(),
            "must lie between 10ms and 1s, or be 0"
        );
    }

    #[test]
    fn limits() {
        assert_eq!(age("14d").unwrap().as_secs(), 14 * 86400);
        assert_eq!(age("30m").unwrap_err(), "must lie between 1h and 36500d");
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert_eq!(size("1MiB").unwrap_err(), "must be 16MiB or more");
        assert_eq!(size("2GB").unwrap_err(), "the unit must be one of MiB, GiB, TiB");
    }
}
