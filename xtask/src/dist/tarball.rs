//! Tar archives: the tarball, and the parts of a .deb. Everything in them is root's, and of one time.

use super::{About, NAME, contents::Contents};
use anyhow::{Context, Result};
use std::io::Write;
use std::path::Path;

/// The tree of the package in a folder of its own: `tar -C / --strip-components=1 -xf` installs it.
pub(super) fn write(path: &Path, contents: &Contents, about: &About, effort: u32) -> Result<()> {
    let folder = format!("{NAME}-{}-{}-linux/", about.version, about.machine);
    let mut tar = Tar::new(&folder, about.time);
    tar.folder("")?;
    tar.contents(contents)?;
    std::fs::write(path, xz(&tar.finish()?, effort)?).with_context(|| path.display().to_string())
}

/// Compresses, on one thread.
pub(super) fn xz(bytes: &[u8], effort: u32) -> Result<Vec<u8>> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), effort);
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// A tar archive all of whose paths begin alike.
pub(super) struct Tar<'a> {
    prefix: &'a str,
    time: u32,
    builder: tar::Builder<Vec<u8>>,
}

impl<'a> Tar<'a> {
    pub(super) fn new(prefix: &'a str, time: u32) -> Tar<'a> {
        Tar {
            prefix,
            time,
            builder: tar::Builder::new(Vec::new()),
        }
    }

    /// A folder; an empty path is the one that holds all.
    pub(super) fn folder(&mut self, path: &str) -> Result<()> {
        let mut header = self.header(0, 0o755);
        header.set_entry_type(tar::EntryType::Directory);
        let path = format!("{}{path}", self.prefix);
        let path = format!("{}/", path.trim_end_matches('/'));
        Ok(self.append(&mut header, &path, &[])?)
    }

    pub(super) fn file(&mut self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        let mut header = self.header(bytes.len() as u64, mode);
        let path = format!("{}{path}", self.prefix);
        Ok(self.append(&mut header, &path, bytes)?)
    }

    /// All folders and files of a package.
    pub(super) fn contents(&mut self, contents: &Contents) -> Result<()> {
        for folder in contents.folders() {
            self.folder(folder)?;
        }
        for (path, file) in &contents.0 {
            self.file(path, &file.bytes, file.mode)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Vec<u8>> {
        Ok(self.builder.into_inner()?)
    }

    fn header(&self, size: u64, mode: u32) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(self.time.into());
        header.set_uid(0);
        header.set_gid(0);
        header
    }

    /// `./` before a path, which dpkg wants, would be taken away by the crate's own way of setting it.
    fn append(&mut self, header: &mut tar::Header, path: &str, bytes: &[u8]) -> std::io::Result<()> {
        let name = &mut header.as_old_mut().name;
        match name.get_mut(..path.len()) {
            Some(place) if path.len() < 100 => {
                place.copy_from_slice(path.as_bytes());
                header.set_cksum();
                self.builder.append(header, bytes)
            }
            _ => self.builder.append_data(header, path, bytes),
        }
    }
}
