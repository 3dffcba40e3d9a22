//! Threads that wait in D: a process whose first thread sleeps may have a hundred others stuck on a disk.

use crate::process_files as files;
use crate::process_handles::ProcessReader;
use model::ProcessCounter;

/// Threads that are looked at in one look at most, and of one process.
const MOST: u32 = 192;
const MOST_OF_ONE: usize = 64;

/// Threads that are looked at of processes that give no reason to, in turn.
const IN_TURN: u32 = 16;

/// What may be spent in this look.
pub(crate) struct Budget {
    look: u64,
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
    pub(crate) fn new(look: u64) -> Budget {
        Budget {
            look,
            left: MOST,
            in_turn: IN_TURN,
        }
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
        if threads.len() > MOST_OF_ONE {
            let from = (self.look as usize * MOST_OF_ONE) % threads.len();
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

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
        let mut budget = Budget::new(2);
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
            Budget::new(1).blocked(&mut reader, 7, false).unwrap().threads,
            16 - u64::from(counts[0] < 64)
        );
        assert_eq!(Budget::new(1).blocked(&mut reader, 8, true), None);
    }
}
