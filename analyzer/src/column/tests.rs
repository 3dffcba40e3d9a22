//! Charts of small records, point by point.

use super::{Grid, read};
use crate::testing::{Record, SECOND};
use expect_test::expect;
use model::{TimeSpan, UnixNanos};
use std::fmt::Write;
use store::Reader;

/// A database in which /proc/vmstat was read at these seconds with these values.
fn recorded(runs: &[&[(i64, u64)]]) -> Record {
    let mut record = Record::new();
    for ticks in runs {
        record.begin("b", UnixNanos(ticks[0].0 * SECOND));
        for &(second, value) in *ticks {
            let text = format!("nr_free_pages {value}\npgfault {value}\n");
            record.files(
                UnixNanos(second * SECOND),
                second * SECOND,
                [("vmstat", text.as_str())],
            );
        }
    }
    record
}

fn drawn(record: &Record, from: i64, to: i64, points: usize, metric: &str, rate: Option<bool>) -> String {
    let span = TimeSpan::new(UnixNanos(from * SECOND), UnixNanos(to * SECOND));
    let reader = Reader::open(&record.path()).unwrap();
    let grid = Grid::of(&reader, span, points).unwrap();
    let Some(column) = read(&reader, &grid, metric, "host", rate).unwrap() else {
        return "none".into();
    };
    let mut out = format!("{}\n", column.unit());
    for (k, at) in grid.times().iter().enumerate() {
        let (mean, low, high) = (
            (column.points.mean[k] * 1e6).round() / 1e6,
            column.points.low[k],
            column.points.high[k],
        );
        let _ = writeln!(out, "{} {mean} {low}..{high}", at.seconds());
    }
    out
}

#[test]
fn few_ticks_are_drawn_as_they_are_and_a_gap_is_none() {
    let record = recorded(&[&[(10, 5), (11, 7), (12, 7), (20, 9), (21, 3)]]);
    expect![[r#"
        pages
        10 5 5..5
        11 7 7..7
        12 7 7..7
        16 NaN NaN..NaN
        20 9 9..9
        21 3 3..3
    "#]]
    .assert_eq(&drawn(&record, 0, 100, 50, "vmstat.nr_free_pages", None));
    expect![[r#"
        1/s
        10 NaN NaN..NaN
        11 2 2..2
        12 0 0..0
        16 NaN NaN..NaN
        20 NaN NaN..NaN
        21 NaN NaN..NaN
    "#]]
    .assert_eq(&drawn(&record, 0, 100, 50, "vmstat.pgfault", None));
}

#[test]
fn thinning_keeps_the_spike_and_the_whole() {
    // 10 a second, but for one second with 1,000.
    let ticks: Vec<(i64, u64)> = (0..60)
        .map(|i| (i, (10 * i + if i >= 31 { 990 } else { 0 }) as u64))
        .collect();
    let record = recorded(&[&ticks]);
    expect![[r#"
        1/s
        7.5 10 10..10
        22.5 10 10..10
        37.5 76 10..1000
        52.5 10 10..10
    "#]]
    .assert_eq(&drawn(&record, 0, 60, 4, "vmstat.pgfault", None));
}

#[test]
fn nothing_is_counted_across_two_runs() {
    let record = recorded(&[&[(10, 100), (11, 101)], &[(12, 900), (13, 903)]]);
    expect![[r#"
        1/s
        10 NaN NaN..NaN
        11 1 1..1
        12 NaN NaN..NaN
        13 3 3..3
    "#]]
    .assert_eq(&drawn(&record, 0, 20, 50, "vmstat.pgfault", None));
}

#[test]
fn what_is_not_there_is_none() {
    let record = recorded(&[&[(10, 100), (11, 101)]]);
    assert_eq!(drawn(&record, 0, 20, 5, "vmstat.no_such", None), "none");
    assert_eq!(drawn(&record, 50, 60, 5, "vmstat.pgfault", None), "none");
}

#[test]
fn stretches_are_long_enough_that_none_misses_every_tick() {
    let ticks: Vec<(i64, u64)> = (0..40).map(|i| (i, i as u64)).collect();
    let record = recorded(&[&ticks]);
    // 40 ticks are more than 39 points, and 39 stretches would each be hardly longer than a second.
    let text = drawn(&record, 0, 40, 39, "vmstat.nr_free_pages", None);
    assert!(!text.contains("NaN"), "{text}");
    assert_eq!(text.lines().count(), 1 + 20, "{text}");
}
