//! The report as one HTML file that needs nothing else: charts are SVG, styles inline, no script, no address outside.

use super::text::{Clock, plain, said};
use crate::causes;
use crate::explain::document::{Chart, Explanation, Incident, Severity, Status};
use crate::units;
use std::fmt::Write;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:light-dark(#1b1f23,#e6e8ea);--paper:light-dark(#fff,#16191c);--quiet:light-dark(#59636e,#a3adb8);
--line:light-dark(#dfe3e6,#30363d);--signal:light-dark(#0b62a8,#6cb6ff);--mark:light-dark(#a03a00,#ffab70)}
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:24px auto;padding:0 16px;color:var(--ink);background:var(--paper)}
h2{font-size:22px;line-height:1.3;margin:4px 0}h3{font-size:13px;text-transform:uppercase;letter-spacing:.06em;color:var(--quiet);margin:20px 0 4px}
p{max-width:80ch;margin:6px 0}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:4px 12px 4px 0;
border-bottom:1px solid var(--line);font-weight:400}.q{color:var(--quiet)}svg{width:100%;height:64px;display:block}
article{border-left:4px solid var(--mark);padding-left:16px;margin:20px 0}article.info{border-color:var(--line)}figure{margin:8px 0}
polyline{fill:none;stroke:var(--signal);stroke-width:1.5;vector-effect:non-scaling-stroke}.n{white-space:nowrap;font-variant-numeric:tabular-nums}
";

/// The whole explanation as a page.
pub fn html(explanation: &Explanation) -> String {
    let clock = Clock::new(&explanation.window.tz);
    let node = &explanation.node;
    let window = &explanation.window;
    let mut out = String::new();
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{host}: {from}</title><style>{STYLE}</style>\n<p class=\"q\">{host} · Linux {kernel} · {day} {from}–{to} {tz} · \
         {ticks} of {expected} ticks recorded</p>\n",
        host = safe(&node.hostname),
        kernel = safe(&node.kernel),
        day = clock.day(window.from),
        from = clock.second(window.from),
        to = clock.second(window.to),
        tz = safe(&window.tz),
        ticks = window.ticks,
        expected = window.expected_ticks
    );
    if explanation.status != Status::Incident {
        out.push_str("<p>No incident: nobody was seen to be hurt.</p>\n");
    }
    for incident in &explanation.incidents {
        article(incident, &clock, &mut out);
    }
    for note in &explanation.notes {
        let _ = writeln!(out, "<p class=\"q\">{}</p>", safe(note));
    }
    out.push_str("</html>\n");
    out
}

fn article(incident: &Incident, clock: &Clock, out: &mut String) {
    let (word, class) = match incident.severity {
        Severity::Critical => ("critical", "critical"),
        Severity::Warning => ("warning", "warning"),
        Severity::Info => ("info", "info"),
    };
    let sure = incident
        .causes
        .first()
        .map_or("cannot tell", |c| said(c.confidence));
    let _ = writeln!(
        out,
        "<article class=\"{class}\"><p class=\"q\"><strong>{word}</strong> · {}–{}{} · {sure}</p><h2>{}</h2><p>{}</p>",
        clock.second(incident.from),
        clock.second(incident.to),
        if incident.open { " (still going)" } else { "" },
        safe(&incident.headline),
        safe(&incident.story)
    );
    if let Some(harm) = &incident.harm {
        let _ = writeln!(out, "<p><strong>Harm:</strong> {}</p>", safe(harm));
    }
    for earlier in incident.causes.iter().flat_map(|c| &c.seen_before) {
        let _ = writeln!(out, "<p><strong>Before:</strong> {}</p>", safe(&earlier.text));
    }
    out.push_str("<h3>Cause before effect</h3><table>\n");
    for event in &incident.timeline {
        let half = event.onset.latest.0.seconds_since(event.onset.earliest.0) / 2.0;
        let because = incident
            .links
            .iter()
            .find(|l| l.to == event.id)
            .map_or("", |l| l.mechanism.as_str());
        let _ = writeln!(
            out,
            "<tr><td class=\"n\">{} ±{half:.1}</td><td>{}</td><td class=\"q\">{}</td></tr>",
            clock.tenth(event.onset.best),
            safe(&event.headline),
            safe(because)
        );
    }
    out.push_str("</table>\n");
    for chart in &incident.charts {
        figure(chart, out);
    }
    rows(
        out,
        "And beside it",
        incident
            .causes
            .iter()
            .skip(1)
            .map(|c| (name(c.cause), c.story.as_str())),
    );
    rows(
        out,
        "It was not",
        incident
            .ruled_out
            .iter()
            .map(|r| (name(r.cause), r.because.as_str())),
    );
    let missing = incident.causes.iter().take(2).flat_map(|c| &c.missing);
    rows(
        out,
        "Cannot tell",
        missing.map(|m| (m.signal.as_str(), m.would_tell.as_str())),
    );
    rows(
        out,
        "What helps",
        incident
            .advice
            .iter()
            .map(|a| (a.text.as_str(), a.because.as_str())),
    );
    out.push_str("</article>\n");
}

fn name(cause: &'static str) -> &'static str {
    causes::find(cause).map_or(cause, |c| c.name)
}

fn rows<'a>(out: &mut String, title: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "<h3>{title}</h3><table>");
    for (head, text) in pairs {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
            safe(head),
            safe(text)
        );
    }
    out.push_str("</table>\n");
}

/// A line for each stretch that is known: a gap stays a gap.
fn figure(chart: &Chart, out: &mut String) {
    let peak = chart.values.iter().flatten().copied().fold(0.0, f64::max);
    let caption = format!(
        "{} — {}, to {}",
        chart.label,
        chart.signal,
        units::value(peak, &chart.unit)
    );
    let _ = write!(
        out,
        "<figure><figcaption class=\"q\">{}</figcaption><svg viewBox=\"0 0 1000 60\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-label=\"{0}\">",
        safe(&caption)
    );
    let step = 1000.0 / (chart.values.len().max(2) - 1) as f64;
    let known = chart.values.iter().enumerate().collect::<Vec<_>>();
    for stretch in known.split(|(_, v)| v.is_none()).filter(|s| !s.is_empty()) {
        out.push_str("<polyline points=\"");
        for (i, v) in stretch {
            let height = v.unwrap_or(0.0).max(0.0) / peak.max(f64::MIN_POSITIVE) * 56.0;
            let _ = write!(out, "{:.1},{:.1} ", *i as f64 * step, 58.0 - height);
        }
        out.push_str("\"/>");
    }
    out.push_str("</svg></figure>\n");
}

/// Reported names are hostile text: nothing of them may become markup.
pub(crate) fn safe(text: &str) -> String {
    let mut out = String::new();
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text() {
        assert_eq!(
            safe("<script>\u{1b}[31m'\"&"),
            "&lt;script&gt;\u{fffd}[31m&#39;&quot;&amp;"
        );
    }
}
