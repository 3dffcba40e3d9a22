//! How far a look through days has come, on a terminal and nowhere else.

use std::io::IsTerminal;

/// Looks shorter than this are over before one could read it.
const WORTH_SECONDS: f64 = 86_400.0;

/// A line that is written over and over, and wiped away at the end.
pub(super) struct Progress {
    shows: bool,
    percent: Option<u32>,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress {
            shows: std::io::stderr().is_terminal(),
            percent: None,
        }
    }

    /// So many seconds of the record are done.
    pub(super) fn at(&mut self, done: f64, all: f64) {
        let percent = (100.0 * done / all.max(1.0)) as u32;
        if self.shows && self.percent != Some(percent) && all >= WORTH_SECONDS {
            self.percent = Some(percent);
            eprint!("\rlooking through {percent} %\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.percent.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
