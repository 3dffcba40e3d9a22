//! /proc/diskstats: `major minor name` and 4, 11, 15 or 17 numbers by age of the kernel.
//!
//! I/Os, sectors (of 512 bytes) and times are added when a request completes. All times are printed as 32-bit numbers
//! by every kernel and wrap, after 49.7 days of a busy device or sooner when requests queue.

use crate::columns::{Columns, Decoded};
use crate::layout::{Line, lines};
use model::{Kind, Subject, Template, Unit};

type Field = (&'static str, Unit, Kind);

const MAJOR_AND_MINOR: [Field; 2] = [
    ("major", Unit::Count, Kind::Gauge),
    ("minor", Unit::Count, Kind::Gauge),
];

/// Fields 1 to 17 of Documentation/admin-guide/iostats.rst.
const FIELDS: [Field; 17] = [
    ("reads_completed", Unit::Count, Kind::Counter),
    ("reads_merged", Unit::Count, Kind::Counter),
    ("read_sectors", Unit::Sectors, Kind::Counter),
    ("read_ms", Unit::Milliseconds, Kind::Counter32),
    ("writes_completed", Unit::Count, Kind::Counter),
    ("writes_merged", Unit::Count, Kind::Counter),
    ("write_sectors", Unit::Sectors, Kind::Counter),
    ("write_ms", Unit::Milliseconds, Kind::Counter32),
    ("in_flight", Unit::Count, Kind::Gauge),
    ("io_ms", Unit::Milliseconds, Kind::Counter32),
    ("weighted_io_ms", Unit::Milliseconds, Kind::Counter32),
    ("discards_completed", Unit::Count, Kind::Counter),
    ("discards_merged", Unit::Count, Kind::Counter),
    ("discard_sectors", Unit::Sectors, Kind::Counter),
    ("discard_ms", Unit::Milliseconds, Kind::Counter32),
    ("flushes_completed", Unit::Count, Kind::Counter),
    ("flush_ms", Unit::Milliseconds, Kind::Counter32),
];

/// What 2.6.0 to 2.6.24 say of a partition, by place in [`FIELDS`]: reads, sectors read, writes, sectors written.
const OLD_PARTITION: [usize; 4] = [0, 2, 4, 6];

pub(crate) fn decode(template: &Template) -> Decoded {
    let lines = lines(template);
    let mut columns = Columns::new("diskstats", template);
    for line in &lines {
        let Some(device) = device(line) else { continue };
        let subject = Subject::Device(device.into());
        let put = |columns: &mut Columns, at: usize, (name, unit, kind): Field| {
            if let Some(number) = line.number(at) {
                columns.put(number, name, unit, kind, subject.clone());
            }
        };
        let known = known_fields(line.tokens.len() - 3);
        if known.is_empty() {
            columns.keep_unknown(line, &subject);
            continue;
        }
        for (at, field) in MAJOR_AND_MINOR.into_iter().enumerate() {
            put(&mut columns, at, field);
        }
        for (i, &field) in known.iter().enumerate() {
            put(&mut columns, 3 + i, FIELDS[field]);
        }
        for at in 3 + known.len()..line.tokens.len() {
            // A newer kernel than any known: its field, by the number that its documentation will give it.
            if let Some(number) = line.number(at) {
                columns.put_unknown(number, &format!("field_{}", at - 2), &subject);
            }
        }
    }
    columns.finish(&lines)
}

/// The device of a line, if the line has the shape of one: two numbers, a name, and numbers only.
fn device(line: &Line) -> Option<&str> {
    line.number(0)?;
    line.number(1)?;
    let name = line.word(2)?;
    (3..line.tokens.len())
        .all(|at| line.number(at).is_some())
        .then_some(name)
}

/// Which of [`FIELDS`] the first numbers after a name are. Discards and flushes came as whole groups, so part of a
/// group is something else.
fn known_fields(count: usize) -> &'static [usize] {
    const IN_ORDER: [usize; 17] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    match count {
        4 => &OLD_PARTITION,
        0..11 => &[],
        11..15 => &IN_ORDER[..11],
        15..17 => &IN_ORDER[..15],
        _ => &IN_ORDER,
    }
}
