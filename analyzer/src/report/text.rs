//! The report for a terminal: verdict first, first mover first, each sentence with its number, readable at 80 columns.

use crate::causes;
use crate::explain::document::{
    Cause, Chart, Confidence, Event, Explanation, Incident, Order, Severity, Status, Time,
};
use crate::units;
use chrono::{DateTime, TimeZone, Utc};
use std::fmt::Write;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether to use colour.
    pub color: bool,
}

impl Style {
    /// Text in a colour (an SGR code), where colours are wanted.
    pub fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}

/// What the commands that a report prints need, to be copied as they stand.
#[derive(Debug, Clone, Default)]
pub struct Commands {
    /// Options that find the same database and read times in the same zone: ` --db PATH`, or nothing.
    pub options: String,
    /// A clock time alone would mean another day.
    pub dated: bool,
}

/// The whole explanation.
pub fn text(explanation: &Explanation, commands: &Commands, style: &Style) -> String {
    let clock = Clock::new(&explanation.window.tz);
    let mut out = String::new();
    header(explanation, &clock, &mut out);
    match explanation.status {
        Status::NoData => out.push_str("\nNothing was recorded in this span.\n"),
        Status::NoIncident => out.push_str("\nNo incident: nobody was seen to be hurt.\n"),
        Status::Incident => {}
    }
    let tie = if explanation.window.interval_s > 1.5 {
        "same interval"
    } else {
        "same second"
    };
    for incident in &explanation.incidents {
        if incident.severity == Severity::Info {
            info(incident, &clock, style, &mut out);
        } else {
            full(incident, tie, &clock, commands, style, &mut out);
        }
    }
    if !explanation.notes.is_empty() {
        out.push('\n');
    }
    for note in &explanation.notes {
        wrap(&mut out, note, "note: ", "      ", style.width);
    }
    out
}

/// Times in the node's zone.
pub(super) struct Clock {
    tz: chrono_tz::Tz,
}

impl Clock {
    pub(super) fn new(tz: &str) -> Clock {
        Clock {
            tz: tz.parse().unwrap_or(chrono_tz::UTC),
        }
    }

    fn at(&self, time: Time) -> DateTime<chrono_tz::Tz> {
        let utc: DateTime<Utc> = DateTime::from_timestamp_nanos(time.0.0);
        self.tz.from_utc_datetime(&utc.naive_utc())
    }

    pub(super) fn second(&self, time: Time) -> String {
        self.at(time).format("%H:%M:%S").to_string()
    }

    pub(super) fn tenth(&self, time: Time) -> String {
        // Round, not cut: 33.96 is 34.0.
        self.at(Time(time.0 + 50_000_000))
            .format("%H:%M:%S%.3f")
            .to_string()[..10]
            .to_string()
    }

    pub(super) fn day_and_second(&self, time: Time) -> String {
        self.at(time).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    pub(super) fn day(&self, time: Time) -> String {
        self.at(time).format("%a %Y-%m-%d").to_string()
    }
}

fn header(explanation: &Explanation, clock: &Clock, out: &mut String) {
    let node = &explanation.node;
    let memory = node.memory_bytes.map_or(String::new(), |b| {
        format!(", {:.1} GiB", b as f64 / (1u64 << 30) as f64)
    });
    let window = &explanation.window;
    let missing = window.expected_ticks.saturating_sub(window.ticks);
    let _ = writeln!(
        out,
        "{} · Linux {}{}{memory}",
        plain(&node.hostname),
        plain(&node.kernel),
        if node.cpus > 0 {
            format!(" · {} CPUs", node.cpus)
        } else {
            String::new()
        }
    );
    let _ = writeln!(
        out,
        "{} {}–{} {} · {} of {} ticks recorded{}",
        clock.day(window.from),
        clock.second(window.from),
        clock.second(window.to),
        window.tz,
        window.ticks,
        window.expected_ticks,
        if missing > 0 { " — see gaps" } else { "" }
    );
    for gap in &window.gaps {
        let _ = writeln!(
            out,
            "  gap {}–{}: {}",
            clock.second(gap.from),
            clock.second(gap.to),
            plain(&gap.why)
        );
    }
}

fn info(incident: &Incident, clock: &Clock, style: &Style, out: &mut String) {
    let text = format!(
        "{}–{}  {}",
        clock.second(incident.from),
        clock.second(incident.to),
        plain(&incident.headline)
    );
    out.push('\n');
    wrap(out, &text, "○ info  ", "        ", style.width);
    if !incident.story.is_empty() {
        wrap(out, &plain(&incident.story), "        ", "        ", style.width);
    }
}

fn full(incident: &Incident, tie: &str, clock: &Clock, commands: &Commands, style: &Style, out: &mut String) {
    let (word, code) = match incident.severity {
        Severity::Critical => ("CRITICAL", "1;31"),
        Severity::Warning => ("WARNING", "1;33"),
        Severity::Info => ("INFO", "2"),
    };
    let going = if incident.open { " (still going)" } else { "" };
    let sure = incident
        .causes
        .first()
        .map_or("cannot tell", |c| said(c.confidence));
    let head = format!(
        "● {word}  {}–{}{going}",
        clock.second(incident.from),
        clock.second(incident.to)
    );
    let _ = writeln!(out, "\n{}  {}", style.paint(code, &head), style.paint("1", sure));
    wrap(out, &plain(&incident.headline), "  ", "  ", style.width);
    out.push('\n');
    if !incident.story.is_empty() {
        wrap(out, &plain(&incident.story), "  ", "  ", style.width);
    }
    if let Some(harm) = &incident.harm {
        wrap(out, &format!("Harm: {}.", plain(harm)), "  ", "  ", style.width);
    }
    for earlier in incident.causes.iter().flat_map(|c| &c.seen_before) {
        let text = format!("Before: {}.", plain(&earlier.text));
        wrap(out, &text, "  ", "  ", style.width);
    }
    section(out, style, "CAUSE BEFORE EFFECT");
    for event in &incident.timeline {
        line(incident, event, tie, clock, style, out);
    }
    charts(incident, style, out);
    rivals(incident, style, out);
    if !incident.ruled_out.is_empty() {
        section(out, style, "IT WAS NOT");
        for refused in &incident.ruled_out {
            let name = causes::find(refused.cause).map_or(refused.cause, |c| c.name);
            entry(out, name, &plain(&refused.because), style.width);
        }
    }
    let missing: Vec<_> = incident.causes.iter().take(2).flat_map(|c| &c.missing).collect();
    if !missing.is_empty() {
        section(out, style, "CANNOT TELL");
        for gap in missing {
            let text = format!("{} ({})", plain(&gap.would_tell), plain(&gap.signal));
            wrap(out, &text, "  ", "    ", style.width);
        }
    }
    if !incident.advice.is_empty() {
        section(out, style, "WHAT HELPS");
        for advice in &incident.advice {
            wrap(
                out,
                &format!("{} — {}.", plain(&advice.text), plain(&advice.because)),
                "  ",
                "    ",
                style.width,
            );
        }
    }
    if let Some(first) = incident
        .timeline
        .iter()
        .find(|e| e.event != "device-read-rise")
        .or(incident.timeline.first())
    {
        let second = |time: Time| match commands.dated {
            true => format!("\"{}\"", clock.day_and_second(time)),
            false => clock.second(time),
        };
        let (from, to) = (second(first.onset.earliest), second(first.onset.latest));
        let options = &commands.options;
        let _ = writeln!(
            out,
            "\n  Evidence: analyzer diff vmstat{options} --at {from} --at {to} · analyzer cat zoneinfo{options} --at {to}",
        );
    }
}

fn section(out: &mut String, style: &Style, title: &str) {
    let _ = writeln!(out, "\n  {}", style.paint("1", title));
}

/// One event: when, what, before → now, and what its order rests on.
fn line(incident: &Incident, event: &Event, tie: &str, clock: &Clock, style: &Style, out: &mut String) {
    let (earliest, latest) = (event.onset.earliest.0, event.onset.latest.0);
    let half = latest.seconds_since(earliest) / 2.0;
    let when = format!("{} ±{half:.1}", clock.tenth(event.onset.best));
    let how = incident
        .links
        .iter()
        .filter(|l| l.to == event.id)
        .max_by_key(|l| {
            (
                l.order == Order::Proved,
                std::cmp::Reverse(l.from.len()),
                std::cmp::Reverse(l.from.clone()),
            )
        });
    let is_first = incident
        .causes
        .first()
        .is_some_and(|c| c.event.as_ref() == Some(&event.id));
    let order = match how {
        _ if is_first => "first mover".to_string(),
        None => "no cause of it was seen".to_string(),
        Some(link) => {
            let cause = incident.timeline.iter().find(|e| e.id == link.from);
            let name = cause.map_or(String::new(), |e| {
                format!("{} {}", e.event, host_less(&e.subject.name))
            });
            let name = name.trim().to_string();
            match link.order {
                Order::Proved => format!("{:.1} s after {name}, proved", link.lag_s),
                Order::SameSecond => format!("with {name}, {tie}"),
                Order::Assumed => format!("after {name}, assumed"),
            }
        }
    };
    let text = format!("{when:<16}  {}  [{order}]", plain(&event.headline));
    wrap(out, &text, "  ", "                      ", style.width);
}

fn host_less(name: &str) -> &str {
    if name == "host" { "" } else { name }
}

fn charts(incident: &Incident, style: &Style, out: &mut String) {
    if incident.charts.is_empty() {
        return;
    }
    out.push('\n');
    let columns = style.width.saturating_sub(34).clamp(20, 60);
    for chart in &incident.charts {
        let (line, peak) = spark(chart, columns);
        let peak = peak.map_or("unknown".into(), |p| {
            format!("to {}", units::value(p, &chart.unit))
        });
        let _ = writeln!(out, "  {:<10} {line}  {peak}", plain(&chart.label));
    }
}

/// A line of blocks, and the highest value. A space is a gap: nothing known.
fn spark(chart: &Chart, columns: usize) -> (String, Option<f64>) {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let count = chart.values.len().min(columns).max(1);
    let cells: Vec<Option<f64>> = (0..count)
        .map(|k| {
            let (a, b) = (
                k * chart.values.len() / count,
                (k + 1) * chart.values.len() / count,
            );
            chart.values[a..b.max(a + 1).min(chart.values.len())]
                .iter()
                .flatten()
                .copied()
                .reduce(f64::max)
        })
        .collect();
    let peak = cells.iter().flatten().copied().reduce(f64::max);
    let top = peak.unwrap_or(0.0).max(f64::MIN_POSITIVE);
    let line = cells
        .iter()
        .map(|cell| cell.map_or(' ', |v| BLOCKS[((v.max(0.0) / top) * 7.0).round() as usize]))
        .collect();
    (line, peak)
}

fn rivals(incident: &Incident, style: &Style, out: &mut String) {
    let others: Vec<&Cause> = incident.causes.iter().skip(1).collect();
    if others.is_empty() {
        return;
    }
    section(out, style, "AND BESIDE IT");
    for cause in others {
        let name = causes::find(cause.cause).map_or(cause.cause, |c| c.name);
        entry(
            out,
            name,
            &format!("{}: {}", said(cause.confidence), plain(&cause.story)),
            style.width,
        );
    }
}

fn entry(out: &mut String, name: &str, text: &str, width: usize) {
    if width < 100 {
        wrap(out, &format!("{name}: {text}"), "  ", "      ", width);
    } else {
        wrap(out, text, &format!("  {name:<38} "), &" ".repeat(41), width);
    }
}

pub(super) fn said(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Shown => "shown",
        Confidence::Likely => "likely",
        Confidence::Consistent => "consistent",
    }
}

/// Names of processes and devices come from whoever chose them: no control characters reach the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

pub(super) fn wrap(out: &mut String, text: &str, first: &str, rest: &str, width: usize) {
    let mut line = first.to_string();
    let mut empty = true;
    for word in text.split(' ') {
        let needed = line.chars().count() + usize::from(!empty) + word.chars().count();
        if !empty && needed > width.max(40) {
            let _ = writeln!(out, "{}", line.trim_end());
            line = rest.to_string();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(out, "{}", line.trim_end());
}
