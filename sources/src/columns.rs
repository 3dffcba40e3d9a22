//! Collects what a decoder says, and sees to it that every slot gets exactly one column with a name of its own.

use crate::layout::{Line, Number, Token};
use model::{Column, Kind, Metric, Subject, Template, Unit};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Longest name made up for a number that nobody knows: hostile text must not grow into gigabytes of names.
const MADE_UP_NAME_BYTES: usize = 80;

/// What the slots of one template are.
pub(crate) struct Decoded {
    /// One per slot, in the order of the slots.
    pub(crate) columns: Vec<Column>,
    /// Those slots whose meaning is not known: their names are made up from the words before them.
    pub(crate) unknown: Vec<usize>,
}

pub(crate) struct Columns<'a> {
    source: &'a str,
    /// Stands before made-up names, for sources that share one `source`.
    made_up_prefix: &'a str,
    columns: Vec<Option<Column>>,
    taken: HashSet<(Arc<str>, Subject)>,
    /// How often a made-up name was wanted, so that a thousand numbers in a row do not search a thousand times.
    wanted: HashMap<(String, Subject), usize>,
    unknown: Vec<usize>,
}

impl<'a> Columns<'a> {
    /// `source` is the part of the metric names before the dot.
    pub(crate) fn new(source: &'a str, template: &Template) -> Self {
        Columns {
            source,
            made_up_prefix: "",
            columns: vec![None; template.slots().len()],
            taken: HashSet::new(),
            wanted: HashMap::new(),
            unknown: Vec::new(),
        }
    }

    /// The same with a prefix for the names that will be made up.
    pub(crate) fn with_prefix(source: &'a str, made_up_prefix: &'a str, template: &Template) -> Self {
        Columns {
            made_up_prefix,
            ..Columns::new(source, template)
        }
    }

    /// Says what a slot is. When this metric of this subject is taken already, the file says something twice: the slot
    /// is left for [`Columns::finish`], which keeps it under another name.
    pub(crate) fn put(&mut self, number: Number, name: &str, unit: Unit, kind: Kind, subject: Subject) {
        let name: Arc<str> = format!("{}.{name}", self.source).into();
        if self.columns[number.slot].is_none() && self.taken.insert((name.clone(), subject.clone())) {
            let metric = Metric { name, unit, kind };
            let Number {
                slot,
                scale,
                negative,
            } = number;
            self.columns[slot] = Some(Column {
                slot,
                metric,
                subject,
                scale,
                negative,
            });
        }
    }

    /// Keeps the numbers of a line that nobody has named yet, under names made of the words before them.
    pub(crate) fn keep_unknown(&mut self, line: &Line, subject: &Subject) {
        for (at, number) in line.numbers() {
            if self.columns[number.slot].is_none() {
                self.put_unknown(number, &made_up_name(&line.tokens[..at]), subject);
            }
        }
    }

    /// Keeps a number whose meaning is not known, under this name or, when it is taken, this name and a running number.
    pub(crate) fn put_unknown(&mut self, number: Number, name: &str, subject: &Subject) {
        let name = self.free_name(&format!("{}{name}", self.made_up_prefix), subject);
        self.put(number, &name, Unit::Count, Kind::Gauge, subject.clone());
        self.unknown.push(number.slot);
    }

    fn free_name(&mut self, name: &str, subject: &Subject) -> String {
        let wanted = self.wanted.entry((name.to_owned(), subject.clone())).or_default();
        loop {
            *wanted += 1;
            let candidate = if *wanted == 1 {
                name.to_owned()
            } else {
                format!("{name}_{wanted}")
            };
            if !self
                .taken
                .contains(&(format!("{}.{candidate}", self.source).into(), subject.clone()))
            {
                return candidate;
            }
        }
    }

    /// The columns; numbers that no decoder has spoken for are kept as unknown ones of the host.
    pub(crate) fn finish(mut self, lines: &[Line]) -> Decoded {
        for line in lines {
            self.keep_unknown(line, &Subject::Host);
        }
        let columns: Vec<Column> = self.columns.into_iter().flatten().collect();
        self.unknown.sort_unstable();
        Decoded {
            columns,
            unknown: self.unknown,
        }
    }
}

/// The words before a number, joined by underscores; `number` when there are none.
fn made_up_name(before: &[Token]) -> String {
    let mut name = String::new();
    for token in before {
        let Token::Word(word) = token else { continue };
        let clean = word.trim_matches(|c: char| !c.is_alphanumeric());
        if clean.is_empty() {
            continue;
        }
        if !name.is_empty() {
            name.push('_');
        }
        name.extend(clean.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }));
        if name.len() >= MADE_UP_NAME_BYTES {
            let end = (0..=MADE_UP_NAME_BYTES)
                .rev()
                .find(|&i| name.is_char_boundary(i))
                .unwrap_or(0);
            name.truncate(end);
            break;
        }
    }
    if name.is_empty() {
        "number".to_owned()
    } else {
        name
    }
}
