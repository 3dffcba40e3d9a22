//! `cargo xtask accuracy`: what `analyzer explain` says of recordings whose cause is known, and what simple methods say of
//! the same data.

mod judge;
mod recording;
mod rivals;
mod series;

use crate::{command, workspace};
use anyhow::{Result, bail};
use judge::Row;
use recording::Recording;
use std::path::PathBuf;

/// Score `analyzer explain` on recordings with a known cause, beside simpler methods
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Recordings: a .tar.xz, a folder with node.json and proc/, or a folder of such [default: ../shared/recordings]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Prints a line a recording and method, and a table; fails unless the explainer is right in all.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    command::run(command::cargo().args(["build", "-p", "analyzer"]))?;
    let analyzer = workspace::binaries().join("analyzer");
    let paths = match &arguments.paths[..] {
        [] => recording::find(&[workspace::recordings()])?,
        given => recording::find(given)?,
    };
    if paths.is_empty() {
        bail!("no recordings there: a recording is a .tar.xz or a folder with node.json and proc/*.log");
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut rivals: Vec<(&str, Vec<Row>)> = rivals::METHODS
        .iter()
        .map(|(name, _)| (*name, Vec::new()))
        .collect();
    for path in &paths {
        let recording = Recording::read(path)?;
        let row = match recording.explain(&analyzer) {
            Ok(document) => judge::judge(&document, &recording.truth),
            Err(error) => Row::failed(&recording.truth, format!("{error:#}")),
        };
        println!("{}", row.text());
        rows.push(row);
        let series = series::of(&recording);
        for ((_, method), (_, rows)) in rivals::METHODS.iter().zip(&mut rivals) {
            let answer = rivals::document(&method(&series, &recording.truth));
            let row = judge::judge(&answer, &recording.truth);
            // They know no processes, no bounds, no links and rule nothing out.
            rows.push(Row {
                process: None,
                onset_inside: None,
                links_backward: None,
                true_cause_ruled_out: None,
                ..row
            });
        }
    }
    println!("\n{}", judge::table("analyzer explain", &rows, &rivals));
    let wrong = rows.iter().filter(|row| !row.first).count();
    if wrong > 0 {
        bail!("{wrong} of {} recordings are explained wrongly", rows.len());
    }
    Ok(())
}
