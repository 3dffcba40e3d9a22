//! The analyzer as its users meet it: the real binary, real recordings, real damage.

mod bad_recordings;
mod bundles;
mod command_line;
mod explain;
mod imports;
mod plots;
mod recordings;
mod scratch;
mod snapshots;
mod sqlite_shell;
mod stories;
