//! Rows and columns for a person: aligned, as wide as the terminal, hostile text made harmless.

use std::io::{IsTerminal, Write};

/// A column.
pub(super) struct Heading {
    pub(super) name: String,
    /// Printed under the name; empty where there is none.
    pub(super) unit: String,
    /// Numbers end where the others end, text begins where the others begin.
    pub(super) is_number: bool,
}

/// Text is cut here when a terminal shows it.
const LONGEST: usize = 60;

/// What a terminal shows; `None`: nobody looks, nothing is cut.
pub(super) fn terminal_width() -> Option<usize> {
    let is_terminal = std::io::stdout().is_terminal();
    let size = is_terminal.then(terminal_size::terminal_size).flatten();
    size.map(|(width, _)| usize::from(width.0).max(40))
}

/// Prints rows. Columns that a terminal of this width has no place for are named at the end.
pub(super) fn print(
    headings: &[Heading],
    rows: &[Vec<String>],
    width: Option<usize>,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let cut = |text: &str| clean(text, if width.is_some() { LONGEST } else { usize::MAX });
    let rows: Vec<Vec<String>> = (rows.iter())
        .map(|row| row.iter().map(|text| cut(text)).collect())
        .collect();
    let count = |text: &str| text.chars().count();
    let widest = |column: usize| {
        let cells = rows.iter().map(|row| count(&row[column])).max();
        let head = count(&headings[column].name).max(count(&headings[column].unit));
        cells.unwrap_or(0).max(head)
    };
    let widths: Vec<usize> = (0..headings.len()).map(widest).collect();
    let mut shown = headings.len();
    if let Some(width) = width {
        let mut used = 0;
        let fits = |own: &&usize| {
            used += **own + 2;
            used <= width + 2
        };
        shown = widths.iter().take_while(fits).count().max(1).min(headings.len());
    }
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (i, cell) in cells.take(shown).enumerate() {
            let own = widths[i];
            if i > 0 {
                line += "  ";
            }
            line += &match headings[i].is_number {
                true => format!("{cell:>own$}"),
                false => format!("{cell:own$}"),
            };
        }
        writeln!(out, "{}", line.trim_end())
    };
    line(&mut headings.iter().map(|heading| heading.name.as_str()))?;
    if headings[..shown].iter().any(|heading| !heading.unit.is_empty()) {
        line(&mut headings.iter().map(|heading| heading.unit.as_str()))?;
    }
    for row in &rows {
        line(&mut row.iter().map(String::as_str))?;
    }
    if shown < headings.len() {
        let names: Vec<&str> = headings[shown..]
            .iter()
            .map(|heading| heading.name.as_str())
            .collect();
        let more = clean(&names.join(", "), 5 * LONGEST);
        writeln!(out, "and {} more columns: {more}", names.len())?;
    }
    Ok(())
}

/// What could move a terminal's cursor becomes a blank; what is too long ends in `…`.
fn clean(text: &str, longest: usize) -> String {
    let mut out: String = text
        .chars()
        .take(longest)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(longest).is_some() {
        out.pop();
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn printed(width: Option<usize>) -> String {
        let heading = |name: &str, unit: &str, is_number| Heading {
            name: name.into(),
            unit: unit.into(),
            is_number,
        };
        let headings = [
            heading("who", "", false),
            heading("free", "kB", true),
            heading("a long name", "", true),
        ];
        let rows = [
            ["ab\x1b[2Jc", "1,234", "5"],
            ["é", "–", "12"],
            [&"x".repeat(70), "1", "2"],
        ];
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(|&s| s.to_owned()).collect())
            .collect();
        let mut out = Vec::new();
        print(&headings, &rows, width, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_what_has_no_place_is_named() {
        expect![[r#"
            who                                                                      free  a long name
                                                                                       kB
            ab [2Jc                                                                 1,234            5
            é                                                                           –           12
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx      1            2
        "#]]
        .assert_eq(&printed(None));
        expect![[r#"
            who                                                            free
                                                                             kB
            ab [2Jc                                                       1,234
            é                                                                 –
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…      1
            and 1 more columns: a long name
        "#]]
        .assert_eq(&printed(Some(70)));
    }

    #[test]
    fn the_first_column_is_printed_however_narrow_it_is() {
        expect![[r#"
            who
            ab [2Jc
            é
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
            and 2 more columns: free, a long name
        "#]]
        .assert_eq(&printed(Some(5)));
    }
}
