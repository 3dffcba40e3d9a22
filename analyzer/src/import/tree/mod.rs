//! Trees of files from one machine: a folder of snapshots, each with kernel files as they were; and what `sos report` gathers.
//!
//! ```text
//! snaps/2016-09-10T10:53:32/meminfo        a folder for each time, named by it, or with a file `timestamp` or `date` in it
//! snaps/2016-09-10T10:53:32/proc/vmstat
//! sosreport-node1/proc/meminfo             one time; beside it settings, devices, the kernel's log, and sar's history
//! sosreport-node1/var/log/sa/sar10
//! ```
//!
//! Of a tree only files with known names are opened, and none that a link leads out of it.

mod archive;
mod clock;
mod sos;

use super::averages::{Averages, Beside, Input, write};
use super::snapshots::{Found, memory_bytes};
use super::text::import_key;
use super::{Error, LogOptions, Outcome, Progress, Result};
use archive::Tree;
use model::{Template, UnixNanos};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use store::Writer;

pub(super) use archive::is_sos_archive;

/// Changes when the same content would be stored differently, so that it can be imported again.
const KEY_VERSION: u32 = 1;

/// Whether a folder holds what `sos report` gathers.
pub(super) fn is_sos_folder(path: &Path) -> bool {
    path.join("sos_commands").is_dir() || path.join("proc/meminfo").is_file()
}

/// Whether a folder is of snapshots: a folder in it has a time and kernel files.
pub(super) fn is_snapshots(path: &Path) -> bool {
    let Ok(tree) = Tree::open(path) else { return false };
    let Ok(times) = clock::snapshots(&tree, chrono_tz::UTC) else {
        return false;
    };
    !times.times.is_empty()
}

/// The kernel files at one place of a tree, and bytes read.
fn kernel_files(tree: &Tree, folder: &str, at: UnixNanos) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let names = sources::all()
        .iter()
        .map(|source| source.name)
        .chain(["slabinfo"]);
    for name in names {
        for path in [format!("{folder}proc/{name}"), format!("{folder}{name}")] {
            let Some(text) = tree.read(&path)? else { continue };
            if text.trim_ascii().is_empty() {
                continue;
            }
            let (template, values) = Template::parse(&text, None);
            if values.is_empty() || text.contains(&0) {
                return Err(Error::whole(
                    &tree.name(&path),
                    format!("it is not {name}: no number is in it, or NUL bytes"),
                ));
            }
            found.push(Found {
                at,
                source: name,
                template: Arc::new(template),
                values,
            });
            break;
        }
    }
    Ok(found)
}

/// Imports a folder of snapshots, of one machine: all of them or nothing.
///
/// # Errors
/// A folder that cannot be read or has no snapshot in it, a file that is not what its name says; or what the database says.
pub fn snapshots(
    path: &Path,
    options: &LogOptions,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let tree = Tree::open(path)?;
    let clock::Times { times, without } = clock::snapshots(&tree, options.tz)?;
    let mut averages = Averages::new(options.tz);
    averages.machine = options.machine.clone();
    if let Some(first) = without.first() {
        let reason = "its name is no time, and no file `timestamp` or `date` is in it";
        if options.strict {
            return Err(Error::whole(&tree.name(first), reason));
        }
        averages.notes.insert(format!(
            "{}: {reason}; {} such were left out",
            tree.name(first),
            without.len()
        ));
    }
    // Looked through once, so that nothing is written of a tree with a broken file in it.
    let mut digest = Sha256::new();
    let (mut memory, mut files) = (None, 0);
    let mut seen = Vec::new();
    for (at, folder) in &times {
        let found = kernel_files(&tree, folder, *at)?;
        files += found.len();
        digest.update(at.0.to_le_bytes());
        for found in &found {
            digest.update(found.source);
            digest.update(found.template.render(&found.values));
        }
        memory = memory.or_else(|| memory_bytes(&found));
        if !found.is_empty() {
            seen.push(*at);
        }
        progress(Progress {
            bytes: tree.bytes(),
            total_bytes: tree.bytes() * times.len() as u64 / (seen.len() as u64).max(1),
            ticks: seen.len() as u64,
        });
    }
    if seen.is_empty() {
        let reason = "no folder in it has both a time and kernel files";
        return Err(Error::whole(&path.display().to_string(), reason));
    }
    let mut steps: Vec<i64> = seen
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .filter(|step| *step > 0)
        .collect();
    steps.sort_unstable();
    averages.beat = Some(
        steps
            .get(steps.len().saturating_sub(1) / 2)
            .copied()
            .unwrap_or(1_000_000_000),
    );
    let input = Input {
        key: import_key(
            &format!("snapshots/{KEY_VERSION}"),
            &[digest.finalize().into()],
            &format!("{} {:?}", options.tz, options.machine),
        ),
        bytes: tree.bytes(),
        files,
    };
    let readings = times
        .iter()
        .flat_map(|(at, folder)| match kernel_files(&tree, folder, *at) {
            Ok(found) => found.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        });
    let beside = Beside {
        times: seen,
        readings: Some(Box::new(readings)),
        memory_bytes: memory,
        ..Beside::default()
    };
    write(&averages, beside, &input, writer, progress)
}

/// Imports what `sos report` gathered, from a folder or a `.tar.xz`, `.tar.gz` or `.tar`: all of it or nothing.
///
/// # Errors
/// As [`snapshots`]; a tree that does not say when it was made, unless [`LogOptions::at`] does.
pub fn sosreport(
    path: &Path,
    options: &LogOptions,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let tree = Tree::open(path)?;
    let sos::Report {
        averages,
        at,
        readings,
        facts,
        log,
        files,
    } = sos::read(&tree, options)?;
    let mut digest = Sha256::new();
    digest.update(tree.digest());
    let input = Input {
        key: import_key(
            &format!("sosreport/{KEY_VERSION}"),
            &[digest.finalize().into()],
            &format!("{:?} {} {:?}", options.at, options.tz, options.machine),
        ),
        bytes: tree.bytes(),
        files,
    };
    let memory = memory_bytes(&readings);
    let beside = Beside {
        times: vec![at],
        readings: Some(Box::new(readings.into_iter().map(Ok))),
        facts,
        log,
        memory_bytes: memory,
        ..Beside::default()
    };
    write(&averages, beside, &input, writer, progress)
}

#[cfg(test)]
mod tests;
