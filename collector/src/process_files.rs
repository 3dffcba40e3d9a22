//! The files of one process, from bytes to counters. Text of a process is hostile: its name may hold anything.

use model::ProcessCounter::{self, *};

/// Counters by [`ProcessCounter`]; `None`: not read.
pub(crate) type Counters = [Option<u64>; ProcessCounter::ALL.len()];

/// PF_KTHREAD of the flags in /proc/PID/stat (include/linux/sched.h).
const KERNEL_THREAD: u64 = 0x0020_0000;

/// What is used of /proc/PID/stat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) comm: String,
    pub(crate) state: char,
    pub(crate) kernel_thread: bool,
    pub(crate) parent: u32,
    pub(crate) start_ticks: u64,
}

/// Reads /proc/PID/stat; its numbers go to `counters`. `None`: not such a file.
pub(crate) fn stat(text: &[u8], counters: &mut Counters) -> Option<Stat> {
    // The name stands in parentheses and may hold some itself: it ends at the last.
    let open = text.iter().position(|&b| b == b'(')?;
    let close = text.iter().rposition(|&b| b == b')')?;
    let comm = String::from_utf8_lossy(text.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
    let mut fields = [0u64; 43];
    let mut state = None;
    let mut count = 2;
    for (number, field) in (3..=42).zip(rest.split_ascii_whitespace()) {
        count = number;
        match number {
            3 => state = field.chars().next(),
            // Some before and after are signed (tty, priority, nice): not ours.
            4 | 9 | 10 | 12 | 14 | 15 | 20 | 22 | 24 | 42 => fields[number] = field.parse().ok()?,
            _ => {}
        }
    }
    if count < 24 {
        return None;
    }
    let of = [
        (UserTicks, 14),
        (SystemTicks, 15),
        (MinorFaults, 10),
        (MajorFaults, 12),
        (Threads, 20),
        (RssPages, 24),
        (BlkioDelayTicks, 42),
    ];
    for (counter, field) in of {
        counters[counter as usize] = (field <= count).then_some(fields[field]);
    }
    let kernel_thread = fields[9] & KERNEL_THREAD != 0;
    Some(Stat {
        comm: name(comm, kernel_thread),
        state: state?,
        kernel_thread,
        parent: u32::try_from(fields[4]).unwrap_or(0),
        start_ticks: fields[22],
    })
}

/// A worker of the kernel's is printed with what it works on just now (`kworker/0:1-events`), which is no part of who it is.
fn name(comm: String, kernel_thread: bool) -> String {
    match comm.find(['-', '+']) {
        Some(end) if kernel_thread && comm.starts_with("kworker/") => comm[..end].to_string(),
        _ => comm,
    }
}

/// Reads `Key: number` lines, as in /proc/PID/io and /proc/PID/status.
fn keyed(text: &[u8], keys: &[(&str, ProcessCounter)], counters: &mut Counters) {
    for line in text.split(|&b| b == b'\n') {
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            continue;
        };
        let Some((_, counter)) = keys.iter().find(|(key, _)| key.as_bytes() == &line[..colon]) else {
            continue;
        };
        let value = std::str::from_utf8(&line[colon + 1..]).ok();
        let number = value
            .and_then(|v| v.split_ascii_whitespace().next())
            .and_then(|v| v.parse().ok());
        counters[*counter as usize] = number;
    }
}

/// Reads /proc/PID/io.
pub(crate) fn io(text: &[u8], counters: &mut Counters) {
    let keys = [
        ("rchar", ReadChars),
        ("wchar", WriteChars),
        ("syscr", ReadCalls),
        ("syscw", WriteCalls),
        ("read_bytes", ReadBytes),
        ("write_bytes", WriteBytes),
        ("cancelled_write_bytes", CancelledWriteBytes),
    ];
    keyed(text, &keys, counters);
}

/// Reads /proc/PID/status.
pub(crate) fn status(text: &[u8], counters: &mut Counters) {
    let keys = [
        ("VmHWM", RssPeakKib),
        ("RssAnon", RssAnonKib),
        ("RssFile", RssFileKib),
        ("RssShmem", RssShmemKib),
        ("VmSwap", SwapKib),
        ("voluntary_ctxt_switches", VoluntarySwitches),
        ("nonvoluntary_ctxt_switches", InvoluntarySwitches),
    ];
    keyed(text, &keys, counters);
}

/// Reads /proc/PID/schedstat: run, wait, slices.
pub(crate) fn schedstat(text: &[u8], counters: &mut Counters) {
    let mut numbers = std::str::from_utf8(text)
        .unwrap_or("")
        .split_ascii_whitespace()
        .map(|n| n.parse().ok());
    counters[RunNanos as usize] = numbers.next().flatten();
    counters[WaitNanos as usize] = numbers.next().flatten();
}

/// The run time in /proc/PID/schedstat.
pub(crate) fn run_nanos(text: &[u8]) -> Option<u64> {
    let mut counters = [None; ProcessCounter::ALL.len()];
    schedstat(text, &mut counters);
    counters[RunNanos as usize]
}

/// Reads /proc/PID/oom_score_adj.
pub(crate) fn oom_score_adj(text: &[u8], counters: &mut Counters) {
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.trim().parse::<i64>().ok());
    counters[OomScoreAdjPlus1000 as usize] = number.and_then(|n| u64::try_from(n + 1000).ok());
}

/// /proc/PID/cmdline with spaces for the zeroes, cut to a bearable length.
pub(crate) fn cmdline(text: &[u8]) -> String {
    const LONGEST: usize = 4096;
    let text = &text[..text.len().min(LONGEST)];
    let text: Vec<u8> = text.iter().map(|&b| if b == 0 { b' ' } else { b }).collect();
    String::from_utf8_lossy(&text).trim_end().to_string()
}

/// The path in /proc/PID/cgroup: of the memory hierarchy (version 1), else of version 2.
pub(crate) fn cgroup(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let lines = || {
        text.lines()
            .filter_map(|line| line.split_once(':')?.1.split_once(':'))
    };
    let memory = lines().find(|(controllers, _)| controllers.split(',').any(|c| c == "memory"));
    let unified = lines().find(|(controllers, _)| controllers.is_empty());
    memory.or(unified).map(|(_, path)| path.to_string())
}

/// /proc/PID/wchan: a symbol, or `0` for none.
pub(crate) fn wchan(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_end();
    (!text.is_empty() && text != "0").then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Counters = [None; ProcessCounter::ALL.len()];

    fn told(counters: &Counters) -> String {
        let known = ProcessCounter::ALL
            .iter()
            .filter_map(|c| Some((c.name(), counters[*c as usize]?)));
        known
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    const SHELL: &str = "42 (a) (b) R 1 42 42 0 -1 4194560 10 11 12 13 14 15 16 17 20 0 3 0 2200 9000000 240 \
        18446744073709551615 1 1 0 0 0 0 65536 4 65538 0 0 0 17 1 0 0 77 0 0\n";

    #[test]
    fn stat_of_a_process_whose_name_is_hostile() {
        let mut counters = NOTHING;
        let read = stat(SHELL.as_bytes(), &mut counters).unwrap();
        assert_eq!(
            (read.comm.as_str(), read.state, read.start_ticks),
            ("a) (b", 'R', 2200)
        );
        assert_eq!(
            told(&counters),
            "utime_ticks=14 stime_ticks=15 minflt=10 majflt=12 threads=3 rss_pages=240 blkio_delay_ticks=77"
        );
    }

    #[test]
    fn workers_of_the_kernel_are_named_without_their_work() {
        let text = SHELL
            .replace("a) (b", "kworker/u8:2-writeback")
            .replace("4194560", "69238880");
        let read = stat(text.as_bytes(), &mut { NOTHING }).unwrap();
        assert_eq!((read.comm.as_str(), read.kernel_thread), ("kworker/u8:2", true));
        let pretender = SHELL.replace("a) (b", "kworker/1-x");
        assert_eq!(
            stat(pretender.as_bytes(), &mut { NOTHING }).unwrap().comm,
            "kworker/1-x"
        );
    }

    #[test]
    fn stat_cut_anywhere_is_refused_or_read() {
        for end in 0..SHELL.len() {
            let mut counters = NOTHING;
            if let Some(read) = stat(&SHELL.as_bytes()[..end], &mut counters) {
                assert_eq!(read.comm, "a) (b");
                assert_eq!(counters[UserTicks as usize], Some(14));
            }
        }
        assert_eq!(stat(b") ( R 1", &mut { NOTHING }), None);
    }

    #[test]
    fn the_other_files() {
        let mut counters = NOTHING;
        io(
            b"rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\nwrite_bytes: x\n",
            &mut counters,
        );
        status(
            b"Name:\tx\nVmSwap:\t      12 kB\nvoluntary_ctxt_switches:\t7\n",
            &mut counters,
        );
        schedstat(b"100 200 3\n", &mut counters);
        oom_score_adj(b"-900\n", &mut counters);
        assert_eq!(
            told(&counters),
            "rchar=1 wchar=2 syscr=3 syscw=4 read_bytes=4096 swap_kb=12 voluntary_ctxt_switches=7 \
             sched_run_ns=100 sched_wait_ns=200 oom_score_adj_plus_1000=100"
        );
        assert_eq!(cmdline(b"dd\0if=/dev/vda\0"), "dd if=/dev/vda");
        assert_eq!(
            cgroup(b"0::/system.slice/db.service\n").as_deref(),
            Some("/system.slice/db.service")
        );
        assert_eq!(
            cgroup(b"5:cpu:/a\n4:memory:/b:c\n0::/d\n").as_deref(),
            Some("/b:c")
        );
        assert_eq!(cgroup(b"garbage"), None);
        assert_eq!(
            (wchan(b"0"), wchan(b"io_schedule").as_deref()),
            (None, Some("io_schedule"))
        );
    }
}
