//! Incidents as a list: a line when and how bad, a line what, a line how to ask for more.

use super::text::{Clock, Commands, Style, plain, wrap};
use crate::explain::document::Severity;
use crate::incidents::Summary;
use crate::units;
use std::fmt::Write;

/// A list of incidents, in order of time.
pub fn list(incidents: &[Summary], tz: &str, commands: &Commands, style: &Style) -> String {
    let clock = Clock::new(tz);
    let mut out = String::new();
    for incident in incidents {
        let (color, severity) = severity(incident.severity);
        let seconds = (incident.to.0.0 - incident.from.0.0) as f64 / 1e9;
        let length = if incident.open {
            "still going on".into()
        } else {
            units::length(seconds)
        };
        let _ = writeln!(
            out,
            "{}  {}  {length}",
            clock.day_and_second(incident.from),
            style.paint(color, severity)
        );
        wrap(&mut out, &plain(&incident.headline), "  ", "  ", style.width);
        let verdict = match (&incident.cause, incident.confidence) {
            (Some(cause), Some(confidence)) => {
                format!("{cause} ({})", format!("{confidence:?}").to_lowercase())
            }
            _ => "cause cannot be told".into(),
        };
        let more = format!(
            "{verdict} · analyzer explain{} --from \"{}\" --to \"{}\"",
            commands.options,
            clock.day_and_second(incident.window.from),
            clock.day_and_second(incident.window.to)
        );
        let _ = writeln!(out, "  {}\n", style.paint("2", &more));
    }
    out
}

/// Colour and word of a severity.
fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Critical => ("1;31", "critical"),
        Severity::Warning => ("1;33", "warning"),
        Severity::Info => ("2", "info"),
    }
}
