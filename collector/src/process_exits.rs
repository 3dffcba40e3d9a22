//! Who ended between two looks: the kernel's last word on each (taskstats), summed over the threads of a process.

use crate::clock::Instant;
use crate::process_files::Counters;
use crate::taskstats::{Exit, TaskStats};
use model::ProcessCounter::{self, MajorFaults, ReadBytes, RssPeakKib, RunNanos, WriteBytes};
use model::{ProcessIdentity, ProcessSample};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Processes of which some threads ended that are remembered at most; more at once are not.
const MOST: usize = 4096;

/// Somebody who was never seen is listed when he did this much of one of these things; the many who did little are counted.
const WORTH: [(ProcessCounter, u64); 5] = [
    (RunNanos, 20_000_000),
    (ReadBytes, 1 << 20),
    (WriteBytes, 1 << 20),
    (MajorFaults, 16),
    (RssPeakKib, 64 << 10),
];

/// Hears of ends.
pub(crate) struct Exits {
    listener: Option<TaskStats>,
    heard: Vec<Exit>,
    groups: HashMap<u32, Ended>,
    look: u64,
    before: Instant,
    /// Never seen and not listed.
    pub(crate) unlisted: u64,
    /// Looks at which the kernel had no room for all it had to tell.
    pub(crate) overruns: u64,
}

/// What is known of a process some or all of whose threads ended.
struct Ended {
    parent: Option<u32>,
    comm: String,
    lived_ticks: u64,
    counters: Counters,
    /// Its first thread ended: of one that has no others, it is the end.
    first: bool,
    look: u64,
}

impl Exits {
    /// Listens if that is possible; it is for the machine's own processes.
    pub(crate) fn new(proc: &Path) -> Exits {
        let listener = (proc == Path::new("/proc")).then(listener).and_then(Result::ok);
        Exits {
            listener,
            heard: Vec::new(),
            groups: HashMap::new(),
            look: 0,
            before: Instant::now(),
            unlisted: 0,
            overruns: 0,
        }
    }

    /// Takes in what the kernel had to tell.
    pub(crate) fn listen(&mut self) {
        self.look += 1;
        let Some(listener) = &mut self.listener else {
            return;
        };
        let mut heard = std::mem::take(&mut self.heard);
        if !listener.exits(&mut heard) {
            self.overruns += 1;
        }
        heard.drain(..).for_each(|exit| self.take(exit));
        self.heard = heard;
    }

    fn take(&mut self, exit: Exit) {
        let group = exit.group.unwrap_or(exit.pid);
        if self.groups.len() >= MOST && !self.groups.contains_key(&group) {
            return;
        }
        let look = self.look;
        let ended = self.groups.entry(group).or_insert_with(|| Ended {
            parent: None,
            comm: exit.comm.clone(),
            lived_ticks: 0,
            counters: [None; ProcessCounter::ALL.len()],
            first: false,
            look,
        });
        ended.look = look;
        ended.parent = exit.parent;
        ended.lived_ticks = ended.lived_ticks.max(exit.lived_ticks);
        // On kernels that do not tell the process, a thread is not taken for one.
        ended.first |= exit.group == Some(exit.pid);
        for (i, (sum, more)) in ended.counters.iter_mut().zip(exit.counters).enumerate() {
            *sum = match (*sum, more) {
                (Some(a), Some(b)) if i == RssPeakKib as usize => Some(a.max(b)),
                (Some(a), Some(b)) => Some(a.saturating_add(b)),
                (a, b) => a.or(b),
            };
        }
    }

    /// The last counters of a process that is gone: never less than what was last seen. Answers who was to wait for it, if that was told.
    pub(crate) fn last_word(&mut self, pid: u32, counters: &mut Counters) -> Option<u32> {
        let ended = self.groups.remove(&pid)?;
        let had_one_thread = counters[ProcessCounter::Threads as usize] == Some(1);
        for (last, told) in counters.iter_mut().zip(ended.counters) {
            *last = match (*last, told) {
                (Some(last), Some(told)) => Some(last.max(told)),
                // Of one with threads, some may have ended before we listened.
                (None, told) if had_one_thread => told,
                (last, _) => last,
            };
        }
        ended.parent
    }

    /// Processes that began and ended between two looks and did something worth listing, and who was to wait for each; `is_known` says
    /// who is seen otherwise.
    pub(crate) fn unseen(
        &mut self,
        now: &Instant,
        is_known: impl Fn(u32) -> bool,
    ) -> Vec<(ProcessSample, Option<u32>)> {
        let hz = |nanos: i64| u64::try_from(nanos / 10_000_000).unwrap_or(0);
        let earliest = hz(self.before.boottime);
        self.before = *now;
        let look = self.look;
        let mut samples = Vec::new();
        let over = self
            .groups
            .extract_if(|&pid, ended| !is_known(pid) && (ended.first || ended.look + 2 < look));
        for (pid, ended) in over.filter(|(_, ended)| ended.first) {
            let is_worth = |&(counter, least): &(ProcessCounter, u64)| {
                ended.counters[counter as usize].is_some_and(|value| value >= least)
            };
            if !WORTH.iter().any(is_worth) {
                self.unlisted += 1;
                continue;
            }
            let sample = ProcessSample {
                identity: Arc::new(ProcessIdentity {
                    pid,
                    // It was not there at the look before.
                    start_ticks: hz(now.boottime).saturating_sub(ended.lived_ticks).max(earliest),
                    comm: ended.comm,
                    cmdline: None,
                    cgroup: None,
                }),
                state: 'X',
                wchan: None,
                counters: ended.counters,
            };
            samples.push((sample, ended.parent));
        }
        samples.sort_by_key(|(sample, _)| sample.identity.pid);
        samples
    }
}

fn listener() -> std::io::Result<TaskStats> {
    TaskStats::listen(&std::fs::read_to_string("/sys/devices/system/cpu/possible")?)
}

/// Whether ends are told to us, and if not, why.
pub(crate) fn told() -> std::io::Result<()> {
    listener().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ProcessCounter::{Threads, WriteChars};

    fn exits() -> Exits {
        Exits::new(Path::new("/nowhere"))
    }

    fn exit(pid: u32, group: Option<u32>, read: u64) -> Exit {
        let mut counters = [None; ProcessCounter::ALL.len()];
        counters[ReadBytes as usize] = Some(read);
        Exit {
            pid,
            group,
            parent: Some(1),
            comm: format!("t{pid}"),
            lived_ticks: 30,
            counters,
        }
    }

    #[test]
    fn short_lives_that_did_much_are_listed_and_others_counted() {
        let mut exits = exits();
        // One with two threads, one that did little, one whose first thread lives on, and one that is seen.
        for exit in [
            exit(8, Some(7), 1 << 19),
            exit(7, Some(7), 1 << 19),
            exit(9, Some(9), 5),
            exit(11, Some(10), 1 << 30),
            exit(12, Some(12), 1 << 30),
            exit(13, None, 1 << 30),
        ] {
            exits.take(exit);
        }
        let mut now = Instant::now();
        now.boottime = exits.before.boottime + 1_000_000_000;
        let before = exits.before.boottime / 10_000_000;
        let listed = exits.unseen(&now, |pid| pid == 12);
        let told: Vec<_> = listed
            .iter()
            .map(|(s, _)| {
                let since = s.identity.start_ticks as i64 - before;
                (
                    s.identity.pid,
                    s.get(ReadBytes),
                    s.state,
                    (60..=75).contains(&since),
                )
            })
            .collect();
        assert_eq!(told, [(7, Some(1 << 20), 'X', true)]);
        assert_eq!(exits.unlisted, 1);
        assert_eq!(exits.groups.len(), 3, "those who may have more to tell");
        exits.look = 3;
        assert!(exits.unseen(&now, |pid| pid == 12).is_empty());
        assert_eq!(exits.groups.len(), 1);
    }

    #[test]
    fn the_last_word_never_takes_back() {
        let mut exits = exits();
        exits.take(exit(7, Some(7), 500));
        let mut counters = [None; ProcessCounter::ALL.len()];
        counters[Threads as usize] = Some(1);
        counters[ReadBytes as usize] = Some(700);
        counters[WriteChars as usize] = Some(3);
        let seen = counters;
        assert_eq!(exits.last_word(7, &mut counters), Some(1));
        assert_eq!(counters, seen);
        exits.take(exit(7, Some(7), 900));
        exits.last_word(7, &mut counters);
        assert_eq!(
            (counters[ReadBytes as usize], counters[WriteChars as usize]),
            (Some(900), Some(3))
        );
        assert_eq!(exits.last_word(7, &mut counters), None);
        assert_eq!(counters[ReadBytes as usize], Some(900));
    }
}
