//! `analyzer plot`

use super::database::Database;
use super::{Failure, output};
use analyzer::plot::{self, Asked, Line, Mode};
use analyzer::time_grammar;
use chrono_tz::Tz;
use clap::Args;
use model::TimeSpan;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Draw metrics over time, in the terminal or as SVG or PNG
///
/// A metric is `meminfo.MemFree`, `vmstat.pgmajfault`, or a signal that the rules read such as `reclaim.kswapd_scan`. Of one that
/// there is for several devices, zones or groups, `diskstats.read_sectors@vda` takes one. Counters are drawn as rates, amounts in
/// bytes; where nothing is known there is a gap.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to draw
    #[arg(required = true, value_name = "METRIC[@SUBJECT]")]
    metrics: Vec<String>,
    /// Start of the span
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: Option<String>,
    /// End of the span [default: the end of the data]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    to: Option<String>,
    /// Write a picture: FILE.svg or FILE.png
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw what gauges change by per second, too
    #[arg(long, conflicts_with = "raw")]
    rate: bool,
    /// Draw the numbers as the kernel prints them
    #[arg(long)]
    raw: bool,
    /// Time zone of clock times and of the chart, such as Europe/Berlin [default: the node's own]
    #[arg(long, value_name = "ZONE")]
    tz: Option<Tz>,
}

/// What is drawn when nobody says which span.
const DEFAULT_LENGTH: i64 = 600_000_000_000;

/// More charts than these are not read any more.
const MOST: usize = 16;

/// Width where no terminal tells its own, and the widest.
const WIDTH: usize = 80;
const WIDEST: usize = 160;

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        let format = self.format()?;
        let db = Database::open(db, self.tz)?;
        let tz = db.context.tz;
        let (from, to) = (self.from.as_deref(), self.to.as_deref());
        let mut span = time_grammar::parse_window(from, to, DEFAULT_LENGTH, &db.context)?;
        if from.is_none() {
            span.from = span.from.max(db.extent.from).min(span.to);
        }
        let lines = self.lines(&db, span)?;
        let bytes = match format {
            Format::Terminal => {
                let text = plot::terminal(&lines, span, tz, width());
                writeln!(std::io::stdout(), "{}", output::span(span, tz))?;
                std::io::stdout().write_all(text.as_bytes())?;
                return Ok(0);
            }
            Format::Svg => plot::svg(&lines, span, tz).into_bytes(),
            Format::Png => plot::png(&lines, span, tz)
                .map_err(|why| Failure::Usage(format!("the picture cannot be drawn: {why}")))?,
        };
        if let Some(file) = &self.out {
            std::fs::write(file, bytes)
                .map_err(|e| std::io::Error::new(e.kind(), format!("{}: {e}", file.display())))?;
        }
        Ok(0)
    }

    fn format(&self) -> Result<Format, Failure> {
        let Some(file) = &self.out else {
            return Ok(Format::Terminal);
        };
        match file.extension().and_then(|end| end.to_str()) {
            Some("svg") => Ok(Format::Svg),
            Some("png") => Ok(Format::Png),
            _ => Err(Failure::Usage(format!(
                "{}: a picture's name ends in .svg or .png",
                file.display()
            ))),
        }
    }

    fn lines(&self, db: &Database, span: TimeSpan) -> Result<Vec<Line>, Failure> {
        let mode = match (self.rate, self.raw) {
            (true, _) => Mode::Rate,
            (_, true) => Mode::Raw,
            _ => Mode::Auto,
        };
        db.reader.snapshot(|reader| {
            let mut all = Vec::new();
            for metric in &self.metrics {
                let asked = Asked::of(metric);
                let lines = plot::lines(reader, span, &asked, mode)?;
                if lines.is_empty() {
                    return Err(self.nothing(db, span, &asked)?);
                }
                if all.len() + lines.len() > MOST {
                    let titles: Vec<&str> = lines.iter().map(|line| line.title.as_str()).collect();
                    let first = titles.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
                    return Err(Failure::Usage(format!(
                        "{} charts are too many ({MOST} at most); take one with {}@SUBJECT: {first}, …",
                        all.len() + lines.len(),
                        asked.name
                    )));
                }
                all.extend(lines);
            }
            Ok(all)
        })
    }

    /// Why there is nothing to draw of a metric, and what else there is.
    fn nothing(&self, db: &Database, span: TimeSpan, asked: &Asked) -> Result<Failure, Failure> {
        let (when, name) = (output::span(span, db.context.tz), &asked.name);
        let names = plot::names(&db.reader, span)?;
        if names.is_empty() {
            let extent = output::span(db.extent, db.context.tz);
            return Ok(Failure::NoData(format!(
                "no data in {when}; there is some in {extent}"
            )));
        }
        if let (Some(subject), true) = (&asked.subject, names.contains(name)) {
            let all = Asked {
                subject: None,
                ..asked.clone()
            };
            let titles = plot::lines(&db.reader, span, &all, Mode::Raw)?;
            let titles: Vec<&str> = titles.iter().take(MOST).map(|line| line.title.as_str()).collect();
            return Ok(Failure::NoData(format!(
                "no {name} of {subject} in {when}; there is {}",
                titles.join(", ")
            )));
        }
        let meant = match plot::suggest(&names, name).as_slice() {
            [] => String::new(),
            likely => format!("; did you mean {}?", likely.join(", ")),
        };
        Ok(Failure::NoData(format!("no metric {name} in {when}{meant}")))
    }
}

enum Format {
    Terminal,
    Svg,
    Png,
}

fn width() -> usize {
    let terminal = std::io::stdout()
        .is_terminal()
        .then(terminal_size::terminal_size)
        .flatten();
    terminal.map_or(WIDTH, |(width, _)| usize::from(width.0).clamp(40, WIDEST))
}
