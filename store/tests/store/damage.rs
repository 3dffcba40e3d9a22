//! Bytes that are not what was written: an error that says where, and all else is read.

use crate::common::{ALL, Scratch, append, begin, compact, counted, span, tick, told, told_by};
use store::{Reader, Slots};

/// A hundred seconds of two sources.
fn recorded(is_compacted: bool) -> Scratch {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    for second in 1..=100 {
        writer
            .append(
                now,
                &tick(second, &[("a", &format!("n {second}")), ("b", "same 1")]),
            )
            .unwrap();
    }
    if is_compacted {
        compact(&mut writer, true);
    }
    scratch
}

fn error(reader: &Reader, source: &str) -> String {
    let error = reader.stretches(source, ALL, &mut |_| Slots::All).unwrap_err();
    assert!(error.is_corrupt());
    let text = error.to_string();
    text.split_once("x.db: ").unwrap().1.to_owned()
}

#[test]
fn a_damaged_block_is_said_and_the_rest_is_read() {
    let scratch = recorded(true);
    scratch.tamper(
        "UPDATE block SET body = zeroblob(20) WHERE source = (SELECT id FROM source WHERE name = 'a')",
    );
    let reader = scratch.reader();
    assert_eq!(error(&reader, "a"), "damaged: a at 1 s");
    assert_eq!(told_by(&reader, "b").len(), 100);
    assert_eq!(reader.ticks(ALL).unwrap().len(), 100);
}

#[test]
fn damaged_times_are_said() {
    let scratch = recorded(true);
    scratch.tamper("UPDATE stretch SET stamps = substr(stamps, 1, length(stamps) - 1)");
    let reader = scratch.reader();
    assert_eq!(error(&reader, "a"), "damaged: a at 1 s");
    let error = reader.ticks(ALL).unwrap_err().to_string();
    assert!(error.ends_with("damaged: times of the ticks at 1 s"), "{error}");
}

#[test]
fn a_damaged_row_is_said_until_compaction_makes_a_gap_of_it() {
    let scratch = recorded(false);
    scratch.tamper("UPDATE tick SET body = x'0102030405' WHERE at_ns = 50000000000");
    let reader = scratch.reader();
    assert_eq!(error(&reader, "a"), "damaged: the tick at 50 s");
    let later = reader.stretches("a", span(61, 100), &mut |_| Slots::All).unwrap();
    assert_eq!(
        later.iter().map(|s| s.at.len()).sum::<usize>(),
        40,
        "a row of whole readings begins anew"
    );
    let mut writer = scratch.writer();
    let next = begin(&mut writer);
    append(&mut writer, next, 101..=101);
    compact(&mut writer, true);
    let lines = told(&scratch.db(), "a");
    let kept: Vec<String> = [1..=49, 61..=101].into_iter().flat_map(counted).collect();
    assert_eq!(lines, kept);
    let gaps: Vec<String> = reader
        .gaps(ALL)
        .unwrap()
        .iter()
        .map(|g| format!("{}..{} {}", g.from.0, g.to.0, g.why))
        .collect();
    assert_eq!(gaps, ["49000000000..61000000000 what was stored was damaged"]);
}

#[test]
fn a_damaged_template_is_said() {
    let scratch = recorded(true);
    scratch.tamper("UPDATE template SET body = x'ff'");
    assert!(error(&scratch.reader(), "a").starts_with("damaged: template 1: malformed template"));
    scratch.tamper("PRAGMA foreign_keys = OFF; DELETE FROM template");
    assert_eq!(error(&scratch.reader(), "a"), "damaged: template 1 is missing");
}
