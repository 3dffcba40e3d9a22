//! Processes: who is alive at the beginning of a span is known, whenever they last moved.

use crate::common::{ALL, SECOND, Scratch, begin, boot, compact, run, span};
use model::{ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick, RunOrigin, TimeSpan, UnixNanos};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

#[test]
fn processes_are_carried_forward() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    let sample = |pid: u32, state: char, read: u64| {
        let mut counters = [None; ProcessCounter::ALL.len()];
        counters[ProcessCounter::ReadBytes as usize] = Some(read);
        let identity = Arc::new(ProcessIdentity {
            pid,
            start_ticks: 7,
            comm: format!("p{pid}"),
            cmdline: None,
            cgroup: None,
        });
        ProcessSample {
            identity,
            state,
            wchan: (state == 'D').then(|| "io_schedule".into()),
            counters,
        }
    };
    let mut look = |second: i64, samples: Vec<ProcessSample>| {
        writer
            .append_processes(
                now,
                &ProcessTick {
                    at: UnixNanos(second * SECOND),
                    complete: false,
                    samples,
                },
            )
            .unwrap();
    };
    look(1, vec![sample(1, 'S', 10), sample(2, 'S', 20)]);
    look(2, vec![sample(1, 'D', 15)]);
    for second in 3..=130 {
        look(second, vec![]);
    }
    look(131, vec![sample(2, 'X', 99)]);
    look(132, vec![]);
    let shown = |span: TimeSpan| -> Vec<String> {
        let reader = scratch.reader();
        let line = |s: &ProcessSample| {
            format!(
                "{} {} {:?}",
                s.identity.comm,
                s.state,
                s.get(ProcessCounter::ReadBytes)
            )
        };
        reader
            .processes(span)
            .unwrap()
            .iter()
            .filter(|t| !t.samples.is_empty())
            .map(|t| {
                format!(
                    "{}: {}",
                    t.at.0 / SECOND,
                    t.samples.iter().map(line).collect::<Vec<_>>().join(", ")
                )
            })
            .collect()
    };
    assert_eq!(shown(span(2, 2)), ["2: p1 D Some(15), p2 S Some(20)"]);
    assert_eq!(
        shown(span(100, 140)),
        ["100: p1 D Some(15), p2 S Some(20)", "131: p2 X Some(99)"]
    );
    compact(&mut writer, true);
    assert_eq!(
        shown(span(100, 140)),
        ["100: p1 D Some(15), p2 S Some(20)", "131: p2 X Some(99)"]
    );
    assert_eq!(shown(span(132, 140)), ["132: p1 D Some(15)"]);
}

#[derive(Debug, Clone)]
enum Step {
    /// Whether all are listed; of each process listed its number, state and two counters.
    Look(bool, BTreeMap<u32, (char, Option<u64>, Option<u64>)>),
    Idle(u16),
    Compact(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let state = prop_oneof![6 => Just('S'), 2 => Just('D'), 1 => Just('R'), 1 => Just('X')];
    let sample = (state, any::<Option<u64>>(), proptest::option::of(0u64..1000));
    let look = (
        proptest::bool::weighted(0.1),
        proptest::collection::btree_map(0u32..6, sample, 0..4),
    );
    prop_oneof![
        12 => look.prop_map(|(complete, samples)| Step::Look(complete, samples)),
        1 => (1u16..400).prop_map(Step::Idle),
        1 => any::<bool>().prop_map(Step::Compact),
    ]
}

fn sample(pid: u32, state: char, read: Option<u64>, threads: Option<u64>) -> ProcessSample {
    let mut counters = [None; ProcessCounter::ALL.len()];
    counters[ProcessCounter::ReadBytes as usize] = read;
    counters[ProcessCounter::Threads as usize] = threads;
    let identity = Arc::new(ProcessIdentity {
        pid,
        start_ticks: u64::MAX - u64::from(pid),
        comm: format!("p {pid}\n"),
        cmdline: pid.is_multiple_of(2).then(|| format!("/bin/p {pid}")),
        cgroup: pid.is_multiple_of(3).then(|| "/".into()),
    });
    let wchan = (state == 'D').then(|| "io_schedule".into());
    ProcessSample {
        identity,
        state,
        wchan,
        counters,
    }
}

/// What the first look of a span should list, given all looks up to it.
fn known(looks: &[ProcessTick]) -> Vec<ProcessSample> {
    let mut live: BTreeMap<u32, ProcessSample> = BTreeMap::new();
    for (i, look) in looks.iter().enumerate() {
        if look.complete {
            live.retain(|pid, _| look.samples.iter().any(|s| s.identity.pid == *pid));
        }
        live.retain(|_, s| s.state != 'X');
        for sample in &look.samples {
            let kept = live.entry(sample.identity.pid).or_insert_with(|| sample.clone());
            let is_ended_now = sample.state == 'X' && i + 1 == looks.len();
            kept.state = sample.state;
            kept.wchan.clone_from(&sample.wchan);
            for (kept, now) in kept.counters.iter_mut().zip(sample.counters) {
                *kept = if is_ended_now { now } else { now.or(*kept) };
            }
        }
    }
    live.into_values().collect()
}

fn by_pid(mut samples: Vec<ProcessSample>) -> Vec<ProcessSample> {
    samples.sort_by_key(|s| s.identity.pid);
    samples
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_comes_back(
        steps in proptest::collection::vec(step(), 1..60),
        from in any::<prop::sample::Index>(),
    ) {
        let scratch = Scratch::new();
        let mut writer = scratch.writer();
        let now = begin(&mut writer);
        let mut looks: Vec<ProcessTick> = Vec::new();
        let mut look = |writer: &mut store::Writer, complete: bool, samples: Vec<ProcessSample>| {
            let at = UnixNanos((looks.len() as i64 + 1) * SECOND);
            let tick = ProcessTick { at, complete, samples };
            writer.append_processes(now, &tick).unwrap();
            looks.push(tick);
        };
        for step in steps {
            match step {
                Step::Look(complete, samples) => {
                    let samples = samples.into_iter().map(|(pid, (state, a, b))| sample(pid, state, a, b)).collect();
                    look(&mut writer, complete, samples);
                }
                Step::Idle(count) => (0..count).for_each(|_| look(&mut writer, false, Vec::new())),
                Step::Compact(all) => compact(&mut writer, all),
            }
        }
        if looks.is_empty() {
            return Ok(());
        }
        let from = from.index(looks.len());
        let found = scratch.reader().processes(span(from as i64 + 1, looks.len() as i64)).unwrap();
        prop_assert_eq!(found.len(), looks.len() - from);
        prop_assert!(found[0].complete);
        prop_assert_eq!(by_pid(found[0].samples.clone()), by_pid(known(&looks[..=from])));
        prop_assert_eq!(&found[1..], &looks[from + 1..]);
    }
}

#[test]
fn runs_are_told_apart_and_a_damaged_block_is_said() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    for (boot_id, second) in [("a", 1), ("b", 10)] {
        let now = writer
            .begin_run(&boot(boot_id), &run(RunOrigin::Import, None))
            .unwrap()
            .unwrap();
        for later in 0..3 {
            let samples = vec![sample(second as u32, 'S', Some(later), None)];
            let at = UnixNanos((second + later as i64) * SECOND);
            writer
                .append_processes(
                    now,
                    &ProcessTick {
                        at,
                        complete: true,
                        samples,
                    },
                )
                .unwrap();
        }
    }
    let pids = || -> Vec<(i64, u32)> {
        let ticks = scratch.reader().processes(ALL).unwrap();
        ticks
            .iter()
            .flat_map(|t| t.samples.iter().map(|s| (t.at.0 / SECOND, s.identity.pid)))
            .collect()
    };
    let wanted = [(1, 1), (2, 1), (3, 1), (10, 10), (11, 10), (12, 10)];
    assert_eq!(pids(), wanted);
    compact(&mut writer, true);
    assert_eq!(pids(), wanted);
    scratch.tamper("UPDATE process_block SET body = substr(body, 1, 9) WHERE from_ns > 9000000000");
    let reader = scratch.reader();
    let error = reader.processes(ALL).unwrap_err().to_string();
    assert!(error.ends_with("damaged: processes at 10 s"), "{error}");
    assert_eq!(reader.processes(span(1, 3)).unwrap().len(), 3);
}

#[test]
fn what_was_undone_leaves_the_living_and_no_id_behind() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let run = begin(&mut writer);
    // Pids, and what each read and how many threads it has.
    let look = |second: i64, who: &[(u32, Option<u64>, Option<u64>)]| ProcessTick {
        at: UnixNanos(second * SECOND),
        complete: false,
        samples: who
            .iter()
            .map(|&(pid, read, threads)| sample(pid, 'S', read, threads))
            .collect(),
    };
    let first = [(1, Some(10), Some(1)), (2, Some(20), Some(1))];
    writer.append_processes(run, &look(1, &first)).unwrap();
    let undone: Result<(), store::Error> = writer.transaction(|writer| {
        writer.append_processes(run, &look(2, &[(3, Some(30), Some(3)), (1, Some(11), Some(1))]))?;
        Err(store::Error::Missing {
            path: scratch.db(),
            why: "undone".into(),
        })
    });
    assert!(undone.is_err());
    // Another is now met first, and has the id that was given and taken back.
    let third = [(4, Some(40), None), (1, Some(12), None)];
    writer.append_processes(run, &look(3, &third)).unwrap();
    let alive = scratch.reader().processes(span(3, 3)).unwrap();
    let told: Vec<_> = by_pid(alive[0].samples.clone())
        .iter()
        .map(|s| {
            let of = |counter| s.get(counter);
            (
                s.identity.pid,
                of(ProcessCounter::ReadBytes),
                of(ProcessCounter::Threads),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, Some(12), Some(1)),
            (2, Some(20), Some(1)),
            (4, Some(40), None)
        ]
    );
}
