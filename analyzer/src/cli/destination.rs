//! Where an answer goes: standard output, or a file that appears when it is whole.

use super::Failure;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Writes to `path`, or to standard output when there is none.
pub(super) fn write<E>(
    path: Option<&Path>,
    is_binary: bool,
    work: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), E>,
) -> Result<(), Failure>
where
    Failure: From<E>,
{
    let Some(path) = path else {
        if is_binary && io::stdout().is_terminal() {
            return Err(Failure::Usage(
                "a terminal cannot show this format: give --out FILE".into(),
            ));
        }
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout());
        work(&mut out)?;
        return Ok(out.flush()?);
    };
    let named = |error: io::Error| {
        Failure::Output(io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        ))
    };
    let part = part_of(path);
    let mut out = BufWriter::with_capacity(1 << 16, File::create(&part).map_err(named)?);
    let done = work(&mut out).map_err(Failure::from);
    let done = done.and_then(|()| out.flush().map_err(named));
    drop(out);
    if part == path {
        return done;
    }
    let done = done.and_then(|()| std::fs::rename(&part, path).map_err(named));
    if done.is_err() {
        // Half a file is worse than none.
        let _ = std::fs::remove_file(&part);
    }
    done
}

/// Beside the file, so that it can take its place in one step. What is no plain file (`/dev/stdout`, a pipe) is written itself.
fn part_of(path: &Path) -> PathBuf {
    if path.exists() && !path.is_file() {
        return path.into();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}
