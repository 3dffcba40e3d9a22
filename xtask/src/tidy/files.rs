//! The text of each file: module documentation, whitespace, left-overs, and names that only one machine knows.

use super::File;
use std::path::Path;

/// Kernel files and other recorded data keep their bytes, trailing blanks included.
const RECORDED: [&str; 5] = [
    "/tests/fixtures/",
    "sample-data/",
    "/proptest-regressions/",
    "fuzz/seeds/",
    "fuzz/found/",
];

/// What a person leaves behind while working. Spelled in halves so that this file does not find itself.
const LEFT_OVERS: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("#[ign", "ore"),
    concat!("dbg", "!("),
    concat!("test.", "only("),
    concat!("test.", "skip("),
];

/// Where only public registries may stand: in lock files.
const PUBLIC: [&str; 2] = [
    "https://registry.npmjs.org/",
    "https://github.com/rust-lang/crates.io-index",
];

/// All findings in `files`. `paths` are beginnings of paths that must not occur.
pub(super) fn check(files: &[File], paths: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let recorded = RECORDED.iter().any(|part| file.path.contains(part));
        let lock = file.path.ends_with("Cargo.lock") || file.path.ends_with("package-lock.json");
        let mut say =
            |line: usize, what: String| findings.push(format!("{}:{}: {what}", file.path, line + 1));
        if file.path.ends_with(".rs") && !file.text.trim_start().starts_with("//!") {
            say(0, "a module opens with `//!` and says what it is for".into());
        }
        if !recorded && !file.text.is_empty() && !file.text.ends_with('\n') {
            say(
                file.text.lines().count().saturating_sub(1),
                "no newline at the end".into(),
            );
        }
        for (number, line) in file.text.lines().enumerate() {
            // rustfmt sees to Rust code; what is left there are blanks inside of expected texts.
            if !recorded && !file.path.ends_with(".rs") && line.ends_with([' ', '\t', '\r']) {
                say(number, "blanks at the end of the line".into());
            }
            if let Some(path) = paths.iter().find(|path| line.contains(path.as_str())) {
                say(number, format!("`{path}` is a path of one machine"));
            }
            if !lock && let Some(left) = LEFT_OVERS.iter().find(|left| line.contains(**left)) {
                say(number, format!("`{left}` is left over"));
            }
            if lock && let Some(url) = foreign_registry(line) {
                say(number, format!("`{url}` is not a public registry"));
            }
        }
    }
    findings
}

/// The address in a line of a lock file that says where a package comes from, when it is not one of [`PUBLIC`].
fn foreign_registry(line: &str) -> Option<&str> {
    let line = line.trim();
    let from = line
        .strip_prefix("\"resolved\": \"")
        .or_else(|| line.strip_prefix("source = \"registry+"))?;
    let url = from.trim_end_matches(['"', ',']);
    (!PUBLIC.iter().any(|public| url.starts_with(public))).then_some(url)
}

/// Paths that say on which machine somebody worked: the folder that holds the checkout, and the home folder. Folders
/// that every machine has say nothing.
pub(super) fn forbidden_paths(root: &Path) -> Vec<String> {
    const EVERYWHERE: [&str; 8] = [
        "/", "/home", "/tmp", "/var/tmp", "/opt", "/srv", "/usr/src", "/mnt",
    ];
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
    [root.parent().map(Path::to_path_buf), home]
        .into_iter()
        .flatten()
        .filter_map(|path| path.to_str().map(str::to_owned))
        .filter(|path| path.starts_with('/') && !EVERYWHERE.contains(&path.as_str()))
        .map(|path| path + "/")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn what_is_found_in_a_file() {
        let file = |path: &str, text: &str| File {
            path: path.into(),
            text: text.into(),
        };
        let found = check(
            &[
                file("a/src/lib.rs", "use std::fs;\n"),
                file("a/Cargo.toml", "[package] \n"),
                file("a/src/fine.rs", "//! Fine.\n"),
                file("a/tests/fixtures/buddyinfo", "Node 0, zone DMA 1 "),
                file("README.md", "see /build/box/target\nno newline"),
                file(
                    "web/ui/package-lock.json",
                    "      \"resolved\": \"http://mirror/x.tgz\",\n",
                ),
                file(
                    "Cargo.lock",
                    "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
                ),
                file("b.rs", concat!("//! B.\n// TO", "DO: more\n")),
            ],
            &["/build/box/".into()],
        );
        expect![[r#"
            a/src/lib.rs:1: a module opens with `//!` and says what it is for
            a/Cargo.toml:1: blanks at the end of the line
            README.md:2: no newline at the end
            README.md:1: `/build/box/` is a path of one machine
            web/ui/package-lock.json:1: `http://mirror/x.tgz` is not a public registry
            b.rs:2: `to-do` is left over"#]]
        .assert_eq(&found.join("\n").replace(LEFT_OVERS[0], "to-do"));
    }

    #[test]
    fn folders_of_every_machine_are_no_secret() {
        assert!(!forbidden_paths(Path::new("/tmp/clone")).contains(&"/tmp/".to_owned()));
        assert!(forbidden_paths(Path::new("/build/box")).contains(&"/build/".to_owned()));
    }
}
