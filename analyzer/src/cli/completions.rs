//! `analyzer completions` and `analyzer man`: what packages install beside the program.

use super::Failure;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use std::io::Write;
use std::path::PathBuf;

/// Print completions for a shell
///
/// For example: analyzer completions bash > /usr/share/bash-completion/completions/analyzer
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which shell
    shell: Shell,
}

impl Arguments {
    pub(super) fn run(self) -> Result<u8, Failure> {
        let mut script = Vec::new();
        generate(
            self.shell,
            &mut super::Arguments::command(),
            "analyzer",
            &mut script,
        );
        std::io::stdout().write_all(&script)?;
        Ok(0)
    }
}

/// Write the manual pages into a folder
///
/// One page for the program and one for each of its commands.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// A folder that exists
    folder: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> Result<u8, Failure> {
        clap_mangen::generate_to(super::Arguments::command(), self.folder)?;
        Ok(0)
    }
}
