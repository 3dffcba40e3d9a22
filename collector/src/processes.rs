//! Processes: each second who moved, at bounded cost.
//!
//! Who ran since the last look is told by /proc/PID/schedstat, a file that costs a fifth of `stat`: of a process of one thread whose
//! file says what it said, nothing has moved but what others did to it (its memory being reclaimed), and its `stat` is read at every
//! [`IDLE_EVERY`]th look only. Of everybody else `stat` is read at each look, and of those who moved `io`. `status` (parts of the
//! memory, switches) is read when something much moved, else at every [`LIGHT_EVERY`]th of those readings; a counter that was not read
//! is not listed; of kernel threads `io` too. So whoever moves is never missed, and what idles costs a microsecond. Who ended is told once more, in state `X`, with
//! the counters last known, which the kernel tells at the end where it lets us hear ([`crate::process_exits`]); there, who began and
//! ended between two looks is told too.

use crate::clock::Instant;
use crate::command_lines::CommandLines;
use crate::own_cost::Counts;
use crate::process_exits::Exits;
use crate::process_files::{self as files, Counters, Stat};
use crate::process_handles::{Handles, Kept, ProcessReader};
use crate::process_numbers::Numbers;
use crate::process_threads::{Blocked, Budget, Stalls};
use crate::taskstats::TaskStats;
use model::{ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A process's oom_score_adj hardly ever changes: it is read at every so many readings of the other files.
const OOM_SCORE_EVERY: u32 = 32;

/// The `stat` of a process that does not run is read at every so many looks: its memory may be reclaimed.
const IDLE_EVERY: u64 = 16;

/// The `status` of a process that moved a little is read at every so many of its readings.
const LIGHT_EVERY: u32 = 8;

/// Running longer than this between two looks is much.
const MUCH_NANOS: u64 = 2_000_000;

/// So is this much memory more or less.
const MUCH_PAGES: u64 = 256;

/// Looks in a row that read it after which a process's files are kept open, and looks without after which only the cheapest is.
const KEEP_AFTER: u64 = 3;
const CLOSE_AFTER: u64 = 8;

/// Kernel threads that are read and listed at each look, moved or not, by the beginning of their names.
const ALWAYS: [&str; 6] = ["kswapd", "kcompactd", "khugepaged", "md", "flush-", "writeback"];

const NOTHING: Counters = [None; ProcessCounter::ALL.len()];

/// Looks at the processes.
pub(crate) struct Processes {
    proc: PathBuf,
    reader: ProcessReader,
    lines: CommandLines,
    exits: Exits,
    /// For sums over the threads of a process.
    stats: Option<TaskStats>,
    budget: Budget,
    stalls: Stalls,
    numbers: Numbers,
    known: HashMap<u32, Box<Known>>,
    look: u64,
    /// The next look lists everybody: it is the first, or what an earlier one told was lost.
    everybody: bool,
}

struct Known {
    identity: Arc<ProcessIdentity>,
    handles: Handles,
    state: char,
    counters: Counters,
    /// What schedstat said last, when it says something and the process has one thread.
    ran: Option<Vec<u8>>,
    /// It ran long enough since the last look to count as moved, though no clock tick met it.
    ran_much: bool,
    /// Run time and memory when `status` was last read.
    seen: (u64, u64),
    kernel_thread: bool,
    /// Listed at each look.
    always: bool,
    /// It has or had several threads: the first one's numbers are not the process's.
    threaded: bool,
    /// One of its threads was in D.
    blocked: bool,
    /// It had read from or written to a device when `io` was last read.
    did_io: bool,
    /// The look that saw it last, and the one at which it last moved.
    look: u64,
    moved: u64,
    /// Looks in a row at which its `stat` was read.
    in_a_row: u64,
    readings: u32,
    /// Readings since `status` was read.
    light: u32,
}

impl Processes {
    /// # Errors
    /// When there can be no thread for command lines.
    pub(crate) fn new(proc: &Path) -> std::io::Result<Processes> {
        Ok(Processes {
            proc: proc.into(),
            reader: ProcessReader::new(proc),
            lines: CommandLines::start(proc)?,
            exits: Exits::new(proc),
            stats: (proc == Path::new("/proc"))
                .then(TaskStats::open)
                .and_then(Result::ok),
            budget: Budget::new(0, false),
            stalls: Stalls::new(proc),
            numbers: Numbers::new(proc),
            known: HashMap::new(),
            look: 0,
            everybody: true,
        })
    }

    /// What was told of an earlier look is lost: the next one begins anew.
    pub(crate) fn lost(&mut self) {
        self.everybody = true;
    }

    /// Tells how many there are and what was not listed.
    pub(crate) fn count(&self, counts: &Counts) {
        counts.processes.store(self.known.len() as u64, Relaxed);
        counts.unlisted.store(self.exits.unlisted, Relaxed);
        counts.overruns.store(self.exits.overruns, Relaxed);
    }

    /// The process whose command line is waited for in vain.
    pub(crate) fn stuck(&self) -> Option<u32> {
        self.lines.stuck()
    }

    /// Everybody who moved since the last look, is in D, began or ended.
    ///
    /// # Errors
    /// When the folder of processes cannot be read.
    pub(crate) fn look(&mut self) -> std::io::Result<ProcessTick> {
        self.look += 1;
        self.budget = Budget::new(self.look, self.stalls.are_few());
        let begun = Instant::now();
        let mut samples = Vec::new();
        let pids = self.numbers.all(&self.proc, self.everybody)?;
        for &pid in &pids {
            self.process(pid, &mut samples);
        }
        self.numbers.keep(pids);
        let end = Instant::now();
        self.exits.listen();
        let look = self.look;
        for (pid, mut gone) in self.known.extract_if(|_, known| known.look != look) {
            self.reader.close(&mut gone.handles, None);
            self.exits.last_word(pid, &mut gone.counters);
            self.numbers.forget(pid);
            samples.push(gone.ended());
        }
        samples.extend(self.exits.unseen(&end, |pid| self.known.contains_key(&pid)));
        let complete = std::mem::take(&mut self.everybody);
        Ok(ProcessTick {
            at: begun.wall + (end.monotonic - begun.monotonic) / 2,
            complete,
            samples,
        })
    }

    fn process(&mut self, pid: u32, samples: &mut Vec<ProcessSample>) {
        // Whoever ends while we look is missing from then on: nothing here is an error.
        let before = self.known.remove(&pid);
        let mut handles = Handles::default();
        let mut before = before.map(|mut known| {
            std::mem::swap(&mut handles, &mut known.handles);
            known
        });
        if let Some(known) = &mut before
            && !self.everybody
            && self.rests(pid, known, &mut handles)
        {
            known.look = self.look;
            known.in_a_row = 0;
            known.handles = handles;
            self.known.extend(before.map(|known| (pid, known)));
            return;
        }
        let mut counters = NOTHING;
        // Of a process of which no cheaper file tells, this one is read at each look.
        let keep = before
            .as_ref()
            .is_some_and(|known| known.always || known.ran.is_none() || known.in_a_row >= KEEP_AFTER);
        let stat = match self.reader.kept(&mut handles, pid, Kept::Stat, keep) {
            Ok((_, text)) => files::stat(text, &mut counters),
            Err(_) => None,
        };
        let Some(stat) = stat else {
            self.reader.close(&mut handles, None);
            // Ended: told with the others that this look does not see.
            self.known.extend(before.map(|known| (pid, known)));
            return;
        };
        let mut known = match before {
            Some(known) if known.is(&stat) => known,
            other => {
                // The pid was given to another, or it became another program. What is open may be the former's.
                let is_other = other
                    .as_ref()
                    .is_some_and(|known| known.identity.start_ticks != stat.start_ticks);
                if is_other {
                    self.reader.close(&mut handles, None);
                }
                samples.extend(other.map(|known| known.ended()));
                self.meet(pid, &stat)
            }
        };
        known.look = self.look;
        let ran_much = std::mem::take(&mut known.ran_much);
        let moved = ran_much || known.state != stat.state || differ(&known.counters, &counters);
        known.state = stat.state;
        known.in_a_row += 1;
        if moved {
            known.moved = self.look;
        }
        let blocked = self.blocked(pid, &mut known, &counters);
        let in_d = stat.state == 'D' || blocked.as_ref().is_some_and(|blocked| blocked.threads > 0);
        if moved || known.always || in_d || self.everybody {
            self.rest(pid, &mut known, &mut handles, &mut counters);
            counters[ProcessCounter::BlockedThreads as usize] =
                blocked.as_ref().map(|blocked| blocked.threads);
            merge(&mut known.counters, &counters);
            let wchan = match blocked.and_then(|blocked| blocked.wchan) {
                None if in_d => self.reader.once(pid, "wchan").ok().and_then(files::wchan),
                wchan => wchan,
            };
            samples.push(ProcessSample {
                identity: known.identity.clone(),
                state: if in_d { 'D' } else { stat.state },
                wchan,
                counters,
            });
        } else if self.look - known.moved >= CLOSE_AFTER {
            let cheapest = known.ran.as_ref().map_or(Kept::Stat, |_| Kept::SchedStat);
            self.reader.close(&mut handles, Some(cheapest));
        }
        known.handles = handles;
        self.known.insert(pid, known);
    }

    /// Threads in D of a process that has several.
    fn blocked(&mut self, pid: u32, known: &mut Known, counters: &Counters) -> Option<Blocked> {
        use ProcessCounter::{BlkioDelayTicks, MajorFaults};
        if counters[ProcessCounter::Threads as usize] == Some(1) {
            return None;
        }
        let moved = |counter: ProcessCounter| known.counters[counter as usize] != counters[counter as usize];
        // Whether it reads or writes is known of its last reading only.
        let has_waited = known.did_io || moved(MajorFaults) || moved(BlkioDelayTicks);
        let has_reason = known.blocked || (has_waited && !self.budget.is_quiet());
        let blocked = self.budget.blocked(&mut self.reader, pid, has_reason)?;
        known.blocked = blocked.threads > 0;
        Some(blocked)
    }

    /// Whether a process has surely done nothing since the last look.
    fn rests(&mut self, pid: u32, known: &mut Known, handles: &mut Handles) -> bool {
        // Their turns are spread over the looks.
        let is_due = (self.look + u64::from(pid)).is_multiple_of(IDLE_EVERY);
        if known.always || is_due || !matches!(known.state, 'S' | 'I' | 'Z' | 'T') {
            return false;
        }
        let Some(ran) = &mut known.ran else {
            return false;
        };
        match self.reader.kept(handles, pid, Kept::SchedStat, true) {
            // One that had to be opened anew may be another's.
            Ok((true, text)) if text == ran.as_slice() => true,
            Ok((_, text)) => {
                let run = |text: &[u8]| files::run_nanos(text).unwrap_or(0);
                known.ran_much = run(text).abs_diff(run(ran)) >= MUCH_NANOS;
                ran.clear();
                ran.extend_from_slice(text);
                false
            }
            Err(_) => {
                known.ran = None;
                false
            }
        }
    }

    /// Somebody new.
    fn meet(&mut self, pid: u32, stat: &Stat) -> Box<Known> {
        let cmdline = match stat.kernel_thread {
            true => Some(String::new()),
            false => self.lines.of(pid),
        };
        let cgroup = self.reader.once(pid, "cgroup").ok().and_then(files::cgroup);
        let identity = ProcessIdentity {
            pid,
            start_ticks: stat.start_ticks,
            comm: stat.comm.clone(),
            cmdline,
            cgroup,
        };
        Box::new(Known {
            identity: Arc::new(identity),
            handles: Handles::default(),
            state: '?',
            counters: NOTHING,
            ran: None,
            ran_much: false,
            seen: (0, 0),
            kernel_thread: stat.kernel_thread,
            always: stat.kernel_thread && ALWAYS.iter().any(|name| stat.comm.starts_with(name)),
            threaded: false,
            blocked: false,
            did_io: false,
            look: 0,
            moved: self.look,
            in_a_row: 0,
            readings: 0,
            light: LIGHT_EVERY,
        })
    }

    /// The files that are read only of those who moved.
    fn rest(&mut self, pid: u32, known: &mut Known, handles: &mut Handles, counters: &mut Counters) {
        let keep = known.always || known.in_a_row >= KEEP_AFTER;
        known.threaded |= counters[ProcessCounter::Threads as usize] != Some(1);
        let is_single = !known.threaded;
        known.ran = None;
        // It is the first thread's alone: of a process with others it would tell a part for the whole.
        if is_single && let Ok((_, text)) = self.reader.kept(handles, pid, Kept::SchedStat, true) {
            files::schedstat(text, counters);
            known.ran = (!text.starts_with(b"0 0 ")).then(|| text.to_vec());
        }
        let is_much = self.is_much(known, counters);
        // The many kernel threads that run for a moment do no I/O in it.
        if (is_much || !known.kernel_thread)
            && let Ok((_, text)) = self.reader.kept(handles, pid, Kept::Io, keep)
        {
            files::io(text, counters);
            let moved = |c: ProcessCounter| known.counters[c as usize] != counters[c as usize];
            known.did_io = moved(ProcessCounter::ReadBytes) || moved(ProcessCounter::WriteBytes);
        }
        if is_much {
            known.light = 0;
            known.seen = weight(counters);
            if let Ok((_, text)) = self.reader.kept(handles, pid, Kept::Status, keep) {
                files::status(text, counters);
            }
            if !is_single {
                counters[ProcessCounter::VoluntarySwitches as usize] = None;
                counters[ProcessCounter::InvoluntarySwitches as usize] = None;
                self.sums(pid, counters);
            }
        } else {
            known.light += 1;
        }
        if known.readings.is_multiple_of(OOM_SCORE_EVERY)
            && let Ok(text) = self.reader.once(pid, "oom_score_adj")
        {
            files::oom_score_adj(text, counters);
        }
        known.readings = known.readings.wrapping_add(1);
    }

    /// The scheduler's numbers, summed over threads.
    fn sums(&mut self, pid: u32, counters: &mut Counters) {
        if let Some(stats) = &mut self.stats
            && let Err(error) = stats.group(pid, counters)
            && error.raw_os_error() != Some(libc::ESRCH)
        {
            // Not for us: it will not be the next time either.
            self.stats = None;
        }
    }

    /// Whether so much moved that the dearer file is worth it.
    fn is_much(&self, known: &Known, counters: &Counters) -> bool {
        use ProcessCounter::{BlkioDelayTicks, MajorFaults};
        let (ran, pages) = weight(counters);
        let moved = |counter: ProcessCounter| known.counters[counter as usize] != counters[counter as usize];
        self.everybody
            || known.light >= LIGHT_EVERY
            || known.state == 'D'
            || ran.abs_diff(known.seen.0) >= MUCH_NANOS
            || pages.abs_diff(known.seen.1) >= MUCH_PAGES
            || moved(MajorFaults)
            || moved(BlkioDelayTicks)
    }
}

/// Run time in nanoseconds, and resident pages.
fn weight(counters: &Counters) -> (u64, u64) {
    use ProcessCounter::{RssPages, RunNanos, SystemTicks, UserTicks};
    let of = |counter: ProcessCounter| counters[counter as usize];
    // Without the exact time, that in ticks of 10 ms or so: each of them is much.
    let ticks = of(UserTicks)
        .unwrap_or(0)
        .saturating_add(of(SystemTicks).unwrap_or(0));
    let ran = of(RunNanos).unwrap_or(ticks.saturating_mul(MUCH_NANOS));
    (ran, of(RssPages).unwrap_or(0))
}

impl Known {
    fn is(&self, stat: &Stat) -> bool {
        self.identity.start_ticks == stat.start_ticks
            && (stat.kernel_thread || self.identity.comm == stat.comm)
    }

    fn ended(self) -> ProcessSample {
        ProcessSample {
            identity: self.identity,
            state: 'X',
            wchan: None,
            counters: self.counters,
        }
    }
}

/// Whether something that was read is not what was known.
fn differ(known: &Counters, read: &Counters) -> bool {
    known
        .iter()
        .zip(read)
        .any(|(known, read)| read.is_some() && known != read)
}

/// What was read replaces what was known.
fn merge(known: &mut Counters, read: &Counters) {
    for (known, read) in known.iter_mut().zip(read) {
        *known = read.or(*known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::write;
    use tempfile::TempDir;

    /// A made-up /proc of which each process has all files.
    struct Proc(TempDir);

    impl Proc {
        fn new() -> Proc {
            Proc(TempDir::new().unwrap())
        }

        /// Puts or changes a process, its files in place, as the kernel's are.
        fn put(&self, pid: u32, state: char, utime: u64, rss: u64, threads: u32, start: u64) {
            let folder = self.0.path().join(pid.to_string());
            std::fs::create_dir_all(&folder).unwrap();
            let stat = format!(
                "{pid} (p{pid}) {state} 1 1 1 0 -1 4194560 10 0 0 0 {utime} 0 0 0 20 0 {threads} 0 {start} 9000 {rss} \
                 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n"
            );
            write(folder.join("stat"), stat).unwrap();
            write(
                folder.join("schedstat"),
                format!("{} 5 {}\n", 1 + utime * 10_000_000, 1 + utime),
            )
            .unwrap();
            write(folder.join("io"), format!("read_bytes: {}\n", utime * 1000)).unwrap();
            write(
                folder.join("status"),
                format!("VmSwap: {rss} kB\nvoluntary_ctxt_switches: 1\n"),
            )
            .unwrap();
            write(folder.join("wchan"), "io_schedule").unwrap();
            write(folder.join("cgroup"), "0::/a\n").unwrap();
            write(folder.join("cmdline"), "x\0").unwrap();
        }

        fn end(&self, pid: u32) {
            let folder = self.0.path().join(pid.to_string());
            // What is kept open of it gives nothing from now on.
            for file in std::fs::read_dir(&folder).unwrap() {
                write(file.unwrap().path(), "").unwrap();
            }
            std::fs::remove_dir_all(folder).unwrap();
        }

        fn processes(&self) -> Processes {
            Processes::new(self.0.path()).unwrap()
        }
    }

    /// Who is listed, in the order of their numbers: pid, state, and the counters `utime_ticks`, `read_bytes` and `swap_kb`.
    fn told(tick: &ProcessTick) -> String {
        use ProcessCounter::{ReadBytes, SwapKib, UserTicks};
        let mut samples: Vec<&ProcessSample> = tick.samples.iter().collect();
        samples.sort_by_key(|s| (s.identity.pid, s.identity.start_ticks));
        let one = |s: &&ProcessSample| {
            let of = |c| s.get(c).map_or("-".to_string(), |v| v.to_string());
            let wchan = s.wchan.as_deref().map(|w| format!(" in {w}")).unwrap_or_default();
            format!(
                "{} {} {} {} {}{wchan}",
                s.identity.pid,
                s.state,
                of(UserTicks),
                of(ReadBytes),
                of(SwapKib)
            )
        };
        samples.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn who_moved_began_waits_or_ended_is_listed() {
        let proc = Proc::new();
        proc.put(7, 'S', 1, 100, 1, 5);
        proc.put(8, 'S', 1, 100, 4, 5);
        let mut processes = proc.processes();
        let first = processes.look().unwrap();
        assert!(first.complete);
        assert_eq!(told(&first), "7 S 1 1000 100; 8 S 1 1000 100");
        let second = processes.look().unwrap();
        assert_eq!((second.complete, told(&second).as_str()), (false, ""));
        // One tick of CPU each; the second has threads, of which the cheap file would not tell.
        proc.put(7, 'S', 2, 100, 1, 5);
        proc.put(8, 'S', 2, 100, 4, 5);
        assert_eq!(told(&processes.look().unwrap()), "7 S 2 2000 100; 8 S 2 2000 100");
        proc.put(7, 'D', 3, 100, 1, 5);
        assert_eq!(told(&processes.look().unwrap()), "7 D 3 3000 100 in io_schedule");
        // In D it is listed each time, though nothing moves.
        assert_eq!(told(&processes.look().unwrap()), "7 D 3 3000 100 in io_schedule");
        proc.end(7);
        assert_eq!(told(&processes.look().unwrap()), "7 X 3 3000 100");
        // Another one of the same number.
        proc.end(8);
        proc.put(8, 'R', 0, 50, 1, 900);
        assert_eq!(told(&processes.look().unwrap()), "8 X 2 2000 100; 8 R 0 0 50");
        // What was told is lost: everybody anew.
        processes.lost();
        let anew = processes.look().unwrap();
        assert_eq!((anew.complete, told(&anew).as_str()), (true, "8 R 0 0 50"));
    }

    #[test]
    fn what_is_done_to_an_idle_process_is_seen_in_its_turn() {
        let proc = Proc::new();
        proc.put(7, 'S', 1, 10_000, 1, 5);
        let mut processes = proc.processes();
        processes.look().unwrap();
        // Its memory is taken away while it sleeps: nothing else of it changes.
        let stat = proc.0.path().join("7/stat");
        let text = std::fs::read_to_string(&stat).unwrap().replace(" 10000 ", " 99 ");
        write(&stat, text).unwrap();
        write(proc.0.path().join("7/status"), "VmSwap: 4000 kB\n").unwrap();
        let looks: Vec<String> = (0..IDLE_EVERY)
            .map(|_| told(&processes.look().unwrap()))
            .collect();
        assert_eq!(looks.concat(), "7 S 1 1000 4000", "{looks:?}");
    }

    #[test]
    fn small_moves_leave_the_dear_file_alone_and_do_not_tell_what_was_not_read() {
        let proc = Proc::new();
        proc.put(7, 'S', 0, 100, 1, 5);
        let mut processes = proc.processes();
        processes.look().unwrap();
        let looks: Vec<String> = (1..=LIGHT_EVERY + 2)
            .map(|i| {
                write(proc.0.path().join("7/schedstat"), format!("{} 5 1\n", 1 + i)).unwrap();
                let stat = proc.0.path().join("7/stat");
                let text = std::fs::read_to_string(&stat).unwrap();
                write(
                    stat,
                    text.replace(&format!(" 4194560 {} ", 9 + i), &format!(" 4194560 {} ", 10 + i)),
                )
                .unwrap();
                told(&processes.look().unwrap())
            })
            .collect();
        let read: Vec<bool> = looks.iter().map(|l| l == "7 S 0 0 100").collect();
        assert!(
            looks.iter().all(|l| l == "7 S 0 0 100" || l == "7 S 0 0 -"),
            "{looks:?}"
        );
        assert_eq!(read.iter().filter(|read| **read).count(), 1, "{looks:?}");
    }

    #[test]
    fn garbage_for_a_process_is_nobody() {
        let proc = Proc::new();
        proc.put(7, 'S', 1, 100, 1, 5);
        let mut processes = proc.processes();
        processes.look().unwrap();
        write(proc.0.path().join("7/schedstat"), "\0\0").unwrap();
        write(proc.0.path().join("7/stat"), "7 (x").unwrap();
        std::fs::create_dir(proc.0.path().join("9")).unwrap();
        assert_eq!(told(&processes.look().unwrap()), "7 X 1 1000 100");
        proc.put(7, 'S', 4, 100, 1, 5);
        assert_eq!(told(&processes.look().unwrap()), "7 S 4 4000 100");
    }
}
