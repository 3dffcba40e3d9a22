//! Properties: any history of appends, compactions, transactions, clocks set and programs begun anew gives back what was written.

use crate::common::{ALL, SECOND, Scratch, boot, run};
use model::{Reading, RunOrigin, Template, Tick, TimeSpan, UnixNanos};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Error, Reader, RunId, Slots, Writer};

/// Offsets are kept to so many nanoseconds, rounded down.
const OFFSET_UNIT: i64 = 100_000;

const SOURCES: [&str; 3] = ["vmstat", "meminfo", "cgroup/x/memory.stat"];

#[derive(Debug, Clone)]
enum Step {
    /// Texts of some of the sources; how far the wall clock moved since the tick before.
    Append(Vec<(usize, Vec<u8>)>, i64),
    /// Many ticks of numbers that move as those of kernel files do.
    Many(u16),
    /// Several ticks in one transaction, which is undone or not.
    Together(Vec<Vec<u8>>, bool),
    /// A run of its own in an import: texts, then many ticks; undone or not.
    Import(Vec<Vec<(usize, Vec<u8>)>>, u16, bool),
    CompactOnce(bool),
    CompactAll,
    /// By another program, while ours has the database open.
    OtherCompacts,
    Reopen,
    NewRun(bool),
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => "a +[0-9]{1,6} kB\nb [0-9]{1,3}\n".prop_map(String::into_bytes),
        3 => "([a-z]{1,3} {1,3}[0-9]{1,20}(\\.[0-9]{2})?\n){0,4}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..30),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let clock = prop_oneof![8 => Just(SECOND), 1 => 0..3 * SECOND, 1 => -100 * SECOND..100 * SECOND];
    let readings = || proptest::collection::vec((0..SOURCES.len(), text()), 0..4);
    prop_oneof![
        1 => (proptest::collection::vec(readings(), 0..70), 0u16..1400, any::<bool>())
            .prop_map(|(texts, many, undo)| Step::Import(texts, many, undo)),
        20 => (readings(), clock).prop_map(|(readings, clock)| Step::Append(readings, clock)),
        1 => (1u16..700).prop_map(Step::Many),
        1 => (proptest::collection::vec(text(), 1..5), any::<bool>()).prop_map(|(t, undo)| Step::Together(t, undo)),
        1 => any::<bool>().prop_map(Step::CompactOnce),
        1 => Just(Step::CompactAll),
        1 => Just(Step::OtherCompacts),
        1 => Just(Step::Reopen),
        1 => any::<bool>().prop_map(Step::NewRun),
    ]
}

/// What was read when: time in nanoseconds, text.
type History = BTreeMap<&'static str, Vec<(i64, Vec<u8>)>>;

struct Node {
    scratch: Scratch,
    writer: Option<Writer>,
    run: RunId,
    now: i64,
    ticks: Vec<(i64, i64)>,
    history: History,
    templates: BTreeMap<&'static str, Arc<Template>>,
    counter: u64,
}

impl Node {
    fn new() -> Node {
        let scratch = Scratch::new();
        let mut writer = scratch.writer();
        let run = crate::common::begin(&mut writer);
        Node {
            scratch,
            writer: Some(writer),
            run,
            now: 1000 * SECOND,
            ticks: Vec::new(),
            history: History::new(),
            templates: BTreeMap::new(),
            counter: 0,
        }
    }

    fn writer(&mut self) -> &mut Writer {
        self.writer
            .get_or_insert_with(|| Writer::open(&self.scratch.db()).unwrap())
    }

    fn tick(&mut self, texts: &[(usize, Vec<u8>)]) -> Tick {
        let mut readings: Vec<Reading> = Vec::new();
        for (source, text) in texts {
            let source = SOURCES[*source];
            if readings.iter().any(|r| *r.source == *source) {
                continue;
            }
            let prior = self.templates.get(source).map(|t| &**t);
            let (template, values) = Template::parse(text, prior);
            let template = Arc::new(template);
            self.templates.insert(source, template.clone());
            readings.push(Reading {
                source: source.into(),
                offset: 77_777 * readings.len() as i64,
                template,
                values,
            });
        }
        Tick {
            at: UnixNanos(self.now),
            monotonic: self.ticks.len() as i64 * SECOND,
            readings,
        }
    }

    fn note(&mut self, tick: &Tick) {
        self.ticks.push((tick.at.0, tick.monotonic));
        for reading in &tick.readings {
            let source = SOURCES.into_iter().find(|s| **s == *reading.source).unwrap();
            let at = tick.at.0 + reading.offset / OFFSET_UNIT * OFFSET_UNIT;
            let text = reading.template.render(&reading.values);
            self.history.entry(source).or_default().push((at, text));
        }
    }

    fn append(&mut self, texts: &[(usize, Vec<u8>)], clock: i64) {
        self.now += clock;
        let tick = self.tick(texts);
        let run = self.run;
        self.writer().append(run, &tick).unwrap();
        self.note(&tick);
    }

    /// Numbers that move as those of kernel files do.
    fn moving(&mut self) -> [(usize, Vec<u8>); 2] {
        self.counter = self.counter * 5 / 4 % 100_000 + 1;
        let n = self.counter;
        let texts = [
            (0, format!("nr_free {n}\npgfree {}\n", n / 7)),
            (1, format!("Free: {:>9} kB\n", n * 4)),
        ];
        texts.map(|(source, text)| (source, text.into_bytes()))
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Append(texts, clock) => self.append(&texts, clock),
            Step::Many(count) => {
                for _ in 0..count {
                    let texts = self.moving();
                    self.append(&texts, SECOND);
                }
            }
            Step::Together(texts, is_undone) => {
                let (run, mut ticks) = (self.run, Vec::new());
                for text in texts {
                    self.now += SECOND;
                    ticks.push(self.tick(&[(2, text)]));
                }
                let done = self.writer().transaction(|writer| {
                    for tick in &ticks {
                        writer.append(run, tick)?;
                    }
                    let no = Error::Damaged {
                        path: "x".into(),
                        what: "nothing".into(),
                    };
                    if is_undone { Err(no) } else { Ok(()) }
                });
                assert_eq!(done.is_err(), is_undone);
                if !is_undone {
                    ticks.iter().for_each(|tick| self.note(tick));
                }
            }
            Step::Import(texts, many, is_undone) => {
                let mut ticks = Vec::new();
                for texts in texts {
                    self.now += SECOND;
                    ticks.push(self.tick(&texts));
                }
                for _ in 0..many {
                    self.now += SECOND;
                    let texts = self.moving();
                    ticks.push(self.tick(&texts));
                }
                let done = self.writer().import(|writer| {
                    let run = writer
                        .begin_run(&boot("a"), &run(RunOrigin::Import, None))?
                        .unwrap();
                    for tick in &ticks {
                        writer.append(run, tick)?;
                    }
                    let no = Error::Damaged {
                        path: "x".into(),
                        what: "nothing".into(),
                    };
                    if is_undone { Err(no) } else { Ok(run) }
                });
                assert_eq!(done.is_err(), is_undone);
                if let Ok(run) = done {
                    self.run = run;
                    ticks.iter().for_each(|tick| self.note(tick));
                }
            }
            Step::CompactOnce(all) => drop(self.writer().compact(all).unwrap()),
            Step::CompactAll => crate::common::compact(self.writer(), true),
            Step::OtherCompacts => crate::common::compact(&mut self.scratch.writer(), true),
            Step::Reopen => self.writer = None,
            Step::NewRun(is_collector) => {
                let origin = if is_collector {
                    RunOrigin::Collector
                } else {
                    RunOrigin::Import
                };
                self.run = self
                    .writer()
                    .begin_run(&boot("a"), &run(origin, None))
                    .unwrap()
                    .unwrap();
            }
        }
    }
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort();
    values
}

fn readings(reader: &Reader, source: &str, span: TimeSpan) -> Vec<(i64, Vec<u8>)> {
    let mut out = Vec::new();
    let mut before = None;
    for stretch in reader.stretches(source, span, &mut |_| Slots::All).unwrap() {
        assert!(
            stretch.at.is_sorted() && !stretch.at.is_empty(),
            "each stretch is in order of time"
        );
        assert!(before <= stretch.at.first().copied(), "and so are the stretches");
        before = stretch.at.first().copied();
        for (i, at) in stretch.at.iter().enumerate() {
            let values: Vec<u64> = stretch.columns.iter().map(|c| c[i]).collect();
            out.push((at.0, stretch.template.render(&values)));
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_comes_back(
        steps in proptest::collection::vec(step(), 0..80),
        moments in proptest::collection::vec(-200i64..2000, 4),
    ) {
        let mut node = Node::new();
        for step in steps {
            node.step(step);
        }
        let reader = node.scratch.reader();
        let stamps = reader.ticks(ALL).unwrap().iter().map(|s| (s.at.0, s.monotonic)).collect();
        prop_assert_eq!(sorted(stamps), sorted(node.ticks.clone()));
        let of = |source| node.history.get(source).cloned().unwrap_or_default();
        for source in SOURCES {
            prop_assert_eq!(sorted(readings(&reader, source, ALL)), sorted(of(source)));
        }
        let seen: Vec<String> = reader.sources(ALL).unwrap().iter().map(|s| s.to_string()).collect();
        let wanted: Vec<String> = node.history.keys().map(|s| s.to_string()).collect();
        prop_assert_eq!(seen, wanted);
        for moment in moments {
            let at = (1000 + moment) * SECOND + 50_000;
            for source in SOURCES {
                let found = reader.reading_at(source, UnixNanos(at)).unwrap();
                let found = found.map(|r| (r.at.0, r.template.render(&r.values)));
                let before = of(source).into_iter().filter(|r| r.0 <= at);
                let last = before.clone().map(|r| r.0).max();
                prop_assert_eq!(found.as_ref().map(|f| f.0), last);
                if let Some(found) = found {
                    prop_assert!(before.clone().any(|r| r == found), "{:?}", found);
                }
                let some = TimeSpan::new(UnixNanos(at), UnixNanos(at + 300 * SECOND));
                let inside = |tick: &i64| some.contains(UnixNanos(*tick));
                let count = readings(&reader, source, some).len();
                prop_assert!(count <= node.ticks.iter().filter(|t| inside(&t.0)).count());
            }
        }
    }

    #[test]
    fn chosen_slots_are_those_of_all_slots(
        rows in proptest::collection::vec(proptest::collection::vec(any::<u32>(), 5), 1..70),
        wanted in proptest::collection::vec(0usize..5, 0..7),
        is_compacted in any::<bool>(),
    ) {
        let scratch = Scratch::new();
        let mut writer = scratch.writer();
        let run = crate::common::begin(&mut writer);
        for (second, row) in (1i64..).zip(&rows) {
            let text: String = row.iter().map(|n| format!("x {n}\n")).collect();
            writer.append(run, &crate::common::tick(second, &[("s", &text)])).unwrap();
        }
        if is_compacted {
            crate::common::compact(&mut writer, true);
        }
        let stretches = scratch.reader().stretches("s", ALL, &mut |_| Slots::Some(wanted.clone())).unwrap();
        let found: Vec<Vec<u64>> = (0..wanted.len())
            .map(|i| stretches.iter().flat_map(|s| s.columns[i].clone()).collect())
            .collect();
        let meant: Vec<Vec<u64>> =
            wanted.iter().map(|&slot| rows.iter().map(|row| u64::from(row[slot])).collect()).collect();
        prop_assert_eq!(found, meant);
    }
}

#[test]
fn what_was_undone_is_nothing_to_tell_the_next_against() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let run = crate::common::begin(&mut writer);
    crate::common::append(&mut writer, run, 1..=5);
    let undone: Result<(), Error> = writer.transaction(|writer| {
        crate::common::append(writer, run, 6..=7);
        Err(Error::Missing {
            path: scratch.db(),
            why: "undone".into(),
        })
    });
    assert!(undone.is_err());
    crate::common::append(&mut writer, run, 8..=9);
    let mut told = crate::common::counted(1..=5);
    told.extend(crate::common::counted(8..=9));
    assert_eq!(crate::common::told(&scratch.db(), "a"), told);
}

#[test]
fn times_that_may_be_about_right_are_spread_only_where_none_is_missing() {
    // Each third tick is 30 ms late. Which seconds there are, and the greatest distance in ms from where the readings were.
    let distance = |missing: &[i64]| {
        let scratch = Scratch::new();
        let mut writer = scratch.writer();
        let run = crate::common::begin(&mut writer);
        for second in (1..=600).filter(|second| !missing.contains(second)) {
            let mut tick = crate::common::tick(second, &[("a", &format!("n {second}"))]);
            tick.at.0 += i64::from(second % 3 == 0) * 30_000_000;
            writer.append(run, &tick).unwrap();
        }
        crate::common::compact(&mut writer, true);
        let reader = scratch.reader();
        let exact = reader.stretches("a", ALL, &mut |_| Slots::All).unwrap();
        let about = reader.stretches_about("a", ALL, &mut |_| Slots::All).unwrap();
        assert_eq!((exact.len(), about.len()), (1, 1));
        assert_eq!(exact[0].columns, about[0].columns);
        let apart = exact[0].at.iter().zip(&about[0].at);
        apart.map(|(a, b)| (a.0 - b.0).abs() / 1_000_000).max()
    };
    assert_eq!(distance(&[]), Some(30));
    assert_eq!(distance(&[300]), Some(0));
}

#[test]
fn summaries_are_those_of_the_values() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let run = crate::common::begin(&mut writer);
    for second in 1..=1300i64 {
        let (up, wave) = (second * 3, 500 - (second % 100 - 50).abs());
        writer
            .append(
                run,
                &crate::common::tick(second, &[("s", &format!("up {up} wave {wave} one 1"))]),
            )
            .unwrap();
    }
    crate::common::compact(&mut writer, false);
    let blocks = scratch
        .reader()
        .summaries("s", ALL, &mut |_| Slots::Some(vec![1, 0, 2]))
        .unwrap();
    let lines: Vec<String> = blocks
        .iter()
        .map(|b| {
            let columns: Vec<String> = b
                .columns
                .iter()
                .map(|c| format!("{}..{} in {}..{}", c.first, c.last, c.min, c.max))
                .collect();
            let seconds = (b.span.from.0 / SECOND, b.span.to.0 / SECOND);
            format!("{seconds:?} {}: {}", b.readings, columns.join(", "))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "(1, 600) 600: 451..450 in 450..500, 3..1800 in 3..1800, 1..1 in 1..1",
            "(601, 1200) 600: 451..450 in 450..500, 1803..3600 in 1803..3600, 1..1 in 1..1",
        ]
    );
    assert_eq!(
        scratch
            .reader()
            .summaries("s", crate::common::span(2, 1300), &mut |_| Slots::All)
            .unwrap()
            .len(),
        1
    );
}
