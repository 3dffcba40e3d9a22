//! What a query wants, as far as it can be told before reading.

use store::rusqlite::types::ValueRef;
use store::rusqlite::vtab::{Filters, IndexConstraintOp as Op, IndexInfo};
use store::rusqlite::{Error, Result};

/// The columns of `samples`, in order.
pub(crate) const COLUMNS: &str =
    "CREATE TABLE x(at REAL, source TEXT, subject TEXT, metric TEXT, value, unit TEXT, kind TEXT)\0";
pub(crate) const AT: i32 = 0;
pub(crate) const SOURCE: i32 = 1;
pub(crate) const SUBJECT: i32 = 2;
pub(crate) const METRIC: i32 = 3;
pub(crate) const VALUE: i32 = 4;
pub(crate) const UNIT: i32 = 5;

/// What a query wants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) source: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) metric: Option<String>,
    /// Seconds since 1970; the bound itself is wanted too, unless `after` or `before` says the contrary.
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) after: bool,
    pub(crate) before: bool,
    /// Something is compared with NULL, or there are two of what can only be one.
    pub(crate) nothing: bool,
}

/// Tells SQLite which constraints are heeded while reading: the letters of `idx_str` say which argument is which.
pub(crate) fn plan(info: &mut IndexInfo) -> Result<bool> {
    let mut letters = String::new();
    let mut chosen = Vec::new();
    for (place, constraint) in info.constraints().enumerate() {
        if !constraint.is_usable() {
            continue;
        }
        let letter = match (constraint.column(), constraint.operator()) {
            (SOURCE, Op::SQLITE_INDEX_CONSTRAINT_EQ) => 's',
            (SUBJECT, Op::SQLITE_INDEX_CONSTRAINT_EQ) => 'u',
            (METRIC, Op::SQLITE_INDEX_CONSTRAINT_EQ) => 'm',
            (AT, Op::SQLITE_INDEX_CONSTRAINT_EQ) => '=',
            (AT, Op::SQLITE_INDEX_CONSTRAINT_GE) => '[',
            (AT, Op::SQLITE_INDEX_CONSTRAINT_GT) => '(',
            (AT, Op::SQLITE_INDEX_CONSTRAINT_LE) => ']',
            (AT, Op::SQLITE_INDEX_CONSTRAINT_LT) => ')',
            _ => continue,
        };
        letters.push(letter);
        chosen.push((place, letter));
    }
    for (argument, (place, letter)) in (1..).zip(&chosen) {
        let mut usage = info.constraint_usage(*place);
        usage.set_argv_index(argument);
        // A time may be a text, which SQLite would compare with a number as what it is: larger.
        usage.set_omit(!letter.is_ascii_alphabetic());
    }
    let narrowed = |letters_of: &str, by: f64| {
        if letters.contains(|c| letters_of.contains(c)) {
            by
        } else {
            1.0
        }
    };
    let rows = 1e9
        * narrowed("m", 1e-3)
        * narrowed("s", 1e-1)
        * narrowed("u", 1e-1)
        * narrowed("=[(", 1e-1)
        * narrowed("=])", 1e-1);
    info.set_estimated_cost(rows);
    info.set_estimated_rows(rows as i64);
    info.set_idx_str(&letters);
    Ok(true)
}

/// The reverse of [`plan`]: the arguments, by the letters. `parse` makes seconds of a text that says a time.
pub(crate) fn wanted(
    letters: &str,
    arguments: &Filters<'_>,
    parse: &dyn Fn(&str) -> Result<Option<f64>>,
) -> Result<Wanted> {
    let mut wanted = Wanted {
        source: None,
        subject: None,
        metric: None,
        from: f64::NEG_INFINITY,
        to: f64::INFINITY,
        after: false,
        before: false,
        nothing: false,
    };
    let values: Vec<Value> = arguments
        .iter()
        .map(|value| match value {
            ValueRef::Null | ValueRef::Blob(_) => Value::Nothing,
            ValueRef::Integer(number) => Value::Number(number as f64),
            ValueRef::Real(number) => Value::Number(number),
            ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        })
        .collect();
    for (letter, value) in letters.chars().zip(values) {
        match (letter, value) {
            (_, Value::Nothing) => wanted.nothing = true,
            ('s', Value::Text(text)) => wanted.nothing |= is_other(&mut wanted.source, text),
            ('u', Value::Text(text)) => wanted.nothing |= is_other(&mut wanted.subject, text),
            ('m', Value::Text(text)) => wanted.nothing |= is_other(&mut wanted.metric, text),
            ('s' | 'u' | 'm', Value::Number(_)) => wanted.nothing = true,
            (bound, Value::Number(seconds)) => wanted.bound(bound, seconds),
            (bound, Value::Text(text)) => {
                let seconds = match text.trim().parse() {
                    Ok(seconds) => Some(seconds),
                    Err(_) => parse(&text)?,
                };
                let unknown = || Error::ModuleError(format!("samples: {text:?} is no time"));
                wanted.bound(bound, seconds.ok_or_else(unknown)?);
            }
        }
    }
    Ok(wanted)
}

enum Value {
    Nothing,
    Number(f64),
    Text(String),
}

/// Remembers what is wanted; whether something else was wanted before.
fn is_other(known: &mut Option<String>, text: String) -> bool {
    known.replace(text.clone()).is_some_and(|before| before != text)
}

impl Wanted {
    fn bound(&mut self, letter: char, seconds: f64) {
        if matches!(letter, '=' | '[' | '(')
            && (seconds > self.from || (seconds == self.from && letter == '('))
        {
            (self.from, self.after) = (seconds, letter == '(');
        }
        if matches!(letter, '=' | ']' | ')') && (seconds < self.to || (seconds == self.to && letter == ')')) {
            (self.to, self.before) = (seconds, letter == ')');
        }
    }

    /// Whether a time is wanted.
    pub(crate) fn has(&self, at: f64) -> bool {
        let is_after = if self.after {
            at > self.from
        } else {
            at >= self.from
        };
        let is_before = if self.before { at < self.to } else { at <= self.to };
        is_after && is_before
    }

    /// Whether a source can have what is wanted.
    pub(crate) fn can_have(&self, source: &str) -> bool {
        if self.source.as_deref().is_some_and(|wanted| wanted != source) {
            return false;
        }
        let Some(metric) = &self.metric else { return true };
        let family = metric
            .split_once('.')
            .map_or(metric.as_str(), |(family, _)| family);
        // Metrics of control groups are called after the file's kind, those of averages after the file that a machine would have.
        source == family
            || source.starts_with("cgroup/") && family == "cgroup"
            || source == sources::averages().name
    }
}
