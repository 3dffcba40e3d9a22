//! The project's own tools: `cargo xtask COMMAND`. What each does stands in its own file.

mod accuracy;
mod archive;
mod bench;
mod children;
mod command;
mod dist;
mod failures;
mod history;
mod page;
mod programs;
mod record;
mod run;
mod sample_data;
mod summary;
mod test;
mod tidy;
mod tools;
mod torture;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Builds, checks, runs and measures highwater.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Run(run::Arguments),
    Test(test::Arguments),
    Dist(dist::Arguments),
    Bench(bench::Arguments),
    Accuracy(accuracy::Arguments),
    SampleData(sample_data::Arguments),
    Record(record::Arguments),
    History(history::Arguments),
    Torture(torture::Arguments),
    #[command(hide = true)]
    Demand(record::DemandArguments),
    /// Check what no compiler checks: layout of files, the licence, arrows between crates, paths of one machine
    Tidy,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Run(arguments) => run::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Dist(arguments) => dist::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Accuracy(arguments) => accuracy::run(&arguments),
        Task::SampleData(arguments) => sample_data::run(&arguments),
        Task::Record(arguments) => record::run(&arguments),
        Task::History(arguments) => history::run(&arguments),
        Task::Torture(arguments) => torture::run(&arguments),
        Task::Demand(arguments) => record::demand(&arguments),
        Task::Tidy => tidy::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
