//! A part of a record says of its span what the whole says of it, whatever form the whole is in.

use crate::common::*;
use model::{
    Event, Fact, Gap, LogRecord, ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick, RunOrigin,
    TimeSpan, UnixNanos,
};
use std::sync::Arc;
use store::{Extracted, Reader, Rewrite, RunId, Verbatim, Writer};

fn look(second: i64, complete: bool, processes: &[(u32, char, u64)]) -> ProcessTick {
    let sample = |&(pid, state, faults): &(u32, char, u64)| {
        let mut counters = [None; ProcessCounter::ALL.len()];
        counters[ProcessCounter::MajorFaults as usize] = Some(faults);
        ProcessSample {
            identity: Arc::new(ProcessIdentity {
                pid,
                start_ticks: 7,
                comm: format!("p{pid}"),
                cmdline: None,
                cgroup: None,
            }),
            state,
            wchan: None,
            counters,
        }
    };
    ProcessTick {
        at: UnixNanos(second * SECOND + 500_000),
        complete,
        samples: processes.iter().map(sample).collect(),
    }
}

/// Two boots of 1,000 seconds each; `a` says which second it is, `b` is there every third one only.
fn fill(writer: &mut Writer) {
    for (boot_id, begin) in [("a", 1000), ("b", 3000)] {
        let run = writer
            .begin_run(&boot(boot_id), &run(RunOrigin::Collector, Some(boot_id)))
            .unwrap()
            .unwrap();
        for second in begin..begin + 1000 {
            let text = format!("n {second}");
            let mut texts = vec![("a", text.as_str())];
            if second % 3 == 0 {
                texts.push(("b", "of 3\n"));
            }
            writer.append(run, &tick(second, &texts)).unwrap();
            let faults = second as u64;
            let processes: &[(u32, char, u64)] = match second - begin {
                0 => &[(1, 'S', 1), (2, 'S', faults)],
                450 => &[(2, 'X', faults)],
                451 => &[(3, 'R', faults)],
                _ if second % 2 == 0 && second - begin < 450 => &[(2, 'D', faults)],
                _ => &[],
            };
            writer
                .append_processes(run, &look(second, second == begin, processes))
                .unwrap();
        }
        beside(writer, run, begin);
    }
}

fn beside(writer: &mut Writer, run: RunId, begin: i64) {
    let at = |second: i64| UnixNanos((begin + second) * SECOND);
    let fact = |second: i64, name: &str, value: Option<&str>| Fact {
        at: at(second),
        name: name.into(),
        value: value.map(String::from),
    };
    let facts = [
        fact(0, "x", Some("old")),
        fact(0, "y", Some("stays")),
        fact(300, "x", Some("new")),
        fact(500, "x", None),
        fact(900, "x", Some("late")),
    ];
    writer.append_facts(&facts).unwrap();
    let record = |second: i64| LogRecord {
        at: at(second),
        sequence: second as u64,
        priority: 6,
        text: format!("{begin}+{second}"),
    };
    writer
        .append_log(run, &[record(10), record(500), record(900)])
        .unwrap();
    let event = |second: i64| Event {
        at: at(second),
        kind: "e".into(),
        detail: format!("{begin}+{second}"),
    };
    writer.append_events(run, &[event(10), event(500)]).unwrap();
    for second in [10, 420] {
        writer
            .append_gap(&Gap {
                from: at(second),
                to: at(second + 30),
                source: None,
                why: format!("{begin}+{second}"),
            })
            .unwrap();
    }
}

fn extract(scratch: &Scratch, span: TimeSpan, rewrite: &mut dyn Rewrite) -> (Reader, Extracted) {
    let path = scratch.path("part.db");
    let mut writer = Writer::open(&path).unwrap();
    let extracted = scratch.reader().extract(span, &mut writer, rewrite).unwrap();
    writer.into_single_file().unwrap();
    let beside = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let names: Vec<_> = beside.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().starts_with("part.db-")),
        "{names:?}"
    );
    (Reader::open(&path).unwrap(), extracted)
}

fn all(reader: &Reader, span: TimeSpan) -> String {
    let stamps: Vec<_> = reader
        .ticks(span)
        .unwrap()
        .iter()
        .map(|t| {
            (
                t.at,
                t.monotonic,
                t.interval,
                reader.boots().unwrap()[t.boot].boot_id.clone(),
            )
        })
        .collect();
    let lines = [
        format!("{stamps:?}"),
        format!("{:?}", reader.sources(span).unwrap()),
        format!("{:?}", reader.processes(span).unwrap()),
        format!("{:?}", reader.facts(span).unwrap()),
        format!("{:?}", reader.log(span).unwrap()),
        format!("{:?}", reader.events(span).unwrap()),
        format!("{:?}", reader.gaps(span).unwrap()),
    ];
    lines.join("\n")
}

#[test]
fn a_part_says_what_the_whole_says() {
    for compacted in [false, true] {
        let scratch = Scratch::new();
        let mut writer = scratch.writer();
        fill(&mut writer);
        compact(&mut writer, compacted);
        let whole = scratch.reader();
        for (from, to) in [(1400, 1460), (1990, 3010), (0, 9999), (3999, 3999)] {
            let asked = span(from, to);
            let (part, extracted) = extract(&scratch, asked, &mut Verbatim);
            assert_eq!(all(&part, asked), all(&whole, asked), "{from}–{to}, {compacted}");
            for source in ["a", "b"] {
                let expected: Vec<String> = told_by(&whole, source)
                    .into_iter()
                    .filter(|line| {
                        let second: i64 = line.split(':').next().unwrap().parse().unwrap();
                        (from..=to).contains(&second)
                    })
                    .collect();
                assert_eq!(told_by(&part, source), expected);
            }
            assert_eq!(part.extent().unwrap(), extracted.ticks);
            assert_eq!(part.ticks(ALL).unwrap().len() as u64, extracted.tick_count);
            assert!(
                part.runs()
                    .unwrap()
                    .iter()
                    .all(|(.., run)| run.import_key.is_none())
            );
            drop(part);
            std::fs::remove_file(scratch.path("part.db")).unwrap();
        }
    }
}

#[test]
fn nothing_in_the_span_gives_an_empty_database() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    fill(&mut writer);
    let (part, extracted) = extract(&scratch, span(2100, 2900), &mut Verbatim);
    assert_eq!((extracted.ticks, extracted.tick_count), (None, 0));
    assert_eq!((part.extent().unwrap(), part.boots().unwrap().len()), (None, 0));
}

#[test]
fn a_damaged_block_is_said() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    fill(&mut writer);
    compact(&mut writer, true);
    scratch.tamper("UPDATE block SET body = x'00112233445566778899'");
    let mut into = Writer::open(&scratch.path("part.db")).unwrap();
    let error = scratch
        .reader()
        .extract(ALL, &mut into, &mut Verbatim)
        .unwrap_err();
    assert!(error.to_string().contains(": damaged: source"), "{error}");
}

struct Hide;

impl Rewrite for Hide {
    fn source(&mut self, name: &str) -> Option<String> {
        (name == "a").then(|| "c".into())
    }
    fn fact(&mut self, fact: Fact) -> Fact {
        Fact {
            value: fact.value.map(|_| "hidden".into()),
            ..fact
        }
    }
}

#[test]
fn what_is_rewritten_is_not_there_in_any_form() {
    for compacted in [false, true] {
        let scratch = Scratch::new();
        let mut writer = scratch.writer();
        fill(&mut writer);
        compact(&mut writer, compacted);
        let (part, _) = extract(&scratch, span(1200, 1800), &mut Hide);
        assert_eq!(
            part.sources(ALL)
                .unwrap()
                .iter()
                .map(|s| &**s)
                .collect::<Vec<_>>(),
            ["c"]
        );
        assert_eq!(told_by(&part, "c").len(), 601);
        let bytes = std::fs::read(scratch.path("part.db")).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("stays"));
    }
}
