//! Whole looks at a made-up /proc.

use super::*;
use crate::process_known::LIGHT_EVERY;
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

    /// Says whose child it is; of whom nothing is said, that is 1.
    fn parent(&self, pid: u32, parent: u32) {
        let stat = self.0.path().join(format!("{pid}/stat"));
        let text = std::fs::read_to_string(&stat).unwrap();
        write(stat, text.replacen(" 1 1 1 ", &format!(" {parent} 1 1 "), 1)).unwrap();
    }

    fn read(&self, pid: u32, bytes: u64) {
        write(
            self.0.path().join(format!("{pid}/io")),
            format!("read_bytes: {bytes}\n"),
        )
        .unwrap();
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

#[test]
fn what_a_child_read_is_told_of_the_child_alone() {
    let proc = Proc::new();
    proc.put(7, 'S', 1, 100, 1, 5);
    proc.put(8, 'R', 500, 100, 1, 6);
    proc.parent(8, 7);
    let mut processes = proc.processes();
    assert_eq!(
        told(&processes.look().unwrap()),
        "7 S 1 1000 100; 8 R 500 500000 100"
    );
    // It ends, and its parent waits for it: the kernel adds what it read, 500,000, to the 2,000 of the parent's own.
    proc.end(8);
    proc.put(7, 'S', 2, 100, 1, 5);
    proc.read(7, 502_000);
    assert_eq!(
        told(&processes.look().unwrap()),
        "7 S 2 2000 100; 8 X 500 500000 100"
    );
    proc.put(7, 'S', 3, 100, 1, 5);
    proc.read(7, 503_000);
    assert_eq!(told(&processes.look().unwrap()), "7 S 3 3000 100");
    // It becomes another program: what it got stays what it got.
    let stat = proc.0.path().join("7/stat");
    let text = std::fs::read_to_string(&stat).unwrap().replace("(p7)", "(q7)");
    write(stat, text).unwrap();
    write(proc.0.path().join("7/schedstat"), "90000000 5 9\n").unwrap();
    assert_eq!(told(&processes.look().unwrap()), "7 X 3 3000 100; 7 S 3 3000 100");
}

#[test]
fn what_a_child_got_from_its_own_is_not_told_of_its_parent_either() {
    let proc = Proc::new();
    proc.put(7, 'S', 1, 100, 1, 5);
    proc.put(8, 'S', 2, 100, 1, 6);
    proc.put(9, 'R', 900, 100, 1, 7);
    proc.parent(8, 7);
    proc.parent(9, 8);
    let mut processes = proc.processes();
    processes.look().unwrap();
    proc.end(9);
    proc.put(8, 'S', 3, 100, 1, 6);
    proc.parent(8, 7);
    proc.read(8, 903_000);
    assert_eq!(
        told(&processes.look().unwrap()),
        "8 S 3 3000 100; 9 X 900 900000 100"
    );
    proc.end(8);
    proc.put(7, 'S', 2, 100, 1, 5);
    proc.read(7, 905_000);
    assert_eq!(told(&processes.look().unwrap()), "7 S 2 2000 100; 8 X 3 3000 100");
}
