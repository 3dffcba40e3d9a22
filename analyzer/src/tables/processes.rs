//! The table of processes: a row for each that was listed at a tick, as a rule because it did something.

use super::{Cell, Field, Origin, PER_SECOND, Table, Type, Values};
use crate::window::step;
use model::{Kind, ProcessCounter, ProcessSample, ProcessTick, TimeSpan, UnixNanos};
use std::collections::HashMap;
use std::sync::Arc;
use store::{Reader, RunId, TickStamp};

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
        Threads | BlockedThreads | OomScoreAdjPlus1000 => ("", Kind::Gauge),
        RssPages => ("pages", Kind::Gauge),
        RssAnonKib | RssFileKib | RssShmemKib | RssPeakKib | SwapKib => ("kB", Kind::Gauge),
    }
}

/// Read at a time: a day's rows at once would take gigabytes.
const PIECE: i64 = 3600 * 1_000_000_000;

/// Number of rows, and the columns.
pub(super) fn read(reader: &Reader, span: TimeSpan, asked: &[Field]) -> store::Result<(usize, Vec<Values>)> {
    let Some(extent) = reader.extent()? else {
        let nothing = asked.iter().map(|field| Values::new(field.values));
        return Ok((0, nothing.collect()));
    };
    let interval = reader
        .runs()?
        .iter()
        .map(|(_, _, run)| run.interval)
        .max()
        .unwrap_or(0);
    // Who was there before the span is known from the tick before it.
    let lead = (FOLLOWS * interval as f64) as i64 + 1;
    let mut rows = Rows::new(span, asked);
    let (mut from, end) = (span.from.max(extent.from), span.to.min(extent.to));
    while from <= end {
        let to = (from + (PIECE - 1)).min(end);
        let loaded = TimeSpan::new(from - lead, to + interval);
        let ticks = reader.ticks(loaded)?;
        let is_first = rows.before.is_none();
        let mut is_whole = !is_first;
        for look in reader.processes(loaded)? {
            let place = ticks.partition_point(|tick| tick.at <= look.at);
            let tick = place.checked_sub(1).map(|place| ticks[place]);
            // What reaches over the ends of a piece is in both.
            let is_later = tick.is_some_and(|tick| tick.at > to);
            if is_later || rows.before.is_some_and(|(before, _)| look.at <= before) {
                is_whole &= is_later;
                continue;
            }
            rows.take(look, tick, is_whole);
            is_whole = false;
        }
        from = to + 1;
    }
    Ok((rows.len, rows.columns))
}

/// A column that is asked for.
enum Wanted {
    /// What says who and when, by its name.
    Key(Arc<str>),
    Counter(ProcessCounter),
    Change(ProcessCounter),
}

struct Rows {
    span: TimeSpan,
    wanted: Vec<Wanted>,
    columns: Vec<Values>,
    len: usize,
    /// What each process had done when it was last listed.
    known: HashMap<(u32, u64), ProcessSample>,
    /// The look before, and its run.
    before: Option<(UnixNanos, Option<RunId>)>,
}

impl Rows {
    fn new(span: TimeSpan, asked: &[Field]) -> Rows {
        let wanted = |field: &Field| {
            let own = field.name.strip_suffix(PER_SECOND).filter(|_| field.rate);
            let counter = ProcessCounter::ALL
                .iter()
                .find(|&&c| name(c) == own.unwrap_or(&field.name));
            match counter {
                Some(&counter) if field.rate => Wanted::Change(counter),
                Some(&counter) => Wanted::Counter(counter),
                None => Wanted::Key(field.name.clone()),
            }
        };
        Rows {
            span,
            wanted: asked.iter().map(wanted).collect(),
            columns: asked.iter().map(|field| Values::new(field.values)).collect(),
            len: 0,
            known: HashMap::new(),
            before: None,
        }
    }

    /// Adds the processes of a look. `is_whole`: the reader lists everybody in it, because it begins there, and those who did nothing are
    /// no rows.
    fn take(&mut self, look: ProcessTick, tick: Option<TickStamp>, is_whole: bool) {
        let run = tick.map(|tick| tick.run);
        let seconds = self.before.and_then(|(then, run_before)| {
            let seconds = look.at.seconds_since(then);
            let longest = FOLLOWS * tick?.interval as f64 / 1e9;
            (run == run_before && seconds > 0.0 && seconds <= longest).then_some(seconds)
        });
        self.before = Some((look.at, run));
        // As in every other table it is the tick's time.
        let at = tick.map_or(look.at, |tick| tick.at);
        for sample in look.samples {
            let key = (sample.identity.pid, sample.identity.start_ticks);
            // Not listed is unchanged, so all that it did since was done since the look before.
            let last = self.known.get(&key);
            if self.span.contains(at) && !(is_whole && last == Some(&sample)) {
                for (wanted, column) in self.wanted.iter().zip(&mut self.columns) {
                    column.put(cell(wanted, at, &sample, last.zip(seconds)));
                }
                self.len += 1;
            }
            self.known.insert(key, sample);
        }
    }
}

fn cell<'a>(
    wanted: &Wanted,
    at: UnixNanos,
    sample: &'a ProcessSample,
    since: Option<(&ProcessSample, f64)>,
) -> Cell<'a> {
    let who = &sample.identity;
    match wanted {
        Wanted::Counter(counter) => value(sample, *counter).map_or(Cell::Unknown, Cell::Int),
        Wanted::Change(counter) => {
            let rate = since.and_then(|(before, seconds)| {
                let (before, now) = (value(before, *counter)? as f64, value(sample, *counter)? as f64);
                Some(step(meaning(*counter).1, before, now) / seconds).filter(|rate| rate.is_finite())
            });
            rate.map_or(Cell::Unknown, Cell::Float)
        }
        Wanted::Key(name) => match &**name {
            "at" => Cell::Time(at.0),
            "pid" => Cell::Int(i64::from(who.pid)),
            "start_ticks" => Cell::Int(who.start_ticks as i64),
            "comm" => Cell::Text(&who.comm),
            "cmdline" => Cell::text(who.cmdline.as_deref()),
            "cgroup" => Cell::text(who.cgroup.as_deref()),
            "state" => Cell::Text(state(sample.state)),
            "wchan" => Cell::text(sample.wchan.as_deref()),
            _ => Cell::Unknown,
        },
    }
}

fn value(sample: &ProcessSample, counter: ProcessCounter) -> Option<i64> {
    let value = sample.get(counter)? as i64;
    let is_shifted = counter == ProcessCounter::OomScoreAdjPlus1000;
    Some(if is_shifted { value - 1000 } else { value })
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
