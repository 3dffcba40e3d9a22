//! The analyzer as its users meet it: the real binary, real recordings, real damage.

mod bad_recordings;
mod bundles;
mod command_line;
mod days;
mod explain;
mod imports;
mod peers;
mod plots;
mod recordings;
mod scratch;
mod site;
mod snapshots;
mod sqlite_shell;
mod stories;
mod sysstat;
mod tables;
mod trees;
