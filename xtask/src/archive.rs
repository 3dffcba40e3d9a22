//! `.tar.xz` files: read whole, and written so that the same files give the same bytes.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// All files of an archive by their path in it.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut archive = tar::Archive::new(liblzma::read::XzDecoder::new(file));
    let mut files = BTreeMap::new();
    for entry in archive.entries().with_context(|| path.display().to_string())? {
        let mut entry = entry.with_context(|| path.display().to_string())?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry
            .read_to_end(&mut bytes)
            .with_context(|| format!("{}: {name}", path.display()))?;
        files.insert(name, bytes);
    }
    Ok(files)
}

/// Files under a folder's name, as they lie in the archive.
pub(crate) fn prefixed(folder: &str, files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    files
        .iter()
        .map(|(name, bytes)| (format!("{folder}/{name}"), bytes.clone()))
        .collect()
}

/// Writes the archive and answers its size. No owner, no time, files in order, one thread of compression.
pub(crate) fn write(path: &Path, folder: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<u64> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in prefixed(folder, files) {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        tar.append_data(&mut header, &name, &bytes[..])
            .with_context(|| name)?;
    }
    let tar = tar.into_inner()?;
    // The extreme preset, with a dictionary that holds the longest log.
    let mut options = liblzma::stream::LzmaOptions::new_preset(9 | liblzma::stream::PRESET_EXTREME)?;
    options
        .dict_size(64 << 20)
        .literal_context_bits(3)
        .position_bits(0)
        .literal_position_bits(0);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc64)?;
    let mut packed = Vec::new();
    liblzma::read::XzEncoder::new_stream(&tar[..], stream).read_to_end(&mut packed)?;
    std::fs::write(path, &packed).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(packed.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let files = BTreeMap::from([("b/x".to_owned(), b"1".to_vec()), ("a".to_owned(), vec![7; 3000])]);
        let folder = std::env::temp_dir().join(format!("highwater-archive-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (one, two) = (folder.join("one"), folder.join("two"));
        write(&one, "r", &files).unwrap();
        write(&two, "r", &files).unwrap();
        assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
        assert_eq!(read(&one).unwrap(), prefixed("r", &files));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
