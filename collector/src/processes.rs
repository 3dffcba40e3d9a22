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
use crate::process_children::{Gone, amounts, heirs};
use crate::process_exits::Exits;
use crate::process_files::{self as files, Counters, Stat};
use crate::process_handles::{Handles, Kept, ProcessReader};
use crate::process_known::{Known, MUCH_NANOS, NOTHING, differ, merge, weight};
use crate::process_numbers::Numbers;
use crate::process_threads::{Blocked, Budget, Stalls};
use crate::taskstats::TaskStats;
use model::{ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

/// A process's oom_score_adj hardly ever changes: it is read at every so many readings of the other files.
const OOM_SCORE_EVERY: u32 = 32;

/// The `stat` of a process that does not run is read at every so many looks: its memory may be reclaimed.
const IDLE_EVERY: u64 = 16;

/// Looks in a row that read it after which a process's files are kept open, and looks without after which only the cheapest is.
const KEEP_AFTER: u64 = 3;
const CLOSE_AFTER: u64 = 8;

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
    /// Who owes for children that are gone.
    debtors: Vec<u32>,
    look: u64,
    /// The next look lists everybody: it is the first, or what an earlier one told was lost.
    everybody: bool,
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
            debtors: Vec::new(),
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
        let mut all_gone = Vec::new();
        for (pid, mut gone) in self.known.extract_if(|_, known| known.look != look) {
            self.reader.close(&mut gone.handles, None);
            let told = self.exits.last_word(pid, &mut gone.counters);
            self.numbers.forget(pid);
            all_gone.push(Gone {
                pid,
                parent: told.unwrap_or(gone.parent),
                total: gone.reaped.total(&gone.counters),
            });
            samples.push(gone.ended());
        }
        for (unseen, parent) in self.exits.unseen(&end, |pid| self.known.contains_key(&pid)) {
            all_gone.extend(parent.map(|parent| Gone {
                pid: unseen.identity.pid,
                parent,
                total: amounts(&unseen.counters),
            }));
            samples.push(unseen);
        }
        self.settle(&all_gone, &mut samples);
        let complete = std::mem::take(&mut self.everybody);
        Ok(ProcessTick {
            at: begun.wall + (end.monotonic - begun.monotonic) / 2,
            complete,
            samples,
        })
    }

    /// What those who are gone did is not told of their parents again.
    fn settle(&mut self, gone: &[Gone], samples: &mut [ProcessSample]) {
        for (heir, amounts) in heirs(gone, |pid| self.known.contains_key(&pid)) {
            if let Some(known) = self.known.get_mut(&heir) {
                known.reaped.owe(self.look, amounts);
                self.debtors.push(heir);
            }
        }
        self.debtors.sort_unstable();
        self.debtors.dedup();
        self.debtors.retain(|pid| {
            let Some(known) = self.known.get_mut(pid) else {
                return false;
            };
            let sample = samples
                .iter_mut()
                .find(|sample| sample.identity == known.identity);
            known.reaped.settle(
                self.look,
                &mut known.counters,
                sample.map(|sample| &mut sample.counters),
            )
        });
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
                let mut known = self.meet(pid, &stat);
                if let Some(mut other) = other {
                    if !is_other {
                        known.reaped = std::mem::take(&mut other.reaped);
                    }
                    samples.push(other.ended());
                }
                known
            }
        };
        known.look = self.look;
        let ran_much = std::mem::take(&mut known.ran_much);
        let moved = ran_much || known.state != stat.state || differ(&known.counters, &counters);
        known.state = stat.state;
        known.parent = stat.parent;
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
        Box::new(Known::new(identity, stat, self.look))
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
        let is_much = self.everybody || known.is_much(counters);
        // The many kernel threads that run for a moment do no I/O in it.
        if (is_much || !known.kernel_thread)
            && let Ok((_, text)) = self.reader.kept(handles, pid, Kept::Io, keep)
        {
            files::io(text, counters);
            known.reaped.own(&known.counters, counters);
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
}

#[cfg(test)]
mod tests;
