//! `analyzer causes`, and what `analyzer rules` shares with it: the manual that stands beside the code.

use super::Failure;
use clap::Args;
use std::io::Write;

/// Which page.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print the manual of this one; without it, a list of all
    id: Option<String>,
}

/// A page of the manual.
pub(super) struct Page {
    pub(super) id: String,
    pub(super) summary: String,
    pub(super) manual: String,
}

impl Arguments {
    pub(super) fn causes(self) -> Result<u8, Failure> {
        let page = |cause: &'static analyzer::causes::CauseRule| Page {
            id: cause.id.into(),
            summary: cause.summary.into(),
            manual: cause.manual.into(),
        };
        let pages: Vec<Page> = analyzer::causes::all().iter().map(page).collect();
        print("cause", self.id.as_deref(), &pages)
    }
}

/// One page, or a list of all.
pub(super) fn print(what: &str, id: Option<&str>, pages: &[Page]) -> Result<u8, Failure> {
    let text = match id {
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
