//! taskstats (Documentation/accounting/taskstats.rst): what a task had done when it ended, told at its end, and the sums over the
//! threads of a process. It wants CAP_NET_ADMIN in the first namespaces; without it the first is what was last seen, and the second
//! is not known.

use crate::process_files::Counters;
use model::ProcessCounter::{self, *};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};

/// Ends that may wait between two looks, each some 600 bytes of kernel memory.
const RECEIVE_BYTES: libc::c_int = 4 << 20;

const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const TASKSTATS_CMD_GET: u8 = 1;
const TASKSTATS_CMD_ATTR_TGID: u16 = 2;
const TASKSTATS_CMD_ATTR_REGISTER_CPUMASK: u16 = 3;
const TASKSTATS_TYPE_STATS: u16 = 3;
const TASKSTATS_TYPE_AGGR_PID: u16 = 4;
const TASKSTATS_TYPE_AGGR_TGID: u16 = 5;
const HEADERS: usize = 20;

/// A task that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) pid: u32,
    /// The process; `None`: the kernel (before 5.19) does not say.
    pub(crate) group: Option<u32>,
    /// The process that is to wait for it.
    pub(crate) parent: Option<u32>,
    pub(crate) comm: String,
    /// Clock ticks that it lived.
    pub(crate) lived_ticks: u64,
    /// Of this task alone.
    pub(crate) counters: Counters,
}

/// A socket to the kernel's accounting.
pub(crate) struct TaskStats {
    socket: File,
    family: u16,
    ticks: u64,
    buffer: Vec<u8>,
}

impl TaskStats {
    /// For questions.
    ///
    /// # Errors
    /// When the kernel has no accounting.
    pub(crate) fn open() -> io::Result<TaskStats> {
        let mut stats = TaskStats {
            socket: socket()?,
            family: 0,
            ticks: ticks(),
            buffer: vec![0; 16 << 10],
        };
        let answer = stats.ask(
            GENL_ID_CTRL,
            CTRL_CMD_GETFAMILY,
            CTRL_ATTR_FAMILY_NAME,
            b"TASKSTATS\0",
        )?;
        let id = attribute(answer, CTRL_ATTR_FAMILY_ID).and_then(|id| id.try_into().ok());
        stats.family = u16::from_ne_bytes(id.ok_or_else(|| io::Error::other("no id of taskstats"))?);
        Ok(stats)
    }

    /// That hears of every task that ends from now on.
    ///
    /// # Errors
    /// When that is not for us, or not possible in this namespace.
    pub(crate) fn listen(possible_cpus: &str) -> io::Result<TaskStats> {
        let mut stats = TaskStats::open()?;
        let size = RECEIVE_BYTES;
        let set = |option| {
            let length = size_of::<libc::c_int>() as libc::socklen_t;
            // SAFETY: the value is an int of the length told.
            unsafe {
                libc::setsockopt(
                    stats.socket.as_raw_fd(),
                    libc::SOL_SOCKET,
                    option,
                    (&raw const size).cast(),
                    length,
                )
            }
        };
        // Beyond the limit for everybody, where that is allowed.
        if set(libc::SO_RCVBUFFORCE) != 0 {
            set(libc::SO_RCVBUF);
        }
        let cpus = [possible_cpus.trim().as_bytes(), b"\0"].concat();
        stats.ask(
            stats.family,
            TASKSTATS_CMD_GET,
            TASKSTATS_CMD_ATTR_REGISTER_CPUMASK,
            &cpus,
        )?;
        // SAFETY: sets a flag of an open file.
        let set = unsafe { libc::fcntl(stats.socket.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        match set {
            0 => Ok(stats),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Who ended since the last time. `false`: some are missing, for there was no room for them.
    pub(crate) fn exits(&mut self, out: &mut Vec<Exit>) -> bool {
        let mut complete = true;
        loop {
            match (&self.socket).read(&mut self.buffer) {
                Ok(0) => return complete,
                Ok(len) => {
                    for body in messages(&self.buffer[..len]).filter_map(Result::ok) {
                        let stats = attribute(body, TASKSTATS_TYPE_AGGR_PID)
                            .and_then(|both| attribute(both, TASKSTATS_TYPE_STATS));
                        out.extend(stats.and_then(|stats| exit(stats, self.ticks)));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => complete = false,
                Err(_) => return complete,
            }
        }
    }

    /// The scheduler's numbers of a process, summed over its threads, those that ended included.
    pub(crate) fn group(&mut self, pid: u32, counters: &mut Counters) -> io::Result<()> {
        let family = self.family;
        let answer = self.ask(
            family,
            TASKSTATS_CMD_GET,
            TASKSTATS_CMD_ATTR_TGID,
            &pid.to_ne_bytes(),
        )?;
        let stats = attribute(answer, TASKSTATS_TYPE_AGGR_TGID)
            .and_then(|both| attribute(both, TASKSTATS_TYPE_STATS))
            .ok_or_else(|| io::Error::other("an answer without numbers"))?;
        for (counter, at) in [
            (RunNanos, 72),
            (WaitNanos, 24),
            (VoluntarySwitches, 272),
            (InvoluntarySwitches, 280),
        ] {
            counters[counter as usize] = number(stats, at);
        }
        Ok(())
    }

    /// Sends one attribute and answers the attributes that come back.
    fn ask(&mut self, family: u16, command: u8, kind: u16, value: &[u8]) -> io::Result<&[u8]> {
        let padded = value.len().next_multiple_of(4);
        let length = HEADERS + 4 + padded;
        let mut message = Vec::with_capacity(length);
        message.extend((length as u32).to_ne_bytes());
        message.extend(family.to_ne_bytes());
        // What has no answer is acknowledged; of the others it would be a second message.
        let is_asked = kind != TASKSTATS_CMD_ATTR_REGISTER_CPUMASK;
        let acknowledge = if is_asked { 0 } else { libc::NLM_F_ACK };
        let flags = (libc::NLM_F_REQUEST | acknowledge) as u16;
        message.extend(flags.to_ne_bytes());
        message.extend([0; 8]);
        message.extend([command, 1, 0, 0]);
        message.extend((4 + value.len() as u16).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(value);
        message.resize(length, 0);
        (&self.socket).write_all(&message)?;
        // The answer, or a word on how it went.
        let mut end = 0;
        loop {
            let len = (&self.socket).read(&mut self.buffer[end..])?;
            let new = end..end + len;
            let done = messages(&self.buffer[new]).find_map(|message| match message {
                Err(0) => Some(Ok(())),
                Err(code) => Some(Err(io::Error::from_raw_os_error(code))),
                Ok(_) => is_asked.then_some(Ok(())),
            });
            end += len;
            if let Some(done) = done {
                done?;
                break;
            }
            if len == 0 || end == self.buffer.len() {
                return Err(io::Error::other("no answer"));
            }
        }
        Ok(messages(&self.buffer[..end]).find_map(Result::ok).unwrap_or(&[]))
    }
}

fn socket() -> io::Result<File> {
    // SAFETY: takes numbers; the descriptor that it answers is ours alone.
    let socket = unsafe {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        let fd = libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_GENERIC);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        File::from_raw_fd(fd)
    };
    // An answer that does not come must not hold us up.
    let patience = libc::timeval {
        tv_sec: 1,
        tv_usec: 0,
    };
    let length = size_of::<libc::timeval>() as libc::socklen_t;
    // SAFETY: the value is a timeval of the length told.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            (&raw const patience).cast(),
            length,
        )
    };
    Ok(socket)
}

fn ticks() -> u64 {
    // SAFETY: takes a number and answers one.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100)
}

/// The messages of a datagram: the attributes of each, or the number of an error (0: none).
fn messages(mut rest: &[u8]) -> impl Iterator<Item = Result<&[u8], i32>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let kind = u16::from_ne_bytes(rest.get(4..6)?.try_into().ok()?);
        // A length that leads nowhere ends it.
        let message = rest.get(..length).filter(|message| message.len() >= HEADERS)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(if kind == libc::NLMSG_ERROR as u16 {
            Err(-i32::from_ne_bytes(message[16..20].try_into().ok()?))
        } else {
            Ok(&message[HEADERS..])
        })
    })
}

/// The value of the first attribute of a kind.
fn attribute(mut rest: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16::from_ne_bytes(rest.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(rest.get(2..4)?.try_into().ok()?) & 0x3fff;
        // One that is shorter than its own head is refused here.
        let value = rest.get(4..length)?;
        if kind == wanted {
            return Some(value);
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

fn number(stats: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(stats.get(at..at + 8)?.try_into().ok()?))
}

/// struct taskstats (include/uapi/linux/taskstats.h), which only grows at its end.
fn exit(stats: &[u8], ticks: u64) -> Option<Exit> {
    let small = |at: usize| Some(u32::from_ne_bytes(stats.get(at..at + 4)?.try_into().ok()?));
    let version = u16::from_ne_bytes(stats.get(..2)?.try_into().ok()?);
    let name = stats.get(80..112)?.split(|&b| b == 0).next()?;
    let in_ticks = |microseconds: u64| (u128::from(microseconds) * u128::from(ticks) / 1_000_000) as u64;
    let mut counters: Counters = [None; ProcessCounter::ALL.len()];
    const AT: [(ProcessCounter, usize); 14] = [
        (WaitNanos, 24),
        (RunNanos, 72),
        (MinorFaults, 168),
        (MajorFaults, 176),
        (RssPeakKib, 200),
        (ReadChars, 216),
        (WriteChars, 224),
        (ReadCalls, 232),
        (WriteCalls, 240),
        (ReadBytes, 248),
        (WriteBytes, 256),
        (CancelledWriteBytes, 264),
        (VoluntarySwitches, 272),
        (InvoluntarySwitches, 280),
    ];
    for (counter, at) in AT {
        counters[counter as usize] = number(stats, at);
    }
    for (counter, at) in [(UserTicks, 152), (SystemTicks, 160)] {
        counters[counter as usize] = number(stats, at).map(in_ticks);
    }
    Some(Exit {
        pid: small(128)?,
        group: if version >= 12 { small(368) } else { None },
        parent: small(132),
        comm: String::from_utf8_lossy(name).into_owned(),
        lived_ticks: in_ticks(number(stats, 144)?),
        counters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An end of task 8 of process 7, as the kernel sends it.
    fn message() -> Vec<u8> {
        let mut stats = vec![0u8; 416];
        let mut put = |at: usize, value: &[u8]| stats[at..at + value.len()].copy_from_slice(value);
        put(0, &13u16.to_ne_bytes());
        put(80, b"dd) x");
        put(128, &8u32.to_ne_bytes());
        put(132, &5u32.to_ne_bytes());
        put(144, &2_050_000u64.to_ne_bytes());
        put(152, &30_000u64.to_ne_bytes());
        put(248, &4096u64.to_ne_bytes());
        put(368, &7u32.to_ne_bytes());
        let attribute = |kind: u16, value: &[u8]| {
            [
                &(4 + value.len() as u16).to_ne_bytes(),
                &kind.to_ne_bytes(),
                value,
            ]
            .concat()
        };
        let both = [
            attribute(1, &8u32.to_ne_bytes()),
            attribute(6, b""),
            attribute(3, &stats),
        ]
        .concat();
        let body = [vec![3, 1, 0, 0], attribute(4, &both)].concat();
        let mut message = (16 + body.len() as u32).to_ne_bytes().to_vec();
        message.extend(30u16.to_ne_bytes());
        message.extend([0; 10]);
        message.extend(body);
        message
    }

    fn exits(datagram: &[u8]) -> Vec<Exit> {
        let of = |body| attribute(attribute(body, TASKSTATS_TYPE_AGGR_PID)?, TASKSTATS_TYPE_STATS);
        messages(datagram)
            .filter_map(|m| exit(of(m.ok()?)?, 100))
            .collect()
    }

    #[test]
    fn an_end_is_read() {
        let both = [message(), message()].concat();
        let read = exits(&both);
        assert_eq!(read.len(), 2);
        let one = &read[0];
        assert_eq!(
            (one.pid, one.group, one.parent, one.comm.as_str(), one.lived_ticks),
            (8, Some(7), Some(5), "dd) x", 205)
        );
        let of = |counter| one.counters[counter as usize];
        assert_eq!(
            (of(UserTicks), of(ReadBytes), of(RssPages)),
            (Some(3), Some(4096), None)
        );
    }

    #[test]
    fn messages_cut_anywhere_are_none() {
        let whole = message();
        for end in 0..whole.len() {
            assert!(exits(&whole[..end]).is_empty(), "{end}");
        }
        for at in 0..whole.len() {
            let mut bad = whole.clone();
            bad[at] = !bad[at];
            exits(&bad);
        }
    }

    #[test]
    fn the_kernel_tells_of_a_child_that_ended_and_of_our_threads() {
        let possible = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
        let mut listener = match TaskStats::listen(&possible) {
            Ok(listener) => listener,
            Err(error) => return eprintln!("not tested, taskstats is not for us here: {error}"),
        };
        let mut counters = [None; ProcessCounter::ALL.len()];
        TaskStats::open()
            .unwrap()
            .group(std::process::id(), &mut counters)
            .unwrap();
        assert!(counters[RunNanos as usize].unwrap() > 0);
        let child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait_with_output().unwrap();
        let mut ended = Vec::new();
        while !ended.iter().any(|exit: &Exit| exit.pid == pid) {
            assert!(listener.exits(&mut ended));
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let child = ended.iter().find(|exit| exit.pid == pid).unwrap();
        assert_eq!(child.comm, "true");
        assert!(child.group.is_none_or(|group| group == pid));
    }
}
