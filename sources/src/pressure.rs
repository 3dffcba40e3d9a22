//! /proc/pressure/{cpu,io,memory,irq}: the share of time in which some, or all, tasks waited for a resource.
//!
//! `total` is exact whenever it is read; the averages are smoothed and follow every two seconds or later. `full` of cpu
//! is 0 for the whole machine, and irq has `full` only. Files of the same shape belong to control groups.

use crate::columns::{Columns, Decoded};
use crate::layout::{Line, lines};
use model::{Kind, Subject, Template, Unit};

pub(crate) fn decode(source: &str, template: &Template) -> Decoded {
    let lines = lines(template);
    let mut columns = Columns::new(source, template);
    for line in &lines {
        put_line(&mut columns, line, "", &Subject::Host);
    }
    columns.finish(&lines)
}

/// Names the numbers of one line: `some avg10=… avg60=… avg300=… total=…`.
pub(crate) fn put_line(columns: &mut Columns, line: &Line, prefix: &str, subject: &Subject) {
    let Some(who @ ("some" | "full")) = line.word(0) else {
        return;
    };
    for (at, number) in line.numbers() {
        let Some(name) = line.word(at - 1).and_then(|word| word.strip_suffix('=')) else {
            continue;
        };
        let (unit, kind) = match name {
            "avg10" | "avg60" | "avg300" => (Unit::Percent, Kind::Gauge),
            "total" => (Unit::Microseconds, Kind::Counter),
            _ => continue,
        };
        columns.put(
            number,
            &format!("{prefix}{who}_{name}"),
            unit,
            kind,
            subject.clone(),
        );
    }
}
