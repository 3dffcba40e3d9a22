//! `analyzer`: what did this node's memory and disks do, and what went wrong?

mod cli;

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::Arguments::parse().run() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => match failure.exit_code() {
            Some(code) => {
                // Nobody may be there to read it; that changes nothing.
                let _ = writeln!(std::io::stderr(), "analyzer: {}", one_line(&failure.to_string()));
                ExitCode::from(code)
            }
            None => ExitCode::SUCCESS,
        },
    }
}

/// A message may quote a damaged or hostile file: what could move a terminal's cursor becomes a blank.
fn one_line(message: &str) -> String {
    message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
