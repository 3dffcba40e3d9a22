//! The files of processes, as far as their rows tell them.
//!
//! A file whose fields have names (`io`, `status`) has those that are known. Of one whose fields have places only (`stat`,
//! `schedstat`) some are not recorded, and a made-up number in their place could not be told from a true one: it is left out.

use super::tree::Tree;
use model::{ProcessCounter, ProcessCounter::*, ProcessSample, ProcessTick};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What is never there, and why; for the list of what is missing.
pub(super) const MISSING: [&str; 4] = [
    "proc/PID/stat, proc/PID/schedstat: not all of their fields are recorded",
    "proc/PID/io, proc/PID/status: lines that are not here are not recorded",
    "proc/PID/cmdline: arguments are parted by blanks instead of zeroes, and cut after 4096 bytes",
    "proc/PID/cgroup: which hierarchy the path is of is not recorded; the file says version 2",
];

/// The last row of each process that was alive at the end.
pub(super) fn alive(looks: &[ProcessTick]) -> BTreeMap<u32, &ProcessSample> {
    let mut alive = BTreeMap::new();
    for look in looks {
        if look.complete {
            alive.clear();
        }
        // Who became another program ends and begins in one look, in this order.
        for sample in &look.samples {
            match sample.state {
                'X' => alive.remove(&sample.identity.pid),
                _ => alive.insert(sample.identity.pid, sample),
            };
        }
    }
    alive
}

/// Adds what is known of one process.
pub(super) fn add(tree: &mut Tree, sample: &ProcessSample) -> Result<(), &'static str> {
    let identity = &sample.identity;
    let mut file = |name: &str, text: String| tree.add(&format!("proc/{}/{name}", identity.pid), text);
    file("comm", format!("{}\n", identity.comm))?;
    file("status", status(sample))?;
    if let Some(cmdline) = &identity.cmdline {
        file("cmdline", cmdline.clone())?;
    }
    if let Some(path) = &identity.cgroup {
        file("cgroup", format!("0::{path}\n"))?;
    }
    let io = io(sample);
    if !io.is_empty() {
        file("io", io)?;
    }
    if let Some(wchan) = &sample.wchan {
        file("wchan", wchan.clone())?;
    }
    if let Some(score) = sample
        .get(OomScoreAdjPlus1000)
        .and_then(|v| i64::try_from(v).ok())
    {
        file("oom_score_adj", format!("{}\n", score - 1000))?;
    }
    Ok(())
}

fn io(sample: &ProcessSample) -> String {
    const LINES: [(&str, ProcessCounter); 7] = [
        ("rchar", ReadChars),
        ("wchar", WriteChars),
        ("syscr", ReadCalls),
        ("syscw", WriteCalls),
        ("read_bytes", ReadBytes),
        ("write_bytes", WriteBytes),
        ("cancelled_write_bytes", CancelledWriteBytes),
    ];
    LINES
        .iter()
        .filter_map(|(key, counter)| Some(format!("{key}: {}\n", sample.get(*counter)?)))
        .collect()
}

/// The lines in the order and the columns of fs/proc/array.c and fs/proc/task_mmu.c.
fn status(sample: &ProcessSample) -> String {
    let identity = &sample.identity;
    // As the kernel does, so that a name cannot begin a line of its own.
    let name = identity.comm.replace('\\', "\\\\").replace('\n', "\\n");
    let mut text = format!("Name:\t{name}\n");
    if let Some(word) = state_word(sample.state) {
        let _ = writeln!(text, "State:\t{} ({word})", sample.state);
    }
    let _ = writeln!(text, "Tgid:\t{0}\nPid:\t{0}", identity.pid);
    let resident = [RssAnonKib, RssFileKib, RssShmemKib].map(|counter| sample.get(counter));
    let sum = resident
        .iter()
        .copied()
        .try_fold(0u64, |sum, part| sum.checked_add(part?));
    let sizes = [
        ("VmRSS", sum),
        ("RssAnon", resident[0]),
        ("RssFile", resident[1]),
        ("RssShmem", resident[2]),
        ("VmSwap", sample.get(SwapKib)),
    ];
    for (key, size) in sizes {
        if let Some(size) = size {
            let _ = writeln!(text, "{key}:\t{size:>8} kB");
        }
    }
    let counts = [
        ("Threads", Threads),
        ("voluntary_ctxt_switches", VoluntarySwitches),
        ("nonvoluntary_ctxt_switches", InvoluntarySwitches),
    ];
    for (key, counter) in counts {
        if let Some(count) = sample.get(counter) {
            let _ = writeln!(text, "{key}:\t{count}");
        }
    }
    text
}

/// task_state_array of fs/proc/array.c.
fn state_word(state: char) -> Option<&'static str> {
    Some(match state {
        'R' => "running",
        'S' => "sleeping",
        'D' => "disk sleep",
        'T' => "stopped",
        't' => "tracing stop",
        'Z' => "zombie",
        'P' => "parked",
        'I' => "idle",
        _ => return None,
    })
}
