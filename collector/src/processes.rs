//! Processes: each second who moved, at bounded cost.
//!
//! /proc/PID/stat of everybody is read at each look, for it is cheap and shows who moved. The other files are read only of those
//! who did, and of those in D, whose wait channel is what one wants to know. Who ended is told once more, in state `X`, with the
//! counters last seen.

use crate::clock::{self, Instant};
use crate::process_files::{self as files, Counters, Stat};
use model::{ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A process's oom_score_adj hardly ever changes: it is read at every so many readings of the other files.
const OOM_SCORE_EVERY: u32 = 32;

/// Looks at the processes.
pub(crate) struct Processes {
    proc: PathBuf,
    known: HashMap<u32, Known>,
    look: u64,
    text: Vec<u8>,
    /// The next look lists everybody: it is the first, or what an earlier one told was lost.
    everybody: bool,
}

struct Known {
    identity: ProcessIdentity,
    state: char,
    counters: Counters,
    /// The look that saw it last.
    look: u64,
    readings: u32,
}

impl Processes {
    pub(crate) fn new(proc: &Path) -> Processes {
        Processes {
            proc: proc.into(),
            known: HashMap::new(),
            look: 0,
            text: Vec::with_capacity(4096),
            everybody: true,
        }
    }

    /// What was told of an earlier look is lost: the next one begins anew.
    pub(crate) fn lost(&mut self) {
        self.everybody = true;
    }

    /// Everybody who moved since the last look, is in D, began or ended.
    ///
    /// # Errors
    /// When the folder of processes cannot be read.
    pub(crate) fn look(&mut self, tick: &Instant) -> std::io::Result<ProcessTick> {
        self.look += 1;
        let begun = clock::monotonic();
        let mut samples = Vec::new();
        for entry in std::fs::read_dir(&self.proc)? {
            let pid = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(pid) = pid {
                self.process(pid, &mut samples);
            }
        }
        let look = self.look;
        let gone = self.known.extract_if(|_, known| known.look != look);
        samples.extend(gone.map(|(_, known)| known.ended()));
        let middle = begun + (clock::monotonic() - begun) / 2;
        let complete = std::mem::take(&mut self.everybody);
        Ok(ProcessTick {
            at: tick.wall + (middle - tick.monotonic),
            complete,
            samples,
        })
    }

    fn process(&mut self, pid: u32, samples: &mut Vec<ProcessSample>) {
        // Whoever ends while we look is missing from then on: nothing here is an error.
        let mut counters: Counters = [None; ProcessCounter::ALL.len()];
        if !self.read(pid, "stat") {
            return;
        }
        let Some(stat) = files::stat(&self.text, &mut counters) else {
            return;
        };
        let same = |known: &Known| {
            known.identity.start_ticks == stat.start_ticks
                && (stat.kernel_thread || known.identity.comm == stat.comm)
        };
        let mut known = match self.known.remove(&pid) {
            Some(known) if same(&known) => known,
            other => {
                // The pid was given to another, or it became another program.
                samples.extend(other.map(Known::ended));
                self.meet(pid, &stat)
            }
        };
        let moved = known.state != stat.state
            || known
                .counters
                .iter()
                .zip(&counters)
                .any(|(was, is)| is.is_some() && was != is);
        known.look = self.look;
        known.state = stat.state;
        if moved || stat.state == 'D' || self.everybody {
            merge(&mut known.counters, &counters);
            self.rest(pid, &mut known);
            let wchan = (stat.state == 'D' && self.read(pid, "wchan"))
                .then(|| files::wchan(&self.text))
                .flatten();
            samples.push(known.sample(wchan));
        }
        self.known.insert(pid, known);
    }

    /// Somebody new.
    fn meet(&mut self, pid: u32, stat: &Stat) -> Known {
        let cmdline = self.read(pid, "cmdline").then(|| files::cmdline(&self.text));
        let cgroup = self
            .read(pid, "cgroup")
            .then(|| files::cgroup(&self.text))
            .flatten();
        let identity = ProcessIdentity {
            pid,
            start_ticks: stat.start_ticks,
            comm: stat.comm.clone(),
            cmdline,
            cgroup,
        };
        Known {
            identity,
            state: '?',
            counters: [None; ProcessCounter::ALL.len()],
            look: 0,
            readings: 0,
        }
    }

    /// The files that are read only of those who moved.
    fn rest(&mut self, pid: u32, known: &mut Known) {
        let counters = &mut known.counters;
        if self.read(pid, "io") {
            files::io(&self.text, counters);
        }
        if self.read(pid, "status") {
            files::status(&self.text, counters);
        }
        if self.read(pid, "schedstat") {
            files::schedstat(&self.text, counters);
        }
        if known.readings.is_multiple_of(OOM_SCORE_EVERY) && self.read(pid, "oom_score_adj") {
            files::oom_score_adj(&self.text, counters);
        }
        known.readings = known.readings.wrapping_add(1);
    }

    /// Reads a file of a process into `text`; whether that went well.
    fn read(&mut self, pid: u32, name: &str) -> bool {
        self.text.clear();
        let path = self.proc.join(format!("{pid}/{name}"));
        // A process can make its command line as long as it likes.
        File::open(path).is_ok_and(|file| file.take(64 << 10).read_to_end(&mut self.text).is_ok())
    }
}

impl Known {
    fn sample(&self, wchan: Option<String>) -> ProcessSample {
        ProcessSample {
            identity: self.identity.clone(),
            state: self.state,
            wchan,
            counters: self.counters,
        }
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

/// What was read replaces what was known.
fn merge(known: &mut Counters, read: &Counters) {
    for (known, read) in known.iter_mut().zip(read) {
        *known = read.or(*known);
    }
}
