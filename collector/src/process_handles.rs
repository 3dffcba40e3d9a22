//! The files of a process, kept open as far as the limit on open files allows: reading one again costs a fraction of opening it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Files kept open at most. The kernel keeps a page for each, outside of what is counted as ours.
const MOST: usize = 4096;

/// Open files left to everybody else in this program: control groups have half a thousand.
const SPARE: usize = 640;

/// Files that are read often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Stat,
    SchedStat,
    Io,
    Status,
}

impl Kept {
    fn name(self) -> &'static str {
        match self {
            Kept::Stat => "stat",
            Kept::SchedStat => "schedstat",
            Kept::Io => "io",
            Kept::Status => "status",
        }
    }
}

/// The files that are open of one process.
#[derive(Debug, Default)]
pub(crate) struct Handles([Option<File>; 4]);

/// Reads files of processes.
pub(crate) struct ProcessReader {
    proc: PathBuf,
    open: usize,
    most: usize,
    buffer: Vec<u8>,
}

impl ProcessReader {
    pub(crate) fn new(proc: &Path) -> ProcessReader {
        ProcessReader {
            proc: proc.into(),
            open: 0,
            most: raised_limit().saturating_sub(SPARE).min(MOST),
            buffer: vec![0; 4096],
        }
    }

    /// Reads a file that is kept open if wanted, and says whether it was open already: if so, it is of the same process as before.
    /// Half of the room is for the cheapest file of everybody, which is read at every look.
    ///
    /// # Errors
    /// What the system says; an empty file is an error too, for it is what the kernel gives of somebody gone.
    pub(crate) fn kept(
        &mut self,
        handles: &mut Handles,
        pid: u32,
        which: Kept,
        keep: bool,
    ) -> io::Result<(bool, &[u8])> {
        let slot = &mut handles.0[which as usize];
        if let Some(file) = slot {
            match fill(&mut self.buffer, |rest, at| file.read_at(rest, at)) {
                Ok(len) if len > 0 => return Ok((true, &self.buffer[..len])),
                // It is of somebody who ended; another may have his number.
                _ => {
                    *slot = None;
                    self.open -= 1;
                }
            }
        }
        let file = File::open(self.proc.join(format!("{pid}/{}", which.name())))?;
        let len = fill(&mut self.buffer, |rest, at| file.read_at(rest, at))?;
        let most = if which == Kept::SchedStat {
            self.most
        } else {
            self.most / 2
        };
        if keep && self.open < most {
            *slot = Some(file);
            self.open += 1;
        }
        match len {
            0 => Err(io::ErrorKind::NotFound.into()),
            len => Ok((false, &self.buffer[..len])),
        }
    }

    /// Reads a file once.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn once(&mut self, pid: u32, name: &str) -> io::Result<&[u8]> {
        let mut file = File::open(self.proc.join(format!("{pid}/{name}")))?;
        let len = fill(&mut self.buffer, |rest, _| file.read(rest))?;
        Ok(&self.buffer[..len])
    }

    /// The numbers of a process's threads, in order.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn threads(&self, pid: u32) -> io::Result<Vec<u32>> {
        let entries = std::fs::read_dir(self.proc.join(format!("{pid}/task")))?.flatten();
        let mut threads: Vec<u32> = entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        threads.sort_unstable();
        Ok(threads)
    }

    /// Closes what is kept of a process but `keep`.
    pub(crate) fn close(&mut self, handles: &mut Handles, keep: Option<Kept>) {
        for (i, slot) in handles.0.iter_mut().enumerate() {
            if keep.is_none_or(|keep| keep as usize != i) && slot.take().is_some() {
                self.open -= 1;
            }
        }
    }
}

/// Reads until the end, or until it is more than any file of a process that we use.
pub(crate) fn fill(
    buffer: &mut Vec<u8>,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<usize> {
    const LONGEST: usize = 64 << 10;
    let mut len = 0;
    loop {
        match read(&mut buffer[len..], len as u64) {
            // These files are given whole where there is room for them.
            Ok(more) if len + more < buffer.len() => return Ok(len + more),
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if len >= LONGEST {
            return Ok(len);
        }
        buffer.resize(2 * len, 0);
    }
}

/// How many files this program may have open, after asking for as many as it is allowed to ask for.
fn raised_limit() -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is an rlimit to write to, and then one to read.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
            return 0;
        }
        let wanted = libc::rlimit {
            rlim_cur: limit
                .rlim_max
                .min((MOST + SPARE) as libc::rlim_t)
                .max(limit.rlim_cur),
            rlim_max: limit.rlim_max,
        };
        if libc::setrlimit(libc::RLIMIT_NOFILE, &wanted) == 0 {
            limit = wanted;
        }
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_somebody_else_is_not_taken_for_the_one_kept() {
        let proc = tempfile::TempDir::new().unwrap();
        let file = proc.path().join("7/stat");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "one").unwrap();
        let (mut reader, mut handles) = (ProcessReader::new(proc.path()), Handles::default());
        let mut read = |handles: &mut Handles| {
            let (same, text) = reader.kept(handles, 7, Kept::Stat, true)?;
            io::Result::Ok((same, String::from_utf8_lossy(text).into_owned()))
        };
        assert_eq!(read(&mut handles).unwrap(), (false, "one".to_string()));
        assert_eq!(read(&mut handles).unwrap(), (true, "one".to_string()));
        // As of a process that ended: the open file gives nothing, and another is there by that name.
        std::fs::write(&file, "").unwrap();
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, "two").unwrap();
        assert_eq!(read(&mut handles).unwrap(), (false, "two".to_string()));
        std::fs::write(&file, "").unwrap();
        assert!(read(&mut handles).is_err());
        reader.close(&mut handles, None);
        assert_eq!(reader.open, 0);
    }

    #[test]
    fn without_room_files_are_opened_each_time() {
        let mut reader = ProcessReader::new(Path::new("/proc"));
        reader.most = 0;
        let mut handles = Handles::default();
        for _ in 0..2 {
            let (same, text) = reader
                .kept(&mut handles, std::process::id(), Kept::Stat, true)
                .unwrap();
            assert!(!same && text.starts_with(std::process::id().to_string().as_bytes()));
        }
    }

    #[test]
    fn long_files_are_read_whole_up_to_a_limit() {
        let text: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        let mut buffer = vec![0; 16];
        let mut from = &text[..9000];
        let len = fill(&mut buffer, |rest, _| from.read(rest)).unwrap();
        assert_eq!((len, &buffer[..len]), (9000, &text[..9000]));
        let mut from = &text[..];
        assert_eq!(fill(&mut buffer, |rest, _| from.read(rest)).unwrap(), 64 << 10);
    }
}
