//! Arrows between crates, and which crate may use what: exactly as ARCHITECTURE.md draws them.

use super::File;
use crate::command;
use anyhow::{Context, Result};
use serde_json::Value;

/// Each crate and the crates of ours that it may depend on.
const ARROWS: [(&str, &[&str]); 9] = [
    ("model", &[]),
    ("sources", &["model"]),
    ("store", &["model"]),
    ("collector", &["model", "sources", "store"]),
    ("analyzer", &["model", "sources", "store"]),
    ("web", &["model", "store", "analyzer"]),
    ("extension", &["model", "sources", "store"]),
    ("xtask", &["model", "store"]),
    ("fuzz", &["store", "analyzer"]),
];

/// Dependencies that stand in these crates only. SQL is spoken in `store` alone, so only it may have SQLite.
const RESERVED: [(&str, &[&str]); 4] = [
    ("rusqlite", &["store"]),
    ("polars", &["analyzer"]),
    ("tokio", &["collector", "web"]),
    ("axum", &["web"]),
];

/// The manifests of crates that are workspaces of their own: they name their neighbours by their paths.
const APART: [&str; 2] = ["extension/Cargo.toml", "fuzz/Cargo.toml"];

/// What must not come in through others either: the collector runs on a sick node and stays small.
const NEVER_IN_COLLECTOR: [&str; 2] = ["polars", "axum"];

/// All findings in the workspace's manifests.
pub(super) fn check(files: &[File]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut packages = Vec::new();
    for manifest in ["Cargo.toml"].into_iter().chain(APART) {
        let metadata = [
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--manifest-path",
            manifest,
        ];
        let metadata = command::output(command::cargo().args(metadata))?;
        let mut metadata: Value = serde_json::from_str(&metadata).context("cargo metadata")?;
        packages.extend(
            metadata["packages"]
                .as_array_mut()
                .map(std::mem::take)
                .unwrap_or_default(),
        );
    }
    for package in &packages {
        let name = package["name"].as_str().unwrap_or_default();
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let names: Vec<&str> = dependencies
            .filter_map(|dependency| dependency["name"].as_str())
            .collect();
        findings.extend(wrong_arrows(name, &names));
    }
    let tree = command::output(command::cargo().args([
        "tree",
        "--package",
        "collector",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    for heavy in NEVER_IN_COLLECTOR {
        if tree.lines().any(|line| line.split(' ').next() == Some(heavy)) {
            findings.push(format!(
                "collector/Cargo.toml:1: the collector must not contain {heavy}"
            ));
        }
    }
    for file in files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        findings.extend(versions_of_their_own(file));
    }
    Ok(findings)
}

/// Findings in one crate's list of dependencies, those of tests and build scripts included.
fn wrong_arrows(name: &str, dependencies: &[&str]) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(crate_name, _)| *crate_name == name) else {
        return vec![format!(
            "{name}/Cargo.toml:1: a crate that no arrow leads to or from"
        )];
    };
    let mut findings = Vec::new();
    for dependency in dependencies {
        if ARROWS.iter().any(|(ours, _)| ours == dependency) && !allowed.contains(dependency) {
            findings.push(format!(
                "{name}/Cargo.toml:1: no arrow leads from {name} to {dependency}"
            ));
        }
        if let Some((_, crates)) = RESERVED.iter().find(|(reserved, _)| reserved == dependency)
            && !crates.contains(&name)
        {
            findings.push(format!(
                "{name}/Cargo.toml:1: {dependency} stands in {} only",
                crates.join(", ")
            ));
        }
    }
    findings
}

/// Lines of a manifest that give a dependency its own version instead of the workspace's.
fn versions_of_their_own(file: &File) -> Vec<String> {
    let mut in_dependencies = false;
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            in_dependencies =
                line.trim_end_matches(']').ends_with("dependencies") && line != "[workspace.dependencies]";
        } else if in_dependencies
            && line.contains('=')
            && !line.replace(' ', "").contains("workspace=true")
            && !(APART.contains(&file.path.as_str()) && line.contains("path = \"../"))
        {
            findings.push(format!(
                "{}:{}: versions stand in the root Cargo.toml",
                file.path,
                number + 1
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn arrows_that_do_not_exist() {
        assert_eq!(
            wrong_arrows("web", &["model", "store", "analyzer", "tokio", "axum"]),
            [""; 0]
        );
        expect![[r#"
            collector/Cargo.toml:1: no arrow leads from collector to analyzer
            collector/Cargo.toml:1: rusqlite stands in store only
            extra/Cargo.toml:1: a crate that no arrow leads to or from"#]]
        .assert_eq(
            &[
                wrong_arrows("collector", &["analyzer", "rusqlite", "libc"]),
                wrong_arrows("extra", &[]),
            ]
            .concat()
            .join("\n"),
        );
    }

    #[test]
    fn versions_stand_in_one_place() {
        let text = "[package]\nversion = \"1\"\n[dependencies]\nlibc = \"0.2\"\nmodel = { workspace = true }\n\
                    [dev-dependencies]\nserde.workspace = true\ntar = { version = \"0.4\" }\n";
        let file = File {
            path: "a/Cargo.toml".into(),
            text: text.into(),
        };
        expect![[r#"
            a/Cargo.toml:4: versions stand in the root Cargo.toml
            a/Cargo.toml:8: versions stand in the root Cargo.toml"#]]
        .assert_eq(&versions_of_their_own(&file).join("\n"));
    }
}
