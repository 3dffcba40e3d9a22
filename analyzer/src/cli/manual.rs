//! `analyzer rules` and `analyzer causes`: the manual that stands beside the code.

use super::Failure;
use clap::Args;
use std::io::Write;

/// Which page.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print the manual of this one; without it, a list of all
    id: Option<String>,
}

struct Page {
    id: &'static str,
    summary: &'static str,
    manual: &'static str,
}

impl Arguments {
    pub(super) fn rules(self) -> Result<u8, Failure> {
        let page = |rule: &'static analyzer::rules::Rule| Page {
            id: rule.id,
            summary: rule.summary,
            manual: rule.manual,
        };
        self.print("rule", analyzer::rules::all().iter().map(page).collect())
    }

    pub(super) fn causes(self) -> Result<u8, Failure> {
        let page = |cause: &'static analyzer::causes::CauseRule| Page {
            id: cause.id,
            summary: cause.summary,
            manual: cause.manual,
        };
        self.print("cause", analyzer::causes::all().iter().map(page).collect())
    }

    fn print(self, what: &str, pages: Vec<Page>) -> Result<u8, Failure> {
        let text = match self.id {
            None => {
                let width = pages.iter().map(|page| page.id.len()).max().unwrap_or(0);
                pages
                    .iter()
                    .map(|page| format!("{:width$}  {}\n", page.id, page.summary))
                    .collect()
            }
            Some(id) => {
                let page = pages.iter().find(|page| page.id == id).ok_or_else(|| {
                    Failure::Usage(format!("there is no {what} {id:?}; `analyzer {what}s` lists all"))
                })?;
                format!("{}: {}\n\n{}\n", page.id, page.summary, page.manual.trim_end())
            }
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(0)
    }
}
