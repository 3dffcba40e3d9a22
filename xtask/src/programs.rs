//! What measurements run: programs as users install them, on databases of their own.

use crate::{command, workspace};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Builds programs with the profile `release` and answers the folder in which they lie.
pub(crate) fn build_release(programs: &[&str]) -> Result<PathBuf> {
    build(programs, &[])
}

/// The same without `analyzer sql`, whose libraries take minutes to compile: where `analyzer` only has to import something.
pub(crate) fn build_slim(programs: &[&str]) -> Result<PathBuf> {
    build(programs, &["--no-default-features"])
}

fn build(programs: &[&str], more: &[&str]) -> Result<PathBuf> {
    let mut cargo = command::cargo();
    cargo.args(["build", "--release"]).args(more);
    for program in programs {
        cargo.args(["--package", program]);
    }
    command::run(&mut cargo)?;
    Ok(workspace::target().join("release"))
}

/// A folder below target/highwater that exists and is empty.
pub(crate) fn empty_folder(name: &str) -> Result<PathBuf> {
    let folder = workspace::target().join("highwater").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Imports a recording into a database that need not exist yet, without a word when it works.
pub(crate) fn import(analyzer: &Path, recording: &Path, database: &Path) -> Result<()> {
    let mut import = command::in_root(analyzer);
    import
        .args(["import", "recording"])
        .arg(recording)
        .arg("--db")
        .arg(database);
    command::output(&mut import).map(drop)
}
