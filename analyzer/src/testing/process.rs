//! A process of a story.

use model::{ProcessCounter, ProcessIdentity, ProcessSample};
use std::sync::Arc;

const PAGE: i64 = 4096;

/// What a process has done so far. Its state is told anew each second.
#[derive(Clone)]
pub(crate) struct Process {
    pub(super) sample: ProcessSample,
    pub(super) ended: bool,
}

impl Process {
    pub(super) fn new(pid: u32, comm: &str, start_ticks: u64) -> Process {
        let mut process = Process {
            sample: ProcessSample {
                identity: Arc::new(ProcessIdentity {
                    pid,
                    start_ticks,
                    comm: comm.into(),
                    cmdline: Some(comm.into()),
                    cgroup: Some("/".into()),
                }),
                state: 'S',
                wchan: None,
                counters: [Some(0); ProcessCounter::ALL.len()],
            },
            ended: false,
        };
        process.add(ProcessCounter::RssPages, 1000);
        process
    }

    pub(super) fn kernel_thread(pid: u32, comm: &str) -> Process {
        let mut process = Process::new(pid, comm, 1);
        Arc::make_mut(&mut process.sample.identity).cmdline = Some(String::new());
        process.sample.counters[ProcessCounter::RssPages as usize] = Some(0);
        process
    }

    fn add(&mut self, counter: ProcessCounter, step: i64) -> &mut Process {
        let value = &mut self.sample.counters[counter as usize];
        *value = value.map(|v| v.saturating_add_signed(step));
        self
    }

    /// Bytes that it read from devices.
    pub(crate) fn reads(&mut self, bytes: i64) -> &mut Process {
        self.add(ProcessCounter::ReadBytes, bytes)
    }

    /// Bytes that it dirtied, or wrote past the cache.
    pub(crate) fn writes(&mut self, bytes: i64) -> &mut Process {
        self.add(ProcessCounter::WriteChars, bytes)
            .add(ProcessCounter::WriteBytes, bytes)
    }

    /// Resident memory that came, or went.
    pub(crate) fn grows(&mut self, bytes: i64) -> &mut Process {
        self.add(ProcessCounter::RssPages, bytes / PAGE)
    }

    /// Faults that waited for a disk.
    pub(crate) fn faults(&mut self, count: i64) -> &mut Process {
        self.add(ProcessCounter::MajorFaults, count)
    }

    /// CPU time, of one CPU.
    pub(crate) fn runs(&mut self, percent_user: i64, percent_system: i64) -> &mut Process {
        self.sample.state = 'R';
        self.add(ProcessCounter::UserTicks, percent_user)
            .add(ProcessCounter::SystemTicks, percent_system)
    }

    /// Is in uninterruptible sleep when the second ends.
    pub(crate) fn sleeps_in(&mut self, wchan: &str) -> &mut Process {
        (self.sample.state, self.sample.wchan) = ('D', Some(wchan.into()));
        self
    }

    /// Its control group.
    pub(crate) fn in_group(&mut self, path: &str) -> &mut Process {
        Arc::make_mut(&mut self.sample.identity).cgroup = Some(path.into());
        self
    }

    /// Is not there any more when the second ends.
    pub(crate) fn ends(&mut self) {
        self.ended = true;
    }
}
