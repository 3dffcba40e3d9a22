//! `processes`: who did how much around a time.

use crate::answer::{Answer, Keep};
use crate::database::ask;
use crate::problem::Problem;
use crate::query::{Clock, Params, SECOND, stamp};
use crate::server::Shared;
use analyzer::processes::{Measure, rank};
use analyzer::rules::rounded;
use analyzer::window::Window;
use axum::extract::State;
use model::{ProcessCounter, ProcessIdentity, ProcessSample, TimeSpan};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A process and what it did a second.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pid: u32,
    comm: String,
    cmdline: Option<String>,
    cgroup: Option<String>,
    state: Option<char>,
    wchan: Option<String>,
    /// Bytes a second that its reads asked of disks. `None`: its io file could not be read.
    read: Option<f64>,
    /// Bytes a second that it dirtied.
    write: Option<f64>,
    /// Percent of one CPU.
    cpu: Option<f64>,
    /// Faults a second that waited for a disk.
    major_faults: Option<f64>,
    rss_bytes: Option<u64>,
}

/// What is ranked; nobody is left out who leads in one of them.
const MEASURES: [&[ProcessCounter]; 4] = [
    &[ProcessCounter::ReadBytes],
    &[ProcessCounter::WriteBytes],
    &[ProcessCounter::UserTicks, ProcessCounter::SystemTicks],
    &[ProcessCounter::MajorFaults],
];

/// The processes of a window that did most, of each kind of doing the first `each`; and all that sit in D.
pub(crate) fn table(window: &Window, each: usize) -> Vec<Row> {
    let (first, last) = (window.first.max(1), window.len() - 1);
    if first > last {
        return Vec::new();
    }
    let seconds = window.ticks[last]
        .seconds_since(window.ticks[first - 1])
        .max(1e-9);
    let newest = newest(window);
    let doers = MEASURES.map(|counters| rank(window, first, last, Measure::Moved(counters)));
    let blocked = newest.values().filter(|s| s.state == 'D').map(|s| &s.identity);
    let leaders = doers
        .iter()
        .flat_map(|d| d.iter().take(each).map(|d| &d.identity));
    let mut rows: BTreeMap<Arc<ProcessIdentity>, Row> = BTreeMap::new();
    for identity in leaders.chain(blocked) {
        let sample = newest.get(&(identity.pid, identity.start_ticks)).copied();
        rows.entry(identity.clone())
            .or_insert_with(|| Row::new(identity, sample, window));
    }
    let ticks_to_percent = 100.0 / f64::from(window.boot.clk_tck.max(1));
    for (measure, doers) in doers.iter().enumerate() {
        for doer in doers {
            let Some(row) = rows.get_mut(&doer.identity) else {
                continue;
            };
            let a_second = doer.amount / seconds;
            let (place, value) = match measure {
                0 => (&mut row.read, a_second),
                1 => (&mut row.write, a_second),
                2 => (&mut row.cpu, a_second * ticks_to_percent),
                _ => (&mut row.major_faults, a_second),
            };
            *place = Some(rounded(value));
        }
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by(|a, b| {
        let io = |r: &Row| r.read.unwrap_or(0.0) + r.write.unwrap_or(0.0);
        let cpu = |r: &Row| r.cpu.unwrap_or(0.0);
        io(b)
            .total_cmp(&io(a))
            .then(cpu(b).total_cmp(&cpu(a)))
            .then(a.pid.cmp(&b.pid))
    });
    rows
}

impl Row {
    fn new(identity: &ProcessIdentity, sample: Option<&ProcessSample>, window: &Window) -> Row {
        // What is counted and did not move is zero; what is not counted is not known.
        let known = |counter| sample.and_then(|s| s.get(counter)).map(|_| 0.0);
        let pages = sample.and_then(|s| s.get(ProcessCounter::RssPages));
        Row {
            pid: identity.pid,
            comm: identity.comm.clone(),
            cmdline: identity.cmdline.clone().filter(|c| !c.is_empty()),
            cgroup: identity.cgroup.clone(),
            state: sample.map(|s| s.state),
            wchan: sample.and_then(|s| s.wchan.clone()),
            read: known(ProcessCounter::ReadBytes),
            write: known(ProcessCounter::WriteBytes),
            cpu: known(ProcessCounter::UserTicks),
            major_faults: known(ProcessCounter::MajorFaults),
            rss_bytes: pages.map(|p| p * u64::from(window.boot.page_size)),
        }
    }
}

/// The last sample of each process.
fn newest(window: &Window) -> BTreeMap<(u32, u64), &ProcessSample> {
    let samples = window.processes.iter().flat_map(|tick| &tick.samples);
    samples
        .map(|s| ((s.identity.pid, s.identity.start_ticks), s))
        .collect()
}

#[derive(Serialize)]
struct Table {
    from: String,
    to: String,
    processes: Vec<Row>,
}

/// `GET /api/v1/processes?at=&seconds=`: what processes did in the seconds before a time.
pub(crate) async fn processes(State(shared): State<Arc<Shared>>, params: Params) -> Result<Answer, Problem> {
    params.only(&["at", "seconds", "each"])?;
    let seconds = params.number("seconds", 10, 1..=600)? as i64;
    let each = params.number("each", 10, 1..=500)?;
    ask(&shared, move |reader, _| {
        let clock = Clock::of(reader)?;
        let at = params.at(&clock)?;
        let span = TimeSpan::new(at - seconds * SECOND, at);
        let window = Window::load_with_lead(reader, span, 5)?;
        let window = window.ok_or_else(|| Problem::not_found("nothing is recorded in this span"))?;
        let table = Table {
            from: stamp(span.from),
            to: stamp(span.to),
            processes: table(&window, each),
        };
        Answer::json(&table, Keep::of(span, &clock))
    })
    .await
}
