//! Where the database is when nobody says.

use crate::configuration::Configuration;
use crate::error::Result;
use std::path::PathBuf;

/// `$HIGHWATER_DB`, else `db` in the configuration file, else `$STATE_DIRECTORY/highwater.db` (systemd), else
/// `$XDG_STATE_HOME/highwater/highwater.db`, else `~/.local/state/highwater/highwater.db`.
///
/// # Errors
/// When the configuration file is wrong.
pub fn default_path() -> Result<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    if let Some(path) = set("HIGHWATER_DB") {
        return Ok(path);
    }
    if let Some(path) = Configuration::load()?.database()? {
        return Ok(path);
    }
    if let Some(states) = set("STATE_DIRECTORY") {
        // systemd separates several with colons; ours is the first.
        let first = states.to_string_lossy().split(':').next().map(PathBuf::from);
        return Ok(first.unwrap_or(states).join("highwater.db"));
    }
    let state = set("XDG_STATE_HOME").unwrap_or_else(|| set("HOME").unwrap_or_default().join(".local/state"));
    Ok(state.join("highwater/highwater.db"))
}
