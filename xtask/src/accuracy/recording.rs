//! A recording with its truth, and what the analyzer says of it without the truth.

use crate::{archive, command};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files by name (`proc/vmstat.log`), the truth apart.
pub(super) struct Recording {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) truth: Value,
}

/// All recordings at these paths: each itself, or those that lie in a folder. In order of their names.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let is_recording = |path: &Path| {
        path.join("node.json").is_file() || path.to_string_lossy().ends_with(".tar.xz") && path.is_file()
    };
    let mut found = Vec::new();
    for path in paths {
        if is_recording(path) {
            found.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut inside: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_recording(path))
            .collect();
        inside.sort();
        found.extend(inside);
    }
    Ok(found)
}

impl Recording {
    /// Reads all of it.
    pub(super) fn read(path: &Path) -> Result<Recording> {
        let mut files = if path.is_dir() {
            read_folder(path)?
        } else {
            without_folder(archive::read(path)?)
        };
        let Some(truth) = files.remove("truth.json") else {
            bail!("{}: no truth.json, so nothing to score against", path.display());
        };
        let truth =
            serde_json::from_slice(&truth).with_context(|| format!("{}: truth.json", path.display()))?;
        Ok(Recording { files, truth })
    }

    /// A file's text; empty when it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.files
            .get(name)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    /// Imports it into a fresh database and explains its whole span.
    pub(super) fn explain(&self, analyzer: &Path) -> Result<Value> {
        let folder = Scratch::new()?;
        let blind = folder.0.join("recording");
        for (name, bytes) in &self.files {
            let file = blind.join(name);
            std::fs::create_dir_all(file.parent().unwrap_or(&blind))?;
            std::fs::write(file, bytes)?;
        }
        let db = folder.0.join("x.db");
        let ask = |arguments: &[&str]| {
            let mut program = command::in_root(analyzer);
            program.args(arguments).arg("--db").arg(&db);
            command::output(&mut program)
        };
        ask(&["import", "recording", &blind.to_string_lossy()])?;
        let stamps: Vec<f64> = self
            .text("proc/meminfo.log")
            .lines()
            .filter_map(|line| line.strip_prefix("@ ")?.parse().ok())
            .collect();
        let [first, .., last] = stamps[..] else {
            bail!("fewer than two readings of meminfo")
        };
        let (from, to) = (format!("@{first:.3}"), format!("@{:.3}", last + 0.001));
        let document = ask(&["explain", "--from", &from, "--to", &to, "--json"])?;
        serde_json::from_str(&document).context("what `analyzer explain --json` prints")
    }
}

/// Every file below a folder, by its path there.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for part in ["", "proc"] {
        for entry in std::fs::read_dir(folder.join(part))?
            .flatten()
            .filter(|entry| entry.path().is_file())
        {
            let name = Path::new(part)
                .join(entry.file_name())
                .to_string_lossy()
                .into_owned();
            files.insert(name, std::fs::read(entry.path())?);
        }
    }
    Ok(files)
}

/// An archive holds one folder; its name is of no interest.
fn without_folder(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    files
        .into_iter()
        .filter_map(|(name, bytes)| Some((name.split_once('/')?.1.to_owned(), bytes)))
        .collect()
}

/// A folder for one recording, gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch> {
        let folder = std::env::temp_dir().join(format!("highwater-accuracy-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
