//! The page in Chromium: how soon it tells something over a slow link, and whether a chart of a day pans smoothly. What is measured and
//! how stands in web/ui/bench/page.mjs.

use super::web::serve;
use crate::children::Children;
use crate::command::{in_folder, output, run};
use crate::{history, page, programs, tools, workspace};
use anyhow::{Result, ensure};
use std::path::Path;

/// So that a day in the middle has as much beside it.
const DAYS: f64 = 3.0;

/// Starts the servers that the page is opened from, and answers a table. `history`: a database of two days or more; without it one is made.
pub(super) fn measure(binaries: &Path, folder: &Path, history: Option<&Path>) -> Result<String> {
    tools::ensure_node()?;
    let chromium = tools::CHROMIUM.ensure()?;
    let ui = workspace::page();
    if !ui.join("node_modules").is_dir() {
        run(in_folder(&ui, "npm").arg("ci"))?;
    }
    let post = folder.join("page-post.db");
    let sample = workspace::sample("page-cache-post");
    programs::import(&binaries.join("analyzer"), &sample, &post)?;
    let days = match history {
        Some(path) => {
            ensure!(path.is_file(), "no database at {}", path.display());
            path.to_path_buf()
        }
        None => {
            let path = folder.join("page-days.db");
            history::write(&path, DAYS)?;
            path
        }
    };
    let mut children = Children::new();
    let (incident, _) = serve(&mut children, &binaries.join("web"), &post)?;
    let (days, _) = serve(&mut children, &binaries.join("web"), &days)?;
    let table = output(
        in_folder(&ui, "node")
            .arg("bench/page.mjs")
            .arg(format!("http://127.0.0.1:{incident}/"))
            .arg(format!("http://127.0.0.1:{days}/"))
            .env("HIGHWATER_CHROMIUM", chromium),
    );
    children.end()?;
    table
}

/// Builds what `web` embeds, so that it is measured as it is.
pub(super) fn build() -> Result<()> {
    tools::ensure_node()?;
    page::build_if_stale()
}
