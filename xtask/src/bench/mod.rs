//! `cargo xtask bench`: what recording costs against the least it could cost, what is kept against what was read, and
//! how long an explanation, an import, the page's API and the page take. Everything is measured on this machine as it is; nothing here
//! fails a build.

mod beside;
mod cost;
mod days;
mod explain;
mod floor;
mod import;
mod page;
mod recording;
mod storage;
mod web;

use crate::programs;
use anyhow::Result;
use std::path::PathBuf;

/// Measure the collector, the store, `analyzer explain`, the page's API and the page
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Ticks of the collector to measure
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(10..))]
    ticks: u32,
    /// Milliseconds between two ticks. A shorter time than in use measures the same work sooner
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(10..=1000))]
    interval_ms: u64,
    /// Only run beside sadc, atop and node_exporter, for so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(10..))]
    beside: Option<u32>,
    /// Only the page's API
    #[arg(long)]
    web: bool,
    /// Only questions to a history of days, which `cargo xtask history` makes: how the time grows with the span
    #[arg(long, value_name = "PATH")]
    days: Option<PathBuf>,
    /// Only the page, in Chromium
    #[arg(long)]
    page: bool,
    /// With --page: a database of days to pan through, instead of making one
    #[arg(long, value_name = "PATH", requires = "page")]
    history: Option<PathBuf>,
    /// Only the import of a week of sar's text
    #[arg(long)]
    import: bool,
}

/// Seconds beside others, when the rest is measured too.
const BESIDE: u32 = 60;

/// Builds what users install, and prints a table for each part.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(seconds) = arguments.beside {
        let collector = programs::build_release(&["collector"])?.join("collector");
        print!("\n{}", beside::measure(&collector, seconds)?);
        return Ok(());
    }
    if arguments.import {
        let analyzer = programs::build_release(&["analyzer"])?.join("analyzer");
        print!(
            "\n{}",
            import::measure(&analyzer, &programs::empty_folder("bench")?)?
        );
        return Ok(());
    }
    if let Some(history) = &arguments.days {
        let analyzer = programs::build_release(&["analyzer"])?.join("analyzer");
        let folder = programs::empty_folder("bench")?;
        print!("\n{}", days::measure(&analyzer, history, &folder)?);
        return Ok(());
    }
    page::build()?;
    let folder = programs::empty_folder("bench")?;
    if arguments.web || arguments.page {
        let programs = programs::build_slim(&["analyzer", "web"])?;
        if arguments.web {
            print!("\n{}", web::measure(&programs, &folder)?);
        }
        if arguments.page {
            let history = arguments
                .history
                .as_deref()
                .map(std::path::absolute)
                .transpose()?;
            print!("\n{}", page::measure(&programs, &folder, history.as_deref())?);
        }
        return Ok(());
    }
    let programs = programs::build_release(&["collector", "analyzer", "web"])?;
    let collector = recording::measure(&programs.join("collector"), &folder, arguments)?;
    print!("\n{collector}");
    print!("\n{}", beside::measure(&programs.join("collector"), BESIDE)?);
    let analyzer = programs.join("analyzer");
    print!("\n{}", storage::measure(&analyzer, &folder)?);
    print!("\n{}", explain::measure(&analyzer, &folder)?);
    print!("\n{}", import::measure(&analyzer, &folder)?);
    print!("\n{}", web::measure(&programs, &folder)?);
    print!("\n{}", page::measure(&programs, &folder, None)?);
    Ok(())
}

/// A line of a table: what was measured, and the target it is held against.
fn line(what: &str, value: String, target: Option<(&str, bool)>) -> String {
    let verdict = match target {
        Some((target, true)) => format!("target {target}: met"),
        Some((target, false)) => format!("target {target}: MISSED"),
        None => String::new(),
    };
    let line = format!("  {what:<44} {value:>14}   {verdict}");
    format!("{}\n", line.trim_end())
}

/// The middle value, or the mean of the two in the middle. `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        even if even % 2 == 0 => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
        _ => Some(sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_middle_of_few() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }
}
