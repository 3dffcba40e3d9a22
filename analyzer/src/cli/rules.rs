//! `analyzer rules`

use super::database::Database;
use super::manual::{Page, print};
use super::site::SiteArguments;
use super::window::WindowArguments;
use super::{Failure, output};
use analyzer::explain::Options;
use analyzer::incidents;
use analyzer::site::Site;
use analyzer::units;
use clap::{Args, Subcommand};
use model::Nanos;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Print what each rule looks for, why it matters and when it is wrong; try rules of one's own on what was recorded
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print the manual of this one; without it, a list of all
    id: Option<String>,
    #[command(flatten)]
    site: SiteArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    Test(Test),
}

/// Try rules on what was recorded: when would they have found something, and for how long
///
/// Without a window: the last day of the data.
#[derive(Debug, Args)]
struct Test {
    /// Files with rules
    #[arg(required = true, value_name = "FILE.toml")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    window: WindowArguments,
}

const DEFAULT_LENGTH: Nanos = 86_400_000_000_000;

impl Arguments {
    pub(super) fn run(self, db: &Path) -> Result<u8, Failure> {
        if let Some(Command::Test(test)) = self.command {
            return test.run(db);
        }
        let mut pages: Vec<Page> = analyzer::rules::all()
            .iter()
            .map(|rule| Page {
                id: rule.id.into(),
                summary: rule.summary.into(),
                manual: rule.manual.into(),
            })
            .collect();
        pages.extend(self.site.load()?.rules().iter().map(|rule| Page {
            id: rule.id.into(),
            summary: rule.headline.clone(),
            manual: format!(
                "When    {}\nWhy     {}\nFile    {}\n",
                rule.when,
                rule.why,
                rule.file.display()
            ),
        }));
        print("rule", self.id.as_deref(), &pages)
    }
}

impl Test {
    fn run(self, db: &Path) -> Result<u8, Failure> {
        let site: &'static Site = Box::leak(Box::new(Site::of_files(&self.files)?));
        let db = Database::open(db, self.window.tz)?;
        let tz = db.context.tz;
        let span = self.window.span(&db, DEFAULT_LENGTH)?;
        let found = incidents::findings_of_site(&db.reader, span, &Options { tz, site })?;
        let mut out = std::io::stdout();
        for rule in site.rules() {
            let mine: Vec<_> = found.iter().filter(|f| f.rule == rule.id).collect();
            let seconds: f64 = mine.iter().map(|f| f.seconds).sum();
            writeln!(
                out,
                "{}: {} times, {} in all, in {}",
                rule.id,
                mine.len(),
                units::length(seconds),
                output::span(span, tz)
            )?;
            for one in mine {
                writeln!(
                    out,
                    "  {}  {:>12}  {}  {}",
                    output::time(one.from, tz),
                    units::length(one.seconds),
                    one.subject,
                    one.evidence.join(", ")
                )?;
            }
        }
        Ok(0)
    }
}
