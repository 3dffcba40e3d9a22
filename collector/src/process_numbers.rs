//! The numbers of all processes. Listing them is dear, and where nobody began since the last time they are known: the kernel tells
//! which number it gave last.

use crate::kernel_file::KernelFile;
use std::path::Path;

/// They are listed at every so many looks in any case: a number may be given out of turn.
const LIST_EVERY: u64 = 16;

pub(crate) struct Numbers {
    /// `None`: it is of other processes than those of this /proc, as in a container.
    last_given: Option<KernelFile>,
    given: Option<u32>,
    pids: Vec<u32>,
    /// Looks since they were listed.
    looks: u64,
}

impl Numbers {
    pub(crate) fn new(proc: &Path) -> Numbers {
        Numbers {
            last_given: (proc == Path::new("/proc")).then(|| KernelFile::new(proc.join("loadavg"))),
            given: None,
            pids: Vec::new(),
            looks: 0,
        }
    }

    /// All of them, for as long as [`Numbers::keep`] does not take them back.
    ///
    /// # Errors
    /// When the folder of processes cannot be read.
    pub(crate) fn all(&mut self, proc: &Path, anew: bool) -> std::io::Result<Vec<u32>> {
        let given = self
            .last_given
            .as_mut()
            .and_then(|file| last_given(file.read().ok()?));
        let is_known = given.is_some() && given == self.given && self.looks + 1 < LIST_EVERY;
        self.looks += 1;
        if anew || !is_known {
            // Unless that goes well to the end, nothing is known.
            self.given = None;
            self.pids.clear();
            for entry in std::fs::read_dir(proc)? {
                let pid: Option<u32> = entry?.file_name().to_str().and_then(|name| name.parse().ok());
                self.pids.extend(pid);
            }
            // Asked before they are listed: who begins meanwhile makes that it is done again.
            (self.given, self.looks) = (given, 0);
        }
        Ok(std::mem::take(&mut self.pids))
    }

    /// Takes back what was lent.
    pub(crate) fn keep(&mut self, pids: Vec<u32>) {
        self.pids = pids;
    }

    /// It ended.
    pub(crate) fn forget(&mut self, pid: u32) {
        self.pids.retain(|&other| other != pid);
    }
}

/// The number that was last given to a task, at the end of /proc/loadavg.
fn last_given(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    text.split_ascii_whitespace().nth(4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_listed_where_somebody_began_and_else_now_and_then() {
        let proc = tempfile::TempDir::new().unwrap();
        let mut numbers = Numbers::new(proc.path());
        numbers.last_given = Some(KernelFile::new(proc.path().join("loadavg")));
        let begin = |pid: &str, last: u32| {
            std::fs::create_dir_all(proc.path().join(pid)).unwrap();
            std::fs::write(
                proc.path().join("loadavg"),
                format!("0.00 0.01 0.05 1/90 {last}\n"),
            )
            .unwrap();
        };
        let all = |numbers: &mut Numbers, anew| {
            let mut pids = numbers.all(proc.path(), anew).unwrap();
            pids.sort_unstable();
            numbers.keep(pids.clone());
            pids
        };
        begin("7", 7);
        begin("sys", 7);
        assert_eq!(all(&mut numbers, false), [7]);
        // Out of turn: nobody is told to have begun.
        begin("3", 7);
        assert_eq!(all(&mut numbers, false), [7]);
        begin("8", 8);
        assert_eq!(all(&mut numbers, false), [3, 7, 8]);
        begin("4", 8);
        assert_eq!(all(&mut numbers, true), [3, 4, 7, 8]);
        numbers.forget(7);
        begin("5", 8);
        let looks: Vec<usize> = (0..LIST_EVERY).map(|_| all(&mut numbers, false).len()).collect();
        assert_eq!(looks[..looks.len() - 1], [3; LIST_EVERY as usize - 1]);
        assert_eq!(looks.last(), Some(&5));
        // What could not be listed is not taken for nobody.
        begin("6", 9);
        assert!(numbers.all(&proc.path().join("gone"), false).is_err());
        assert_eq!(all(&mut numbers, false).len(), 6);
        // Garbage is no number: they are listed each time.
        std::fs::write(proc.path().join("loadavg"), "\0").unwrap();
        std::fs::create_dir_all(proc.path().join("9")).unwrap();
        assert_eq!(all(&mut numbers, false).len(), 7);
    }
}
