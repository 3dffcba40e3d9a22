//! The rare events of reclaim with their exact times: kswapd's wake with its order, the first direct reclaim of a second, the OOM
//! killer's victim. They come from an instance of tracefs of our own, `highwater-PID`, which is removed at the end; one that a killed
//! collector left is removed at the next start. Neither the machine's own tracing nor anybody's instance is touched.

use crate::clock::Instant;
use crate::recorder::{Message, Sender};
use crate::say;
use model::{Event, UnixNanos};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

const ROOTS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Group, event, and how many of a second are kept.
const EVENTS: [(&str, &str, usize); 3] = [
    ("vmscan", "mm_vmscan_kswapd_wake", 8),
    ("vmscan", "mm_vmscan_direct_reclaim_begin", 1),
    ("oom", "mark_victim", 64),
];

/// KiB for each CPU. When they are full the newest are lost, not the first.
const BUFFER: &str = "64";

/// Events of a kind in a second above which it is switched off for some seconds: a storm is told by its beginning.
const STORM: usize = 200;
const PAUSE_SECONDS: u32 = 5;

const PREFIX: &str = "highwater-";

/// A tracing instance of our own. It is gone when this is.
#[derive(Debug)]
pub(crate) struct Instance {
    path: PathBuf,
    pipe: Option<File>,
}

impl Instance {
    /// Makes one and switches the events on; removes those that nobody holds any more.
    ///
    /// # Errors
    /// When tracefs is not mounted, or not for us, or has none of the events.
    pub(crate) fn make() -> io::Result<Instance> {
        let root = ROOTS
            .iter()
            .map(|root| Path::new(root).join("instances"))
            .find(|path| path.is_dir())
            .ok_or_else(|| io::Error::other("tracefs is not mounted"))?;
        remove_stale(&root, Path::new("/proc"));
        let path = root.join(format!("{PREFIX}{}", std::process::id()));
        std::fs::create_dir(&path)?;
        let mut instance = Instance { path, pipe: None };
        instance.set("options/overwrite", "0")?;
        instance.set("trace_clock", "mono")?;
        instance.set("buffer_size_kb", BUFFER)?;
        let pipe = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(instance.path.join("trace_pipe"))?;
        instance.pipe = Some(pipe);
        let on = EVENTS
            .iter()
            .filter(|(group, event, _)| instance.switch(group, event, true).is_ok());
        match on.count() {
            0 => Err(io::Error::other("this kernel has none of the events")),
            _ => Ok(instance),
        }
    }

    fn set(&self, name: &str, value: &str) -> io::Result<()> {
        std::fs::write(self.path.join(name), value)
    }

    fn switch(&self, group: &str, event: &str, on: bool) -> io::Result<()> {
        self.set(
            &format!("events/{group}/{event}/enable"),
            if on { "1" } else { "0" },
        )
    }

    fn read(&mut self, text: &mut Vec<u8>) {
        text.clear();
        if let Some(pipe) = &mut self.pipe {
            // It ends with "would block" when all was read; what came until then is in `text`.
            let _ = pipe.take(1 << 20).read_to_end(text);
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It cannot be removed while it is read.
        self.pipe = None;
        if let Err(error) = std::fs::remove_dir(&self.path) {
            say(&format!("{}: cannot be removed: {error}", self.path.display()));
        }
    }
}

/// Removes instances of collectors that are no more.
fn remove_stale(root: &Path, proc: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let Some(pid) = pid.and_then(|pid| pid.parse::<u32>().ok()) else {
            continue;
        };
        let holder = std::fs::read_to_string(proc.join(format!("{pid}/comm"))).unwrap_or_default();
        let own = std::fs::read_to_string(proc.join("self/comm")).unwrap_or_default();
        if holder != own || pid == std::process::id() {
            // Whoever else may still read it keeps it.
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

/// Starts the thread that reads them; nothing where they cannot be had. It ends soon after recording does, its instance removed.
///
/// # Errors
/// When there can be no thread.
pub(crate) fn start(sender: Sender) -> io::Result<Option<JoinHandle<()>>> {
    let Ok(mut instance) = Instance::make() else {
        return Ok(None);
    };
    let work = move || {
        let mut text = Vec::new();
        let mut paused: [u32; EVENTS.len()] = [0; EVENTS.len()];
        while !sender.is_closed() {
            for _ in 0..4 {
                if !sender.is_closed() {
                    std::thread::sleep(Duration::from_millis(250));
                }
            }
            instance.read(&mut text);
            let (events, counts) = events(&String::from_utf8_lossy(&text), &Instant::now());
            for ((group, event, _), (count, paused)) in EVENTS.iter().zip(counts.into_iter().zip(&mut paused))
            {
                if count > STORM {
                    // Where that fails it goes on as it is.
                    let _ = instance.switch(group, event, false);
                    *paused = PAUSE_SECONDS;
                } else if *paused > 0 {
                    *paused -= 1;
                    if *paused == 0 {
                        let _ = instance.switch(group, event, true);
                    }
                }
            }
            if !events.is_empty() {
                sender.send(Message::Events(events));
            }
        }
    };
    std::thread::Builder::new()
        .name("tracepoints".into())
        .stack_size(256 << 10)
        .spawn(work)
        .map(Some)
}

/// The events of a text of trace_pipe that are kept, and how many there were of each kind.
fn events(text: &str, now: &Instant) -> (Vec<Event>, [usize; EVENTS.len()]) {
    let mut counts = [0; EVENTS.len()];
    let mut kept = Vec::new();
    for line in text.lines() {
        for ((_, name, most), count) in EVENTS.iter().zip(&mut counts) {
            let Some(event) = event(line, name, now) else {
                continue;
            };
            *count += 1;
            if *count <= *most {
                kept.push(event);
            }
        }
    }
    (kept, counts)
}

/// `      dd-812     [001] ..... 1234.567890: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=…`. A task's name has 15 bytes at most,
/// too few for a time and an event's name.
fn event(line: &str, name: &str, now: &Instant) -> Option<Event> {
    let (head, detail) = line.split_once(&format!(": {name}: "))?;
    let (task, time) = head.rsplit_once(char::is_whitespace)?;
    let (seconds, micros) = time.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if micros.len() != 6 || !digits(micros) || !digits(seconds) {
        return None;
    }
    let monotonic = seconds
        .parse::<i64>()
        .ok()?
        .checked_mul(1_000_000)?
        .checked_add(micros.parse().ok()?)?
        .checked_mul(1000)?;
    let task = task.rsplit_once('[').map_or("", |(task, _)| task.trim());
    Some(Event {
        at: UnixNanos(now.wall.0.checked_add(monotonic.checked_sub(now.monotonic)?)?),
        kind: name.to_string(),
        detail: format!("{} task={task}", detail.trim_end()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant {
        wall: UnixNanos(1_000_000_000_000),
        monotonic: 50_000_000_000,
        boottime: 0,
    };

    #[test]
    fn lines_are_events_and_storms_are_told_by_their_beginning() {
        let mut text = String::from(
            "         kswapd0-64      [001] .....    49.250000: mm_vmscan_kswapd_wake: nid=0 order=9\n\
             CPU:0 [LOST 12 EVENTS]\n",
        );
        for i in 0..300 {
            text += &format!(
                "   a [0] b: c-812     [000] .....    49.{i:06}: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL\n"
            );
        }
        let (events, counts) = events(&text, &NOW);
        let told: Vec<_> = events
            .iter()
            .map(|e| format!("{} {} {}", e.at.0, e.kind, e.detail))
            .collect();
        assert_eq!(
            told,
            [
                "999250000000 mm_vmscan_kswapd_wake nid=0 order=9 task=kswapd0-64",
                "999000000000 mm_vmscan_direct_reclaim_begin order=0 gfp_flags=GFP_KERNEL task=a [0] b: c-812",
            ]
        );
        assert_eq!(counts, [1, 300, 0]);
    }

    #[test]
    fn garbage_is_no_event() {
        for line in [
            "",
            ": mark_victim: ",
            "x 1.5: mark_victim: pid=1",
            "x [000] .. 99999999999999.000000: mark_victim: pid=1",
            "x [000] .. -1.000000: mark_victim: pid=1",
        ] {
            assert_eq!(event(line, "mark_victim", &NOW), None, "{line}");
        }
    }

    #[test]
    fn only_what_a_dead_collector_left_is_removed() {
        let folder = tempfile::TempDir::new().unwrap();
        let own = std::fs::read_to_string("/proc/self/comm").unwrap();
        let put = |name: &str, comm: &str| {
            std::fs::create_dir_all(folder.path().join("proc").join(name)).unwrap();
            std::fs::write(folder.path().join("proc").join(name).join("comm"), comm).unwrap();
        };
        put("self", &own);
        put("7", &own);
        put("8", "dd\n");
        let instances = folder.path().join("instances");
        for name in [
            "highwater-7",
            "highwater-8",
            "highwater-9",
            "highwater-x",
            "other",
        ] {
            std::fs::create_dir_all(instances.join(name)).unwrap();
        }
        remove_stale(&instances, &folder.path().join("proc"));
        let mut left: Vec<_> = std::fs::read_dir(&instances)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["highwater-7", "highwater-x", "other"]);
    }

    #[test]
    fn the_instance_goes_with_its_owner() {
        let instance = match Instance::make() {
            Ok(instance) => instance,
            Err(error) => return eprintln!("not tested, tracefs is not for us here: {error}"),
        };
        let path = instance.path.clone();
        assert!(path.is_dir());
        drop(instance);
        assert!(!path.exists());
    }
}
