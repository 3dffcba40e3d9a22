//! Building the page that `web` embeds.

use crate::command::{in_folder, run};
use crate::workspace;
use anyhow::{Result, bail};
use std::path::Path;
use std::time::SystemTime;

/// `npm ci` and `npm run build`, which also checks the types. The dependencies are installed as the lock file says.
pub(crate) fn build() -> Result<()> {
    let folder = workspace::page();
    if !folder.join("package.json").is_file() {
        bail!("web/ui/package.json is missing");
    }
    run(in_folder(&folder, "npm").arg("ci"))?;
    run(in_folder(&folder, "npm").args(["run", "build"]))
}

/// Builds it unless what was built last is newer than all that it is made of.
pub(crate) fn build_if_stale() -> Result<()> {
    let folder = workspace::page();
    let built = changed(&folder.join("dist/index.html"));
    match built {
        Some(built) if newest(&folder).is_some_and(|source| source <= built) => Ok(()),
        _ => build(),
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

/// When a file below `folder` was changed last, apart from what is built or installed there.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let others = entries.filter(|entry| {
        ![
            "dist",
            "node_modules",
            "test-results",
            "playwright-report",
            "tests",
        ]
        .iter()
        .any(|not| entry.file_name() == *not)
    });
    others
        .filter_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                newest(&path)
            } else {
                changed(&path)
            }
        })
        .max()
}
