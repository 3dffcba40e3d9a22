//! Where the database is when nobody says.

use std::path::PathBuf;

/// `$HIGHWATER_DB`, else `$STATE_DIRECTORY/highwater.db` (systemd), else `$XDG_STATE_HOME/highwater/highwater.db`,
/// else `~/.local/state/highwater/highwater.db`.
pub fn default_path() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    if let Some(path) = set("HIGHWATER_DB") {
        return path;
    }
    if let Some(states) = set("STATE_DIRECTORY") {
        // systemd separates several with colons; ours is the first.
        let first = states.to_string_lossy().split(':').next().map(PathBuf::from);
        return first.unwrap_or(states).join("highwater.db");
    }
    let state = set("XDG_STATE_HOME").unwrap_or_else(|| set("HOME").unwrap_or_default().join(".local/state"));
    state.join("highwater/highwater.db")
}
