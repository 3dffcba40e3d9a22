//! What a file is, told by what is in it; and the files that lie in a folder.

use super::text::Lines;
use super::tree;
use super::{Error, Result};
use super::{atop, oswatcher, pcp};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A format that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// node.json and proc/*.log, in a folder or a .tar.xz.
    Recording,
    /// What sar printed.
    Sar,
    /// What `sadf -j` printed.
    Sadf,
    /// The binary files that sar's collector writes.
    Sa,
    /// Kernel files with times before or between them.
    ProcLog,
    /// An archive of Oracle OSWatcher.
    Oswatcher,
    /// atop's raw logs, or what `atop -P` printed.
    Atop,
    /// Archives of Performance Co-Pilot.
    Pcp,
    /// A folder of folders, each with a time and kernel files.
    Snapshots,
    /// What `sos report` gathers, in a folder or an archive.
    Sosreport,
}

impl Format {
    /// As `analyzer import` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Recording => "recording",
            Format::Sar => "sar",
            Format::Sadf => "sadf",
            Format::Sa => "sa",
            Format::ProcLog => "proc-log",
            Format::Oswatcher => "oswatcher",
            Format::Atop => "atop",
            Format::Pcp => "pcp",
            Format::Snapshots => "snapshots",
            Format::Sosreport => "sosreport",
        }
    }
}

/// How sysstat's files begin, on machines of either byte order.
const SA_MAGIC: [[u8; 2]; 2] = [[0x96, 0xd5], [0xd5, 0x96]];

fn starts_with(path: &Path, magics: &[[u8; 2]]) -> std::io::Result<bool> {
    let mut start = Vec::new();
    std::fs::File::open(path)?.take(2).read_to_end(&mut start)?;
    Ok(magics.iter().any(|magic| start == magic))
}

/// So many lines decide.
const LOOKED_AT: usize = 20;

/// The one format of all of these.
///
/// # Errors
/// What cannot be read; a file that is of no format that is known; two that are of different ones.
pub fn detect(paths: &[impl AsRef<Path>]) -> Result<Format> {
    let mut found: Option<(Format, &Path)> = None;
    for path in paths {
        let path = path.as_ref();
        let format = detect_one(path)?;
        match found {
            Some((other, first)) if other != format => {
                let reason = format!(
                    "it looks like {}, and {} like {}: import each kind by itself",
                    format.name(),
                    first.display(),
                    other.name()
                );
                return Err(Error::whole(&path.display().to_string(), reason));
            }
            _ => found = Some((format, path)),
        }
    }
    found
        .map(|(format, _)| format)
        .ok_or_else(|| Error::whole("import", "no file is named"))
}

fn detect_one(path: &Path) -> Result<Format> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::io(path, error))?;
    if oswatcher::is_named_so(path) {
        return Ok(Format::Oswatcher);
    }
    if metadata.is_dir() {
        return Ok(if path.join("node.json").exists() {
            Format::Recording
        } else if tree::is_sos_folder(path) {
            Format::Sosreport
        } else if tree::is_snapshots(path) {
            Format::Snapshots
        } else {
            Format::ProcLog
        });
    }
    let name = path.to_string_lossy();
    if [".tar", ".tar.gz", ".tgz", ".tar.xz"]
        .iter()
        .any(|end| name.ends_with(end))
        && tree::is_sos_archive(path)
    {
        return Ok(Format::Sosreport);
    }
    if name.ends_with(".tar.xz") {
        return Ok(Format::Recording);
    }
    if starts_with(path, &SA_MAGIC).map_err(|error| Error::io(path, error))? {
        return Ok(Format::Sa);
    }
    if pcp::archive(path).is_some() {
        return Ok(Format::Pcp);
    }
    if atop::is_raw(path) {
        return Ok(Format::Atop);
    }
    let mut lines = Lines::open(path)?;
    for _ in 0..LOOKED_AT {
        let Some(line) = lines.next()? else { break };
        let line = line.trim();
        if atop::is_printed(line) {
            return Ok(Format::Atop);
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_clock = |word: &str| word.len() == 8 && word.bytes().filter(|&b| b == b':').count() == 2;
        match words.first() {
            Some(&word) if word.starts_with('{') => return Ok(Format::Sadf),
            Some(&"Linux") => return Ok(Format::Sar),
            Some(&word) if is_clock(word) => return Ok(Format::Sar),
            Some(&word) if word == "zzz" || word.starts_with('@') => return Ok(Format::ProcLog),
            Some(&word) if word.len() >= 10 && word.as_bytes()[4] == b'-' => return Ok(Format::ProcLog),
            // `date` on a line of its own.
            Some(&word) if ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&word) => {
                return Ok(Format::ProcLog);
            }
            _ => {}
        }
    }
    let reason = "neither a recording, nor sar's text, nor sadf's JSON, nor a log of kernel files with times";
    Err(Error::whole(&path.display().to_string(), reason))
}

/// The files that are meant: themselves, and all that lie in folders, in order of name.
pub(super) fn files(paths: &[impl AsRef<Path>]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut waiting: Vec<PathBuf> = paths
        .iter()
        .rev()
        .map(|path| path.as_ref().to_path_buf())
        .collect();
    while let Some(path) = waiting.pop() {
        // A link inside a folder could lead in circles.
        let is_link = path.is_symlink() && !paths.iter().any(|named| named.as_ref() == path);
        if is_link {
            continue;
        }
        let metadata = std::fs::metadata(&path).map_err(|error| Error::io(&path, error))?;
        if !metadata.is_dir() {
            // A pipe or a device would never end.
            if metadata.is_file() {
                files.push(path);
            }
            continue;
        }
        let entries = std::fs::read_dir(&path).map_err(|error| Error::io(&path, error))?;
        let mut inside = Vec::new();
        for entry in entries {
            inside.push(entry.map_err(|error| Error::io(&path, error))?.path());
        }
        inside.sort();
        waiting.extend(inside.into_iter().rev());
    }
    Ok(files)
}
