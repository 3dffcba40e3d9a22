//! Facts, the kernel's log, gaps, events and what analyzers keep.

use crate::common::{ALL, SECOND, Scratch, begin, boot, run};
use model::{Event, Fact, Gap, LogRecord, RunOrigin, TimeSpan, UnixNanos};

#[test]
fn facts_are_stored_when_they_change() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    let fact = |second: i64, value: Option<&str>| Fact {
        at: UnixNanos(second * SECOND),
        name: "sysctl.vm.swappiness".into(),
        value: value.map(String::from),
    };
    assert_eq!(
        writer
            .append_facts(&[fact(1, Some("60")), fact(2, Some("60"))])
            .unwrap(),
        1
    );
    drop(writer);
    let mut writer = scratch.writer();
    assert_eq!(
        writer
            .append_facts(&[fact(3, Some("60")), fact(4, Some("10")), fact(6, None)])
            .unwrap(),
        2
    );
    let reader = scratch.reader();
    let values = |from: i64, to: i64| -> Vec<Option<String>> {
        let span = TimeSpan::new(UnixNanos(from * SECOND), UnixNanos(to * SECOND));
        reader.facts(span).unwrap().into_iter().map(|f| f.value).collect()
    };
    assert_eq!(values(3, 5), [Some("60".to_string()), Some("10".to_string())]);
    assert_eq!(values(5, 9), [Some("10".to_string()), None]);
    assert_eq!(values(0, 0), []);
    writer
        .append_gap(&Gap {
            from: UnixNanos(1),
            to: UnixNanos(2),
            source: None,
            why: "late".into(),
        })
        .unwrap();
    assert_eq!(reader.gaps(ALL).unwrap().len(), 1);
    let record = LogRecord {
        at: UnixNanos(5),
        sequence: 9,
        priority: 6,
        text: "x".into(),
    };
    writer.append_log(now, &[record.clone(), record.clone()]).unwrap();
    assert_eq!(reader.log(ALL).unwrap(), [record]);
}

#[test]
fn facts_of_older_days_are_compared_with_what_held_then() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let fact = |second: i64, value: &str| Fact {
        at: UnixNanos(second * SECOND),
        name: "sysctl.vm.swappiness".into(),
        value: Some(value.into()),
    };
    assert_eq!(writer.append_facts(&[fact(100, "60")]).unwrap(), 1);
    assert_eq!(
        writer
            .append_facts(&[fact(10, "60"), fact(12, "60"), fact(14, "1")])
            .unwrap(),
        2
    );
    assert_eq!(writer.append_facts(&[fact(101, "60")]).unwrap(), 0);
    let all: Vec<(i64, String)> = scratch
        .reader()
        .facts(ALL)
        .unwrap()
        .into_iter()
        .map(|f| (f.at.0 / SECOND, f.value.unwrap()))
        .collect();
    assert_eq!(all, [(10, "60".into()), (14, "1".into()), (100, "60".into())]);
}

#[test]
fn logs_of_two_boots_have_sequences_of_their_own() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let record = |second: i64, text: &str| LogRecord {
        at: UnixNanos(second * SECOND),
        sequence: 7,
        priority: 3,
        text: text.into(),
    };
    for (id, second) in [("a", 1), ("b", 2)] {
        let now = writer
            .begin_run(&boot(id), &run(RunOrigin::Import, None))
            .unwrap()
            .unwrap();
        writer
            .append_log(now, &[record(second, id), record(second, "again")])
            .unwrap();
    }
    assert_eq!(
        scratch.reader().log(ALL).unwrap(),
        [record(1, "a"), record(2, "b")]
    );
}

#[test]
fn events_and_what_analyzers_keep() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    let event = |second: i64| Event {
        at: UnixNanos(second * SECOND),
        kind: "psi.memory".into(),
        detail: format!("some {second}"),
    };
    writer.append_events(now, &[event(2), event(1)]).unwrap();
    let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    writer.cache("report", "stays").unwrap();
    let old = [entry("list 1 a", "one"), entry("list 1 b", "of another version")];
    writer.cache_version("list ", "list 1", &old).unwrap();
    writer
        .cache_version("list ", "list 2", &[entry("list 2 a", "one")])
        .unwrap();
    writer
        .cache_version("list ", "list 2", &[entry("list 2 a", "two")])
        .unwrap();
    let reader = scratch.reader();
    assert_eq!(reader.events(ALL).unwrap(), [event(1), event(2)]);
    assert_eq!(reader.events(crate::common::span(2, 3)).unwrap(), [event(2)]);
    let kept = ["report", "list 1 b", "list 2 a"].map(|key| reader.cached(key).unwrap());
    assert_eq!(kept, [Some("stays".into()), None, Some("two".into())]);
}
