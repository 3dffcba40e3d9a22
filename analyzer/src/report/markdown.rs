//! The report for a ticket.

use super::text::{Clock, plain, said};
use crate::causes;
use crate::explain::document::{Explanation, Incident, Severity};
use std::fmt::Write;

/// The whole explanation as Markdown.
pub fn markdown(explanation: &Explanation) -> String {
    let clock = Clock::new(&explanation.window.tz);
    let mut out = String::new();
    let node = &explanation.node;
    let _ = writeln!(
        out,
        "**{}** · Linux {} · {} {}–{} {} · {} of {} ticks recorded\n",
        safe(&node.hostname),
        safe(&node.kernel),
        clock.day(explanation.window.from),
        clock.second(explanation.window.from),
        clock.second(explanation.window.to),
        explanation.window.tz,
        explanation.window.ticks,
        explanation.window.expected_ticks
    );
    if explanation.incidents.iter().all(|i| i.severity == Severity::Info) {
        out.push_str("No incident: nobody was seen to be hurt.\n\n");
    }
    for incident in &explanation.incidents {
        one(incident, &clock, &mut out);
    }
    for note in &explanation.notes {
        let _ = writeln!(out, "> {}\n", safe(note));
    }
    out
}

fn one(incident: &Incident, clock: &Clock, out: &mut String) {
    let word = match incident.severity {
        Severity::Critical => "Critical",
        Severity::Warning => "Warning",
        Severity::Info => "Info",
    };
    let sure = incident
        .causes
        .first()
        .map_or("cannot tell", |c| said(c.confidence));
    let _ = writeln!(out, "## {word}: {}\n", safe(&incident.headline));
    let _ = writeln!(
        out,
        "{}–{} · {sure}\n",
        clock.second(incident.from),
        clock.second(incident.to)
    );
    if !incident.story.is_empty() {
        let _ = writeln!(out, "{}\n", safe(&incident.story));
    }
    if let Some(harm) = &incident.harm {
        let _ = writeln!(out, "**Harm:** {}\n", safe(harm));
    }
    for earlier in incident.causes.iter().flat_map(|c| &c.seen_before) {
        let _ = writeln!(out, "**Before:** {}\n", safe(&earlier.text));
    }
    let _ = writeln!(out, "| when | ± s | what |\n|---|---|---|");
    for event in &incident.timeline {
        let half = event.onset.latest.0.seconds_since(event.onset.earliest.0) / 2.0;
        let _ = writeln!(
            out,
            "| {} | {half:.1} | {} |",
            clock.tenth(event.onset.best),
            safe(&event.headline)
        );
    }
    if !incident.ruled_out.is_empty() {
        let _ = writeln!(out, "\n**It was not**\n");
        for refused in &incident.ruled_out {
            let name = causes::find(refused.cause).map_or(refused.cause, |c| c.name);
            let _ = writeln!(out, "- {name}: {}", safe(&refused.because));
        }
    }
    let missing: Vec<_> = incident.causes.iter().take(2).flat_map(|c| &c.missing).collect();
    if !missing.is_empty() {
        let _ = writeln!(out, "\n**Cannot tell**\n");
        for gap in missing {
            let _ = writeln!(out, "- {} ({})", safe(&gap.would_tell), safe(&gap.signal));
        }
    }
    if !incident.advice.is_empty() {
        let _ = writeln!(out, "\n**What helps**\n");
        for advice in &incident.advice {
            let _ = writeln!(out, "- {} — {}", safe(&advice.text), safe(&advice.because));
        }
    }
    out.push('\n');
}

/// Reported names are hostile text: nothing of them may become markup.
fn safe(text: &str) -> String {
    let mut out = String::new();
    for c in plain(text).chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
