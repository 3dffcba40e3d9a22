//! `highwater/self`: what the collector says of itself. Lines `name value`, and `read SOURCE us N failed N`.
//!
//! Metrics are called `highwater.late_us`, and of each source `highwater.read_us meminfo` as `highwater.read_us_meminfo`.

use crate::columns::{Columns, Decoded};
use crate::layout::lines;
use model::{Kind, Subject, Template, Unit};

/// Those that say what holds now; all others count up.
const GAUGES: [&str; 3] = ["latest_us", "processes", "cgroups"];

pub(crate) fn decode(template: &Template) -> Decoded {
    let lines = lines(template);
    let mut columns = Columns::new("highwater", template);
    for line in &lines {
        if let Some((name, number)) = line.pair() {
            let kind = if GAUGES.contains(&name) {
                Kind::Gauge
            } else {
                Kind::Counter
            };
            columns.put(number, name, unit(name), kind, Subject::Host);
        } else if let (Some("read"), Some(source)) = (line.word(0), line.word(1)) {
            let source = source.replace('/', "_");
            for (at, number) in line.numbers() {
                if let Some(what) = line.word(at - 1) {
                    let name = format!("read_{what}_{source}");
                    columns.put(number, &name, unit(what), Kind::Counter, Subject::Host);
                }
            }
        }
        columns.keep_unknown(line, &Subject::Host);
    }
    columns.finish(&lines)
}

/// `highwater/burst`: several readings of a few lines, one below the other. The numbers of the second are `burst.…_2`, and so on.
pub(crate) fn decode_burst(template: &Template) -> Decoded {
    let lines = lines(template);
    let mut columns = Columns::new("burst", template);
    for line in &lines {
        columns.keep_unknown(line, &Subject::Host);
    }
    columns.finish(&lines)
}

fn unit(name: &str) -> Unit {
    match name.rsplit('_').next() {
        Some("us") => Unit::Microseconds,
        _ => Unit::Count,
    }
}
