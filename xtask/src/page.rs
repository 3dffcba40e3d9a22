//! Building the page that `web` embeds.

use crate::command::{in_folder, run};
use crate::workspace;
use anyhow::{Result, bail};

/// `npm ci` and `npm run build`, which also checks the types. The dependencies are installed as the lock file says.
pub(crate) fn build() -> Result<()> {
    let folder = workspace::page();
    if !folder.join("package.json").is_file() {
        bail!("web/ui/package.json is missing");
    }
    run(in_folder(&folder, "npm").arg("ci"))?;
    run(in_folder(&folder, "npm").args(["run", "build"]))
}
