//! A recording of a real page-cache flood on Linux 6.18, as it was made, without the file that tells its cause.

use crate::archive;
use crate::workspace::recordings;
use anyhow::Result;
use std::collections::BTreeMap;

/// The recording's files, by their name in it.
pub(super) fn files() -> Result<BTreeMap<String, Vec<u8>>> {
    let files = archive::read(&recordings().join("stream_read.tar.xz"))?;
    Ok(files
        .into_iter()
        .filter_map(|(name, bytes)| Some((name.split_once('/')?.1.to_owned(), bytes)))
        .filter(|(name, _)| name != "truth.json")
        .collect())
}
