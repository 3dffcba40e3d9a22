//! Where things lie: the root of the workspace, what is built from it, and the recordings beside it.

use std::path::PathBuf;

/// The folder of the root Cargo.toml. Cargo tells it when it runs us; the place where we were compiled is the same
/// unless somebody starts the binary by hand from a tree that has moved.
pub(crate) fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.parent().map_or(own.clone(), PathBuf::from)
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |set| root().join(set))
}

/// Where `collector`, `analyzer` and `web` lie once built. Everything but measuring uses the profile `dev`, so that
/// dependencies are compiled once.
pub(crate) fn binaries() -> PathBuf {
    target().join("debug")
}

/// The page's folder.
pub(crate) fn page() -> PathBuf {
    root().join("web/ui")
}

/// Recordings of real incidents are looked for beside the checkout; they are too large to be part of it.
pub(crate) fn recordings() -> PathBuf {
    root().join("../shared/recordings")
}

/// The archive of a history in sample-data.
pub(crate) fn sample(name: &str) -> PathBuf {
    root().join(format!("sample-data/{name}/{name}.tar.xz"))
}

/// The recordings beside the checkout, in order, else the one that is part of it.
pub(crate) fn all_recordings() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(recordings())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".tar.xz"))
        .collect();
    if found.is_empty() {
        found.push(sample("page-cache-flood"));
    }
    found.sort();
    found
}
