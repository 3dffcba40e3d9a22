//! Threads that wait in D: a process whose first thread sleeps may have a hundred others stuck on a disk.

use crate::kernel_file::KernelFile;
use crate::process_files as files;
use crate::process_handles::ProcessReader;
use model::ProcessCounter;
use std::path::Path;

/// Threads that are looked at in one look at most, and of one process.
const MOST: u32 = 192;
const MOST_OF_ONE: usize = 64;

/// Threads that are looked at of processes that give no reason to, in turn: where tasks stall on this machine, and where none does.
const IN_TURN: u32 = 16;
const IN_TURN_QUIET: u32 = 4;

/// Microseconds of stall between two looks above which tasks stall.
const STALL: u64 = 10_000;

/// What may be spent in this look.
pub(crate) struct Budget {
    look: u64,
    is_quiet: bool,
    left: u32,
    in_turn: u32,
}

/// Threads of a process in D, and where one of them waits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Blocked {
    pub(crate) threads: u64,
    pub(crate) wchan: Option<String>,
}

impl Budget {
    pub(crate) fn new(look: u64, is_quiet: bool) -> Budget {
        Budget {
            look,
            is_quiet,
            left: MOST,
            in_turn: if is_quiet { IN_TURN_QUIET } else { IN_TURN },
        }
    }

    /// Whether a process that did what may make it wait is a reason to look: not where hardly any task waits.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Looks at threads of a process, if there is a reason to or it is its turn. `None`: not looked at. Of more threads than are
    /// looked at in one look, others are each time; the number is then that of those looked at.
    pub(crate) fn blocked(
        &mut self,
        reader: &mut ProcessReader,
        pid: u32,
        has_reason: bool,
    ) -> Option<Blocked> {
        let is_turn = self.in_turn > 0 && (self.look + u64::from(pid)).is_multiple_of(8);
        if self.left == 0 || !(has_reason || is_turn) {
            return None;
        }
        let mut threads = reader.threads(pid).ok()?;
        if threads.len() > MOST_OF_ONE || !has_reason {
            let from = (self.look as usize * MOST_OF_ONE) % threads.len().max(1);
            threads.rotate_left(from);
            threads.truncate(MOST_OF_ONE);
        }
        let mut blocked = Blocked {
            threads: 0,
            wchan: None,
        };
        for thread in threads {
            if self.left == 0 || (!has_reason && self.in_turn == 0) {
                break;
            }
            self.left -= 1;
            self.in_turn -= u32::from(!has_reason);
            // It may have ended since it was listed.
            let mut unused = [None; ProcessCounter::ALL.len()];
            let stat = reader
                .once(pid, &format!("task/{thread}/stat"))
                .ok()
                .and_then(|text| files::stat(text, &mut unused));
            if stat.is_some_and(|stat| stat.state == 'D') {
                blocked.threads += 1;
                if blocked.wchan.is_none() {
                    let wchan = reader.once(pid, &format!("task/{thread}/wchan"));
                    blocked.wchan = wchan.ok().and_then(files::wchan);
                }
            }
        }
        Some(blocked)
    }
}

/// Whether tasks stall on this machine at all: most looks at threads would find nobody.
pub(crate) struct Stalls {
    files: [KernelFile; 2],
    totals: [Option<u64>; 2],
}

impl Stalls {
    pub(crate) fn new(proc: &Path) -> Stalls {
        Stalls {
            files: ["pressure/io", "pressure/memory"].map(|name| KernelFile::new(proc.join(name))),
            totals: [None; 2],
        }
    }

    /// Whether hardly any task stalled since the last time. Of a kernel that does not tell, that is not known.
    pub(crate) fn are_few(&mut self) -> bool {
        let mut are_few = true;
        for (file, before) in self.files.iter_mut().zip(&mut self.totals) {
            let total = file.read().ok().and_then(some_total);
            are_few &=
                matches!((total, *before), (Some(now), Some(before)) if now.wrapping_sub(before) < STALL);
            *before = total;
        }
        are_few
    }
}

/// The `total` of the line `some`, in µs.
fn some_total(text: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(text).ok()?.lines().next()?;
    line.strip_prefix("some ")?.rsplit_once("total=")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(proc: &Path, thread: u32, state: char) {
        let folder = proc.join(format!("7/task/{thread}"));
        std::fs::create_dir_all(&folder).unwrap();
        let stat = format!("{thread} (t) {state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 5 9000 9\n");
        std::fs::write(folder.join("stat"), stat).unwrap();
        std::fs::write(folder.join("wchan"), format!("wait_{thread}")).unwrap();
    }

    #[test]
    fn threads_in_d_are_counted_within_what_may_be_spent() {
        let proc = tempfile::TempDir::new().unwrap();
        put(proc.path(), 7, 'S');
        put(proc.path(), 9, 'D');
        let mut reader = ProcessReader::new(proc.path());
        let mut budget = Budget::new(2, false);
        assert_eq!(budget.blocked(&mut reader, 7, false), None, "not its turn");
        let found = budget.blocked(&mut reader, 7, true).unwrap();
        assert_eq!((found.threads, found.wchan.as_deref()), (1, Some("wait_9")));
        for thread in 10..400 {
            put(proc.path(), thread, 'D');
        }
        let counts: Vec<u64> = (0..4)
            .filter_map(|_| budget.blocked(&mut reader, 7, true))
            .map(|blocked| blocked.threads)
            .collect();
        assert_eq!(counts.len(), 3, "{counts:?}");
        assert!(counts.iter().sum::<u64>() >= 187, "{counts:?}");
        assert_eq!(
            Budget::new(1, false)
                .blocked(&mut reader, 7, false)
                .unwrap()
                .threads,
            16
        );
        assert_eq!(Budget::new(1, false).blocked(&mut reader, 8, true), None);
    }

    #[test]
    fn where_nobody_stalls_few_threads_are_looked_at_each_in_its_turn() {
        let proc = tempfile::TempDir::new().unwrap();
        let stall = |name: &str, total: u64| {
            let text = format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n");
            std::fs::create_dir_all(proc.path().join("pressure")).unwrap();
            std::fs::write(proc.path().join("pressure").join(name), text).unwrap();
        };
        let mut stalls = Stalls::new(proc.path());
        assert!(!stalls.are_few(), "not told");
        stall("io", 5);
        stall("memory", 5);
        let told: Vec<bool> = [("io", 5), ("io", 900), ("memory", 5 + STALL), ("io", 901)]
            .into_iter()
            .map(|(name, total)| {
                stall(name, total);
                stalls.are_few()
            })
            .collect();
        // The first tells from where it counts.
        assert_eq!(told, [false, true, false, true]);
        (0..40).for_each(|thread| put(proc.path(), 10 + thread, 'D'));
        let mut reader = ProcessReader::new(proc.path());
        let counts: Vec<u64> = (0..16)
            .filter_map(|look| Budget::new(look, true).blocked(&mut reader, 7, false))
            .map(|blocked| blocked.threads)
            .collect();
        assert_eq!(counts, [4, 4]);
    }
}
