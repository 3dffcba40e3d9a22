//! Columns made of rows, for tables that are read as rows.

use super::{Cell, Field, Values};

/// Rows while they are gathered: of each only the columns that were asked for.
pub(super) struct Rows {
    /// For each column asked for, its place in a row.
    places: Vec<Option<usize>>,
    columns: Vec<Values>,
    len: usize,
}

impl Rows {
    /// `all` are the cells of a row, in order; `asked` the columns wanted.
    pub(super) fn new(all: &[Field], asked: &[Field]) -> Rows {
        let place = |field: &Field| all.iter().position(|other| other.name == field.name);
        Rows {
            places: asked.iter().map(place).collect(),
            columns: asked.iter().map(|field| Values::new(field.values)).collect(),
            len: 0,
        }
    }

    /// Adds a row.
    pub(super) fn put(&mut self, row: &[Cell<'_>]) {
        for (column, place) in self.columns.iter_mut().zip(&self.places) {
            let cell = place.and_then(|place| row.get(place).copied());
            column.put(cell.unwrap_or(Cell::Unknown));
        }
        self.len += 1;
    }

    /// Number of rows, and the columns.
    pub(super) fn finish(self) -> (usize, Vec<Values>) {
        (self.len, self.columns)
    }
}
