//! The files of a recording, in a folder or in a `.tar.xz`.
//!
//! An archive is unpacked into memory, never to the disk, so that no name in it can point anywhere; it may hold
//! [`ARCHIVE_BYTES`] at most. A folder is streamed and may be of any size.

use super::{Error, Result};
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an archive may hold, uncompressed. A compressed bomb stops here instead of taking the machine's memory.
const ARCHIVE_BYTES: u64 = 1 << 30;
/// What the decoder itself may take; `xz -9` needs 65 MiB.
const DECODER_BYTES: u64 = 256 << 20;

/// Files by their name inside the recording: `node.json`, `proc/vmstat.log`.
pub(super) struct Files {
    /// What the user named.
    path: PathBuf,
    /// Name and content; `None`: in the folder `path`.
    contents: BTreeMap<String, Option<Arc<[u8]>>>,
}

/// Whether a file is part of what is imported. `truth.json` is not: an analyzer that knew it would be no analyzer.
fn belongs(name: &str) -> bool {
    matches!(
        name,
        "node.json" | "sysctl.txt" | "sysctl-changes.txt" | "block.json"
    ) || name
        .strip_prefix("proc/")
        .is_some_and(|log| log.ends_with(".log") && !log.contains('/'))
}

impl Files {
    pub(super) fn open(path: &Path) -> Result<Files> {
        let fail = |error| Error::io(path, error);
        let contents = if std::fs::metadata(path).map_err(fail)?.is_dir() {
            folder(path).map_err(fail)?
        } else {
            archive(File::open(path).map_err(fail)?).map_err(fail)?
        };
        Ok(Files {
            path: path.into(),
            contents,
        })
    }

    /// In order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.contents.keys().map(String::as_str)
    }

    /// `None`: there is no such file.
    pub(super) fn read(&self, name: &str) -> Result<Option<Box<dyn BufRead>>> {
        Ok(match self.contents.get(name) {
            None => None,
            Some(Some(bytes)) => Some(Box::new(Cursor::new(bytes.clone()))),
            Some(None) => {
                let path = self.path.join(name);
                let file = File::open(&path).map_err(|error| Error::io(&path, error))?;
                Some(Box::new(BufReader::with_capacity(1 << 16, file)))
            }
        })
    }

    /// The whole of a small file; `None` when there is none.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(reader) = self.read(name)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        const LARGEST: u64 = 64 << 20;
        reader
            .take(LARGEST)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::io(&self.path.join(name), error))?;
        String::from_utf8(bytes).map(Some).map_err(|error| {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
                .iter()
                .filter(|&&b| b == b'\n')
                .count();
            Error::at(name, line as u64 + 1, "not UTF-8 text")
        })
    }

    /// Digest over all names and contents, and the bytes in them. The same for a folder and for an archive of it.
    pub(super) fn digest(&self) -> Result<(String, u64)> {
        let mut hasher = Sha256::new();
        let mut total = 0u64;
        for name in self.contents.keys() {
            let Some(mut reader) = self.read(name)? else {
                continue;
            };
            hasher.update(name.as_bytes());
            hasher.update([0]);
            let mut length = 0u64;
            loop {
                let chunk = reader
                    .fill_buf()
                    .map_err(|error| Error::io(&self.path.join(name), error))?;
                if chunk.is_empty() {
                    break;
                }
                hasher.update(chunk);
                let used = chunk.len();
                reader.consume(used);
                length += used as u64;
            }
            hasher.update(length.to_le_bytes());
            total += length;
        }
        let hex: String = hasher
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok((format!("sha256:{hex}"), total))
    }
}

fn folder(root: &Path) -> io::Result<BTreeMap<String, Option<Arc<[u8]>>>> {
    let mut names = BTreeMap::new();
    for (folder, prefix) in [(root.to_path_buf(), ""), (root.join("proc"), "proc/")] {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if belongs(&name) && entry.path().is_file() {
                names.insert(name, None);
            }
        }
    }
    Ok(names)
}

fn archive(file: File) -> io::Result<BTreeMap<String, Option<Arc<[u8]>>>> {
    let bad = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason);
    let too_much = || bad("more than 1 GiB when uncompressed; unpack it and import the folder");
    let mut file = BufReader::new(file);
    if !file.fill_buf()?.starts_with(b"\xfd7zXZ\0") {
        return Err(bad("neither a folder nor a .tar.xz archive"));
    }
    let decoder = XzDecoder::new_stream(file, Stream::new_stream_decoder(DECODER_BYTES, CONCATENATED)?);
    let mut archive = tar::Archive::new(decoder);
    let mut contents = BTreeMap::new();
    let mut root: Option<String> = None;
    let mut left = ARCHIVE_BYTES;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes())
            .trim_start_matches("./")
            .to_owned();
        if !entry.header().entry_type().is_file() {
            continue;
        }
        // `quiet/proc/vmstat.log`: folder `quiet/`, name `proc/vmstat.log`.
        let file_at = path.rfind('/').map_or(0, |slash| slash + 1);
        let folder = &path[..file_at];
        let folder = if folder == "proc/" || folder.ends_with("/proc/") {
            &folder[..folder.len() - "proc/".len()]
        } else {
            folder
        };
        let name = &path[folder.len()..];
        if !belongs(name) {
            continue;
        }
        if root.get_or_insert_with(|| folder.to_owned()) != folder {
            return Err(bad(
                "more than one recording is in this archive; unpack it and import each folder",
            ));
        }
        let mut bytes = Vec::new();
        (&mut entry).take(left + 1).read_to_end(&mut bytes)?;
        left = left.checked_sub(bytes.len() as u64).ok_or_else(too_much)?;
        contents.insert(name.to_owned(), Some(bytes.into()));
    }
    // The check sum stands at the very end, behind the last file.
    let rest = io::copy(&mut archive.into_inner().take(left + 1), &mut io::sink())?;
    if rest > left {
        return Err(too_much());
    }
    Ok(contents)
}
