//! Several programs at one database.

use crate::common::{Scratch, append, begin, boot, compact, counted, run, told, told_by};
use model::{RunOrigin, TimeSpan, UnixNanos};
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Reader, Result, Slots};

#[test]
fn a_reader_sees_every_tick_once_while_others_write_and_compact() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    append(&mut writer, now, 1..=1);
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for second in 2..=2500 {
                append(&mut writer, now, second..=second);
                if second % 50 == 0 {
                    compact(&mut writer, second % 200 == 0);
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        let reader = scratch.reader();
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let lines = told_by(&reader, "a");
            assert!(lines.len() >= last, "what was there is there");
            last = lines.len();
            assert_eq!(lines, counted(1..=last as i64));
        }
    });
    assert_eq!(told(&scratch.db(), "a"), counted(1..=2500));
}

#[test]
fn a_snapshot_does_not_change() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    append(&mut writer, now, 1..=100);
    let reader = scratch.reader();
    let both = reader.snapshot(|reader| -> Result<_> {
        let before = told_by(reader, "a");
        append(&mut writer, now, 101..=110);
        compact(&mut writer, true);
        Ok((before, told_by(reader, "a")))
    });
    let (before, after) = both.unwrap();
    assert_eq!(before, after);
    assert_eq!(told_by(&reader, "a"), counted(1..=110));
}

#[test]
fn an_import_beside_a_collector_takes_nothing_from_it() {
    let scratch = Scratch::new();
    let mut collector = scratch.writer();
    let now = begin(&mut collector);
    append(&mut collector, now, 1001..=1100);
    let mut import = scratch.writer();
    let other = import
        .begin_run(&boot("b"), &run(RunOrigin::Import, Some("k")))
        .unwrap()
        .unwrap();
    append(&mut import, other, 1..=90);
    compact(&mut import, true);
    append(&mut collector, now, 1101..=1150);
    compact(&mut import, true);
    append(&mut collector, now, 1151..=1160);
    let all: Vec<String> = counted(1..=90).into_iter().chain(counted(1001..=1160)).collect();
    assert_eq!(told(&scratch.db(), "a"), all);
    compact(&mut collector, true);
    append(&mut collector, now, 1161..=1161);
    assert_eq!(told(&scratch.db(), "a").len(), all.len() + 1);
}

#[test]
fn two_writers_name_the_same_source_and_template_once() {
    let scratch = Scratch::new();
    let (mut one, mut two) = (scratch.writer(), scratch.writer());
    let (a, b) = (begin(&mut one), begin(&mut two));
    append(&mut one, a, 1..=1);
    append(&mut two, b, 2..=2);
    append(&mut one, a, 3..=3);
    let mut lines = told(&scratch.db(), "a");
    lines.sort();
    assert_eq!(lines, counted(1..=3));
    let db = rusqlite::Connection::open(scratch.db()).unwrap();
    let count = |sql: &str| -> i64 { db.query_row(sql, [], |r| r.get(0)).unwrap() };
    assert_eq!(count("SELECT count(*) FROM source WHERE name = 'a'"), 1);
    assert_eq!(count("SELECT count(*) FROM template"), 1);
}

#[test]
fn boots_and_runs_are_in_order_of_time_whenever_they_were_imported() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    for (id, started) in [("late", 900), ("early", 100)] {
        let mut run = run(RunOrigin::Import, None);
        run.started = UnixNanos(started);
        writer.begin_run(&boot(id), &run).unwrap();
    }
    let reader: Reader = scratch.reader();
    let boots: Vec<String> = reader.boots().unwrap().into_iter().map(|b| b.boot_id).collect();
    assert_eq!(boots, ["early", "late"]);
    let runs: Vec<(usize, i64)> = reader
        .runs()
        .unwrap()
        .into_iter()
        .map(|(_, b, r)| (b, r.started.0))
        .collect();
    assert_eq!(runs, [(0, 100), (1, 900)]);
}

#[test]
fn a_source_that_nobody_recorded_has_nothing() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let reader = scratch.reader();
    assert_eq!(reader.extent().unwrap(), None);
    let now = begin(&mut writer);
    append(&mut writer, now, 3..=9);
    let ends = reader.extent().unwrap().unwrap();
    assert_eq!(
        ends,
        TimeSpan::new(UnixNanos(3_000_000_000), UnixNanos(9_000_000_000))
    );
    assert!(
        reader
            .stretches("b", ends, &mut |_| Slots::All)
            .unwrap()
            .is_empty()
    );
    assert!(reader.reading_at("b", ends.to).unwrap().is_none());
    assert!(
        reader.reading_at("a", ends.from).unwrap().is_none(),
        "it was read a little later than the tick"
    );
}
