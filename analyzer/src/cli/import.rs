//! `analyzer import`

use super::{Failure, output};
use analyzer::import::{self, Outcome, Progress, SarOptions, Summary};
use chrono::NaiveDate;
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use store::Writer;

/// Bring what others recorded into the database
///
/// The database is created when there is none. An import is all or nothing, and importing the same again changes nothing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// A recording: node.json and proc/*.log, in a folder or a .tar.xz
    Recording {
        /// The folder or archive
        #[arg(value_name = "DIR|FILE.tar.xz")]
        path: PathBuf,
    },
    /// What sar printed, of one machine: any tables, any number of files, best all at once
    Sar {
        /// Files with the text
        #[arg(value_name = "FILE", required = true)]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        options: TextOptions,
    },
}

#[derive(Debug, Args)]
struct TextOptions {
    /// The day of text that does not say it, and the order of day and month where it is not clear
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<NaiveDate>,
    /// Time zone of the clock times in the text, such as Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    tz: Tz,
    /// Import nothing when a line is not understood, instead of leaving it out
    #[arg(long)]
    strict: bool,
}

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let paths = match &self.kind {
            Kind::Recording { path } => std::slice::from_ref(path),
            Kind::Sar { paths, .. } => paths,
        };
        let named = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(", ");
        let started = Instant::now();
        let fail = |error| match error {
            import::Error::Store(error) => Failure::Database(error),
            error @ import::Error::Io { .. } => Failure::Usage(error.to_string()),
            error if matches!(self.kind, Kind::Recording { .. }) => {
                Failure::Usage(format!("{named}: {error}"))
            }
            error => Failure::Usage(error.to_string()),
        };
        // A typing error in the name should not leave an empty database behind.
        for path in paths {
            std::fs::metadata(path)
                .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        }
        let mut writer = open(db)?;
        let mut bar = Bar::new(started);
        let mut show = |progress| bar.show(progress);
        let outcome = match &self.kind {
            Kind::Recording { path } => import::recording(path, &mut writer, &mut show),
            Kind::Sar { paths, options } => {
                let options = SarOptions {
                    date: options.date,
                    tz: options.tz,
                    strict: options.strict,
                };
                import::sar_text(paths, &options, &mut writer, &mut show)
            }
        };
        bar.clear();
        let outcome = outcome.map_err(fail)?;
        let report = match outcome {
            Outcome::AlreadyThere => {
                format!("{named}: already imported, nothing changed\n")
            }
            Outcome::Imported(summary) => {
                while writer.compact(true)? {}
                describe(&named, db, &summary, started.elapsed())
            }
        };
        std::io::stdout().write_all(report.as_bytes())?;
        Ok(0)
    }
}

fn open(db: &Path) -> Result<Writer, Failure> {
    if let Some(folder) = db.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::Usage(format!("{}: {error}", folder.display())))?;
    }
    Ok(Writer::open(db)?)
}

fn describe(named: &str, db: &Path, summary: &Summary, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let mut out = format!("imported {named} into {}\n", db.display());
    let mut line = |name: &str, text: String| {
        // Writing to a String does not fail.
        let _ = writeln!(out, "  {name:10} {text}");
    };
    line("node", format!("{}, Linux {}", summary.hostname, summary.kernel));
    line("span", output::span(summary.span, chrono_tz::UTC));
    line(
        "ticks",
        format!(
            "{}, every {}",
            output::count(summary.ticks),
            output::length(summary.interval)
        ),
    );
    line(
        "readings",
        format!(
            "{} of {}",
            output::count(summary.readings),
            summary.sources.join(", ")
        ),
    );
    line(
        "processes",
        format!("{} rows", output::count(summary.process_rows)),
    );
    line(
        "kernel log",
        format!("{} records", output::count(summary.log_records)),
    );
    line("facts", format!("{} new", output::count(summary.facts as u64)));
    line(
        "read",
        format!(
            "{} in {} files, in {seconds:.2} s ({}/s)",
            output::bytes(summary.bytes),
            summary.files,
            output::bytes((summary.bytes as f64 / seconds.max(1e-9)) as u64)
        ),
    );
    for note in &summary.notes {
        line("note", note.clone());
    }
    out
}

/// One line on a terminal's standard error, redrawn a few times a second.
struct Bar {
    started: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Bar {
    const EVERY: Duration = Duration::from_millis(200);

    fn new(started: Instant) -> Self {
        Bar {
            started,
            shown: None,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, progress: Progress) {
        let now = Instant::now();
        if !self.is_terminal || now - self.shown.unwrap_or(self.started) < Self::EVERY {
            return;
        }
        self.shown = Some(now);
        let percent = progress.bytes as f64 * 100.0 / progress.total_bytes.max(1) as f64;
        let per_second = progress.bytes as f64 / (now - self.started).as_secs_f64();
        eprint!(
            "\r{percent:3.0} %  {} ticks  {}/s\x1b[K",
            output::count(progress.ticks),
            output::bytes(per_second as u64)
        );
    }

    fn clear(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
