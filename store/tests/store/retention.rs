//! Retention: by age, by size, and what goes with the ticks.

use crate::common::{ALL, SECOND, Scratch, append, begin, compact, counted, tick, told};
use model::{Fact, LogRecord, UnixNanos};

#[test]
fn retention_deletes_the_oldest_and_says_which_limit_bites() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    for second in 1..=2000 {
        writer
            .append(now, &tick(second, &[("a", &format!("n {}", second * second))]))
            .unwrap();
    }
    compact(&mut writer, false);
    assert!(!writer.retain(Some(3000 * SECOND), Some(1 << 30)).unwrap().more);
    let aged = writer.retain(Some(1000 * SECOND), None).unwrap();
    assert!(aged.by_age && !aged.by_size);
    assert_eq!(
        told(&scratch.db(), "a").first().map(String::as_str),
        Some("601: n 361201")
    );
    let sized = writer.retain(None, Some(1)).unwrap();
    assert!(sized.by_size && !sized.by_age);
    assert_eq!(
        told(&scratch.db(), "a").last().map(String::as_str),
        Some("2000: n 4000000"),
        "the newest stays"
    );
}

#[test]
fn nothing_is_deleted_within_the_limits() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    append(&mut writer, now, 1..=1300);
    compact(&mut writer, false);
    let kept = writer.retain(Some(700 * SECOND), Some(1 << 30)).unwrap();
    assert_eq!(kept, store::Retention::default());
    assert_eq!(told(&scratch.db(), "a"), counted(1..=1300));
    let aged = writer.retain(Some(699 * SECOND), Some(1 << 30)).unwrap();
    assert_eq!(aged.deleted_to, Some(UnixNanos(600 * SECOND)));
    assert!(aged.by_age && !aged.by_size && !aged.more);
    assert_eq!(told(&scratch.db(), "a"), counted(601..=1300));
}

#[test]
fn what_stands_beside_the_ticks_goes_with_them() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    let fact = |second: i64, name: &str, value: &str| Fact {
        at: UnixNanos(second * SECOND),
        name: name.into(),
        value: Some(value.into()),
    };
    let facts = [
        fact(1, "a", "1"),
        fact(2, "b", "1"),
        fact(5, "a", "2"),
        fact(900, "a", "3"),
    ];
    writer.append_facts(&facts).unwrap();
    let record = |second: i64| LogRecord {
        at: UnixNanos(second * SECOND),
        sequence: second as u64,
        priority: 6,
        text: "x".into(),
    };
    writer.append_log(now, &[record(3), record(700)]).unwrap();
    writer
        .append(now, &tick(1, &[("a", "x"), ("gone", "only once 1")]))
        .unwrap();
    append(&mut writer, now, 2..=1300);
    compact(&mut writer, false);
    // A writer that does not remember what it wrote.
    let mut writer = scratch.writer();
    while writer.retain(Some(600 * SECOND), None).unwrap().more {}
    let reader = scratch.reader();
    assert_eq!(reader.log(ALL).unwrap(), [record(700)]);
    assert_eq!(
        reader.facts(ALL).unwrap(),
        [&facts[1..3], &facts[3..]].concat(),
        "what holds still is kept"
    );
    let db = rusqlite::Connection::open(scratch.db()).unwrap();
    let count = |sql: &str| -> i64 { db.query_row(sql, [], |r| r.get(0)).unwrap() };
    assert_eq!(
        count("SELECT count(*) FROM template"),
        1,
        "a template that nothing uses is gone"
    );
    // It comes again.
    let now = begin(&mut writer);
    writer
        .append(now, &tick(1301, &[("gone", "only once 1")]))
        .unwrap();
    assert_eq!(told(&scratch.db(), "gone"), ["1301: only once 1"]);
}

#[test]
fn the_file_shrinks() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    let mut noise = 1u64;
    for second in 1..=6000 {
        // Some that only compaction makes small, some that nothing does.
        let mut words: Vec<String> = (100..400).map(|step| (second * step).to_string()).collect();
        words.extend((0..40).map(|_| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (noise >> 44).to_string()
        }));
        writer
            .append(now, &tick(second, &[("a", &words.join(" "))]))
            .unwrap();
    }
    let pages = |what: &str| {
        let db = rusqlite::Connection::open(scratch.db()).unwrap();
        db.query_row(
            &format!("SELECT {what} FROM pragma_page_count, pragma_freelist_count"),
            [],
            |r| r.get::<_, i64>(0),
        )
        .unwrap()
    };
    let hot = pages("page_count");
    compact(&mut writer, true);
    let compacted = pages("page_count");
    assert!(
        compacted - pages("page_count - freelist_count") < 1100,
        "compaction gives back most of what its rows took"
    );
    assert!(compacted < hot, "{compacted} of {hot}");
    let limit = pages("page_count - freelist_count") as u64 * 4096 / 2;
    let mut calls = 0;
    while writer.retain(None, Some(limit)).unwrap().more {
        calls += 1;
    }
    assert!(calls > 1, "in small steps");
    assert!(pages("page_count - freelist_count") as u64 * 4096 <= limit);
    assert!(pages("page_count") < compacted);
    let lines = told(&scratch.db(), "a");
    assert!(
        lines.len() >= 600 && lines.last().unwrap().starts_with("6000: "),
        "the newest stays"
    );
}

#[test]
fn templates_that_took_turns_outlive_the_blocks_that_used_them() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    let mut written = Vec::new();
    let mut write = |writer: &mut store::Writer, second: i64, shape: &str| {
        let text = format!("{shape} {second}");
        writer.append(now, &tick(second, &[("a", &text)])).unwrap();
        written.push(format!("{second}: {text}"));
    };
    for second in 1..=6 {
        write(&mut writer, second, ["n", "mm", "kkk"][second as usize % 3]);
    }
    for second in 7..=2000 {
        write(&mut writer, second, "n");
    }
    compact(&mut writer, false);
    while writer.retain(Some(100 * SECOND), None).unwrap().more {}
    for (second, shape) in [(2001, "mm"), (2002, "kkk"), (2003, "n"), (2004, "new")] {
        write(&mut writer, second, shape);
    }
    compact(&mut writer, true);
    assert_eq!(told(&scratch.db(), "a"), written[1800..]);
}
