//! What is recorded, as tables: one for each kernel file and kind of subject, and one for each thing that stands beside the ticks.
//!
//! A row is what was read of one subject at one tick, so tables join on `at`. Numbers are as the kernel printed them; a column
//! `x` also has a change per second, `x_per_s`, which is worked out only when it is asked for.
//!
//! ```text
//! meminfo    at                        MemFree …
//! zoneinfo   at, node, zone            free, min, low, high …
//! buddyinfo  at, node, zone, page_order  free_blocks
//! diskstats  at, device                reads_completed …
//! ```

mod beside;
mod catalog;
mod incidents;
mod processes;
mod rows;
mod scan;

pub use catalog::Catalog;

use model::{Kind, Nanos, TimeSpan};
use std::sync::Arc;
use store::Reader;

/// What ends the name of a column of changes per second.
pub const PER_SECOND: &str = "_per_s";

/// Rows of processes are counted in spans of so many seconds at most: each has to be decoded for that.
const LONG: f64 = 3600.0;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Nanoseconds since 1970, UTC.
    Time,
    /// Whole numbers.
    Int,
    /// Numbers with a fraction.
    Float,
    /// Text.
    Text,
    /// Yes or no; no table has it, results of queries may.
    Bool,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// `MemFree`, `Active_anon`: the kernel's name, where needed made fit for SQL.
    pub name: Arc<str>,
    /// What its values are.
    pub values: Type,
    /// `kB`, `pages`; empty where there is none.
    pub unit: String,
    /// Gauge or counter; `None`: it says what a row is about, or is no number.
    pub kind: Option<Kind>,
    /// The metric that it holds; empty where it is none.
    pub metric: Arc<str>,
    /// Whether it is the change per second of the number that is called so without [`PER_SECOND`].
    pub rate: bool,
}

impl Field {
    fn plain(name: &str, values: Type) -> Field {
        Field {
            name: name.into(),
            values,
            unit: String::new(),
            kind: None,
            metric: "".into(),
            rate: false,
        }
    }

    /// A column of an answer.
    #[cfg(feature = "sql")]
    pub(crate) fn result(name: &str, values: &Values, unit: String) -> Field {
        let values = match values {
            Values::Time(_) => Type::Time,
            Values::Int(_) => Type::Int,
            Values::Float(_) => Type::Float,
            Values::Text(_) => Type::Text,
            Values::Bool(_) => Type::Bool,
        };
        Field {
            unit,
            ..Field::plain(name, values)
        }
    }

    fn number(name: &str, unit: &str, kind: Kind) -> Field {
        Field {
            unit: unit.into(),
            kind: Some(kind),
            ..Field::plain(name, Type::Int)
        }
    }

    /// Its change per second.
    fn per_second(&self) -> Field {
        let unit = match self.unit.as_str() {
            "" => "1/s".to_owned(),
            unit => format!("{unit}/s"),
        };
        Field {
            name: format!("{}{PER_SECOND}", self.name).into(),
            values: Type::Float,
            unit,
            kind: Some(Kind::Gauge),
            metric: self.metric.clone(),
            rate: true,
        }
    }
}

/// A table: what can be asked of it. [`Table::read`] reads.
#[derive(Debug, Clone)]
pub struct Table {
    /// `meminfo`, `pressure_io`, `cpu`, `processes`.
    pub name: Arc<str>,
    /// One line for a person.
    pub about: String,
    /// Its columns, those that say what a row is about first.
    pub fields: Vec<Field>,
    origin: Origin,
}

/// Where rows come from.
#[derive(Debug, Clone)]
enum Origin {
    /// From readings of these sources.
    Sources(Vec<Arc<str>>),
    Processes,
    Beside(beside::What),
    Incidents,
}

impl Table {
    /// A column by its name; `x_per_s` is the change per second of the number `x`.
    pub fn field(&self, name: &str) -> Option<Field> {
        let find = |name: &str| self.fields.iter().find(|field| *field.name == *name);
        find(name).cloned().or_else(|| {
            let of = find(name.strip_suffix(PER_SECOND)?)?;
            (of.kind.is_some() && !matches!(self.origin, Origin::Beside(_) | Origin::Incidents))
                .then(|| of.per_second())
        })
    }

    /// Rows of a span in order of time, with these columns.
    ///
    /// # Errors
    /// When the database cannot be read, or a block of it is damaged.
    pub fn read(&self, reader: &Reader, span: TimeSpan, names: &[&str]) -> store::Result<Batch> {
        let fields: Vec<Field> = names.iter().filter_map(|name| self.field(name)).collect();
        let (len, columns) = reader.snapshot(|reader| match &self.origin {
            Origin::Sources(sources) => scan::read(reader, &self.name, sources, span, &fields),
            Origin::Processes => processes::read(reader, span, &fields),
            Origin::Beside(what) => what.read(reader, span, &fields),
            Origin::Incidents => incidents::read(reader, span, &fields),
        })?;
        Ok(Batch { fields, columns, len })
    }

    /// Number of its rows in a span; `None`: to count them is to work all of it out.
    ///
    /// # Errors
    /// When the database cannot be read, or a block of it is damaged.
    pub fn count(&self, reader: &Reader, span: TimeSpan) -> store::Result<Option<usize>> {
        match &self.origin {
            Origin::Sources(sources) => scan::count(reader, &self.name, sources, span).map(Some),
            Origin::Incidents => Ok(None),
            Origin::Processes if span.seconds() > LONG => Ok(None),
            Origin::Processes | Origin::Beside(_) => {
                self.read(reader, span, &[]).map(|batch| Some(batch.len))
            }
        }
    }

    /// Whether its rows of a span are those of the span's parts, one after another.
    pub fn is_split_by_time(&self) -> bool {
        match self.origin {
            Origin::Sources(_) | Origin::Processes => true,
            Origin::Beside(what) => what.is_split_by_time(),
            Origin::Incidents => false,
        }
    }
}

/// Rows of a table, by columns.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The columns that were asked for.
    pub fields: Vec<Field>,
    /// Their values.
    pub columns: Vec<Values>,
    /// Number of rows.
    pub len: usize,
}

/// The values of a column. What is not known is told apart, and never zero.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Nanoseconds since 1970.
    Time(Known<i64>),
    /// Whole numbers.
    Int(Known<i64>),
    /// Numbers.
    Float(Known<f64>),
    /// Text.
    Text(Vec<Option<Arc<str>>>),
    /// Yes or no.
    Bool(Known<bool>),
}

impl Values {
    pub(crate) fn new(of: Type) -> Values {
        match of {
            Type::Time => Values::Time(Known::default()),
            Type::Int => Values::Int(Known::default()),
            Type::Float => Values::Float(Known::default()),
            Type::Text => Values::Text(Vec::new()),
            Type::Bool => Values::Bool(Known::default()),
        }
    }

    /// One value.
    pub fn get(&self, row: usize) -> Cell<'_> {
        match self {
            Values::Time(values) => values.get(row).map_or(Cell::Unknown, Cell::Time),
            Values::Int(values) => values.get(row).map_or(Cell::Unknown, Cell::Int),
            Values::Float(values) => values.get(row).map_or(Cell::Unknown, Cell::Float),
            Values::Text(values) => Cell::text(values[row].as_deref()),
            Values::Bool(values) => values.get(row).map_or(Cell::Unknown, Cell::Bool),
        }
    }

    fn put(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Values::Time(values), Cell::Time(value)) => values.push(Some(value)),
            (Values::Int(values), Cell::Int(value)) => values.push(Some(value)),
            (Values::Float(values), Cell::Float(value)) => values.push(Some(value)),
            (Values::Float(values), Cell::Int(value)) => values.push(Some(value as f64)),
            (Values::Text(values), Cell::Text(text)) => values.push(Some(text.into())),
            (Values::Time(values) | Values::Int(values), _) => values.push(None),
            (Values::Float(values), _) => values.push(None),
            (Values::Text(values), _) => values.push(None),
            (Values::Bool(values), Cell::Bool(value)) => values.push(Some(value)),
            (Values::Bool(values), _) => values.push(None),
        }
    }
}

/// One value of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// Not known.
    Unknown,
    /// Nanoseconds since 1970.
    Time(Nanos),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Yes or no.
    Bool(bool),
}

impl<'a> Cell<'a> {
    fn text(text: Option<&'a str>) -> Cell<'a> {
        text.map_or(Cell::Unknown, Cell::Text)
    }
}

/// Values of which some may not be known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known<T> {
    /// What stands where nothing is known means nothing.
    pub values: Vec<T>,
    /// Which are known; `None`: all of them.
    pub known: Option<Vec<bool>>,
}

impl<T: Copy + Default> Known<T> {
    fn with_capacity(rows: usize) -> Known<T> {
        Known {
            values: Vec::with_capacity(rows),
            known: None,
        }
    }

    pub(crate) fn push(&mut self, value: Option<T>) {
        let before = self.values.len();
        self.values.push(value.unwrap_or_default());
        match &mut self.known {
            Some(known) => known.push(value.is_some()),
            None if value.is_none() => {
                let mut known = vec![true; before];
                known.push(false);
                self.known = Some(known);
            }
            None => {}
        }
    }

    /// One value.
    pub fn get(&self, row: usize) -> Option<T> {
        let known = self.known.as_ref().is_none_or(|known| known[row]);
        known.then(|| self.values[row])
    }
}

#[cfg(test)]
pub(crate) mod tests;
