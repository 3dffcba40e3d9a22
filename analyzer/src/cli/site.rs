//! `--rules`: which rules of the site are used.

use super::Failure;
use analyzer::site::{DEFAULT_FOLDER, Site, SiteError};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct SiteArguments {
    /// Folder with rules of this site, *.toml [default: /etc/highwater/rules.d]
    #[arg(long, value_name = "DIR", env = "HIGHWATER_RULES", hide_env_values = true)]
    rules: Option<PathBuf>,
}

impl SiteArguments {
    /// Loads them, once for the life of the program: findings carry their names.
    pub(super) fn load(&self) -> Result<&'static Site, Failure> {
        let site = match &self.rules {
            Some(folder) if !folder.is_dir() => {
                return Err(Failure::Usage(format!("{}: no such folder", folder.display())));
            }
            Some(folder) => Site::load(folder)?,
            None => Site::load(Path::new(DEFAULT_FOLDER))?,
        };
        Ok(Box::leak(Box::new(site)))
    }
}

impl From<SiteError> for Failure {
    fn from(fault: SiteError) -> Failure {
        Failure::Usage(fault.to_string())
    }
}
