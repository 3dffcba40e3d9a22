//! top and ps: processes, with what they have of a process's numbers.

use super::{Answer, Answers, Chain};
use crate::import::averages::{Averages, Table, read_number};
use crate::import::text::Lines;
use crate::import::{Error, LogOptions, Place, Result};
use model::{ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick, UnixNanos};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Which tool a file is of, and what is taken from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    pub(super) is_top: bool,
    /// Whether its processor time is taken. top knows hundredths of a second; what ps adds to it in whole seconds would go back and forth.
    pub(super) counts: bool,
}

/// Clock ticks a second of an imported machine.
const HZ: f64 = 100.0;

/// Looks through a file: when each answer was asked for; the load that top says goes to `averages`.
pub(super) fn first_look(
    lines: &mut Lines,
    is_top: bool,
    options: &LogOptions,
    averages: &mut Averages,
) -> Result<Vec<UnixNanos>> {
    let file = lines.file.clone();
    let mut answers = Answers::new(lines, options);
    let mut load = Table::new(&["ldavg-1", "ldavg-5", "ldavg-15"], averages);
    let mut asked = Vec::new();
    while let Some(answer) = answers.next()? {
        if let Some(numbers) = is_top.then(|| load_of(&answer.text)).flatten() {
            load.add(answer.at, "", &numbers, averages);
        }
        let mut broken = Vec::new();
        rows(&answer, is_top, &mut |_| {}, &mut |line| broken.push(line));
        for line in broken {
            const REASON: &str = "not a process of the columns that the header names";
            if options.strict {
                return Err(Error::at(&file, line, REASON));
            }
            let place = Place {
                file: file.clone(),
                line: Some(line),
            };
            averages.broken(place, REASON);
        }
        asked.push(answer.at);
    }
    answers.head(averages);
    Ok(asked)
}

/// `top - 10:40:01 up 10 days,  2:03,  3 users,  load average: 1.00, 0.90, 0.80`
fn load_of(text: &str) -> Option<[f64; 3]> {
    let line = text.lines().find(|line| line.starts_with("top - "))?;
    let (_, load) = line.rsplit_once("load average: ")?;
    let mut numbers = load
        .trim()
        .split(", ")
        .map(|word| read_number(word.trim_end_matches(',')));
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
}

/// The processes of these files, of one after the other.
pub(super) fn chain(paths: Vec<PathBuf>, tool: Tool, options: &LogOptions) -> Chain<ProcessTick> {
    let options = options.clone();
    let mut lives = Lives::default();
    let read = move |path: PathBuf| -> Vec<Result<ProcessTick>> {
        let mut ticks = Vec::new();
        let read = Lines::open(&path).and_then(|mut lines| {
            let mut answers = Answers::new(&mut lines, &options);
            while let Some(answer) = answers.next()? {
                let mut samples = Vec::new();
                rows(&answer, tool.is_top, &mut |row| samples.push(row), &mut |_| {});
                ticks.push((answer.at, samples));
            }
            Ok(())
        });
        ticks.sort_by_key(|(at, _)| *at);
        let tick = |(at, rows): (UnixNanos, Vec<Row>)| ProcessTick {
            at,
            complete: false,
            samples: rows.into_iter().map(|row| lives.sample(at, row, tool)).collect(),
        };
        let mut ticks: Vec<Result<ProcessTick>> = ticks.into_iter().map(tick).map(Ok).collect();
        ticks.extend(read.err().map(Err));
        ticks
    };
    Box::new(paths.into_iter().flat_map(read))
}

/// A process as a tool prints it.
struct Row {
    pid: u32,
    state: Option<char>,
    /// Hundredths of a second of processor time.
    time: Option<u64>,
    resident_kib: Option<u64>,
    wchan: Option<String>,
    command: String,
}

/// Neither tool says when a process was started. The time that it used tells one life of a pid from the next: it does not go back.
#[derive(Default)]
struct Lives {
    /// Last time, and the start that was made up for this life.
    by_pid: HashMap<u32, (u64, u64)>,
    first: Option<UnixNanos>,
}

impl Lives {
    fn sample(&mut self, at: UnixNanos, row: Row, tool: Tool) -> ProcessSample {
        let first = *self.first.get_or_insert(at);
        let start_ticks = match row.time {
            None => self.by_pid.get(&row.pid).map_or(0, |(_, start)| *start),
            Some(time) => {
                let life = self.by_pid.entry(row.pid).or_insert((time, 0));
                if time < life.0 {
                    // It cannot have run before it was started.
                    let since_first = (at.seconds_since(first) * HZ) as u64;
                    life.1 = (crate::import::averages::UPTIME_TICKS + since_first).saturating_sub(time);
                }
                life.0 = time;
                life.1
            }
        };
        let (comm, cmdline) = names(&row.command);
        let mut counters = [None; ProcessCounter::ALL.len()];
        counters[ProcessCounter::UserTicks as usize] = row.time.filter(|_| tool.counts);
        counters[ProcessCounter::RssPages as usize] = row.resident_kib.map(|kib| kib / 4);
        ProcessSample {
            identity: Arc::new(ProcessIdentity {
                pid: row.pid,
                start_ticks,
                comm,
                cmdline,
                cgroup: None,
            }),
            state: row.state.unwrap_or('?'),
            wchan: row.wchan,
            counters,
        }
    }
}

/// Name and command line: `[kworker/0:1]` and a bare word are names, a path with or without arguments is a command line.
fn names(command: &str) -> (String, Option<String>) {
    if let Some(name) = command.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return (name.to_owned(), Some(String::new()));
    }
    let program = command.split(' ').next().unwrap_or_default();
    if program.len() == command.len() && !program.starts_with('/') {
        return (command.to_owned(), None);
    }
    let name = program
        .rsplit('/')
        .next()
        .unwrap_or(program)
        .trim_end_matches(':');
    (name.chars().take(15).collect(), Some(command.to_owned()))
}

/// The processes of an answer, and the lines that are not understood. top may answer twice; the first is of the time asked.
fn rows(answer: &Answer, is_top: bool, take: &mut dyn FnMut(Row), broken: &mut dyn FnMut(u64)) {
    let mut header: Option<Vec<&str>> = None;
    for (text, line) in answer.text.lines().zip(answer.line + 1..) {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        if words.contains(&"PID") && words.iter().any(|word| matches!(*word, "COMMAND" | "CMD")) {
            if header.is_some() && is_top {
                return;
            }
            header = Some(words);
            continue;
        }
        let Some(header) = &header else { continue };
        match words.as_slice() {
            [] => {}
            ["top", "-", ..] => return,
            _ => match read_row(header, text) {
                Some(row) => take(row),
                None => broken(line),
            },
        }
    }
}

/// A word a column; the last column is the rest of the line. A date such as `Sep 06` is two words of one column.
fn read_row(header: &[&str], text: &str) -> Option<Row> {
    let mut row = Row {
        pid: 0,
        state: None,
        time: None,
        resident_kib: None,
        wchan: None,
        command: String::new(),
    };
    let mut rest = text.trim_start();
    let (last, columns) = header.split_last()?;
    if !matches!(*last, "COMMAND" | "CMD") {
        return None;
    }
    for column in columns {
        let mut word = take_word(&mut rest)?;
        if matches!(*column, "STARTED" | "START" | "STIME")
            && word.len() == 3
            && word.bytes().all(|b| b.is_ascii_alphabetic())
        {
            word = take_word(&mut rest)?;
        }
        match *column {
            "PID" => row.pid = word.parse().ok()?,
            "S" | "STAT" => row.state = word.chars().next(),
            "TIME+" | "TIME" => row.time = processor_time(word),
            "RES" | "RSS" | "RSZ" => row.resident_kib = size_kib(word),
            "WCHAN" => {
                row.wchan =
                    Some(word.to_owned()).filter(|wchan| !matches!(wchan.as_str(), "-" | "0" | "?" | "*"))
            }
            _ => {}
        }
    }
    row.command = rest.trim_end().to_owned();
    (row.pid > 0 && !row.command.is_empty()).then_some(row)
}

fn take_word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let end = rest.find(char::is_whitespace)?;
    let word = &rest[..end];
    *rest = rest[end..].trim_start();
    Some(word)
}

/// `100:03.21` (minutes), `02:03:04`, `10-02:03:04` (days); top drops what does not fit: `1234:56`, `99,3h` are not exact and not taken as such.
fn processor_time(word: &str) -> Option<u64> {
    let (days, clock) = word
        .split_once('-')
        .map_or((Some(0), word), |(days, clock)| (days.parse::<u64>().ok(), clock));
    let days: u64 = days?;
    let mut hundredths = days.checked_mul(8_640_000)?;
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let mut seconds = 0u64;
    for part in clock.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    let fraction: u64 = match fraction.len() {
        1 => fraction.parse::<u64>().ok()? * 10,
        2 => fraction.parse().ok()?,
        _ => return None,
    };
    hundredths = hundredths
        .checked_add(seconds.checked_mul(100)?)?
        .checked_add(fraction)?;
    Some(hundredths)
}

/// `123456`, `1.1g`, `512m`: kB unless it says otherwise.
fn size_kib(word: &str) -> Option<u64> {
    let (number, factor) = match word.char_indices().last()? {
        (at, 'k' | 'K') => (&word[..at], 1.0),
        (at, 'm' | 'M') => (&word[..at], 1024.0),
        (at, 'g' | 'G') => (&word[..at], 1024.0 * 1024.0),
        (at, 't' | 'T') => (&word[..at], 1024.0 * 1024.0 * 1024.0),
        _ => (word, 1.0),
    };
    let kib = read_number(number)? * factor;
    (0.0..1e13).contains(&kib).then_some(kib as u64)
}
