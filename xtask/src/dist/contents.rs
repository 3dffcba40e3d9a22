//! The tree that all packages carry: programs, units, configuration, manual pages, completions.

use crate::{command, workspace};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// Programs that users get. Each has a package of its name in the workspace.
pub(super) const PROGRAMS: [&str; 3] = ["analyzer", "collector", "web"];

/// A file of a package.
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    pub(super) mode: u32,
}

/// All files by their path from the root, without a slash before it.
pub(super) struct Contents(pub(super) BTreeMap<String, File>);

/// Files as they lie in the repository, and where they go.
const AS_THEY_ARE: [(&str, &str); 7] = [
    (
        "packaging/systemd/highwater-collector.service",
        "usr/lib/systemd/system/highwater-collector.service",
    ),
    (
        "packaging/systemd/highwater-web.service",
        "usr/lib/systemd/system/highwater-web.service",
    ),
    (
        "packaging/systemd/sysusers.conf",
        "usr/lib/sysusers.d/highwater.conf",
    ),
    (
        "packaging/systemd/tmpfiles.conf",
        "usr/lib/tmpfiles.d/highwater.conf",
    ),
    (
        "packaging/systemd/tracing.conf",
        "usr/share/doc/highwater/tracing.conf",
    ),
    ("README.md", "usr/share/doc/highwater/README.md"),
    ("CHANGELOG.md", "usr/share/doc/highwater/CHANGELOG.md"),
];

/// The configuration, which a newer package does not write over.
pub(super) const CONFIGURATION: &str = "etc/highwater/highwater.toml";

impl Contents {
    /// Takes the programs from a folder, and has them print their manual pages, completions and configuration. `scratch` is a
    /// folder for what they write.
    pub(super) fn gather(programs: &Path, scratch: &Path) -> Result<Contents> {
        let mut contents = Contents(BTreeMap::new());
        for (from, to) in AS_THEY_ARE {
            contents.add(to, read(&workspace::root().join(from))?, 0o644);
        }
        contents.add("usr/share/doc/highwater/copyright", copyright()?, 0o644);
        let man = scratch.join("man");
        std::fs::create_dir(&man)?;
        for program in PROGRAMS {
            let path = programs.join(program);
            contents.program(program, &path, scratch)?;
            contents.completions(program, &path)?;
            let how: &[&str] = if program == "web" { &["--man"] } else { &["man"] };
            command::output(command::in_root(&path).args(how).arg(&man))?;
        }
        for entry in std::fs::read_dir(&man)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            contents.add(&format!("usr/share/man/man1/{name}"), read(&path)?, 0o644);
        }
        let example =
            command::output(command::in_root(programs.join("collector")).args(["config", "--example"]))?;
        let head = read(&workspace::root().join("packaging/highwater.toml"))?;
        contents.add(CONFIGURATION, [head, example.into_bytes()].concat(), 0o644);
        Ok(contents)
    }

    fn add(&mut self, path: &str, bytes: Vec<u8>, mode: u32) {
        self.0.insert(path.to_owned(), File { bytes, mode });
    }

    /// A program without what only a debugger needs; the names of functions stay, for traces.
    fn program(&mut self, name: &str, path: &Path, scratch: &Path) -> Result<()> {
        let stripped = scratch.join(name);
        command::output(
            command::in_root("strip")
                .args(["--strip-debug", "-o"])
                .arg(&stripped)
                .arg(path),
        )?;
        self.add(&format!("usr/bin/{name}"), read(&stripped)?, 0o755);
        Ok(std::fs::remove_file(stripped)?)
    }

    fn completions(&mut self, name: &str, program: &Path) -> Result<()> {
        for (shell, path) in [
            ("bash", format!("usr/share/bash-completion/completions/{name}")),
            ("zsh", format!("usr/share/zsh/site-functions/_{name}")),
            ("fish", format!("usr/share/fish/vendor_completions.d/{name}.fish")),
        ] {
            let how = if name == "web" {
                "--completions"
            } else {
                "completions"
            };
            let script = command::output(command::in_root(program).args([how, shell]))?;
            self.add(&path, script.into_bytes(), 0o644);
        }
        Ok(())
    }

    /// Folders that lead to the files, outermost first.
    pub(super) fn folders(&self) -> Vec<&str> {
        let mut folders: Vec<&str> = self
            .0
            .keys()
            .flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end]))
            .collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    /// Bytes when installed.
    pub(super) fn size(&self) -> u64 {
        self.0.values().map(|file| file.bytes.len() as u64).sum()
    }
}

/// The licence, with what Debian wants before it.
fn copyright() -> Result<Vec<u8>> {
    let licence = read(&workspace::root().join("LICENSE"))?;
    let head = "highwater, under the Apache License 2.0. The licences of the libraries in it stand in their sources.\n\n";
    Ok([head.as_bytes().to_vec(), licence].concat())
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}
