//! `cargo xtask history`: a database of many days, for measuring how long histories are opened, read and thinned out.

use crate::{command, programs, workspace};
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};

/// The ordinary state of the machine; the others come in between.
const ORDINARY: &str = "quiet.tar.xz";

/// Write a database of many days at one second, made of recordings that are repeated and varied
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Database to create
    path: PathBuf,
    /// Days in it; they end now
    #[arg(long, default_value_t = 7.0)]
    days: f64,
}

/// Imports the recordings and has the store's example repeat them.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    write(&std::path::absolute(&arguments.path)?, arguments.days)
}

/// Writes one of so many days to a path where there is nothing yet.
pub(crate) fn write(path: &Path, days: f64) -> Result<()> {
    ensure!(!path.exists(), "{} is there already", path.display());
    let analyzer = programs::build_release(&["analyzer"])?.join("analyzer");
    command::run(command::cargo().args([
        "build",
        "--release",
        "--package",
        "store",
        "--example",
        "history",
    ]))?;
    let folder = programs::empty_folder("history")?;
    let mut recordings = workspace::all_recordings();
    recordings.sort_by_key(|path| !path.ends_with(ORDINARY));
    let mut history = command::in_root(workspace::target().join("release/examples/history"));
    history.arg(path).arg(days.to_string());
    for (number, recording) in recordings.iter().enumerate() {
        let database = folder.join(format!("{number}.db"));
        programs::import(&analyzer, recording, &database)?;
        history.arg(database);
    }
    command::run(&mut history)
}
