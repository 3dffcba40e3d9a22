//! The ways in: sar's text, sadf's JSON, and sar's own binary files by way of the sadf that is installed.

use super::write::{Beside, Input, write};
use super::{Averages, Options, sadf, sar};
use crate::import::text::{Lines, import_key};
use crate::import::{Error, Outcome, Place, Progress, Result};
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use store::Writer;

/// Changes when the same content would be stored differently, so that it can be imported again.
const KEY_VERSION: u32 = 2;

/// JSON is read as a whole; a month of samples a minute is a fifth of this.
const SADF_BYTES: u64 = 512 << 20;

/// Imports what `sar` printed, of one machine, from any number of files: all of it or nothing. Tables of the same times
/// (`sar -u`, `sar -B`, `sar -d` …) become ticks together, so they are best imported together.
///
/// # Errors
/// A file that cannot be read, text that is not sar's at all, with [`Options::strict`] the first line that is not
/// understood; or what the database says.
pub fn sar_text(
    paths: &[impl AsRef<Path>],
    options: &Options,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let read = |path: &Path, averages: &mut Averages, seen: Seen| {
        let mut lines = Lines::open(path)?;
        sar::read(&mut lines, options, averages, seen)?;
        Ok(lines)
    };
    import("sar", paths, options, &read, writer, progress)
}

/// Imports what `sadf -j` printed, likewise.
///
/// # Errors
/// As [`sar_text`].
pub fn sadf_json(
    paths: &[impl AsRef<Path>],
    options: &Options,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let read = |path: &Path, averages: &mut Averages, _: Seen| json(Lines::open(path)?, options, averages);
    import("sadf", paths, options, &read, writer, progress)
}

/// Imports the files that sar's collector writes (`/var/log/sysstat/sa10`), which the installed `sadf` reads.
///
/// # Errors
/// As [`sar_text`]; no `sadf`, or what it says.
pub fn sa_files(
    paths: &[impl AsRef<Path>],
    options: &Options,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let read = |path: &Path, averages: &mut Averages, _: Seen| read_sa(path, options, averages);
    import("sa", paths, options, &read, writer, progress)
}

/// Reads one such file into `averages`.
pub(in crate::import) fn read_sa(path: &Path, options: &Options, averages: &mut Averages) -> Result<Lines> {
    json(run_sadf(path)?, options, averages)
}

fn json(mut lines: Lines, options: &Options, averages: &mut Averages) -> Result<Lines> {
    let text = lines.rest(SADF_BYTES)?;
    sadf::read(&lines.file, &text, options, averages)?;
    Ok(lines)
}

fn run_sadf(path: &Path) -> Result<Lines> {
    let fail = |error| Error::io(path, error);
    // Made absolute, so that no name is taken for an option.
    let absolute = std::path::absolute(path).map_err(fail)?;
    let spawned = Command::new("sadf")
        .arg("-j")
        .arg(&absolute)
        .args(["--", "-A"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let reason = "sar's binary files are read by sysstat's sadf, which is not installed; \
                          print them with `sadf -j` or `sar -A` where it is";
            Error::whole(&path.display().to_string(), reason)
        }
        _ => fail(error),
    })?;
    let mut text = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(SADF_BYTES + 1).read_to_end(&mut text).map_err(fail)?;
    }
    // Its output was read to the end or to the limit, so that it cannot wait for us.
    let output = child.wait_with_output().map_err(fail)?;
    if !output.status.success() && text.len() as u64 <= SADF_BYTES {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().unwrap_or("no reason given").to_owned();
        return Err(Error::whole(&path.display().to_string(), format!("sadf: {said}")));
    }
    Ok(Lines::new(
        &path.display().to_string(),
        Box::new(Cursor::new(text)),
    ))
}

/// Told how many bytes of the file were read.
type Seen<'a> = &'a mut dyn FnMut(u64);

type ReadOne<'a> = &'a dyn Fn(&Path, &mut Averages, Seen) -> Result<Lines>;

fn import(
    kind: &str,
    paths: &[impl AsRef<Path>],
    options: &Options,
    read: ReadOne,
    writer: &mut Writer,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let mut averages = Averages {
        tz: options.tz,
        ..Averages::default()
    };
    let mut digests = Vec::new();
    let mut bytes = 0;
    // Of compressed files more comes out than lies there.
    let there: u64 = paths
        .iter()
        .filter_map(|path| path.as_ref().metadata().ok())
        .map(|metadata| metadata.len())
        .sum();
    for path in paths {
        let lines = read(path.as_ref(), &mut averages, &mut |seen| {
            progress(Progress {
                bytes: bytes + seen,
                total_bytes: there.max(bytes + seen),
                ticks: 0,
            });
        })?;
        bytes += lines.bytes;
        digests.push(lines.digest());
    }
    if averages.is_empty() {
        let names: Vec<_> = paths
            .iter()
            .map(|path| path.as_ref().display().to_string())
            .collect();
        let nothing = || {
            (
                Place {
                    file: names.join(", "),
                    line: None,
                },
                "no row of a table that is understood".to_owned(),
            )
        };
        let (place, reason) = averages.first_broken().unwrap_or_else(nothing);
        return Err(Error::Input { place, reason });
    }
    averages.machine = averages.machine.or(&options.machine);
    // The same text under another date or zone is other data.
    let kind = format!("{kind}/{KEY_VERSION}");
    let key = import_key(
        &kind,
        &digests,
        &format!("{:?} {} {:?}", options.date, options.tz, options.machine),
    );
    let input = Input {
        key,
        bytes,
        files: paths.len(),
    };
    write(&averages, Beside::default(), &input, writer, progress)
}
