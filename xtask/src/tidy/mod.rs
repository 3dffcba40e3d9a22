//! `cargo xtask tidy`: what no compiler checks. Each finding is one line, `file:line: what is wrong`.

mod arrows;
mod files;
mod licence;

use crate::command;
use crate::workspace::root;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// A text file of the tree.
struct File {
    /// Relative to the root, with slashes.
    path: String,
    text: String,
}

/// Runs all checks; fails with the number of findings after printing each.
pub(crate) fn run() -> Result<()> {
    let files = files_of_the_tree()?;
    let mut findings = files::check(&files, &files::forbidden_paths(&root()));
    findings.extend(licence::check(&files));
    findings.extend(arrows::check(&files)?);
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} things to tidy", findings.len());
    }
    println!("{} files are tidy", files.len());
    Ok(())
}

/// All text files that are committed or could be: what git tracks, and what it does not know yet and does not ignore.
fn files_of_the_tree() -> Result<Vec<File>> {
    let names = command::output(command::in_root("git").args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let mut files = Vec::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        let path: PathBuf = root().join(name);
        // A tracked file may be gone from the folder, and a link to a folder is no text.
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {name}"))?;
        if let Ok(text) = String::from_utf8(bytes)
            && !text.contains('\0')
        {
            files.push(File {
                path: name.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}
