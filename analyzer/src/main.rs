//! `analyzer`: what did this node's memory and disks do, and what went wrong?

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::Arguments::parse().run() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => match failure.exit_code() {
            Some(code) => {
                eprintln!("analyzer: {failure}");
                ExitCode::from(code)
            }
            None => ExitCode::SUCCESS,
        },
    }
}
