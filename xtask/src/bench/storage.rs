//! What a recorded number takes once compacted.

use super::line;
use crate::{programs, workspace};
use anyhow::{Context, Result};
use std::path::Path;

/// The recording that the target is set for.
const HELD_TO: &str = "stream_read";
/// Bytes a number. Plain deltas of each slot as varints under zstd need 0.13.
const TARGET: f64 = 0.10;

/// Imports each recording and answers a table of their sizes, and one of the sources of [`HELD_TO`].
pub(super) fn measure(analyzer: &Path, folder: &Path) -> Result<String> {
    let mut text = String::from("Storage: compacted blocks\n");
    let mut sources = String::new();
    text += &format!(
        "  {:<30} {:>7} {:>10} {:>10} {:>8} {:>9}\n",
        "recording", "ticks", "numbers", "bytes", "B/tick", "B/number"
    );
    for path in workspace::all_recordings() {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = name.trim_end_matches(".tar.xz");
        let database = folder.join(format!("{name}.db"));
        programs::import(analyzer, &path, &database)?;
        let sizes = store::Reader::open(&database)?.sizes()?;
        let ticks = sizes
            .iter()
            .map(|size| size.ticks)
            .max()
            .context("nothing was compacted")?;
        let numbers: u64 = sizes.iter().map(|size| size.numbers).sum();
        let bytes: u64 = sizes.iter().map(|size| size.blob_bytes).sum();
        let per_number = bytes as f64 / numbers as f64;
        text += &format!(
            "  {name:<30} {ticks:>7} {numbers:>10} {bytes:>10} {:>8.0} {per_number:>9.4}\n",
            bytes as f64 / ticks as f64
        );
        if name == HELD_TO || sources.is_empty() {
            sources = line(
                &format!("{name}, bytes a number"),
                format!("{per_number:.4}"),
                Some(("0.10 on stream_read", per_number <= TARGET)),
            );
            for size in &sizes {
                let each = size.blob_bytes as f64 / size.numbers as f64;
                sources += &line(&format!("  {}", size.source), format!("{each:.4}"), None);
            }
        }
    }
    Ok(text + &sources)
}
