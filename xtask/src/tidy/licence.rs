//! The licence is there, whole, and every crate names it.

use super::File;

/// All findings in `files`.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    match files.iter().find(|file| file.path == "LICENSE") {
        Some(file)
            if file.text.contains("Apache License") && file.text.contains("END OF TERMS AND CONDITIONS") => {}
        Some(_) => findings.push("LICENSE:1: this is not the whole text of the Apache License 2.0".into()),
        None => findings.push("LICENSE:1: is missing".into()),
    }
    for file in files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        if !file
            .text
            .lines()
            .any(|line| line.replace(' ', "") == "license.workspace=true")
        {
            findings.push(format!(
                "{}:1: does not say `license.workspace = true`",
                file.path
            ));
        }
    }
    findings
}
