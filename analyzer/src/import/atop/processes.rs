//! Processes of atop: what each did in an interval, added up.

use super::{Head, PROCESSES, lines};
use crate::import::averages::UPTIME_TICKS;
use crate::import::{Error, Result};
use model::{ProcessCounter as Counter, ProcessIdentity, ProcessSample, ProcessTick, UnixNanos};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

type Counters = [Option<u64>; Counter::ALL.len()];

/// The processes of these files, of one sample after the other. `boots`: the first sample of each life of the machine.
pub(super) fn chain(
    paths: Vec<PathBuf>,
    boots: Vec<UnixNanos>,
) -> Box<dyn Iterator<Item = Result<ProcessTick>>> {
    let mut samples = Samples {
        paths: paths.into(),
        boots,
        lines: None,
        total: HashMap::new(),
        last: UnixNanos(i64::MIN),
    };
    Box::new(std::iter::from_fn(move || samples.next().transpose()))
}

struct Samples {
    paths: VecDeque<PathBuf>,
    boots: Vec<UnixNanos>,
    lines: Option<crate::import::text::Lines>,
    /// What each process, by pid and start, has done so far.
    total: HashMap<(u32, u64), Counters>,
    last: UnixNanos,
}

/// What the lines of one sample say of a process.
struct Row {
    identity: ProcessIdentity,
    state: char,
    wchan: Option<String>,
    /// Moved in the interval, or since its start.
    moved: Counters,
    /// How it stands.
    stands: Counters,
}

impl Samples {
    fn next(&mut self) -> Result<Option<ProcessTick>> {
        loop {
            if self.lines.is_none() {
                let Some(path) = self.paths.pop_front() else {
                    return Ok(None);
                };
                self.lines = Some(lines(&path, PROCESSES)?);
            }
            match self.sample()? {
                // Files that overlap, or a clock that was set back: what is over is over.
                Some(tick) if tick.at <= self.last => {}
                Some(tick) => {
                    self.last = tick.at;
                    return Ok(Some(tick));
                }
                None => self.lines = None,
            }
        }
    }

    fn sample(&mut self) -> Result<Option<ProcessTick>> {
        let mut rows: BTreeMap<u32, Row> = BTreeMap::new();
        let mut since_boot = false;
        let mut at = None;
        {
            let Some(lines) = &mut self.lines else {
                return Ok(None);
            };
            while let Some(line) = lines.next()? {
                match line {
                    "SEP" if at.is_none() => continue,
                    "SEP" => break,
                    "RESET" => since_boot = true,
                    _ => {
                        let Some(head) = Head::read(line) else { continue };
                        if !head.label.starts_with("PR") {
                            continue;
                        }
                        let known = *at.get_or_insert(head.at);
                        if known != head.at {
                            let reason = "another time before the line SEP";
                            return Err(Error::at(&lines.file, lines.line, reason));
                        }
                        take(&head, &self.boots, &mut rows);
                    }
                }
            }
        }
        let Some(at) = at else { return Ok(None) };
        let mut samples = Vec::with_capacity(rows.len());
        for row in rows.into_values() {
            let key = (row.identity.pid, row.identity.start_ticks);
            let total = self.total.entry(key).or_insert([None; Counter::ALL.len()]);
            for (total, moved) in total.iter_mut().zip(&row.moved) {
                let Some(moved) = *moved else { continue };
                *total = Some(if since_boot {
                    moved
                } else {
                    total.unwrap_or(0).saturating_add(moved)
                });
            }
            let mut counters = *total;
            for (counter, stands) in counters.iter_mut().zip(&row.stands) {
                *counter = stands.or(*counter);
            }
            if row.state == 'X' {
                self.total.remove(&key);
            }
            samples.push(ProcessSample {
                identity: Arc::new(row.identity),
                state: row.state,
                wchan: row.wchan,
                counters,
            });
        }
        Ok(Some(ProcessTick {
            at,
            complete: false,
            samples,
        }))
    }
}

/// Takes a line about a process; one about a thread, or one that is not understood, says nothing.
fn take(head: &Head, boots: &[UnixNanos], rows: &mut BTreeMap<u32, Row>) -> Option<()> {
    let (pid, rest) = head.rest.split_once(" (")?;
    let pid: u32 = pid.parse().ok()?;
    // A name may hold anything: it ends where a state of one letter follows, and a number.
    let end = rest.match_indices(") ").map(|(at, _)| at).find(|&at| {
        let mut words = rest[at + 2..].split(' ');
        words.next().is_some_and(|state| state.len() == 1)
            && words
                .next()
                .is_some_and(|word| word == "n" || word.parse::<i64>().is_ok())
    })?;
    let (name, rest) = (&rest[..end], &rest[end + 2..]);
    if head.label == "PRG" {
        let row = general(head.at, pid, name, rest, boots)?;
        rows.entry(pid).or_insert(row);
        return Some(());
    }
    let row = rows.get_mut(&pid)?;
    let words: Vec<&str> = rest.split(' ').collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    let is_process = |at: usize| words.get(at).is_none_or(|word| *word == "y");
    let mut moved = |counter: Counter, value: Option<u64>| row.moved[counter as usize] = value;
    match head.label {
        "PRC" if is_process(11) => {
            let hertz = number(1).filter(|hertz| *hertz > 0)?;
            let ticks = |at: usize| Some(number(at)?.checked_mul(100)? / hertz);
            moved(Counter::UserTicks, ticks(2));
            moved(Counter::SystemTicks, ticks(3));
            moved(Counter::WaitNanos, number(12));
            moved(Counter::BlkioDelayTicks, ticks(14));
            let wchan = words.get(13).map(|word| word.trim_matches(['(', ')']));
            row.wchan = wchan.filter(|wchan| !wchan.is_empty()).map(str::to_owned);
        }
        "PRM" if is_process(14) => {
            moved(Counter::MinorFaults, number(7));
            moved(Counter::MajorFaults, number(8));
            row.stands[Counter::RssPages as usize] = number(3).map(|kib| kib / 4);
            row.stands[Counter::SwapKib as usize] = number(12);
        }
        // The second flag says whether the kernel counts this.
        "PRD" if is_process(10) && words.get(2) == Some(&"y") => {
            let bytes = |at: usize| number(at)?.checked_mul(512);
            moved(Counter::ReadBytes, bytes(4));
            moved(Counter::WriteBytes, bytes(6));
            moved(Counter::CancelledWriteBytes, bytes(7));
        }
        _ => {}
    }
    Some(())
}

/// `S ruid rgid tgid threads exit start (command line) ppid … y … (cgroup)`
fn general(at: UnixNanos, pid: u32, name: &str, rest: &str, boots: &[UnixNanos]) -> Option<Row> {
    let (head, rest) = rest.split_once(" (")?;
    let (command, tail) = match rest.ends_with(')') {
        // The cgroup's path stands in parentheses at the end.
        true => rest.rsplit_once(" (").map_or((rest, ""), |(rest, _)| (rest, "")),
        false => (rest, ""),
    };
    let (command, numbers) = command
        .rsplit_once(") ")
        .unwrap_or((command.trim_end_matches(')'), tail));
    let head: Vec<&str> = head.split(' ').collect();
    let numbers: Vec<&str> = numbers.split(' ').collect();
    let &[state, _ruid, _rgid, _tgid, threads, _exit, start] = head.as_slice() else {
        return None;
    };
    // Behind ppid: three counts of threads, six ids, the time that an ended process took, and whether it is one.
    if numbers.get(11).is_some_and(|word| *word == "n") {
        return None;
    }
    let start: i64 = start.parse().ok()?;
    let boot = boots.iter().rev().find(|boot| **boot <= at).or(boots.first())?;
    let before = boot.0 / 10_000_000 - start.checked_mul(100)?;
    let mut stands = [None; Counter::ALL.len()];
    stands[Counter::Threads as usize] = threads.parse().ok();
    Some(Row {
        identity: ProcessIdentity {
            pid,
            start_ticks: (UPTIME_TICKS as i64).saturating_sub(before).max(0) as u64,
            comm: name.to_owned(),
            cmdline: Some(command.to_owned()).filter(|command| !command.is_empty()),
            cgroup: None,
        },
        // atop's letter for one that ended in the interval.
        state: match state.chars().next()? {
            'E' => 'X',
            state => state,
        },
        wchan: None,
        moved: [None; Counter::ALL.len()],
        stands,
    })
}
