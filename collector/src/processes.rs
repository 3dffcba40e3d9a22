//! Processes that did something, at bounded cost.
//!
//! `/proc/PID/stat` of all is read each beat: it is cheap and shows who moved. The dearer files (`io`, `status`, `schedstat`) are read only
//! for those who moved or sit in D, and for everybody at the first sight. `wchan` is read for tasks in D.

use crate::clock;
use model::{ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick, UnixNanos};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

const COUNTERS: usize = ProcessCounter::ALL.len();

/// Fields of /proc/PID/stat that are counters, with their place after the name (proc.rst numbers them from 1).
const STAT_FIELDS: [(usize, ProcessCounter); 7] = [
    (10, ProcessCounter::MinorFaults),
    (12, ProcessCounter::MajorFaults),
    (14, ProcessCounter::UserTicks),
    (15, ProcessCounter::SystemTicks),
    (20, ProcessCounter::Threads),
    (24, ProcessCounter::RssPages),
    (42, ProcessCounter::BlkioDelayTicks),
];

/// Lines of /proc/PID/io.
const IO_LINES: [(&str, ProcessCounter); 7] = [
    ("rchar:", ProcessCounter::ReadChars),
    ("wchar:", ProcessCounter::WriteChars),
    ("syscr:", ProcessCounter::ReadCalls),
    ("syscw:", ProcessCounter::WriteCalls),
    ("read_bytes:", ProcessCounter::ReadBytes),
    ("write_bytes:", ProcessCounter::WriteBytes),
    ("cancelled_write_bytes:", ProcessCounter::CancelledWriteBytes),
];

/// Lines of /proc/PID/status.
const STATUS_LINES: [(&str, ProcessCounter); 6] = [
    ("RssAnon:", ProcessCounter::RssAnonKib),
    ("RssFile:", ProcessCounter::RssFileKib),
    ("RssShmem:", ProcessCounter::RssShmemKib),
    ("VmSwap:", ProcessCounter::SwapKib),
    ("voluntary_ctxt_switches:", ProcessCounter::VoluntarySwitches),
    ("nonvoluntary_ctxt_switches:", ProcessCounter::InvoluntarySwitches),
];

struct Known {
    identity: ProcessIdentity,
    /// The stat line's counters at the last look.
    stat: [Option<u64>; COUNTERS],
    state: char,
    /// All counters as last read, for the row that tells of its end.
    last: [Option<u64>; COUNTERS],
    seen: u64,
}

/// The table of processes as of the last look.
pub(crate) struct Processes {
    proc: PathBuf,
    known: HashMap<u32, Known>,
    looks: u64,
    text: String,
}

impl Processes {
    pub(crate) fn new(proc: &Path) -> Processes {
        Processes { proc: proc.into(), known: HashMap::new(), looks: 0, text: String::new() }
    }

    /// Those that are new, moved, sit in D or have ended since the last look.
    pub(crate) fn look(&mut self) -> ProcessTick {
        self.looks += 1;
        let begin = clock::now();
        let mut samples = Vec::new();
        let entries = std::fs::read_dir(&self.proc).into_iter().flatten().flatten();
        for entry in entries {
            if let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) {
                samples.extend(self.one(pid));
            }
        }
        let looks = self.looks;
        self.known.retain(|_, known| {
            let gone = known.seen != looks;
            if gone {
                samples.push(known.ended());
            }
            !gone
        });
        samples.sort_by(|a, b| a.identity.cmp(&b.identity));
        let half = (clock::monotonic() - begin.monotonic) / 2;
        ProcessTick { at: UnixNanos(begin.wall.0 + half), complete: false, samples }
    }

    fn one(&mut self, pid: u32) -> Vec<ProcessSample> {
        let folder = self.proc.join(pid.to_string());
        if !read(&folder.join("stat"), &mut self.text) {
            return Vec::new();
        }
        let Some((comm, state, start_ticks, stat)) = parse_stat(&self.text) else { return Vec::new() };
        let mut out = Vec::new();
        let same = self.known.get(&pid).is_some_and(|k| k.identity.start_ticks == start_ticks);
        if !same && let Some(before) = self.known.remove(&pid) {
            // The number was reused between two looks.
            out.push(before.ended());
        }
        let renamed = same && self.known.get(&pid).is_some_and(|k| k.identity.comm != comm);
        let is_new = !same;
        let known = self.known.entry(pid).or_insert_with(|| Known {
            identity: identity(&folder, pid, start_ticks, comm.clone()),
            stat: [None; COUNTERS],
            state,
            last: [None; COUNTERS],
            seen: 0,
        });
        if renamed {
            // It became another program (exec), or named itself.
            known.identity = identity(&folder, pid, start_ticks, comm);
        }
        known.seen = self.looks;
        let moved = known.stat != stat || known.state != state;
        known.stat = stat;
        known.state = state;
        if is_new || moved || renamed || state == 'D' {
            let mut counters = stat;
            self.dearer(&folder, &mut counters);
            let known = self.known.get_mut(&pid).expect("inserted above");
            known.last = counters;
            let wchan = (state == 'D' && read(&folder.join("wchan"), &mut self.text))
                .then(|| self.text.trim().to_string())
                .filter(|w| w != "0" && !w.is_empty());
            out.push(ProcessSample { identity: known.identity.clone(), state, wchan, counters });
        }
        out
    }

    fn dearer(&mut self, folder: &Path, counters: &mut [Option<u64>; COUNTERS]) {
        if read(&folder.join("io"), &mut self.text) {
            lines(&self.text, &IO_LINES, counters);
        }
        if read(&folder.join("status"), &mut self.text) {
            lines(&self.text, &STATUS_LINES, counters);
        }
        if read(&folder.join("schedstat"), &mut self.text) {
            let mut fields = self.text.split_whitespace().map(|f| f.parse().ok());
            counters[ProcessCounter::RunNanos as usize] = fields.next().flatten();
            counters[ProcessCounter::WaitNanos as usize] = fields.next().flatten();
        }
        if read(&folder.join("oom_score_adj"), &mut self.text) {
            let value = self.text.trim().parse::<i64>().ok();
            counters[ProcessCounter::OomScoreAdjPlus1000 as usize] = value.map(|v| (v + 1000).max(0) as u64);
        }
    }
}

impl Known {
    fn ended(&self) -> ProcessSample {
        ProcessSample { identity: self.identity.clone(), state: 'X', wchan: None, counters: self.last }
    }
}

fn read(path: &Path, text: &mut String) -> bool {
    text.clear();
    let mut bytes = std::mem::take(text).into_bytes();
    let done = File::open(path).and_then(|mut f| f.read_to_end(&mut bytes)).is_ok();
    *text = String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
    done
}

fn identity(folder: &Path, pid: u32, start_ticks: u64, comm: String) -> ProcessIdentity {
    let mut text = String::new();
    let cmdline = read(&folder.join("cmdline"), &mut text).then(|| text.trim_end_matches('\0').replace('\0', " "));
    // v2's line is `0::/path`; on v1 the memory hierarchy is what limits memory.
    let cgroup = read(&folder.join("cgroup"), &mut text)
        .then(|| {
            let path = |line: &str| line.splitn(3, ':').nth(2).map(String::from);
            let memory = text.lines().find(|l| l.split(':').nth(1).is_some_and(|c| c.split(',').any(|c| c == "memory")));
            memory.or_else(|| text.lines().find(|l| l.starts_with("0::"))).and_then(path)
        })
        .flatten();
    ProcessIdentity { pid, start_ticks, comm, cmdline, cgroup }
}

/// Name, state, start time and counters. The name may hold anything, so what follows is counted from its last `)`.
fn parse_stat(text: &str) -> Option<(String, char, u64, [Option<u64>; COUNTERS])> {
    let (head, tail) = text.rsplit_once(')')?;
    let comm = head.split_once('(')?.1.to_string();
    let fields: Vec<&str> = tail.split_whitespace().collect();
    // The first field after the name is number 3.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let mut counters = [None; COUNTERS];
    for (number, counter) in STAT_FIELDS {
        counters[counter as usize] = field(number);
    }
    Some((comm, fields.first()?.chars().next()?, field(22)?, counters))
}

fn lines(text: &str, wanted: &[(&str, ProcessCounter)], counters: &mut [Option<u64>; COUNTERS]) {
    for line in text.lines() {
        if let Some((name, counter)) = wanted.iter().find(|(name, _)| line.starts_with(name)) {
            let value = line[name.len()..].split_whitespace().next().and_then(|v| v.parse().ok());
            counters[*counter as usize] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let tail = "D 1 1 1 0 -1 4194560 11 0 12 0 14 15 0 0 20 0 3 0 777 1000 24 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 42 0";
        let (comm, state, start, counters) = parse_stat(&format!("9 (a) b) (c)) {tail}")).unwrap();
        assert_eq!((comm.as_str(), state, start), ("a) b) (c)", 'D', 777));
        let shown: Vec<_> = STAT_FIELDS.iter().map(|(_, c)| counters[*c as usize].unwrap()).collect();
        assert_eq!(shown, [11, 12, 14, 15, 3, 24, 42]);
        for cut in 0..40 {
            let _ = parse_stat(&tail[..cut]);
        }
    }

    #[test]
    fn starts_moves_and_ends_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let write = |pid: u32, utime: u64| {
            let dir = folder.path().join(pid.to_string());
            std::fs::create_dir_all(&dir).unwrap();
            let stat = format!("{pid} (p{pid}) S 1 1 1 0 -1 0 0 0 0 0 {utime} 0 0 0 20 0 1 0 5 0 7 0");
            std::fs::write(dir.join("stat"), stat).unwrap();
            std::fs::write(dir.join("io"), "read_bytes: 4096\n").unwrap();
        };
        let mut processes = Processes::new(folder.path());
        let mut look = || -> Vec<String> {
            let tick = processes.look();
            let line = |s: &ProcessSample| format!("{} {} {:?}", s.identity.comm, s.state, s.get(ProcessCounter::UserTicks));
            tick.samples.iter().map(line).collect()
        };
        write(1, 1);
        write(2, 1);
        assert_eq!(look(), ["p1 S Some(1)", "p2 S Some(1)"]);
        assert_eq!(look(), Vec::<String>::new());
        write(2, 9);
        assert_eq!(look(), ["p2 S Some(9)"]);
        std::fs::remove_dir_all(folder.path().join("2")).unwrap();
        assert_eq!(look(), ["p2 X Some(9)"]);
        assert_eq!(look(), Vec::<String>::new());
    }
}
