//! What a trial came to, for a person.

use std::fmt;

/// A row for each thing that was looked at.
pub(super) struct Table {
    title: String,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    value: String,
    /// `None`: told, not judged.
    holds: Option<bool>,
}

impl Table {
    pub(super) fn new(name: &str, what: &str) -> Table {
        Table {
            title: format!("{name}: {what}"),
            rows: Vec::new(),
        }
    }

    /// Something that must hold.
    pub(super) fn must(&mut self, what: &str, value: impl fmt::Display, holds: bool) {
        self.row(what, value, Some(holds));
    }

    /// Something worth knowing.
    pub(super) fn told(&mut self, what: &str, value: impl fmt::Display) {
        self.row(what, value, None);
    }

    fn row(&mut self, what: &str, value: impl fmt::Display, holds: Option<bool>) {
        self.rows.push(Row {
            what: what.into(),
            value: value.to_string(),
            holds,
        });
    }

    /// Whether all of it holds, and anything was judged at all.
    pub(super) fn holds(&self) -> bool {
        let mut judged = self.rows.iter().filter_map(|row| row.holds).peekable();
        judged.peek().is_some() && judged.all(|holds| holds)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "\n{}", self.title)?;
        for row in &self.rows {
            let verdict = match row.holds {
                Some(true) => "holds",
                Some(false) => "FAILED",
                None => "",
            };
            writeln!(out, "  {verdict:<7} {:<52} {}", row.what, row.value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn one_row_that_fails_fails_the_trial_and_so_does_none() {
        let mut table = Table::new("x", "y");
        table.told("a", 1);
        assert!(!table.holds());
        table.must("b", 2, true);
        assert!(table.holds());
        table.must("c", 3, false);
        assert!(!table.holds());
        let text = table.to_string();
        assert!(text.contains("FAILED  c") && text.contains("holds   b"), "{text}");
    }
}
