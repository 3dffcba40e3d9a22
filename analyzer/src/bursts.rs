//! Readings closer than ticks: what `highwater/burst` holds, as rows of numbers with times of their own.
//!
//! What is in the text was written on another machine: lines that are no number are left out, and so is a reading without a time.

use model::{Nanos, UnixNanos};
use std::collections::BTreeMap;

/// A reading of a few numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// When it began.
    pub(crate) at: UnixNanos,
    /// `pgscan_kswapd` and others of vmstat as they are called there; of diskstats `vda reads`, `vda read_sectors`, `vda writes` and
    /// `vda written_sectors`.
    pub(crate) numbers: BTreeMap<String, u64>,
}

/// Fields of diskstats that are kept, by their place after the device's name (Documentation/admin-guide/iostats.rst).
const DISK: [(usize, &str); 4] = [
    (0, "reads"),
    (2, "read_sectors"),
    (4, "writes"),
    (6, "written_sectors"),
];

/// Rows of a text; `wall` is what a time on the monotonic clock is on the wall's.
pub(crate) fn rows(text: &str, wall: impl Fn(Nanos) -> Option<UnixNanos>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // What follows a time that is none belongs to no row.
    let mut is_timed = false;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("monotonic_us"), Some(time)) => {
                let at = time
                    .parse::<i64>()
                    .ok()
                    .and_then(|us| wall(us.checked_mul(1000)?));
                is_timed = at.is_some();
                rows.extend(at.map(|at| Row {
                    at,
                    numbers: BTreeMap::new(),
                }));
            }
            (Some("vmstat"), Some(name)) if is_timed => {
                if let (Some(row), Some(Ok(value))) = (rows.last_mut(), words.next().map(str::parse)) {
                    row.numbers.insert(name.to_string(), value);
                }
            }
            (Some("diskstats"), Some(_)) if is_timed => {
                let (Some(row), Some(device)) = (rows.last_mut(), words.nth(1)) else {
                    continue;
                };
                let fields: Vec<&str> = words.collect();
                for (place, name) in DISK {
                    if let Some(Ok(value)) = fields.get(place).map(|field| field.parse()) {
                        row.numbers.insert(format!("{device} {name}"), value);
                    }
                }
            }
            _ => {}
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let rows = rows(text, |monotonic| {
            (monotonic < 5_000_000).then_some(UnixNanos(monotonic))
        });
        let one = |row: &Row| format!("{} {:?}", row.at.0, row.numbers);
        rows.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    const TEXT: &str = "monotonic_us 1000\nmeminfo MemFree:  5 kB\nvmstat pgscan_kswapd 7\n\
        diskstats  254 0 vda 11 2 33 4 55 6 77 8 0 9 9\nmonotonic_us 1100\nvmstat pgscan_kswapd 8\n";

    #[test]
    fn each_time_begins_a_row() {
        assert_eq!(
            told(TEXT),
            "1000000 {\"pgscan_kswapd\": 7, \"vda read_sectors\": 33, \"vda reads\": 11, \"vda writes\": 55, \
             \"vda written_sectors\": 77}\n1100000 {\"pgscan_kswapd\": 8}"
        );
    }

    #[test]
    fn garbage_is_left_out_and_a_text_may_end_anywhere() {
        assert_eq!(
            told(
                "vmstat a 1\nmonotonic_us x\nvmstat b 2\nmonotonic_us 9999999999999999\nvmstat c 3\ndiskstats\nmonotonic_us 1\nvmstat d -1\n"
            ),
            "1000 {}"
        );
        (0..TEXT.len()).for_each(|end| drop(told(&TEXT[..end])));
    }
}
