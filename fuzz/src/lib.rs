//! What the fuzz targets do with bytes: they give them to an importer and hold what came of it against what must be.
//!
//! A panic, a signal, much memory or much time is found by libFuzzer. Here it is seen to that an import that is refused leaves nothing
//! behind, that one that is made can be read, and that the same again changes nothing.
//!
//! Importers that read folders are given one text that holds all files ([`folder`]).

use analyzer::import::{self, LogOptions, Machine, Outcome, Progress, SarOptions};
use std::cell::RefCell;
use std::path::Path;
use store::{Reader, Writer};
use tempfile::TempDir;

/// After so many imports there is a new database: with what is in it everything becomes slower.
const IMPORTS: u32 = 400;

/// A database, and a folder for input.
struct Place {
    folder: TempDir,
    writer: Writer,
    imports: u32,
}

impl Place {
    fn new() -> Place {
        // In memory where that is possible: thousands of databases are made.
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let folder = folder.expect("a folder");
        let writer = Writer::open(&folder.path().join("x.db")).expect("a database");
        Place {
            folder,
            writer,
            imports: 0,
        }
    }

    fn runs(&self) -> usize {
        let reader = Reader::open(&self.folder.path().join("x.db")).expect("the database");
        reader.runs().expect("runs").len()
    }
}

thread_local! {
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

type Import<'a> = &'a dyn Fn(&Path, &mut Writer, &mut dyn FnMut(Progress)) -> import::Result<Outcome>;

/// Lets `write` put input into an empty folder, imports it, and checks what must hold.
fn check(write: impl FnOnce(&Path), import: Import<'_>) {
    PLACE.with_borrow_mut(|slot| {
        let mut place = match slot.take() {
            Some(place) if place.imports < IMPORTS => place,
            _ => Place::new(),
        };
        place.imports += 1;
        let input = place.folder.path().join("input");
        let _ = std::fs::remove_dir_all(&input);
        std::fs::create_dir(&input).expect("a folder for input");
        write(&input);
        let before = place.runs();
        let outcome = import(&input, &mut place.writer, &mut |_| {});
        let after = place.runs();
        match outcome {
            Err(error) => {
                let text = error.to_string();
                assert!(!text.is_empty() && !text.contains('\n'), "not one line: {text:?}");
                assert_eq!(before, after, "refused, and yet something was kept: {text}");
            }
            Ok(Outcome::AlreadyThere) => assert_eq!(before, after),
            Ok(Outcome::Imported(summary)) => {
                assert!(after > before);
                let reader = Reader::open(&place.folder.path().join("x.db")).expect("the database");
                let ticks = reader.ticks(summary.span).expect("ticks");
                assert!(ticks.len() as u64 >= summary.ticks, "{summary:?}");
                reader
                    .readings("", summary.span, &mut |_, _, _, _| ())
                    .expect("readings");
                let again = import(&input, &mut place.writer, &mut |_| {});
                assert!(matches!(again, Ok(Outcome::AlreadyThere)), "{again:?}");
            }
        }
        *slot = Some(place);
    });
}

/// The first byte says what a user might have said.
fn options(bytes: &[u8]) -> (LogOptions, SarOptions, &[u8]) {
    let (said, rest) = match bytes.split_first() {
        Some((&first, rest)) => (first, rest),
        None => (b'0', bytes),
    };
    let tz = match said & 2 {
        0 => chrono_tz::UTC,
        _ => chrono_tz::Europe::Berlin,
    };
    let strict = said & 1 == 1;
    let log = LogOptions {
        tz,
        machine: Machine::default(),
        at: None,
        strict,
    };
    let sar = SarOptions {
        date: None,
        tz,
        machine: Machine::default(),
        strict,
    };
    (log, sar, rest)
}

fn one_file(name: &str, bytes: &[u8], import: Import<'_>) {
    let write = |folder: &Path| std::fs::write(folder.join(name), bytes).expect("room");
    check(write, &|folder, writer, progress| {
        import(&folder.join(name), writer, progress)
    });
}

/// Writes files: each begins with a line `=== name`, of names that lead nowhere else.
pub fn folder(root: &Path, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(start) = find(rest, b"=== ") {
        rest = &rest[start + 4..];
        let end = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        let name = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[(end + 1).min(rest.len())..];
        let content = &rest[..find(rest, b"=== ").unwrap_or(rest.len())];
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != ".." && part.len() < 200;
        if !name.split('/').all(is_plain) || name.contains('\0') || name.matches('/').count() > 6 {
            continue;
        }
        let path = root.join(&name);
        if let Some(folder) = path.parent()
            && std::fs::create_dir_all(folder).is_ok()
        {
            // A name may be a folder's already: then there is no such file.
            let _ = std::fs::write(path, content);
        }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// What sar printed.
pub fn sar(bytes: &[u8]) {
    let (_, options, text) = options(bytes);
    one_file("sar.txt", text, &|path, writer, progress| {
        import::sar_text(&[path], &options, writer, progress)
    });
}

/// What `sadf -j` printed.
pub fn sadf(bytes: &[u8]) {
    let (_, options, text) = options(bytes);
    one_file("sadf.json", text, &|path, writer, progress| {
        import::sadf_json(&[path], &options, writer, progress)
    });
}

/// Kernel files that a script wrote down.
pub fn proc_log(bytes: &[u8]) {
    let (options, _, text) = options(bytes);
    one_file("vmstat.log", text, &|path, writer, progress| {
        import::proc_log(&[path], &options, writer, progress)
    });
}

/// What `atop -P` printed.
pub fn atop(bytes: &[u8]) {
    let (options, _, text) = options(bytes);
    // What begins like a raw log would be read by atop.
    if text
        .first()
        .is_some_and(|b| b.is_ascii_graphic() || b.is_ascii_whitespace())
    {
        one_file("atop.txt", text, &|path, writer, progress| {
            import::atop(&[path], &options, writer, progress)
        });
    }
}

/// What pmrep prints of an archive.
#[cfg(fuzzing)]
pub fn pcp(bytes: &[u8]) {
    let (options, _, text) = options(bytes);
    check(|_| (), &|_, writer, progress| {
        import::pcp_printed(text, &options, writer, progress)
    });
}

/// An archive of OSWatcher.
pub fn oswatcher(bytes: &[u8]) {
    let (options, _, files) = options(bytes);
    check(|root| folder(root, files), &|root, writer, progress| {
        import::oswatcher(&[root], &options, writer, progress)
    });
}

/// A folder of snapshots.
pub fn snapshots(bytes: &[u8]) {
    let (options, _, files) = options(bytes);
    check(|root| folder(root, files), &|root, writer, progress| {
        import::snapshots(root, &options, writer, progress)
    });
}

/// What `sos report` gathered.
pub fn sosreport(bytes: &[u8]) {
    let (options, _, files) = options(bytes);
    check(|root| folder(root, files), &|root, writer, progress| {
        import::sosreport(root, &options, writer, progress)
    });
}

/// A recording: as a folder, or, when it begins like one, as an archive.
pub fn recording(bytes: &[u8]) {
    let read: Import<'_> = &|path, writer, progress| import::recording(path, writer, progress);
    match bytes.starts_with(b"\xfd7zXZ\0") {
        true => one_file("recording.tar.xz", bytes, read),
        false => check(|root| folder(root, bytes), read),
    }
}

/// A block of the store, and the block that it is told against: the first two bytes say how long the latter is.
#[cfg(fuzzing)]
pub fn block(bytes: &[u8]) {
    if let Some((length, rest)) = bytes.split_first_chunk() {
        let (base, block) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
        store::fuzzing::block(block, base);
    }
}
