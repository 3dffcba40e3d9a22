//! A place in memory and on the CPU that an incident does not take away.
//!
//! When memory is short, a page that is not there yet is what a tick would wait for: a new one has to be reclaimed from somebody, one
//! of the program's own text has to be read from a disk that is at its limit. So all of it is there before the first tick.

use std::io;

/// Touched at the start and kept by the allocator: more than the ticks that may wait in memory take, with what a tick needs itself.
#[cfg(target_env = "gnu")]
const HEAP: usize = 8 << 20;

/// How much before others the sampling thread is scheduled: between them, a tick waits for a turn.
const NICE: libc::c_int = -10;

/// Keeps our memory from being reclaimed, us from being the OOM killer's choice, and the calling thread from waiting for the CPU,
/// where that is allowed. Answers what was not.
pub(crate) fn hold_our_place() -> Vec<String> {
    let mut refused = Vec::new();
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "-900") {
        refused.push(format!(
            "the OOM killer may choose the collector: oom_score_adj: {error}"
        ));
    }
    // What was touched stays; what never is takes no room. That needs Linux 4.4.
    // SAFETY: takes flags only.
    let locked = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) };
    if locked != 0 {
        let error = io::Error::last_os_error();
        refused.push(format!(
            "memory is not locked and may be paged out: mlockall: {error}"
        ));
    } else {
        bring_in_programs();
        touch_heap();
    }
    // SAFETY: takes numbers only. On Linux 0 is the calling thread, not its whole process.
    if unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) } != 0 {
        let error = io::Error::last_os_error();
        refused.push(format!(
            "ticks may be late on a busy machine: nice {NICE}: {error}"
        ));
    }
    refused
}

/// Reads in the text of the program and its libraries, and keeps it: also what runs only when something goes wrong.
fn bring_in_programs() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, end) in maps.lines().filter_map(program) {
        // SAFETY: locking changes no content, and a range that went away meanwhile is refused. What does not fit under the limit
        // stays as it is.
        unsafe { libc::mlock(start as *const libc::c_void, end - start) };
    }
}

/// The addresses of a line of /proc/PID/maps, if it is a file's that can be executed.
fn program(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let (rights, file) = (words.next()?, words.nth(3)?);
    let address = |text| usize::from_str_radix(text, 16).ok();
    (rights.contains('x') && file.starts_with('/')).then_some((address(start)?, address(end)?))
}

/// Makes the allocator own memory that is there already, and never give it back.
fn touch_heap() {
    #[cfg(target_env = "gnu")]
    {
        const NEVER: libc::c_int = libc::c_int::MAX;
        // SAFETY: sets two numbers of the allocator, which other allocators do not have.
        unsafe {
            libc::mallopt(libc::M_TRIM_THRESHOLD, NEVER);
            libc::mallopt(libc::M_MMAP_THRESHOLD, NEVER);
        }
        std::hint::black_box(vec![1u8; HEAP]);
    }
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn programs_among_mappings() {
        let of = |line| program(line).map(|(from, to)| format!("{from:x} {to:x}"));
        let text = "7f00-7f80 r-xp 00001000 fe:00 1234                       /usr/lib/libc.so.6";
        assert_eq!(of(text).as_deref(), Some("7f00 7f80"));
        for other in [
            "7f00-7f80 r--p 00001000 fe:00 1234                       /usr/lib/libc.so.6",
            "7f00-7f80 r-xp 00000000 00:00 0                          [vdso]",
            "7f00-7f80 rw-p 00000000 00:00 0",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn our_own_text_is_found() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let here = our_own_text_is_found as *const () as usize;
        assert!(
            maps.lines()
                .filter_map(program)
                .any(|(from, to)| (from..to).contains(&here))
        );
    }
}
