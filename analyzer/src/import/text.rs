//! Text files of other tools: opened whether compressed or not, read line by line within bounds, digested on the way.

use super::{Error, Result};
use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// A longer line is no line of the tools that we read; command lines in what ps prints are the longest.
const LINE_BYTES: u64 = 4 << 20;

/// What may come out of one file. A compressed bomb stops here.
const FILE_BYTES: u64 = 4 << 30;

/// What the xz decoder may take.
const DECODER_BYTES: u64 = 256 << 20;

/// A file, line by line.
pub(super) struct Lines {
    /// As it is named in messages.
    pub(super) file: String,
    /// Number of the last line, from 1.
    pub(super) line: u64,
    /// Bytes so far, uncompressed.
    pub(super) bytes: u64,
    reader: Box<dyn BufRead>,
    digest: Sha256,
    buffer: Vec<u8>,
    /// The last line, where it was not UTF-8.
    repaired: String,
}

impl Lines {
    /// Opens a file: plain, `.gz` or `.xz`, told by what is in it.
    pub(super) fn open(path: &Path) -> Result<Lines> {
        let reader = open(path).map_err(|error| Error::io(path, error))?;
        Ok(Lines::new(&path.display().to_string(), reader))
    }

    pub(super) fn new(file: &str, reader: Box<dyn BufRead>) -> Lines {
        Lines {
            file: file.to_owned(),
            line: 0,
            bytes: 0,
            reader,
            digest: Sha256::new(),
            buffer: Vec::new(),
            repaired: String::new(),
        }
    }

    /// The next line without its end; bytes that are not UTF-8 come as U+FFFD. `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&str>> {
        self.buffer.clear();
        let length = (&mut self.reader)
            .take(LINE_BYTES)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|error| Error::io(self.file.as_ref(), error))? as u64;
        if length == 0 {
            return Ok(None);
        }
        self.line += 1;
        self.bytes += length;
        self.digest.update(&self.buffer);
        if length == LINE_BYTES {
            return Err(Error::at(
                &self.file,
                self.line,
                "a line of 4 MiB: this is not the text of such a tool",
            ));
        }
        if self.bytes > FILE_BYTES {
            return Err(Error::at(&self.file, self.line, "more than 4 GiB in one file"));
        }
        let text = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        Ok(Some(match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => {
                self.repaired = String::from_utf8_lossy(text).into_owned();
                &self.repaired
            }
        }))
    }

    /// All that is left, as one text of at most `limit` bytes.
    pub(super) fn rest(&mut self, limit: u64) -> Result<String> {
        let mut text = Vec::new();
        let length = (&mut self.reader)
            .take(limit + 1)
            .read_to_end(&mut text)
            .map_err(|error| Error::io(self.file.as_ref(), error))? as u64;
        if length > limit {
            return Err(Error::whole(&self.file, format!("more than {} MiB", limit >> 20)));
        }
        self.bytes += length;
        self.digest.update(&text);
        String::from_utf8(text).map_err(|_| Error::whole(&self.file, "not UTF-8 text"))
    }

    /// Digest of all lines read.
    pub(super) fn digest(self) -> [u8; 32] {
        self.digest.finalize().into()
    }
}

/// Digest of a file as it lies there, and its length.
pub(super) fn digest(path: &Path) -> Result<([u8; 32], u64)> {
    let fail = |error| Error::io(path, error);
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(fail)?);
    let (mut digest, mut bytes) = (Sha256::new(), 0);
    loop {
        let chunk = file.fill_buf().map_err(fail)?;
        if chunk.is_empty() {
            return Ok((digest.finalize().into(), bytes));
        }
        digest.update(chunk);
        let length = chunk.len();
        bytes += length as u64;
        file.consume(length);
    }
}

/// `sha256:…` of several files' digests and whatever else the result depends on.
pub(super) fn import_key(kind: &str, digests: &[[u8; 32]], options: &str) -> String {
    let mut digest = Sha256::new();
    digests.iter().for_each(|each| digest.update(each));
    digest.update(options);
    let hex: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{kind}:sha256:{hex}")
}

/// A file's bytes: plain, `.gz` or `.xz`, told by what is in it.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    decompressed(BufReader::with_capacity(1 << 16, File::open(path)?))
}

/// The same of what is in memory already.
pub(super) fn decoded(bytes: Vec<u8>) -> io::Result<Box<dyn BufRead>> {
    decompressed(io::Cursor::new(bytes))
}

fn decompressed(mut file: impl BufRead + 'static) -> io::Result<Box<dyn BufRead>> {
    let start = file.fill_buf()?;
    Ok(if start.starts_with(b"\x1f\x8b") {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else if start.starts_with(b"\xfd7zXZ\0") {
        let stream = Stream::new_stream_decoder(DECODER_BYTES, CONCATENATED)?;
        Box::new(BufReader::new(XzDecoder::new_stream(file, stream)))
    } else {
        Box::new(file)
    })
}
