//! `analyzer completions`

use super::Failure;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use std::io::Write;

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
