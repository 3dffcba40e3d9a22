//! /proc/vmstat: `name value`, a line a statistic. Gauges and counters stand side by side; see `vm_statistics`.

use crate::columns::{Columns, Decoded};
use crate::layout::lines;
use crate::vm_statistics::{Era, meaning};
use model::{Subject, Template};

pub(crate) fn decode(template: &Template) -> Decoded {
    let lines = lines(template);
    let node_lists = lines
        .iter()
        .any(|line| line.word(0).is_some_and(|name| name.starts_with("nr_zone_")));
    let era = if node_lists {
        Era::NodeLists
    } else {
        Era::ZoneLists
    };
    let mut columns = Columns::new("vmstat", template);
    for line in &lines {
        let Some((name, number)) = line.pair() else {
            continue;
        };
        if let Some((unit, kind)) = meaning(name, era) {
            columns.put(number, name, unit, kind, Subject::Host);
        }
    }
    columns.finish(&lines)
}
