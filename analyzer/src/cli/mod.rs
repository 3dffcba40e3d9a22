//! The command line: what can be asked, and how a run ends.

mod bundle;
mod cat;
mod compare;
mod completions;
mod database;
mod destination;
mod diff;
mod explain;
mod export;
mod grid;
mod import;
mod incidents;
mod info;
mod manual;
mod output;
mod plot;
mod progress;
mod rules;
mod site;
mod snapshot;
mod span;
#[cfg(feature = "sql")]
mod sql;
mod tables;
mod watch;
mod window;

use clap::{Parser, Subcommand};
use std::io;
use std::path::PathBuf;

/// Says what a Linux node's memory and disks did, and what went wrong.
///
/// Reads the database that `collector run` writes, or that `analyzer import` filled.
#[derive(Debug, Parser)]
#[command(name = "analyzer", version, after_help = TIMES_AND_EXITS, max_term_width = 110)]
pub(crate) struct Arguments {
    /// The database [default: $HIGHWATER_DB, else `db` in /etc/highwater/highwater.toml, else
    /// ~/.local/state/highwater/highwater.db]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Everywhere")]
    db: Option<PathBuf>,

    /// Colours: auto, always or never. NO_COLOR and CLICOLOR_FORCE are heeded when auto
    #[arg(long, global = true, value_enum, default_value_t = clap::ColorChoice::Auto, value_name = "WHEN",
        help_heading = "Everywhere", hide_possible_values = true)]
    color: clap::ColorChoice,

    #[command(subcommand)]
    command: Command,
}

const TIMES_AND_EXITS: &str = "\
Times (T):
  10:50, 10:50:13.5      the latest such time that is recorded
  \"2016-09-10 10:50\"     in the node's own time zone; --tz overrides, or write an RFC 3339 offset
  @1473504612.9          seconds since 1970
  -1h, \"1h ago\", now, today, yesterday, \"yesterday 10:50\"

Exit status:
  0  done
  1  an incident was found, and --exit-code was given
  2  the command line or an input file is wrong
  3  no data for what was asked
  4  only part of the window has data (said on standard error)
  5  the database cannot be read";

#[derive(Debug, Subcommand)]
enum Command {
    Explain(explain::Arguments),
    Incidents(incidents::Arguments),
    Watch(watch::Arguments),
    Compare(compare::Arguments),
    Import(import::Arguments),
    Cat(cat::Arguments),
    Diff(diff::Arguments),
    Info(info::Arguments),
    Rules(rules::Arguments),
    Tables(tables::Arguments),
    #[cfg(feature = "sql")]
    Sql(sql::Arguments),
    Export(export::Arguments),
    Plot(plot::Arguments),
    Snapshot(snapshot::Arguments),
    Bundle(bundle::Arguments),
    /// Print what each cause is, and what speaks for and against it
    Causes(manual::Arguments),
    Completions(completions::Arguments),
    #[command(hide = true)]
    Man(completions::Man),
}

/// How a run ends when it does not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line or an input file is wrong.
    #[error("{0}")]
    Usage(String),
    /// A time cannot be understood.
    #[error(transparent)]
    Time(#[from] analyzer::time_grammar::TimeError),
    /// There is nothing to answer with.
    #[error("{0}")]
    NoData(String),
    /// The database.
    #[error(transparent)]
    Database(#[from] store::Error),
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// CONTRACT.md's exit code; `None`: the reader of our output has gone, which is no failure of ours.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        match self {
            Failure::Usage(_) | Failure::Time(_) => Some(2),
            Failure::NoData(_) => Some(3),
            Failure::Database(_) => Some(5),
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Failure::Output(_) => Some(2),
        }
    }
}

impl Arguments {
    /// Runs the command; the answer is the exit code.
    pub(crate) fn run(self) -> Result<u8, Failure> {
        // What needs no database asks for none, whatever the configuration file says.
        let db = || self.db.map_or_else(store::default_path, Ok);
        match self.command {
            Command::Explain(arguments) => arguments.run(&db()?, self.color),
            Command::Incidents(arguments) => arguments.run(&db()?, self.color),
            Command::Watch(arguments) => arguments.run(&db()?, self.color),
            Command::Compare(arguments) => arguments.run(&db()?, self.color),
            Command::Import(arguments) => arguments.run(&db()?),
            Command::Cat(arguments) => arguments.run(&db()?),
            Command::Diff(arguments) => arguments.run(&db()?),
            Command::Info(arguments) => arguments.run(&db()?),
            Command::Tables(arguments) => arguments.run(&db()?),
            #[cfg(feature = "sql")]
            Command::Sql(arguments) => arguments.run(&db()?),
            Command::Export(arguments) => arguments.run(&db()?),
            Command::Rules(arguments) => arguments.run(&db()?),
            Command::Plot(arguments) => arguments.run(&db()?),
            Command::Snapshot(arguments) => arguments.run(&db()?),
            Command::Bundle(arguments) => arguments.run(&db()?),
            Command::Causes(arguments) => arguments.causes(),
            Command::Completions(arguments) => arguments.run(),
            Command::Man(arguments) => arguments.run(),
        }
    }
}
