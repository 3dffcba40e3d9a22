//! A file of the kernel: kept open, read from its beginning again and again into the same buffer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// No file that we read is as long as this; garbage may be.
const LONGEST: usize = 8 << 20;

/// A file that is read often.
pub(crate) struct KernelFile {
    path: PathBuf,
    open: Option<File>,
    buffer: Vec<u8>,
}

impl KernelFile {
    pub(crate) fn new(path: PathBuf) -> KernelFile {
        KernelFile {
            path,
            open: None,
            buffer: vec![0; 16 << 10],
        }
    }

    /// Reads the whole of it. The kernel hands out at most a page at a time of most files: asking for more until it says that
    /// this was all is what "whole" means. After an error the file is opened anew the next time.
    ///
    /// # Errors
    /// What the system says; also for a file that is empty or endless, because no kernel file of ours ever is.
    pub(crate) fn read(&mut self) -> io::Result<&[u8]> {
        let read = self.fill();
        if read.is_err() {
            self.open = None;
        }
        read.map(|len| &self.buffer[..len])
    }

    fn fill(&mut self) -> io::Result<usize> {
        let file = match &mut self.open {
            Some(file) => file,
            closed => closed.insert(File::open(&self.path)?),
        };
        let mut len = 0;
        loop {
            if len == self.buffer.len() {
                if len >= LONGEST {
                    return Err(io::Error::other(format!("longer than {LONGEST} bytes")));
                }
                self.buffer.resize(2 * len, 0);
            }
            match file.read_at(&mut self.buffer[len..], len as u64) {
                Ok(0) if len == 0 => return Err(io::Error::other("empty")),
                Ok(0) => return Ok(len),
                Ok(more) => len += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
