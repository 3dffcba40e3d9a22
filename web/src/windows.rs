//! Loaded windows: a page asks for the explanation of a span and then for the series in it. Both are read from the database once.

use crate::database::{Version, lock};
use crate::problem::Problem;
use crate::query::{Clock, SECOND};
use analyzer::explain::document::Explanation;
use analyzer::explain::{Options, explain, explain_window, look_back};
use analyzer::signals::Signals;
use analyzer::window::Window;
use model::TimeSpan;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use store::Reader;

/// The longest span that is explained at a time.
pub(crate) const MOST_EXPLAINED: i64 = 6 * 3600 * SECOND;
/// Loaded windows are kept up to so many ticks altogether (about 6 kB each).
const MOST_TICKS: usize = 8_000;

/// A window with all that was derived from it.
pub(crate) struct Loaded {
    pub(crate) window: Window,
    pub(crate) signals: Signals,
    explanation: OnceLock<Explanation>,
}

impl Loaded {
    pub(crate) fn new(window: Window) -> Loaded {
        Loaded {
            signals: Signals::derive(&window),
            window,
            explanation: OnceLock::new(),
        }
    }
}

/// The windows that were asked for last.
#[derive(Default)]
pub(crate) struct Windows(Mutex<VecDeque<(Version, TimeSpan, Arc<Loaded>)>>);

impl Windows {
    /// The window of a span; not found when it holds no tick.
    pub(crate) fn load(&self, reader: &Reader, span: TimeSpan) -> Result<Arc<Loaded>, Problem> {
        if span.to.0.saturating_sub(span.from.0) > MOST_EXPLAINED {
            let (asked, most) = (span.seconds() / 3600.0, MOST_EXPLAINED / SECOND / 3600);
            return Err(Problem::bad_request(format!(
                "the span is {asked:.1} hours; at most {most} are explained at a time"
            )));
        }
        let version =
            Version::of(reader.path()).ok_or_else(|| Problem::unavailable("the database is gone"))?;
        if let Some(known) = self.find(version, |s| s == span) {
            return Ok(known);
        }
        let window = Window::load(reader, span)?;
        let window = window.ok_or_else(|| Problem::not_found("nothing is recorded in this span"))?;
        let new = Arc::new(Loaded::new(window));
        let mut kept = lock(&self.0);
        kept.push_back((version, span, new.clone()));
        while kept.len() > 1 && kept.iter().map(|(_, _, l)| l.window.len()).sum::<usize>() > MOST_TICKS {
            kept.pop_front();
        }
        Ok(new)
    }

    /// A window that is loaded already and holds a span.
    pub(crate) fn covering(&self, reader: &Reader, span: TimeSpan) -> Option<Arc<Loaded>> {
        let version = Version::of(reader.path())?;
        self.find(version, |s| s.from <= span.from && span.to <= s.to)
    }

    fn find(&self, version: Version, wanted: impl Fn(TimeSpan) -> bool) -> Option<Arc<Loaded>> {
        let kept = lock(&self.0);
        let found = kept.iter().find(|(v, span, _)| *v == version && wanted(*span))?;
        Some(found.2.clone())
    }

    /// The document of a span, one without data included.
    pub(crate) fn explain(
        &self,
        reader: &Reader,
        span: TimeSpan,
        clock: &Clock,
    ) -> Result<Explanation, Problem> {
        let options = Options::new(clock.tz());
        match self.load(reader, span) {
            Ok(loaded) => {
                if let Some(known) = loaded.explanation.get() {
                    return Ok(known.clone());
                }
                let mut explanation = explain_window(&loaded.window, &options);
                look_back(reader, &mut explanation, &options)?;
                Ok(loaded.explanation.get_or_init(|| explanation).clone())
            }
            Err(problem) if problem.is_not_found() => Ok(explain(reader, span, &options)?),
            Err(problem) => Err(problem),
        }
    }
}
