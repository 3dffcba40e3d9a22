//! The table of processes: a row for each that was listed at a tick, as a rule because it did something.

use super::rows::Rows;
use super::{Cell, Field, Origin, Table, Type, Values};
use crate::window::step;
use model::{Kind, ProcessCounter, ProcessSample, TimeSpan, UnixNanos};
use std::collections::HashMap;
use store::Reader;

/// Process ticks further apart than this many intervals do not follow each other.
const FOLLOWS: f64 = 2.5;

pub(super) fn table() -> Table {
    Table {
        name: "processes".into(),
        about: "who did something at a tick, and what each has done since its start".into(),
        fields: fields(),
        origin: Origin::Processes,
    }
}

fn fields() -> Vec<Field> {
    let (text, number) = (
        |name| Field::plain(name, Type::Text),
        |name| Field::plain(name, Type::Int),
    );
    let mut fields = vec![
        Field::plain("at", Type::Time),
        number("pid"),
        number("start_ticks"),
        text("comm"),
        text("cmdline"),
        text("cgroup"),
        text("state"),
        text("wchan"),
    ];
    fields.extend(ProcessCounter::ALL.iter().map(|&counter| {
        let (unit, kind) = meaning(counter);
        Field::number(name(counter), unit, kind)
    }));
    fields
}

fn name(counter: ProcessCounter) -> &'static str {
    match counter {
        // It is kept so that it is never negative; here it may be.
        ProcessCounter::OomScoreAdjPlus1000 => "oom_score_adj",
        other => other.name(),
    }
}

fn meaning(counter: ProcessCounter) -> (&'static str, Kind) {
    use ProcessCounter::*;
    match counter {
        UserTicks | SystemTicks | BlkioDelayTicks => ("ticks", Kind::Counter),
        MinorFaults | MajorFaults | ReadCalls | WriteCalls | VoluntarySwitches | InvoluntarySwitches => {
            ("", Kind::Counter)
        }
        ReadChars | WriteChars | ReadBytes | WriteBytes | CancelledWriteBytes => ("B", Kind::Counter),
        RunNanos | WaitNanos => ("ns", Kind::Counter),
        Threads | OomScoreAdjPlus1000 => ("", Kind::Gauge),
        RssPages => ("pages", Kind::Gauge),
        RssAnonKib | RssFileKib | RssShmemKib | SwapKib => ("kB", Kind::Gauge),
    }
}

/// Number of rows, and the columns.
pub(super) fn read(reader: &Reader, span: TimeSpan, asked: &[Field]) -> store::Result<(usize, Vec<Values>)> {
    let interval = reader.runs()?.iter().map(|(_, _, run)| run.interval).max();
    // Who was there before the span is known from the tick before it.
    let lead = (FOLLOWS * interval.unwrap_or(0) as f64) as i64 + 1;
    let loaded = TimeSpan::new(span.from - lead, span.to + interval.unwrap_or(0));
    let ticks = reader.ticks(loaded)?;
    let all: Vec<Field> = fields()
        .iter()
        .flat_map(|f| [f.clone(), f.per_second()])
        .collect();
    let mut rows = Rows::new(&all, asked);
    // What each process had done when it was last listed.
    let mut known: HashMap<(u32, u64), ProcessSample> = HashMap::new();
    let mut before: Option<(UnixNanos, store::RunId)> = None;
    for look in reader.processes(loaded)? {
        let place = ticks.partition_point(|tick| tick.at <= look.at);
        let tick = place.checked_sub(1).map(|place| ticks[place]);
        let now = tick.map(|tick| (look.at, tick.run));
        let seconds = now.zip(before).and_then(|((now, run), (then, run_before))| {
            let seconds = now.seconds_since(then);
            let longest = FOLLOWS * tick?.interval as f64 / 1e9;
            (run == run_before && seconds > 0.0 && seconds <= longest).then_some(seconds)
        });
        before = now;
        // As in every other table it is the tick's time.
        let at = tick.map_or(look.at, |tick| tick.at);
        for sample in look.samples {
            let key = (sample.identity.pid, sample.identity.start_ticks);
            // Not listed is unchanged, so all that it did since was done since the look before.
            let last = known.get(&key);
            if span.contains(at) {
                rows.put(&row(at, &sample, last.zip(seconds)));
            }
            known.insert(key, sample);
        }
    }
    Ok(rows.finish())
}

/// A cell for each column and its change per second.
fn row<'a>(at: UnixNanos, sample: &'a ProcessSample, since: Option<(&ProcessSample, f64)>) -> Vec<Cell<'a>> {
    let who = &sample.identity;
    let mut cells = vec![
        Cell::Time(at.0),
        Cell::Int(i64::from(who.pid)),
        Cell::Int(who.start_ticks as i64),
        Cell::Text(&who.comm),
        Cell::text(who.cmdline.as_deref()),
        Cell::text(who.cgroup.as_deref()),
        Cell::Text(state(sample.state)),
        Cell::text(sample.wchan.as_deref()),
    ];
    cells = cells.into_iter().flat_map(|cell| [cell, Cell::Unknown]).collect();
    for &counter in ProcessCounter::ALL {
        let value = |sample: &ProcessSample| {
            let value = sample.get(counter)? as i64;
            let is_shifted = counter == ProcessCounter::OomScoreAdjPlus1000;
            Some(if is_shifted { value - 1000 } else { value })
        };
        cells.push(value(sample).map_or(Cell::Unknown, Cell::Int));
        let rate = since.and_then(|(before, seconds)| {
            let (before, now) = (value(before)? as f64, value(sample)? as f64);
            Some(step(meaning(counter).1, before, now) / seconds).filter(|rate| rate.is_finite())
        });
        cells.push(rate.map_or(Cell::Unknown, Cell::Float));
    }
    cells
}

fn state(state: char) -> &'static str {
    // Every state that a kernel prints (fs/proc/array.c), and X for one that ended.
    const STATES: [(char, &str); 11] = [
        ('R', "R"),
        ('S', "S"),
        ('D', "D"),
        ('T', "T"),
        ('t', "t"),
        ('X', "X"),
        ('Z', "Z"),
        ('P', "P"),
        ('I', "I"),
        ('W', "W"),
        ('K', "K"),
    ];
    STATES
        .iter()
        .find(|known| known.0 == state)
        .map_or("?", |known| known.1)
}
