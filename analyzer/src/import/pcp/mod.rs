//! Archives of Performance Co-Pilot, which the installed `pmrep` prints, value for value as they were logged.
//!
//! PCP's Linux agent keeps the kernel's own counters, under names of its own: `mem.vmstat.pgpgin` is the line `pgpgin` of /proc/vmstat. So
//! they become readings again: those of vmstat and meminfo as the lines of these files, the others as counters.

mod kernel_files;
mod names;
mod records;
mod tables;

use super::averages::{Averages, Beside, Input, write};
use super::snapshots::Found;
use super::text::{digest, import_key};
use super::{Error, LogOptions, Outcome, Progress, Result};
use kernel_files::KernelFiles;
use model::{Nanos, UnixNanos};
use names::{ALSO, FILES, TABLES};
use records::Records;
use std::path::{Path, PathBuf};
use store::Writer;

/// Changes when the same content would be stored differently, so that it can be imported again.
const KEY_VERSION: u32 = 1;

/// The archive that a file belongs to: `20160910.index`, `.meta` and `.0` are one.
pub(super) fn archive(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".xz").unwrap_or(name);
    let (base, end) = name.rsplit_once('.')?;
    let is_part =
        matches!(end, "index" | "meta") || !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit());
    let base = path.with_file_name(base);
    let meta = PathBuf::from(format!("{}.meta", base.display()));
    (is_part && (meta.exists() || meta.with_extension("meta.xz").exists())).then_some(base)
}

/// Imports archives of PCP, of one machine, each named by any of its files: all of it or nothing.
///
/// # Errors
/// A file that is no part of an archive, no `pmrep`, or what it says; or what the database says.
pub fn import(
    paths: &[impl AsRef<Path>],
    options: &LogOptions,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let mut bases = Vec::new();
    for path in paths {
        let path = path.as_ref();
        let base = archive(path).ok_or_else(|| {
            Error::whole(
                &path.display().to_string(),
                "not a part of an archive of PCP, which has a .meta, an .index and a .0",
            )
        })?;
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    let mut archives = Archives::new(options);
    for base in bases {
        for part in parts(&base)? {
            let (digest, length) = digest(&part)?;
            archives.digests.push(digest);
            archives.bytes += length;
            archives.files += 1;
        }
        let metrics: Vec<&str> = TABLES.iter().chain(&ALSO).chain(&FILES).copied().collect();
        let records = Records::open(&base, &metrics)?;
        archives.look(records, Box::new(move || Records::open(&base, &FILES)))?;
        progress(Progress {
            bytes: archives.bytes,
            total_bytes: archives.bytes,
            ticks: archives.times.len() as u64,
        });
    }
    archives.write(options, writer, progress)
}

/// The same of what `pmrep` printed, for those who have no archives: fuzzers.
///
/// # Errors
/// As [`import`].
#[cfg(fuzzing)]
pub fn printed(
    text: &[u8],
    options: &LogOptions,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let records = |text: Vec<u8>| {
        Records::read(super::text::Lines::new(
            "pmrep",
            Box::new(std::io::Cursor::new(text)),
        ))
    };
    let mut archives = Archives::new(options);
    let mut key = [0; 32];
    key[..4].copy_from_slice(&crc32fast::hash(text).to_le_bytes());
    archives.digests.push(key);
    let again = text.to_vec();
    archives.look(records(text.to_vec())?, Box::new(move || records(again)))?;
    archives.write(options, writer, progress)
}

/// Reads an archive once more, for the kernel files in it.
type Again = Box<dyn FnOnce() -> Result<Records>>;

/// What was found in archives.
struct Archives {
    averages: Averages,
    times: Vec<UnixNanos>,
    /// Each by its first record.
    again: Vec<(UnixNanos, Again)>,
    digests: Vec<[u8; 32]>,
    bytes: u64,
    files: usize,
}

impl Archives {
    fn new(options: &LogOptions) -> Archives {
        Archives {
            averages: Averages::new(options.tz),
            times: Vec::new(),
            again: Vec::new(),
            digests: Vec::new(),
            bytes: 0,
            files: 0,
        }
    }

    fn look(&mut self, records: Records, again: Again) -> Result<()> {
        let seen = tables::read(records, &mut self.averages)?;
        self.again.extend(seen.first().map(|first| (*first, again)));
        self.times.extend(seen);
        Ok(())
    }

    fn write(
        mut self,
        options: &LogOptions,
        writer: &mut Writer,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Outcome> {
        self.again.sort_by_key(|(first, _)| *first);
        self.times.sort_unstable();
        self.times.dedup();
        let averages = &mut self.averages;
        averages.beat = Some(beat(&self.times));
        averages.machine = options.machine.or(&averages.machine);
        averages
            .notes
            .insert("processes (proc.*) are not read from archives of PCP".to_owned());
        let input = Input {
            key: import_key(
                &format!("pcp/{KEY_VERSION}"),
                &self.digests,
                &format!("{} {:?}", options.tz, options.machine),
            ),
            bytes: self.bytes,
            files: self.files,
        };
        let readings = self.again.into_iter().flat_map(|(_, again)| match again() {
            Ok(records) => Box::new(KernelFiles::new(records)) as Box<dyn Iterator<Item = Result<Found>>>,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        let beside = Beside {
            times: self.times,
            readings: Some(Box::new(readings)),
            ..Beside::default()
        };
        write(&self.averages, beside, &input, writer, progress)
    }
}

/// The usual time between records, to a hundredth of a second.
fn beat(times: &[UnixNanos]) -> Nanos {
    const HUNDREDTH: Nanos = 10_000_000;
    let mut steps: Vec<Nanos> = times.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(100 * HUNDREDTH);
    ((usual.saturating_add(HUNDREDTH / 2)) / HUNDREDTH * HUNDREDTH).max(HUNDREDTH)
}

fn parts(base: &Path) -> Result<Vec<PathBuf>> {
    let folder = base
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        if archive(&path).is_some_and(|other| other.file_name() == base.file_name()) {
            parts.push(path);
        }
    }
    parts.sort();
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_names_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("2016.09.meta"), "").unwrap();
        for part in ["2016.09.meta", "2016.09.index", "2016.09.0", "2016.09.0.xz"] {
            assert_eq!(
                archive(&folder.path().join(part)),
                Some(folder.path().join("2016.09")),
                "{part}"
            );
        }
        assert_eq!(archive(&folder.path().join("2017.meta")), None);
        assert_eq!(archive(&folder.path().join("x.log")), None);
    }
}
