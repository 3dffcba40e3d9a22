//! The thread that looks at the processes, with a beat and times of its own: a file of a process may wait for a lock that a sick disk
//! holds, and the system's files must not wait with it.

use crate::clock::{Grid, Instant, monotonic};
use crate::processes::Processes;
use crate::recorder::{Message, Sender};
use crate::say;
use model::{Gap, Nanos};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Processes are looked at once a second at most.
const EVERY: Nanos = 1_000_000_000;

/// A little after the beat, so as not to be in the way of what is read on it.
const PHASE: Nanos = 50_000_000;

/// Starts the thread. It ends when recording does.
///
/// # Errors
/// When there can be no thread.
pub(crate) fn start(proc: &Path, interval: Nanos, sender: Sender) -> std::io::Result<()> {
    let mut processes = Processes::new(proc)?;
    let mut grid = Grid::new(monotonic() - PHASE, interval.max(EVERY));
    let counts = sender.counts();
    let work = move || {
        let mut before: Option<Instant> = None;
        let mut stuck = None;
        let mut trouble: Option<String> = None;
        while wait_until(grid.due() + PHASE, &sender) {
            let now = Instant::now();
            let late = grid.keep(now.monotonic - PHASE);
            if let (Some(late), Some(before)) = (late, before) {
                let why = format!(
                    "processes were looked at {:.1} s late: one look took so long",
                    late as f64 / 1e9
                );
                say(&why);
                sender.send(Message::Gap(Gap {
                    from: before.wall.min(now.wall),
                    to: now.wall.max(before.wall),
                    source: Some("processes".into()),
                    why,
                }));
            }
            before = Some(now);
            let looked = processes.look();
            let took = u64::try_from((monotonic() - now.monotonic) / 1000).unwrap_or(0);
            counts.looks.fetch_add(1, Relaxed);
            counts.look_us.fetch_add(took, Relaxed);
            processes.count(&counts);
            match looked {
                Ok(look) => {
                    trouble = None;
                    if !look.samples.is_empty() && !sender.send(Message::Processes(look)) {
                        processes.lost();
                    }
                }
                Err(error) => {
                    let why = error.to_string();
                    if trouble.as_ref() != Some(&why) {
                        say(&format!("processes: not recorded: {why}"));
                    }
                    trouble = Some(why);
                }
            }
            if processes.stuck() != stuck {
                stuck = processes.stuck();
                match stuck {
                    Some(pid) => say(&format!(
                        "process {pid}: its command line does not come, as when its memory is locked; names of new processes wait for it"
                    )),
                    None => say("processes: command lines come again"),
                }
            }
        }
    };
    std::thread::Builder::new()
        .name("processes".into())
        .stack_size(512 << 10)
        .spawn(work)
        .map(drop)
}

/// Sleeps until a point on the monotonic clock; `false` when recording has ended before. Nobody waits for this thread, so it looks
/// for that when it is due only.
fn wait_until(due: Nanos, sender: &Sender) -> bool {
    if let Ok(rest) = u64::try_from(due - monotonic()) {
        std::thread::sleep(Duration::from_nanos(rest));
    }
    !sender.is_closed()
}
