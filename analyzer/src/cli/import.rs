//! `analyzer import`

use super::database::now;
use super::{Failure, output};
use analyzer::import::{self, Format, LogOptions, Machine, Outcome, Progress, SarOptions, Summary};
use analyzer::time_grammar::{self, Context};
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
    /// Any of these, told by what is in the files
    Auto(Text),
    /// A recording: node.json and proc/*.log, in a folder or a .tar.xz
    Recording {
        /// Folders or archives
        #[arg(value_name = "DIR|FILE.tar.xz", required = true)]
        paths: Vec<PathBuf>,
    },
    /// What sar printed, of one machine: any tables, any number of files, best all at once
    Sar(Text),
    /// What `sadf -j` printed, of one machine
    Sadf(Text),
    /// Binary files of sar's collector (/var/log/sysstat/sa10), read by the installed sadf
    Sa(Text),
    /// Kernel files that a script wrote down again and again, with the time before each line or on a line of its own
    ProcLog(Text),
    /// An archive of Oracle OSWatcher: its meminfo, vmstat, iostat, slabinfo, top and ps
    Oswatcher(Text),
    /// Raw logs of atop, read by the installed atop, or what `atop -P ALL` printed; processes too
    Atop(Text),
    /// Archives of Performance Co-Pilot, each named by any of its files (20160910.index), read by the installed pmrep
    Pcp(Text),
    /// A folder of snapshots: folders named by their time (or with a file `timestamp`), kernel files in each
    Snapshots(Text),
    /// What `sos report` gathered, in a folder or an archive: kernel files, settings, devices, the kernel's log, sar's history
    Sosreport(Text),
}

#[derive(Debug, Args)]
struct Text {
    /// Files or folders; files may be compressed (.gz, .xz)
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    options: TextOptions,
}

#[derive(Debug, Clone, Default, Args)]
struct TextOptions {
    /// The day of text that does not say it, and the order of day and month where it is not clear
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<NaiveDate>,
    /// When a kernel file was read in which no time stands
    #[arg(long, value_name = "T")]
    at: Option<String>,
    /// Time zone of the clock times in the text, such as Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    tz: Tz,
    /// Host name, where the text does not say it
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Kernel release, likewise
    #[arg(long, value_name = "RELEASE")]
    kernel: Option<String>,
    /// Number of CPUs, likewise
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cpus: Option<u32>,
    /// Import nothing when a line is not understood, instead of leaving it out
    #[arg(long)]
    strict: bool,
}

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let (format, paths, options) = match self.kind {
            Kind::Auto(text) => (None, text.paths, text.options),
            Kind::Recording { paths } => (Some(Format::Recording), paths, TextOptions::default()),
            Kind::Sar(text) => (Some(Format::Sar), text.paths, text.options),
            Kind::Sadf(text) => (Some(Format::Sadf), text.paths, text.options),
            Kind::Sa(text) => (Some(Format::Sa), text.paths, text.options),
            Kind::ProcLog(text) => (Some(Format::ProcLog), text.paths, text.options),
            Kind::Oswatcher(text) => (Some(Format::Oswatcher), text.paths, text.options),
            Kind::Atop(text) => (Some(Format::Atop), text.paths, text.options),
            Kind::Pcp(text) => (Some(Format::Pcp), text.paths, text.options),
            Kind::Snapshots(text) => (Some(Format::Snapshots), text.paths, text.options),
            Kind::Sosreport(text) => (Some(Format::Sosreport), text.paths, text.options),
        };
        // A typing error in a name should not leave an empty database behind.
        for path in &paths {
            std::fs::metadata(path)
                .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        }
        let format = match format {
            Some(format) => format,
            None => import::detect(&paths).map_err(|error| Failure::Usage(error.to_string()))?,
        };
        let mut writer = open(db)?;
        // A recording or a report is whole by itself; the tables and logs of other tools belong together.
        let together = match format {
            Format::Recording | Format::Snapshots | Format::Sosreport => 1,
            _ => paths.len(),
        };
        for paths in paths.chunks(together) {
            let report = import(format, paths, &options, db, &mut writer)?;
            std::io::stdout().write_all(report.as_bytes())?;
        }
        Ok(0)
    }
}

/// Imports what belongs together, and says what it brought.
fn import(
    format: Format,
    paths: &[PathBuf],
    options: &TextOptions,
    db: &Path,
    writer: &mut Writer,
) -> Result<String, Failure> {
    let started = Instant::now();
    let named = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ");
    let mut bar = Bar::new(started);
    let show = &mut |progress| bar.show(progress);
    let outcome = match format {
        Format::Recording => import::recording(&paths[0], writer, show),
        Format::Sar => import::sar_text(paths, &options.averages(), writer, show),
        Format::Sa => import::sa_files(paths, &options.averages(), writer, show),
        Format::Sadf => import::sadf_json(paths, &options.averages(), writer, show),
        Format::ProcLog => import::proc_log(paths, &options.log()?, writer, show),
        Format::Oswatcher => import::oswatcher(paths, &options.log()?, writer, show),
        Format::Atop => import::atop(paths, &options.log()?, writer, show),
        Format::Pcp => import::pcp(paths, &options.log()?, writer, show),
        Format::Snapshots => import::snapshots(&paths[0], &options.log()?, writer, show),
        Format::Sosreport => import::sosreport(&paths[0], &options.log()?, writer, show),
    };
    bar.clear();
    match outcome {
        Ok(Outcome::AlreadyThere) => Ok(format!("{named}: already imported, nothing changed\n")),
        Ok(Outcome::Imported(summary)) => {
            while writer.compact(true)? {}
            Ok(describe(&named, db, &summary, started.elapsed()))
        }
        Err(import::Error::Store(error)) => Err(Failure::Database(error)),
        // Names inside a recording say nothing without its own; the other importers name whole paths.
        Err(error @ import::Error::Input { .. }) if format == Format::Recording => {
            Err(Failure::Usage(format!("{named}: {error}")))
        }
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}

impl TextOptions {
    fn machine(&self) -> Machine {
        Machine {
            hostname: self.host.clone().unwrap_or_default(),
            kernel: self.kernel.clone().unwrap_or_default(),
            architecture: String::new(),
            cpus: self.cpus,
        }
    }

    fn averages(&self) -> SarOptions {
        SarOptions {
            date: self.date,
            tz: self.tz,
            machine: self.machine(),
            strict: self.strict,
        }
    }

    fn log(&self) -> Result<LogOptions, Failure> {
        let context = Context {
            now: now(),
            data_end: None,
            tz: self.tz,
        };
        let at = self
            .at
            .as_deref()
            .map(|at| time_grammar::parse(at, &context))
            .transpose()?;
        Ok(LogOptions {
            tz: self.tz,
            machine: self.machine(),
            at,
            strict: self.strict,
        })
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
