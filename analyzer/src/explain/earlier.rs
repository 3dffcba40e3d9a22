//! The same span yesterday and a week ago, where it was recorded: was the same thing there, and did it hurt anybody then?
//!
//! The same dose without harm says that a condition is missing from the story (kernel.md §5.4, rule 6): the verdict is then not
//! `shown`, and may fall to a tie with its rival. The same with harm says that it comes back.

use super::document::{
    Cause, Confidence, Earlier, Event, Explanation, HarmThen, Incident, Missing, Severity, Time,
};
use super::{Options, look_at};
use crate::rules::{Finding, rounded};
use crate::units;
use crate::window::Window;
use chrono::{DateTime, Days};
use model::{TimeSpan, UnixNanos};
use store::Reader;

/// Days back.
const BACK: [u64; 2] = [1, 7];
/// What lies further from the same clock time is another thing.
const AROUND: i64 = 300_000_000_000;
/// Longest span that is looked at.
const MOST: i64 = 1_800_000_000_000;
/// Seconds of quiet that are loaded before it.
const LEAD_SECONDS: i64 = 120;
/// A dose of at least this part of today's is the same.
const SAME_DOSE: f64 = 0.5;
/// What harmless precedent leaves of a score.
const DEMOTED: f64 = 0.85;

/// Looks at each harmful incident's verdict.
///
/// # Errors
/// When the database cannot be read.
pub fn look_back(reader: &Reader, explanation: &mut Explanation, options: &Options) -> store::Result<()> {
    for incident in &mut explanation.incidents {
        if incident.severity > Severity::Info {
            one(reader, incident, options)?;
        }
    }
    Ok(())
}

fn one(reader: &Reader, incident: &mut Incident, options: &Options) -> store::Result<()> {
    let Some((event, onset)) = incident.causes.first().and_then(|cause| {
        let id = cause.event.as_ref()?;
        let event = incident.timeline.iter().find(|e| e.id == *id)?;
        Some((event.clone(), cause.onset.best.0))
    }) else {
        return Ok(());
    };
    let mut found = Vec::new();
    for days in BACK {
        let then = days_before(onset, days, options);
        let length = (incident.to.0.0 - onset.0).clamp(0, MOST);
        let span = TimeSpan::new(then - AROUND, then + (length + AROUND));
        if reader.ticks(span)?.is_empty() {
            continue;
        }
        let Some(window) = Window::load_with_lead(reader, span, LEAD_SECONDS)? else {
            continue;
        };
        let (findings, incidents) = look_at(&window, options);
        found.extend(
            findings
                .iter()
                .filter(|f| is_same(f, &event))
                .min_by_key(|f| ((f.onset.best.0 - then.0).abs(), f.onset.best))
                .map(|f| earlier(f, days, &window, &incidents)),
        );
    }
    let harmless: Vec<Earlier> = found
        .iter()
        .filter(|e| e.harm == HarmThen::None)
        .cloned()
        .collect();
    let rival = incident.causes.get(1).map_or(0.0, |c| c.score);
    let verdict = &mut incident.causes[0];
    verdict.seen_before = found;
    if let Some(last) = harmless.first() {
        demote(verdict, last, rival);
    }
    Ok(())
}

/// Down to a tie with its rival at most: headline, story and advice are this verdict's, and a condition that is missing from it makes no other
/// one right.
fn demote(verdict: &mut Cause, last: &Earlier, rival: f64) {
    verdict.confidence = verdict.confidence.min(Confidence::Likely);
    let demoted = (verdict.score * DEMOTED * 1000.0).round() / 1000.0;
    verdict.score = demoted.max(rival);
    verdict.missing.push(Missing {
        signal: "analyzer compare".into(),
        would_tell: format!("what is different now: {}", last.text),
    });
}

/// Whether harm would have been seen: waiting, by the kernel's own account or by its traces on old kernels, and pages that came back.
fn harm_is_known(window: &Window) -> bool {
    let waiting = ["pressure/memory.some_total", "stat.iowait"];
    waiting.iter().any(|m| window.has(m)) && window.has("vmstat.pgmajfault")
}

/// The same rule about the same subject (an instant, too), with a dose that is like today's or larger.
fn is_same(finding: &Finding, event: &Event) -> bool {
    let like = !(event.now.is_finite() && finding.now.is_finite())
        || finding.now.abs() >= SAME_DOSE * event.now.abs();
    finding.rule == event.event && finding.subject.to_string() == event.subject.name && like
}

fn earlier(finding: &Finding, days: u64, window: &Window, incidents: &[Incident]) -> Earlier {
    let from = finding.onset.best;
    let to = window.ticks[finding.to];
    let hurt = incidents
        .iter()
        .filter(|i| i.severity > Severity::Info)
        .find(|i| i.from.0 <= to && from <= i.to.0);
    let dose = if finding.now.is_finite() {
        format!(" ({})", units::value(finding.now, finding.unit))
    } else {
        String::new()
    };
    let when = match days {
        1 => "yesterday".to_string(),
        7 => "a week ago".into(),
        n => format!("{n} days ago"),
    };
    let harm = match hurt.map(|i| i.severity) {
        Some(Severity::Critical) => HarmThen::Critical,
        Some(_) => HarmThen::Warning,
        None if harm_is_known(window) => HarmThen::None,
        None => HarmThen::Unknown,
    };
    let ending = match (harm, hurt) {
        (_, Some(incident)) => format!("with harm: {}", incident.headline),
        (HarmThen::None, None) => "and nobody was hurt".into(),
        (_, None) => "whether anybody was hurt was not recorded".into(),
    };
    Earlier {
        at: Time(from),
        days,
        value: finding.now.is_finite().then(|| rounded(finding.now)),
        unit: finding.unit.into(),
        harm,
        text: format!(
            "{} of {}{dose} was there {when} too, {ending}",
            finding.rule, finding.subject
        ),
    }
}

/// The same clock time so many days before; where clocks were changed in between, a day has 23 or 25 hours.
fn days_before(at: UnixNanos, days: u64, options: &Options) -> UnixNanos {
    let local = DateTime::from_timestamp_nanos(at.0).with_timezone(&options.tz);
    let then = local
        .checked_sub_days(Days::new(days))
        .and_then(|t| t.timestamp_nanos_opt());
    UnixNanos(then.unwrap_or(at.0 - days as i64 * 86_400_000_000_000))
}
