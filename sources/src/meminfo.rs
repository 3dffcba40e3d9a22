//! /proc/meminfo: `Name:   value kB`, all of them gauges; a few lines count huge pages and have no unit.

use crate::columns::{Columns, Decoded};
use crate::layout::{Token, lines};
use model::{Kind, Subject, Template, Unit};

pub(crate) fn decode(template: &Template) -> Decoded {
    let lines = lines(template);
    let mut columns = Columns::new("meminfo", template);
    for line in &lines {
        let (Some(name), Some(number)) = (line.word(0).and_then(|w| w.strip_suffix(':')), line.number(1))
        else {
            continue;
        };
        let unit = match &line.tokens[2..] {
            [Token::Word(unit)] if unit == "kB" => Unit::Kibibytes,
            [] if name.starts_with("HugePages_") => Unit::Count,
            _ => continue,
        };
        columns.put(number, name, unit, Kind::Gauge, Subject::Host);
    }
    columns.finish(&lines)
}
