//! The analyzer as its users meet it: the real binary, real recordings, real damage.

mod bad_recordings;
mod command_line;
mod explain;
mod imports;
mod recordings;
mod scratch;
mod stories;
mod tables;
