//! Charts of small records, point by point.

use super::{Grid, read};
use expect_test::expect;
use model::{Boot, Reading, Run, RunOrigin, Template, Tick, TimeSpan, UnixNanos};
use std::fmt::Write;
use std::sync::Arc;
use store::{Reader, Writer};

const SECOND: i64 = 1_000_000_000;

/// A database in which /proc/vmstat was read at these seconds with these values.
fn recorded(folder: &tempfile::TempDir, runs: &[&[(i64, u64)]]) -> Reader {
    let path = folder.path().join("x.db");
    let mut writer = Writer::open(&path).unwrap();
    let boot = Boot {
        boot_id: "b".into(),
        hostname: "h".into(),
        kernel: "6.18".into(),
        machine: "x86_64".into(),
        cpus: 1,
        page_size: 4096,
        clk_tck: 100,
        memory_bytes: None,
        cmdline: String::new(),
        tz: "UTC".into(),
    };
    for ticks in runs {
        let started = UnixNanos(ticks[0].0 * SECOND);
        let run = Run {
            origin: RunOrigin::Collector,
            interval: SECOND,
            started,
            import_key: None,
        };
        let run = writer.begin_run(&boot, &run).unwrap().unwrap();
        for &(second, value) in *ticks {
            let text = format!("nr_free_pages {value}\npgfault {value}\n");
            let (template, values) = Template::parse(text.as_bytes(), None);
            let reading = Reading {
                source: "vmstat".into(),
                offset: SECOND / 100,
                template: Arc::new(template),
                values,
            };
            let tick = Tick {
                at: UnixNanos(second * SECOND),
                monotonic: second * SECOND,
                readings: vec![reading],
            };
            writer.append(run, &tick).unwrap();
        }
    }
    Reader::open(&path).unwrap()
}

fn drawn(reader: &Reader, from: i64, to: i64, points: usize, metric: &str, rate: Option<bool>) -> String {
    let span = TimeSpan::new(UnixNanos(from * SECOND), UnixNanos(to * SECOND));
    let grid = Grid::of(reader, span, points).unwrap();
    let Some(column) = read(reader, &grid, metric, "host", rate).unwrap() else {
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
    let folder = tempfile::tempdir().unwrap();
    let reader = recorded(&folder, &[&[(10, 5), (11, 7), (12, 7), (20, 9), (21, 3)]]);
    expect![[r#"
        pages
        10 5 5..5
        11 7 7..7
        12 7 7..7
        20 9 9..9
        21 3 3..3
    "#]]
    .assert_eq(&drawn(&reader, 0, 100, 50, "vmstat.nr_free_pages", None));
    expect![[r#"
        1/s
        10 NaN NaN..NaN
        11 2 2..2
        12 0 0..0
        20 NaN NaN..NaN
        21 NaN NaN..NaN
    "#]]
    .assert_eq(&drawn(&reader, 0, 100, 50, "vmstat.pgfault", None));
}

#[test]
fn thinning_keeps_the_spike_and_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    // 10 a second, but for one second with 1,000.
    let ticks: Vec<(i64, u64)> = (0..60)
        .map(|i| (i, (10 * i + if i >= 31 { 990 } else { 0 }) as u64))
        .collect();
    let reader = recorded(&folder, &[&ticks]);
    expect![[r#"
        1/s
        7.5 10 10..10
        22.5 10 10..10
        37.5 76 10..1000
        52.5 10 10..10
    "#]]
    .assert_eq(&drawn(&reader, 0, 60, 4, "vmstat.pgfault", None));
}

#[test]
fn nothing_is_counted_across_two_runs() {
    let folder = tempfile::tempdir().unwrap();
    let reader = recorded(&folder, &[&[(10, 100), (11, 101)], &[(12, 900), (13, 903)]]);
    expect![[r#"
        1/s
        10 NaN NaN..NaN
        11 1 1..1
        12 NaN NaN..NaN
        13 3 3..3
    "#]]
    .assert_eq(&drawn(&reader, 0, 20, 50, "vmstat.pgfault", None));
}

#[test]
fn what_is_not_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let reader = recorded(&folder, &[&[(10, 100), (11, 101)]]);
    assert_eq!(drawn(&reader, 0, 20, 5, "vmstat.no_such", None), "none");
    assert_eq!(drawn(&reader, 50, 60, 5, "vmstat.pgfault", None), "none");
}
