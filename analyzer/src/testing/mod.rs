//! What tests of this crate stand on: a real database made of kernel files ([`Record`]), and machines whose seconds are told one by one
//! ([`Story`]), from which those files are printed.

mod deeds;
mod disk;
mod files;
mod machine;
mod process;
mod record;
mod story;

pub(crate) use machine::{MB, Machine};
pub(crate) use record::{Record, SECOND};
pub(crate) use story::Story;
