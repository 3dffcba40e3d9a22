//! Reads a table of a kernel file: only the columns that are asked for are decoded.

use super::catalog::table_of;
use super::{Cell, Field, Known, Type, Values};
use crate::window::step;
use model::{Column, Kind, Subject, Template, TimeSpan, UnixNanos};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use store::{Reader, RunId, Slots, Stretch, TickStamp};

/// Two ticks further apart than this many intervals do not follow each other.
const FOLLOWS: f64 = 2.5;

/// Number of rows, and the columns.
pub(super) fn read(
    reader: &Reader,
    table: &str,
    sources: &[Arc<str>],
    span: TimeSpan,
    fields: &[Field],
) -> store::Result<(usize, Vec<Values>)> {
    let interval = reader.runs()?.iter().map(|(_, _, run)| run.interval).max();
    // The tick before the first one: without it the first change would not be known.
    let lead = (FOLLOWS * interval.unwrap_or(0) as f64) as i64 + 1;
    let is_moving = fields.iter().any(|field| field.rate);
    let loaded = TimeSpan::new(if is_moving { span.from - lead } else { span.from }, span.to);
    let ticks = Ticks::new(reader.ticks(loaded)?);
    let mut gathered = Gathered {
        table,
        fields,
        span,
        subjects: HashMap::new(),
        parts: Vec::new(),
        rows: Vec::new(),
    };
    for source in sources {
        gathered.load(reader, source, loaded, &ticks)?;
    }
    gathered.rows.sort_by_key(|row| (row.at, row.run.0));
    let columns = fields
        .iter()
        .enumerate()
        .map(|(i, _)| gathered.column(i))
        .collect();
    let shown = gathered.rows.iter().filter(|row| row.at >= span.from);
    let len = shown
        .map(|row| gathered.parts[row.part].layout.subjects.len())
        .sum();
    Ok((len, columns))
}

/// Number of rows of a span. Nothing but times is decoded.
pub(super) fn count(
    reader: &Reader,
    table: &str,
    sources: &[Arc<str>],
    span: TimeSpan,
) -> store::Result<usize> {
    let mut rows = 0;
    for source in sources {
        let mut widths: HashMap<*const Template, usize> = HashMap::new();
        let stretches = reader.stretches(source, span, &mut |template| {
            widths.insert(Arc::as_ptr(template), subjects(table, source, template).0.len());
            Slots::Some(Vec::new())
        })?;
        let of =
            |stretch: &Stretch| stretch.at.len() * widths.get(&Arc::as_ptr(&stretch.template)).unwrap_or(&0);
        rows += stretches.iter().map(of).sum::<usize>();
    }
    Ok(rows)
}

/// The subjects that a template has in a table, sorted, and its columns there.
fn subjects(table: &str, source: &str, template: &Template) -> (Vec<Subject>, Vec<Column>) {
    let mut columns = sources::decode(source, template).unwrap_or_default();
    // Rows of averages hold the numbers of several files.
    columns.retain(|column| table_of(source, column).0 == table);
    let subjects: BTreeSet<Subject> = columns.iter().map(|column| column.subject.clone()).collect();
    (subjects.into_iter().collect(), columns)
}

/// The ticks of each run, and which of them follow the one before.
struct Ticks {
    by_run: HashMap<RunId, Vec<TickStamp>>,
}

impl Ticks {
    fn new(stamps: Vec<TickStamp>) -> Ticks {
        let mut by_run: HashMap<RunId, Vec<TickStamp>> = HashMap::new();
        for stamp in stamps {
            by_run.entry(stamp.run).or_default().push(stamp);
        }
        Ticks { by_run }
    }

    /// The tick of a reading, and the tick before it if the two follow each other.
    fn of(&self, run: RunId, when: UnixNanos) -> Option<(UnixNanos, Option<UnixNanos>)> {
        let ticks = self.by_run.get(&run)?;
        let place = ticks.partition_point(|tick| tick.at <= when).checked_sub(1)?;
        let now = ticks[place];
        let before = place.checked_sub(1).map(|place| ticks[place]).filter(|before| {
            let step = now.at.seconds_since(before.at);
            step > 0.0 && step <= FOLLOWS * now.interval as f64 / 1e9
        });
        Some((now.at, before.map(|tick| tick.at)))
    }
}

/// What a template has of the table.
struct Layout {
    subjects: Vec<Subject>,
    /// For each field and subject, in this order: the column, and its place among those read.
    columns: Vec<Option<(Column, usize)>>,
}

/// Readings with one template, as they were read.
struct Part {
    layout: Arc<Layout>,
    /// Each subject's number among all.
    numbers: Vec<usize>,
    stretch: Stretch,
}

/// A reading.
struct Row {
    at: UnixNanos,
    /// The tick before, if this one follows it.
    before: Option<UnixNanos>,
    run: RunId,
    part: usize,
    index: usize,
}

struct Gathered<'a> {
    table: &'a str,
    fields: &'a [Field],
    span: TimeSpan,
    subjects: HashMap<Subject, usize>,
    parts: Vec<Part>,
    rows: Vec<Row>,
}

impl Gathered<'_> {
    fn load(&mut self, reader: &Reader, source: &str, span: TimeSpan, ticks: &Ticks) -> store::Result<()> {
        let mut layouts: HashMap<*const Template, Arc<Layout>> = HashMap::new();
        let stretches = reader.stretches(source, span, &mut |template| {
            let (layout, slots) = self.layout(source, template);
            layouts.insert(Arc::as_ptr(template), Arc::new(layout));
            Slots::Some(slots)
        })?;
        for stretch in stretches {
            let Some(layout) = layouts.get(&Arc::as_ptr(&stretch.template)).cloned() else {
                continue;
            };
            if layout.subjects.is_empty() {
                continue;
            }
            let part = self.parts.len();
            for (index, &when) in stretch.at.iter().enumerate() {
                if let Some((at, before)) = ticks.of(stretch.run, when) {
                    let run = stretch.run;
                    self.rows.push(Row {
                        at,
                        before,
                        run,
                        part,
                        index,
                    });
                }
            }
            let mut numbers = Vec::with_capacity(layout.subjects.len());
            for subject in &layout.subjects {
                let next = self.subjects.len();
                numbers.push(*self.subjects.entry(subject.clone()).or_insert(next));
            }
            self.parts.push(Part {
                layout,
                numbers,
                stretch,
            });
        }
        Ok(())
    }

    /// What a template has of the table, and the slots to read.
    fn layout(&self, source: &str, template: &Template) -> (Layout, Vec<usize>) {
        let (subjects, columns) = subjects(self.table, source, template);
        let places: HashMap<(Arc<str>, Subject), Column> = (columns.into_iter())
            .map(|column| ((column.metric.name.clone(), column.subject.clone()), column))
            .collect();
        let mut slots: Vec<usize> = Vec::new();
        let mut chosen = Vec::with_capacity(self.fields.len() * subjects.len());
        for field in self.fields {
            for subject in &subjects {
                let column = places.get(&(field.metric.clone(), subject.clone()));
                chosen.push(column.map(|column| {
                    // A number and its change are read once.
                    let place = slots.iter().position(|&slot| slot == column.slot);
                    let place = place.unwrap_or_else(|| {
                        slots.push(column.slot);
                        slots.len() - 1
                    });
                    (column.clone(), place)
                }));
            }
        }
        (
            Layout {
                subjects,
                columns: chosen,
            },
            slots,
        )
    }

    fn column(&self, field: usize) -> Values {
        let about = &self.fields[field];
        if about.metric.is_empty() {
            return self.key(about);
        }
        if about.rate {
            return Values::Float(self.rates(field));
        }
        match about.values {
            Type::Int => Values::Int(self.numbers(field, |column, raw| {
                // The kernel prints a negative number of an unsigned counter as one near 2^64.
                let value = raw as i64;
                if column.negative {
                    value.wrapping_neg()
                } else {
                    value
                }
            })),
            _ => Values::Float(self.numbers(field, Column::value)),
        }
    }

    /// The rows inside the span.
    fn shown(&self) -> impl Iterator<Item = (&Row, &Part)> {
        let rows = self.rows.iter().filter(|row| row.at >= self.span.from);
        rows.map(|row| (row, &self.parts[row.part]))
    }

    fn key(&self, about: &Field) -> Values {
        let mut values = Values::new(about.values);
        for (row, part) in self.shown() {
            for subject in &part.layout.subjects {
                values.put(if about.values == Type::Time {
                    Cell::Time(row.at.0)
                } else {
                    key_of(subject, &about.name)
                });
            }
        }
        values
    }

    fn numbers<T: Copy + Default>(&self, field: usize, value: impl Fn(&Column, u64) -> T) -> Known<T> {
        let mut out = Known::with_capacity(self.rows.len());
        for (row, part) in self.shown() {
            let width = part.layout.subjects.len();
            for column in &part.layout.columns[field * width..(field + 1) * width] {
                let of = |(column, place): &(Column, usize)| {
                    value(column, part.stretch.columns[*place][row.index])
                };
                out.push(column.as_ref().map(of));
            }
        }
        out
    }

    fn rates(&self, field: usize) -> Known<f64> {
        let mut out = Known::with_capacity(self.rows.len());
        let mut last: Vec<Option<Last>> = vec![None; self.subjects.len()];
        for row in &self.rows {
            let part = &self.parts[row.part];
            let width = part.layout.subjects.len();
            let columns = &part.layout.columns[field * width..(field + 1) * width];
            let when = part.stretch.at[row.index];
            for (column, &number) in columns.iter().zip(&part.numbers) {
                let now = column.as_ref().map(|(column, place)| Last {
                    run: row.run,
                    tick: row.at,
                    when,
                    value: column.value(part.stretch.columns[*place][row.index]),
                    kind: column.metric.kind,
                });
                let before = std::mem::replace(&mut last[number], now);
                if row.at >= self.span.from {
                    out.push(
                        now.zip(before)
                            .and_then(|(now, before)| now.rate(before, row.before)),
                    );
                }
            }
        }
        out
    }
}

/// A value, and when it was read.
#[derive(Clone, Copy)]
struct Last {
    run: RunId,
    tick: UnixNanos,
    when: UnixNanos,
    value: f64,
    kind: Kind,
}

impl Last {
    /// What it moved by per second since the tick before; nothing across a gap, a reset or a boot.
    fn rate(self, before: Last, tick_before: Option<UnixNanos>) -> Option<f64> {
        let seconds = self.when.seconds_since(before.when);
        let follows = before.run == self.run && tick_before == Some(before.tick) && seconds > 0.0;
        let step = step(self.kind, before.value, self.value);
        (follows && step.is_finite()).then_some(step / seconds)
    }
}

fn key_of<'a>(subject: &'a Subject, name: &str) -> Cell<'a> {
    let number = |n: u32| Cell::Int(i64::from(n));
    match (subject, name) {
        (
            Subject::Node(node)
            | Subject::Zone { node, .. }
            | Subject::ZoneCpu { node, .. }
            | Subject::Order { node, .. },
            "node",
        ) => number(*node),
        (
            Subject::Zone { zone, .. } | Subject::ZoneCpu { zone, .. } | Subject::Order { zone, .. },
            "zone",
        ) => Cell::Text(zone),
        (Subject::ZoneCpu { cpu, .. } | Subject::Cpu(cpu), "cpu") => number(*cpu),
        (Subject::Order { order, .. }, "page_order") => number(*order),
        (Subject::Device(device), "device") => Cell::Text(device),
        (Subject::Cgroup(name), "cgroup") => Cell::Text(sources::cgroup_device(name).0),
        (Subject::Cgroup(name), "device") => sources::cgroup_device(name).1.map_or(Cell::Unknown, Cell::Text),
        _ => Cell::Unknown,
    }
}
