//! Lines of `pids.log`: /proc/PID/stat, a tab, the seven numbers of /proc/PID/io (or none, where they may not be read).

use super::{Error, Result};
use model::{ProcessCounter, ProcessIdentity, ProcessSample};
use std::sync::Arc;

/// Where [`ProcessCounter`]s stand in /proc/PID/stat, by proc(5)'s numbers.
const STAT_FIELDS: [(usize, ProcessCounter); 7] = [
    (10, ProcessCounter::MinorFaults),
    (12, ProcessCounter::MajorFaults),
    (14, ProcessCounter::UserTicks),
    (15, ProcessCounter::SystemTicks),
    (20, ProcessCounter::Threads),
    (24, ProcessCounter::RssPages),
    (42, ProcessCounter::BlkioDelayTicks),
];
const START_TICKS: usize = 22;

/// The order of /proc/PID/io.
const IO_FIELDS: [ProcessCounter; 7] = [
    ProcessCounter::ReadChars,
    ProcessCounter::WriteChars,
    ProcessCounter::ReadCalls,
    ProcessCounter::WriteCalls,
    ProcessCounter::ReadBytes,
    ProcessCounter::WriteBytes,
    ProcessCounter::CancelledWriteBytes,
];

/// A pid and a name of fifteen bytes: a name with a newline in it breaks a line no further in than this.
const LONGEST_HEAD: usize = 40;

/// The processes of one block that begins behind line `line` of `file`.
pub(super) fn read(file: &str, line: u64, text: &[u8]) -> Result<Vec<ProcessSample>> {
    let mut samples = Vec::new();
    let mut head: Vec<u8> = Vec::new();
    for (bytes, line) in text.split_inclusive(|&b| b == b'\n').zip(line + 1..) {
        let whole = if head.is_empty() {
            bytes.to_vec()
        } else {
            [&head, bytes].concat()
        };
        match read_process(&String::from_utf8_lossy(&whole)) {
            Ok(sample) => {
                samples.push(sample);
                head.clear();
            }
            // A process may have a newline in its name; then the rest of it is on the next line.
            Err(_) if whole.len() <= LONGEST_HEAD && whole.contains(&b'(') => head = whole,
            Err(reason) => return Err(Error::at(file, line, reason)),
        }
    }
    if head.is_empty() {
        Ok(samples)
    } else {
        Err(Error::at(file, line, "the last process is incomplete"))
    }
}

fn read_process(line: &str) -> std::result::Result<ProcessSample, String> {
    // A name may hold anything, `) R 1` too: it ends at the last parenthesis.
    let (stat, io) = line.rsplit_once('\t').ok_or("no tab between stat and io")?;
    let (head, fields) = stat.rsplit_once(')').ok_or("no name in parentheses")?;
    let (pid, comm) = head.split_once('(').ok_or("no name in parentheses")?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let field = |number: usize| -> std::result::Result<Option<u64>, String> {
        let Some(text) = fields.get(number - 3) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| format!("field {number} of stat is {text:?}, not a number"))
    };
    let pid = pid
        .trim_ascii()
        .parse()
        .map_err(|_| format!("{pid:?} is not a pid"))?;
    let state = fields
        .first()
        .and_then(|text| text.chars().next())
        .ok_or("no state behind the name")?;
    let start_ticks = field(START_TICKS)?.ok_or("fewer than 22 fields of stat")?;

    let mut counters = [None; ProcessCounter::ALL.len()];
    for (number, counter) in STAT_FIELDS {
        counters[counter as usize] = field(number)?;
    }
    let io: Vec<&str> = io.split_ascii_whitespace().collect();
    if !io.is_empty() && io.len() != IO_FIELDS.len() {
        return Err(format!(
            "{} numbers of io instead of {}",
            io.len(),
            IO_FIELDS.len()
        ));
    }
    for (text, counter) in io.iter().zip(IO_FIELDS) {
        let value = text
            .parse()
            .map_err(|_| format!("{} is {text:?}, not a number", counter.name()))?;
        counters[counter as usize] = Some(value);
    }
    Ok(ProcessSample {
        identity: Arc::new(ProcessIdentity {
            pid,
            start_ticks,
            comm: comm.to_owned(),
            cmdline: None,
            cgroup: None,
        }),
        state,
        wchan: None,
        counters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const STAT: &str = "S 1 7 7 0 -1 4194560 171 0 613 0 74 65 0 0 20 0 3 0 25 38817792 2382 18446744073709551615 1 1 0 0 0 0 0 \
                        4096 1256 0 0 0 17 1 0 0 9 0 0 0 0 0 0 0 0 0 0";

    fn show(text: &str) -> String {
        match read("proc/pids.log", 1, text.as_bytes()) {
            Err(error) => format!("{error}\n"),
            Ok(samples) => samples.iter().map(show_one).collect(),
        }
    }

    fn show_one(sample: &ProcessSample) -> String {
        let counters = ProcessCounter::ALL
            .iter()
            .filter_map(|&c| Some(format!("{}={}", c.name(), sample.get(c)?)));
        let id = &sample.identity;
        let counters: Vec<_> = counters.collect();
        format!(
            "{} {:?} since {} {}: {}\n",
            id.pid,
            id.comm,
            id.start_ticks,
            sample.state,
            counters.join(" ")
        )
    }

    #[test]
    fn a_process_with_and_without_io() {
        expect![[r#"
            9 "java" since 25 S: utime_ticks=74 stime_ticks=65 minflt=171 majflt=613 threads=3 rss_pages=2382 blkio_delay_ticks=9 rchar=1 wchar=2 syscr=3 syscw=4 read_bytes=5 write_bytes=6 cancelled_write_bytes=7
            9 "java" since 25 S: utime_ticks=74 stime_ticks=65 minflt=171 majflt=613 threads=3 rss_pages=2382 blkio_delay_ticks=9
        "#]]
        .assert_eq(&show(&format!("9 (java) {STAT}\t1 2 3 4 5 6 7\n9 (java) {STAT}\t\n")));
    }

    #[test]
    fn names_may_hold_anything() {
        let names = ["a b", ") R 1", "((", "\t", "x\ny", "\n)\n\t\n(", ""];
        let lines = names.map(|name| format!("9 ({name}) {STAT}\t\n")).concat();
        let samples = read("proc/pids.log", 1, lines.as_bytes()).unwrap();
        assert_eq!(
            samples
                .iter()
                .map(|s| s.identity.comm.as_str())
                .collect::<Vec<_>>(),
            names
        );
    }

    #[test]
    fn damage_is_refused_with_its_line() {
        let line = format!("9 (java) {STAT}\t1 2 3 4 5 6 7\n");
        let broken = [
            line.replace(" 613 ", " x "),
            line.replace(" 7\n", "\n"),
            line.replace(" 7\n", " 99999999999999999999\n"),
            line.replace('\t', " "),
            "9 (java) S 1 2 3 with nothing of what comes behind it\t\n".to_owned(),
            "rubbish\n".to_owned(),
            "9 (jav\n".to_owned(),
            line.replace("9 (", "x ("),
        ];
        let shown: String = broken
            .iter()
            .map(|second| show(&format!("{line}{second}")))
            .collect();
        expect![[r#"
            proc/pids.log:3: field 12 of stat is "x", not a number
            proc/pids.log:3: 6 numbers of io instead of 7
            proc/pids.log:3: cancelled_write_bytes is "99999999999999999999", not a number
            proc/pids.log:3: no tab between stat and io
            proc/pids.log:3: fewer than 22 fields of stat
            proc/pids.log:3: no tab between stat and io
            proc/pids.log:1: the last process is incomplete
            proc/pids.log:3: "x " is not a pid
        "#]]
        .assert_eq(&shown);
        for cut in 0..line.len() {
            // Cut short it is an error or, where io is missing as a whole, a process without it.
            let _ = read("proc/pids.log", 1, &line.as_bytes()[..cut]);
        }
    }
}
