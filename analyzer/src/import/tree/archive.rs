//! A tree in a folder, or in an archive that is unpacked into memory as far as its files are wanted.

use crate::import::text::open;
use crate::import::{Error, Result};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What one file may hold.
const FILE_BYTES: u64 = 256 << 20;

/// What all wanted files of an archive may hold, and what may come out of it altogether. A compressed bomb stops here.
const WANTED_BYTES: u64 = 1 << 30;
const ARCHIVE_BYTES: u64 = 32 << 30;

/// So many entries of an archive decide what it is.
const LOOKED_AT: usize = 2000;

/// Files by their path inside of the tree.
pub(super) struct Tree {
    path: PathBuf,
    place: Place,
    bytes: Cell<u64>,
    digest: RefCell<Sha256>,
}

enum Place {
    /// Its true path, which nothing that is opened lies outside of.
    Folder(PathBuf),
    Archive(BTreeMap<String, Vec<u8>>),
}

/// Whether a file inside of an archive is one that somebody asks for.
fn is_wanted(name: &str) -> bool {
    let folders = [
        "proc/",
        "sos_commands/kernel/",
        "sos_commands/block/",
        "sos_commands/logs/",
        "sos_commands/date/",
        "sos_commands/host/",
    ];
    let is_process = |name: &str| {
        name.strip_prefix("proc/")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    matches!(
        name,
        "date" | "hostname" | "uptime" | "timestamp" | "etc/hostname" | "version.txt"
    ) || name.starts_with("var/log/sa/")
        || name.starts_with("var/log/sysstat/")
        || name.starts_with("sos_commands/sar/")
        || folders.iter().any(|folder| name.starts_with(folder)) && !is_process(name)
}

/// `sosreport-node1-2026/proc/meminfo` → `proc/meminfo`.
fn inside(path: &str) -> &str {
    let path = path.trim_start_matches("./");
    path.split_once('/').map_or("", |(_, inside)| inside)
}

/// Whether an archive is one of `sos report`, by the names in its beginning.
pub(in crate::import) fn is_sos_archive(path: &Path) -> bool {
    let Ok(reader) = open(path) else { return false };
    let mut archive = tar::Archive::new(reader);
    let Ok(entries) = archive.entries() else {
        return false;
    };
    entries.take(LOOKED_AT).map_while(io::Result::ok).any(|entry| {
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = inside(&path);
        name.starts_with("sos_commands/")
            || name.starts_with("sos_logs/")
            || name.starts_with("sos_reports/")
            || name == "proc/meminfo"
    })
}

impl Tree {
    pub(super) fn open(path: &Path) -> Result<Tree> {
        let fail = |error| Error::io(path, error);
        let place = if std::fs::metadata(path).map_err(fail)?.is_dir() {
            Place::Folder(path.canonicalize().map_err(fail)?)
        } else {
            Place::Archive(unpack(path).map_err(fail)?)
        };
        Ok(Tree {
            path: path.to_owned(),
            place,
            bytes: Cell::new(0),
            digest: RefCell::new(Sha256::new()),
        })
    }

    /// A file as messages name it.
    pub(super) fn name(&self, file: &str) -> String {
        self.path.join(file).display().to_string()
    }

    /// The whole of a file; `None` when there is none, or it is none that may be opened.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let bytes = match &self.place {
            Place::Archive(files) => match files.get(name) {
                Some(bytes) => bytes.clone(),
                None => return Ok(None),
            },
            Place::Folder(_) => {
                let Some(path) = self.file(name) else {
                    return Ok(None);
                };
                let fail = |error| Error::io(&path, error);
                let mut bytes = Vec::new();
                let file = std::fs::File::open(&path).map_err(fail)?;
                file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
                if bytes.len() as u64 > FILE_BYTES {
                    return Err(Error::whole(&self.name(name), "more than 256 MiB"));
                }
                bytes
            }
        };
        self.bytes.set(self.bytes.get() + bytes.len() as u64);
        let mut digest = self.digest.borrow_mut();
        digest.update(name);
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(&bytes);
        Ok(Some(bytes))
    }

    /// A file's text; what is not UTF-8 in it comes as U+FFFD.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        Ok(self
            .read(name)?
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Where a file lies on the disk; `None`: in an archive, or nowhere, or outside of the tree.
    pub(super) fn file(&self, name: &str) -> Option<PathBuf> {
        let Place::Folder(root) = &self.place else {
            return None;
        };
        let path = root.join(name).canonicalize().ok()?;
        (path.starts_with(root) && path.is_file()).then_some(path)
    }

    /// Names of what lies in a folder of the tree (`""`: the root), in order.
    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = match &self.place {
            Place::Archive(files) => {
                let inside = files.keys().filter_map(|name| name.strip_prefix(folder));
                inside
                    .filter(|name| !name.contains('/'))
                    .map(str::to_owned)
                    .collect()
            }
            Place::Folder(root) => {
                let entries = std::fs::read_dir(root.join(folder));
                let names = entries.into_iter().flatten().flatten();
                names
                    .map(|entry| entry.file_name().to_string_lossy().into_owned())
                    .collect()
            }
        };
        names.sort();
        names
    }

    /// Bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Digest of all that was read.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.digest.borrow().clone().finalize().into()
    }
}

fn unpack(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let bad = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason);
    let mut archive = tar::Archive::new(open(path)?.take(ARCHIVE_BYTES));
    let mut files = BTreeMap::new();
    let mut left = WANTED_BYTES;
    let mut entries = 0;
    for entry in archive.entries()? {
        let mut entry = entry?;
        entries += 1;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = inside(&path);
        if !entry.header().entry_type().is_file() || !is_wanted(name) {
            continue;
        }
        let mut bytes = Vec::new();
        (&mut entry).take(left + 1).read_to_end(&mut bytes)?;
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| bad("more than 1 GiB is wanted of it; unpack it and import the folder"))?;
        files.insert(name.to_owned(), bytes);
    }
    if entries == 0 {
        return Err(bad("neither a folder nor an archive (.tar, .tar.gz, .tar.xz)"));
    }
    // What is cut off at the end is noticed by the check sum there.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(files)
}
