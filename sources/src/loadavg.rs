//! /proc/loadavg: `1.04 1.28 1.16 1/88 22870`.
//!
//! The averages count running and uninterruptible tasks, sampled every five seconds; what stands at the slash is a
//! count of this moment: runnable tasks, and all there are.

use crate::columns::{Columns, Decoded};
use crate::layout::{Token, lines};
use model::{Kind, Subject, Template, Unit};

const FIELDS: [(&str, Unit); 6] = [
    ("load1", Unit::Ratio),
    ("load5", Unit::Ratio),
    ("load15", Unit::Ratio),
    ("runnable", Unit::Count),
    ("tasks", Unit::Count),
    ("last_pid", Unit::Count),
];

pub(crate) fn decode(template: &Template) -> Decoded {
    let lines = lines(template);
    let mut columns = Columns::new("loadavg", template);
    if let [line] = lines.as_slice()
        && let [
            Token::Number(_),
            Token::Number(_),
            Token::Number(_),
            Token::Number(_),
            Token::Word(slash),
            ..,
        ] = line.tokens.as_slice()
        && slash == "/"
        && line.tokens.len() == 7
    {
        for ((_, number), (name, unit)) in line.numbers().zip(FIELDS) {
            columns.put(number, name, unit, Kind::Gauge, Subject::Host);
        }
    }
    columns.finish(&lines)
}
