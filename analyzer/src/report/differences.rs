//! Two spans side by side, for a terminal.

use super::text::{Clock, Style, plain};
use crate::compare::{Comparison, Side};
use crate::units;
use std::fmt::Write;

/// Rows printed unless all are asked for.
const ROWS: usize = 40;

/// A table of what differs.
pub fn differences(comparison: &Comparison, tz: &str, all: bool, style: &Style) -> String {
    let clock = Clock::new(tz);
    let mut out = String::new();
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        let _ = writeln!(
            out,
            "{name}  {} – {}  {} ticks",
            clock.day_and_second(side.from),
            clock.second(side.to),
            side.ticks
        );
        tops(side, &mut out);
    }
    let shown = if all { comparison.differences.len() } else { ROWS };
    let value = |v: Option<f64>, unit: &str| v.map_or("unknown".into(), |v| units::value(v, unit));
    let rows: Vec<[String; 4]> = comparison
        .differences
        .iter()
        .take(shown)
        .map(|d| {
            let change = match (d.a, d.b) {
                (Some(a), Some(b)) if a != 0.0 && (b / a).is_finite() && b / a > 0.0 => {
                    let times = b / a;
                    match times {
                        t if t >= 10.0 => format!("× {t:.0}"),
                        t if t >= 2.0 => format!("× {t:.1}"),
                        t => format!("{:+.0} %", 100.0 * (t - 1.0)).replace('-', "−"),
                    }
                }
                (Some(a), Some(b)) => {
                    let sign = if b >= a { "+" } else { "" };
                    format!("{sign}{}", units::value(b - a, d.unit))
                }
                _ => String::new(),
            };
            let subject = if d.subject == "host" {
                String::new()
            } else {
                format!(" {}", plain(&d.subject))
            };
            [
                format!("{}{subject}", d.signal),
                value(d.a, d.unit),
                value(d.b, d.unit),
                change,
            ]
        })
        .collect();
    if rows.is_empty() {
        let _ = writeln!(out, "\nNo signal differs by more than its noise.");
    } else {
        let width = |i: usize| {
            rows.iter()
                .map(|r| r[i].chars().count())
                .max()
                .unwrap_or(0)
                .max(1)
        };
        let (w0, w1, w2) = (width(0), width(1), width(2));
        let head = format!("\n{:<w0$}  {:>w1$}  {:>w2$}  change", "signal", "A", "B");
        let _ = writeln!(out, "{}", style.paint("1", &head));
        for [signal, a, b, change] in &rows {
            let _ = writeln!(out, "{signal:<w0$}  {a:>w1$}  {b:>w2$}  {change}");
        }
    }
    let hidden = comparison.differences.len().saturating_sub(shown);
    if hidden > 0 {
        let _ = writeln!(out, "… {hidden} more differ less; --all shows them");
    }
    let _ = writeln!(out, "{} signals are alike, within noise.", comparison.alike);
    out
}

fn tops(side: &Side, out: &mut String) {
    for of in ["CPU time", "bytes read", "bytes written"] {
        let named: Vec<String> = side
            .top
            .iter()
            .filter(|t| t.of == of)
            .map(|t| format!("{} ({}) {:.0} %", plain(&t.comm), t.pid, 100.0 * t.share))
            .collect();
        if !named.is_empty() {
            let _ = writeln!(out, "   {of}: {}", named.join(", "));
        }
    }
}
