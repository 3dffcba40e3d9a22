//! What becomes of a database that is broken: it is moved aside, for a person to look at, and of such copies only a few are kept.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Copies that are kept, whatever their size; older ones go. A disk that breaks databases again and again must not be filled by them.
const KEPT: usize = 2;

/// What a database consists of.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

const MARK: &str = ".damaged-";

/// Moves a database aside and answers where to.
pub(crate) fn move_aside(database: &Path) -> io::Result<PathBuf> {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let aside = with_end(database, &format!("{MARK}{seconds}"));
    let moved = std::fs::rename(database, &aside);
    for end in &PARTS[1..] {
        // Without them the damaged file tells less; they may well not be there.
        let _ = std::fs::rename(with_end(database, end), with_end(&aside, end));
    }
    moved.map(|()| aside)
}

/// Deletes copies that were moved aside earlier, but for the newest: of those [`KEPT`] at most, and only as long as together they
/// take no more than `most_bytes`. Answers what was deleted.
pub(crate) fn thin_out(database: &Path, most_bytes: u64) -> Vec<PathBuf> {
    let mut copies = copies(database);
    copies.sort();
    let mut bytes = 0;
    let mut deleted = Vec::new();
    for (place, (_, copy)) in copies.iter().rev().enumerate() {
        bytes += PARTS.iter().map(|end| size(&with_end(copy, end))).sum::<u64>();
        if place > 0 && (place >= KEPT || bytes > most_bytes) {
            for end in PARTS {
                // One that cannot be deleted now is tried again the next time.
                let _ = std::fs::remove_file(with_end(copy, end));
            }
            deleted.push(copy.clone());
        }
    }
    deleted
}

/// The copies of a database, each with the second of its name.
fn copies(database: &Path) -> Vec<(u64, PathBuf)> {
    let Some(name) = database.file_name() else {
        return Vec::new();
    };
    let start = format!("{}{MARK}", name.to_string_lossy());
    let folder = database.parent().filter(|f| !f.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new(".")));
    entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let seconds = name.to_str()?.strip_prefix(&start)?.parse().ok()?;
            Some((seconds, entry.path()))
        })
        .collect()
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// A path with something behind its last name.
pub(crate) fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_copies_the_newest_are_kept_and_they_never_take_much() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("x.db");
        let write =
            |name: &str, bytes: usize| std::fs::write(folder.path().join(name), vec![0; bytes]).unwrap();
        let there = || {
            let mut names: Vec<String> = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names.join(" ")
        };
        for name in [
            "x.db.damaged-9",
            "x.db.damaged-10",
            "x.db.damaged-10-wal",
            "x.db.damaged-8",
            "x.db.damaged-8-shm",
        ] {
            write(name, 100);
        }
        // Neither is ours.
        write("x.db.damaged-old", 1);
        write("y.db.damaged-1", 1);
        write("x.db", 100);
        assert_eq!(thin_out(&database, 300).len(), 1);
        let others = "x.db.damaged-old y.db.damaged-1";
        assert_eq!(
            there(),
            format!("x.db x.db.damaged-10 x.db.damaged-10-wal x.db.damaged-9 {others}")
        );
        assert_eq!(thin_out(&database, 299), [folder.path().join("x.db.damaged-9")]);
        let aside = move_aside(&database).unwrap();
        assert_eq!(thin_out(&database, 0), [folder.path().join("x.db.damaged-10")]);
        let newest = aside.file_name().unwrap().to_str().unwrap();
        assert_eq!(there(), format!("{newest} {others}"));
    }
}
