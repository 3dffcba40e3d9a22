//! Pictures, in the look of the HTML report: a chart for each line, below each other. SVG is written as such; PNG is drawn from it.

use super::terminal::heading;
use super::{Line, axis};
use crate::report::safe;
use crate::units;
use chrono_tz::Tz;
use model::TimeSpan;
use resvg::{tiny_skia, usvg};
use std::fmt::Write;
use std::sync::Arc;

const WIDTH: f64 = 1000.0;
/// Left of it stand the values at the edges.
const LEFT: f64 = 96.0;
const RIGHT: f64 = WIDTH - 32.0;
/// Of each chart: caption, room for the line, and the times.
const CAPTION: f64 = 26.0;
const PLOT: f64 = 110.0;
const CHART: f64 = CAPTION + PLOT + 34.0;
const MARGIN: f64 = 10.0;

/// The colours of the report by day.
const INK: &str = "#1b1f23";
const QUIET: &str = "#59636e";
const LINE: &str = "#dfe3e6";
const SIGNAL: &str = "#0b62a8";
const GAP: &str = "#f1f3f4";

/// A PNG has so many dots for each unit of the drawing.
const SCALE: f32 = 2.0;

/// All lines as an SVG.
pub fn svg(lines: &[Line], span: TimeSpan, tz: Tz) -> String {
    let height = 2.0 * MARGIN + CHART * lines.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"{INK}\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (line, place) in lines.iter().zip(0u32..) {
        chart(line, span, tz, MARGIN + CHART * f64::from(place), &mut out);
    }
    out.push_str("</svg>\n");
    out
}

fn chart(line: &Line, span: TimeSpan, tz: Tz, top: f64, out: &mut String) {
    let (above, below) = (top + CAPTION, top + CAPTION + PLOT);
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"{}\">{}</text>",
        top + 16.0,
        safe(&heading(line))
    );
    let x = |at: f64| LEFT + (at - span.from.seconds()) / span.seconds().max(1e-9) * (RIGHT - LEFT);
    for (from, to) in gaps(line, span) {
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{above}\" width=\"{:.1}\" height=\"{PLOT}\" fill=\"{GAP}\"/>",
            x(from),
            x(to) - x(from)
        );
    }
    for edge in [above, below] {
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{edge}\" y2=\"{edge}\" stroke=\"{LINE}\"/>"
        );
    }
    for (place, text) in axis::times(span, tz, 8) {
        let at = LEFT + place * (RIGHT - LEFT);
        let _ = writeln!(
            out,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{above}\" y2=\"{}\" stroke=\"{LINE}\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"{QUIET}\">{text}</text>",
            below + 4.0,
            below + 18.0
        );
    }
    let Some((low, high)) = axis::values(line) else {
        return;
    };
    for (y, value) in [(above + 9.0, high), (below, low)] {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\" fill=\"{QUIET}\">{}</text>",
            LEFT - 8.0,
            safe(&units::value(value, &line.unit))
        );
    }
    let y = |value: f64| below - (value - low) / (high - low) * PLOT;
    for run in line.runs.iter().filter(|run| !run.is_empty()) {
        let points: Vec<(f64, f64)> = run.iter().map(|&(at, value)| (x(at), y(value))).collect();
        let points = thinned(&points);
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = match path.as_slice() {
            [alone] => writeln!(
                out,
                "<circle cx=\"{}\" cy=\"{}\" r=\"1.5\" fill=\"{SIGNAL}\"/>",
                alone.split(',').next().unwrap_or("0"),
                alone.split(',').nth(1).unwrap_or("0")
            ),
            path => writeln!(
                out,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{SIGNAL}\" stroke-width=\"1.5\" stroke-linejoin=\"round\"/>",
                path.join(" ")
            ),
        };
    }
}

/// Stretches of the span in which nothing is known of the line: before, between and after its runs.
fn gaps(line: &Line, span: TimeSpan) -> Vec<(f64, f64)> {
    let mut gaps = Vec::new();
    let mut known_to = span.from.seconds();
    let mut usual = f64::INFINITY;
    for run in line.runs.iter().filter(|run| !run.is_empty()) {
        usual = run
            .windows(2)
            .map(|pair| pair[1].0 - pair[0].0)
            .fold(usual, f64::min);
        gaps.push((known_to, run[0].0));
        known_to = run[run.len() - 1].0;
    }
    gaps.push((known_to, span.to.seconds()));
    // Between the edge of the span and the first reading there is always a little.
    let least = if usual.is_finite() { 2.0 * usual } else { 0.0 };
    gaps.retain(|(from, to)| to - from > least);
    gaps
}

/// Of the points that share a dot of the width, the first, the lowest, the highest and the last: no spike is lost.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let column = |point: &(f64, f64)| (point.0 * f64::from(SCALE)).floor() as i64;
    let mut out = Vec::with_capacity(points.len().min(8192));
    for part in points.chunk_by(|a, b| column(a) == column(b)) {
        if part.len() <= 4 {
            out.extend_from_slice(part);
            continue;
        }
        let by_height = |a: &usize, b: &usize| part[*a].1.total_cmp(&part[*b].1);
        let mut kept = vec![0, part.len() - 1];
        kept.extend((0..part.len()).min_by(by_height));
        kept.extend((0..part.len()).max_by(by_height));
        kept.sort_unstable();
        kept.dedup();
        out.extend(kept.into_iter().map(|place| part[place]));
    }
    out
}

/// All lines as a PNG, twice as fine as the SVG. Its letters are our own: a node may have none.
///
/// # Errors
/// When it would be too large to draw.
pub fn png(lines: &[Line], span: TimeSpan, tz: Tz) -> Result<Vec<u8>, String> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    let family = fonts
        .faces()
        .next()
        .and_then(|face| face.families.first())
        .map_or_else(String::new, |family| family.0.clone());
    fonts.set_sans_serif_family(&family);
    let options = usvg::Options {
        font_family: family,
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(&svg(lines, span, tz), &options).map_err(|e| e.to_string())?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(SCALE)
        .ok_or("it is too large")?;
    let mut dots = tiny_skia::Pixmap::new(size.width(), size.height()).ok_or("it is too large")?;
    resvg::render(
        &tree,
        tiny_skia::Transform::from_scale(SCALE, SCALE),
        &mut dots.as_mut(),
    );
    dots.encode_png().map_err(|e| e.to_string())
}
