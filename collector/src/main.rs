//! `collector`: records what this machine's kernel says of memory and disks, every second.
//!
//! One thread keeps the beat and reads ([`run`], [`sampler`]); another writes ([`recorder`]), so that a disk that hangs never
//! delays a reading. Nothing is interpreted here.

mod aside;
mod beside;
mod burst;
mod cgroups;
mod cli;
mod clock;
mod command_lines;
mod config;
mod doctor;
mod facts;
mod inventory;
mod keeper;
mod kernel_file;
mod kmsg;
mod memory;
mod metrics;
mod node;
mod once;
mod own_cost;
mod pressure_events;
mod process_children;
mod process_exits;
mod process_files;
mod process_handles;
mod process_known;
mod process_numbers;
mod process_threads;
mod process_watch;
mod processes;
mod recorder;
mod run;
mod sampler;
mod service;
mod signals;
mod taskstats;
mod topology;
mod tracepoints;
mod watermarks;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match config::at_start().and_then(|layers| layers.arguments.run(layers.effective)) {
        Ok(code) => code,
        Err(error) => {
            // The store's errors name their own causes.
            let line = if error.is::<store::Error>() {
                error.to_string()
            } else {
                format!("{error:#}")
            };
            say(&line);
            ExitCode::FAILURE
        }
    }
}

/// One line on stderr, for a person or the journal. Nobody may be there to read it; that changes nothing.
fn say(message: &str) {
    let line: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let _ = writeln!(std::io::stderr(), "collector: {line}");
}
