//! A chart for each line in a terminal: Braille patterns, which give each character two dots by four.

use super::{Line, axis};
use crate::report::plain;
use crate::units;
use chrono_tz::Tz;
use model::TimeSpan;
use std::fmt::Write;

/// Room for the values at the edges.
const LABEL: usize = 10;
/// Rows of characters of a chart.
const ROWS: usize = 6;

/// All lines one below the other, `width` characters wide.
pub fn terminal(lines: &[Line], span: TimeSpan, tz: Tz, width: usize) -> String {
    let columns = width.saturating_sub(LABEL + 2).max(10);
    let mut out = String::new();
    for line in lines {
        let _ = writeln!(out, "{}", heading(line));
        let Some((low, high)) = axis::values(line) else {
            out.push('\n');
            continue;
        };
        let mut canvas = Canvas::new(columns, ROWS);
        for run in &line.runs {
            let place = |&(at, value): &(f64, f64)| {
                let x = (at - span.from.seconds()) / span.seconds().max(1e-9) * (2 * columns - 1) as f64;
                let y = (high - value) / (high - low) * (4 * ROWS - 1) as f64;
                (x, y)
            };
            let points: Vec<(f64, f64)> = run.iter().map(place).collect();
            points.iter().for_each(|&(x, y)| canvas.dot(x, y));
            points.windows(2).for_each(|pair| canvas.stroke(pair[0], pair[1]));
        }
        for row in 0..ROWS {
            let label = match row {
                0 => units::value(high, &line.unit),
                row if row == ROWS - 1 => units::value(low, &line.unit),
                _ => String::new(),
            };
            let _ = writeln!(
                out,
                "{label:>LABEL$} │{}",
                canvas.row(row).trim_end_matches('\u{2800}')
            );
        }
        out += &ruler(span, tz, columns);
    }
    out
}

/// What the line is, and between which values.
pub(super) fn heading(line: &Line) -> String {
    let range = match line.range() {
        Some((low, high)) if low == high => units::value(low, &line.unit),
        Some((low, high)) => format!(
            "{} to {}",
            units::value(low, &line.unit),
            units::value(high, &line.unit)
        ),
        None => "nothing known".to_owned(),
    };
    format!("{}: {range}", plain(&line.title))
}

/// The line below a chart, and the times below that.
fn ruler(span: TimeSpan, tz: Tz, columns: usize) -> String {
    let mut marks: Vec<char> = vec!['─'; columns];
    let mut labels: Vec<char> = vec![' '; columns + LABEL + 2];
    let mut free = 0;
    for (place, text) in axis::times(span, tz, (columns / 12).max(1)) {
        let column = (place * (columns - 1) as f64).round() as usize;
        let begin = (LABEL + 2 + column).saturating_sub(text.len() / 2);
        if begin < free || begin + text.len() > labels.len() || column >= columns {
            continue;
        }
        marks[column] = '┬';
        labels[begin..begin + text.len()]
            .iter_mut()
            .zip(text.chars())
            .for_each(|(place, c)| *place = c);
        free = begin + text.len() + 1;
    }
    let labels: String = labels.into_iter().collect();
    format!(
        "{:>LABEL$} └{}\n{}\n",
        "",
        marks.into_iter().collect::<String>(),
        labels.trim_end()
    )
}

/// Dots, two by four a character.
struct Canvas {
    columns: usize,
    cells: Vec<u8>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Canvas {
        Canvas {
            columns,
            cells: vec![0; columns * rows],
        }
    }

    fn dot(&mut self, x: f64, y: f64) {
        // The bits of a Braille pattern, by row and column (Unicode, 2800–28FF).
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        if x < -0.5 || y < -0.5 {
            return;
        }
        let (x, y) = (x.round() as usize, y.round() as usize);
        if x / 2 < self.columns
            && let Some(cell) = self.cells.get_mut(y / 4 * self.columns + x / 2)
        {
            *cell |= BITS[y % 4][x % 2];
        }
    }

    fn stroke(&mut self, from: (f64, f64), to: (f64, f64)) {
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).ceil();
        // What lies outside the canvas is clipped by `dot`; nothing is longer than the canvas by much.
        for step in 1..steps.clamp(0.0, 10_000.0) as u32 {
            let part = f64::from(step) / steps;
            self.dot(from.0 + part * (to.0 - from.0), from.1 + part * (to.1 - from.1));
        }
    }

    fn row(&self, row: usize) -> String {
        let cells = &self.cells[row * self.columns..(row + 1) * self.columns];
        cells
            .iter()
            .filter_map(|&cell| char::from_u32(0x2800 + u32::from(cell)))
            .collect()
    }
}
