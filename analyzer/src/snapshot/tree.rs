//! A tree of files in memory, whose names come from a record that may be hostile, and its way to a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// The longest name of a file that Linux takes, and the longest path that we make.
const LONGEST_NAME: usize = 255;
const LONGEST_PATH: usize = 2048;

/// Files and empty folders by their path. No path leaves the tree, and none is both a file and a folder.
#[derive(Debug, Default)]
pub struct Tree {
    /// `None`: an empty folder.
    files: BTreeMap<String, Option<Vec<u8>>>,
    /// Every folder that a path goes through.
    folders: BTreeSet<String>,
}

impl Tree {
    /// Adds a file.
    ///
    /// # Errors
    /// Why there cannot be a file of this name.
    pub fn add(&mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Result<(), &'static str> {
        self.put(path, Some(bytes.into()))
    }

    /// Adds an empty folder.
    ///
    /// # Errors
    /// Why there cannot be a folder of this name.
    pub fn add_folder(&mut self, path: &str) -> Result<(), &'static str> {
        if self.folders.contains(path) {
            return Ok(());
        }
        self.put(path, None)
    }

    fn put(&mut self, path: &str, bytes: Option<Vec<u8>>) -> Result<(), &'static str> {
        if path.len() > LONGEST_PATH {
            return Err("its name is too long");
        }
        for name in path.split('/') {
            if matches!(name, "" | "." | "..") {
                return Err("its name leads elsewhere");
            }
            if name.len() > LONGEST_NAME {
                return Err("its name is too long");
            }
            if name.chars().any(char::is_control) {
                return Err("its name holds control characters");
            }
        }
        if self.files.contains_key(path) || self.folders.contains(path) {
            return Err("there is another of this name");
        }
        let above = || path.match_indices('/').map(|(end, _)| &path[..end]);
        if above().any(|folder| matches!(self.files.get(folder), Some(Some(_)))) {
            return Err("what should be its folder is a file");
        }
        for folder in above() {
            self.files.remove(folder);
            self.folders.insert(folder.to_owned());
        }
        self.files.insert(path.to_owned(), bytes);
        Ok(())
    }

    /// Paths of all files, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files
            .iter()
            .filter(|(_, bytes)| bytes.is_some())
            .map(|(path, _)| path.as_str())
    }

    /// A file's bytes.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path)?.as_deref()
    }

    /// Writes everything below `folder`, which must be empty or not there: all of it appears at once, or nothing.
    ///
    /// # Errors
    /// When the folder holds something, or the disk says no; the error names the file.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let named = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        match std::fs::read_dir(folder) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    let error = io::Error::new(io::ErrorKind::DirectoryNotEmpty, "the folder is not empty");
                    return Err(named(folder, error));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(folder).map_err(|e| named(folder, e))?;
            }
            Err(error) => return Err(named(folder, error)),
        }
        // The links in the folder's own name are followed once, here; below it there are none but what we make.
        let folder = folder.canonicalize().map_err(|e| named(folder, e))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let draft = folder.with_file_name(format!(".{name}.{}", std::process::id()));
        let written = self
            .write_below(&draft, &named)
            .and_then(|()| std::fs::rename(&draft, &folder).map_err(|e| named(&folder, e)));
        if written.is_err() {
            // The error is what there is to tell; a draft that was never begun cannot be removed.
            let _ = std::fs::remove_dir_all(&draft);
        }
        written
    }

    fn write_below(&self, draft: &Path, named: &dyn Fn(&Path, io::Error) -> io::Error) -> io::Result<()> {
        std::fs::create_dir(draft).map_err(|e| named(draft, e))?;
        for folder in &self.folders {
            let path = draft.join(folder);
            std::fs::create_dir(&path).map_err(|e| named(&path, e))?;
        }
        for (file, bytes) in &self.files {
            let path = draft.join(file);
            match bytes {
                Some(bytes) => std::fs::write(&path, bytes),
                None => std::fs::create_dir(&path),
            }
            .map_err(|e| named(&path, e))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let mut tree = Tree::default();
        let long = "a".repeat(256);
        let deep = "a/".repeat(1100);
        let names = [
            "proc/meminfo",
            "proc/meminfo",
            "proc/meminfo/x",
            "proc",
            "../x",
            "proc/../../x",
            "/etc/passwd",
            "proc//x",
            "proc/.",
            "",
            "proc/\0",
            "proc/\u{1b}[2J",
            &long,
            &deep,
            "proc/..x",
            "proc/a\\..\\b",
        ];
        let told: Vec<String> = names
            .iter()
            .map(|name| {
                let shown: String = name.chars().take(20).flat_map(char::escape_default).collect();
                format!("{shown}: {}", tree.add(name, "x").err().unwrap_or("taken"))
            })
            .collect();
        expect![[r#"
            proc/meminfo: taken
            proc/meminfo: there is another of this name
            proc/meminfo/x: what should be its folder is a file
            proc: there is another of this name
            ../x: its name leads elsewhere
            proc/../../x: its name leads elsewhere
            /etc/passwd: its name leads elsewhere
            proc//x: its name leads elsewhere
            proc/.: its name leads elsewhere
            : its name leads elsewhere
            proc/\u{0}: its name holds control characters
            proc/\u{1b}[2J: its name holds control characters
            aaaaaaaaaaaaaaaaaaaa: its name is too long
            a/a/a/a/a/a/a/a/a/a/: its name is too long
            proc/..x: taken
            proc/a\\..\\b: taken"#]]
        .assert_eq(&told.join("\n"));
        assert_eq!(
            tree.paths().collect::<Vec<_>>(),
            ["proc/..x", "proc/a\\..\\b", "proc/meminfo"]
        );
    }

    #[test]
    fn an_empty_folder_may_be_filled_later() {
        let mut tree = Tree::default();
        tree.add_folder("sys/block/sda").unwrap();
        tree.add("sys/block/sda/dev", "8:0\n").unwrap();
        tree.add_folder("sys/block/sda").unwrap();
        tree.add_folder("sys/block/sdb").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a/out");
        tree.write(&out).unwrap();
        assert_eq!(std::fs::read(out.join("sys/block/sda/dev")).unwrap(), b"8:0\n");
        assert!(out.join("sys/block/sdb").is_dir());
        assert_eq!(std::fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
        assert_eq!(
            tree.write(&out).unwrap_err().to_string(),
            format!("{}: the folder is not empty", out.display())
        );
    }
}
