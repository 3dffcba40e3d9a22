//! `cargo xtask torture`: the collector under what nodes do to it. Each trial makes the trouble for real, on this machine, bounded
//! and cleaned up, and holds what was recorded against witnesses of its own.

mod busy;
mod clock;
mod collector;
mod database;
mod disk;
mod fuzz;
mod garbage;
mod grid;
mod kill;
mod libfuzzer;
mod load;
mod mount;
mod power;
mod random;
mod storm;
mod table;

use crate::{children::Children, programs};
use anyhow::{Context, Result, bail};
use model::UnixNanos;
pub(crate) use random::Random;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use table::Table;

/// Make trouble for the collector and check what it recorded. Some trials want root; `storm` loads the whole machine for a minute
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Trials, in this order; without names all but `storm`. `list` says what each does
    names: Vec<String>,
    /// Begins the random numbers; a run prints its own
    #[arg(long)]
    seed: Option<u64>,
    /// How many times `kill` kills
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Seconds that `fuzz` takes for each of its targets
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// What a trial works with.
struct Stage {
    /// `collector`, and `analyzer` for `fuzz`, as users install them lie there.
    programs: PathBuf,
    /// Empty at first, and its own.
    folder: PathBuf,
    random: Random,
    kills: u32,
    seconds: u64,
}

struct Trial {
    name: &'static str,
    what: &'static str,
    run: fn(&mut Stage, &mut Table) -> Result<()>,
    /// Runs only when named.
    is_heavy: bool,
}

const fn trial(
    name: &'static str,
    what: &'static str,
    run: fn(&mut Stage, &mut Table) -> Result<()>,
) -> Trial {
    Trial {
        name,
        what,
        run,
        is_heavy: false,
    }
}

const TRIALS: &[Trial] = &[
    trial(
        "kill",
        "kill -9 at random moments; sd_notify(3) is the witness of each tick",
        kill::run,
    ),
    trial(
        "disk-full",
        "the database's file system is filled, shortly and for long",
        disk::full,
    ),
    trial(
        "read-only",
        "its file system becomes read-only while recording",
        disk::read_only,
    ),
    trial(
        "stall",
        "its file system is frozen: every write hangs",
        disk::stall,
    ),
    trial(
        "power",
        "the disk as it is at random moments, mounted as after a power cut",
        power::run,
    ),
    trial(
        "database",
        "the database is deleted, replaced, cut and overwritten while recording",
        database::run,
    ),
    trial(
        "garbage",
        "files of /proc vanish, are cut and say what no kernel says",
        garbage::run,
    ),
    trial(
        "clock",
        "the clock is set forward and back while recording",
        clock::run,
    ),
    trial(
        "busy",
        "short-lived readers, writers and memory eaters come first in the record",
        busy::run,
    ),
    trial(
        "fuzz",
        "importers, times, databases, templates and blocks are fed mutated bytes, also under libFuzzer",
        fuzz::run,
    ),
    Trial {
        is_heavy: true,
        ..trial(
            "storm",
            "a minute of a reclaim storm, the database on the loaded disk",
            storm::run,
        )
    },
];

/// Runs the trials that were named and prints a table of each; fails when one did not hold.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.names.iter().any(|name| name == "list") {
        TRIALS
            .iter()
            .for_each(|trial| println!("{:<10} {}", trial.name, trial.what));
        return Ok(());
    }
    let mut trials: Vec<&Trial> = TRIALS.iter().filter(|trial| !trial.is_heavy).collect();
    if !arguments.names.is_empty() {
        let find = |name: &String| TRIALS.iter().find(|trial| trial.name == *name);
        trials = arguments
            .names
            .iter()
            .map(|name| find(name).with_context(|| format!("no trial `{name}`; `list` names them")))
            .collect::<Result<_>>()?;
    }
    let programs = programs::build_release(match trials.iter().any(|trial| trial.name == "fuzz") {
        true => &["collector", "analyzer"],
        false => &["collector"],
    })?;
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_micros() as u64,
    };
    println!("random numbers: --seed {seed}");
    // From here on Ctrl-C ends what is running, and cleans up.
    drop(Children::new());
    let mut all = String::new();
    let mut failed = Vec::new();
    for trial in trials {
        println!("\n{}: {} …", trial.name, trial.what);
        let mut stage = Stage {
            programs: programs.clone(),
            folder: programs::empty_folder(&format!("torture-{}", trial.name))?,
            random: Random::new(seed),
            kills: arguments.kills,
            seconds: arguments.seconds,
        };
        let mut table = Table::new(trial.name, trial.what);
        if let Err(error) = (trial.run)(&mut stage, &mut table) {
            table.must("ran to its end", format!("{error:#}"), false);
        }
        if !table.holds() {
            failed.push(trial.name);
        }
        print!("{table}");
        all += &table.to_string();
        if Children::asked_to_end() {
            bail!("asked to end");
        }
    }
    println!("\n{all}");
    if !failed.is_empty() {
        bail!("did not hold: {}", failed.join(", "));
    }
    Ok(())
}

/// The wall clock.
fn now() -> Result<UnixNanos> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(UnixNanos(i64::try_from(since.as_nanos())?))
}

/// Waits, but not when we are asked to end.
fn pause(time: Duration) -> Result<()> {
    Children::new().wait(Some(time))?;
    if Children::asked_to_end() {
        bail!("asked to end");
    }
    Ok(())
}
