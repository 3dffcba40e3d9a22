//! Other programs, whose output is read line by line while they run.

use super::{Error, Result};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

/// What is kept of a program's complaints.
const COMPLAINT_BYTES: u64 = 64 << 10;

/// The output of a program. When it ends and the program says that something went wrong, reading says so too.
struct Output {
    program: String,
    child: Child,
    stdout: ChildStdout,
    complaint: Option<JoinHandle<Vec<u8>>>,
}

/// Starts `program`, which reads `path`. `lacking`: what to say when it is not installed.
pub(super) fn run(program: &str, arguments: &[&str], path: &Path, lacking: &str) -> Result<Box<dyn BufRead>> {
    let spawned = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::whole(&path.display().to_string(), lacking),
        _ => Error::io(path, error),
    })?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::io(path, io::Error::other("no pipe")));
    };
    // Read beside, so that a program with much to complain about does not wait for us while we wait for it.
    let complaint = std::thread::spawn(move || {
        let mut text = Vec::new();
        let mut stderr = stderr;
        let _ = (&mut stderr).take(COMPLAINT_BYTES).read_to_end(&mut text);
        let _ = io::copy(&mut stderr, &mut io::sink());
        text
    });
    Ok(Box::new(BufReader::with_capacity(
        1 << 16,
        Output {
            program: program.to_owned(),
            child,
            stdout,
            complaint: Some(complaint),
        },
    )))
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stdout.read(buffer)?;
        if length > 0 || buffer.is_empty() {
            return Ok(length);
        }
        let status = self.child.wait()?;
        if status.success() {
            return Ok(0);
        }
        let said = self
            .complaint
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let said = said
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no reason given");
        Err(io::Error::other(format!("{}: {}", self.program, said.trim())))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // It may still be writing what nobody reads any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
