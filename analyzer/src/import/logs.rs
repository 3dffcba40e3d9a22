//! The logs of a recording, side by side: which blocks are one tick.
//!
//! The recorder reads one file after the other, always in the same order, so every block of a tick lies before any block of
//! the next. A log that misses a block therefore does not shift those behind it, and a recorder that was held up in the
//! middle of a tick (as they are, in an incident) does not break the tick in two.

use super::blocks::{Block, Blocks};
use super::files::Files;
use super::{Error, Result};
use model::{Nanos, UnixNanos};
use std::collections::VecDeque;

/// One `proc/X.log`.
struct Log {
    name: String,
    blocks: Blocks,
    /// Up to two blocks that were read ahead.
    ahead: VecDeque<Block>,
    /// Where it stood in the first tick that it was part of.
    place: Option<usize>,
}

/// All logs of a recording.
pub(super) struct Logs {
    logs: Vec<Log>,
}

/// A block of a tick.
#[derive(Debug)]
pub(super) struct TickBlock {
    /// Index of the log, in the order of [`Logs::names`].
    pub(super) log: usize,
    /// What was read.
    pub(super) block: Block,
    /// Whether nothing follows in this log.
    pub(super) is_last: bool,
}

/// `X` of `proc/X.log`.
pub(super) fn log_name(file: &str) -> Option<&str> {
    file.strip_prefix("proc/")?.strip_suffix(".log")
}

impl Log {
    fn open(files: &Files, name: &str) -> Result<Option<Log>> {
        let file = format!("proc/{name}.log");
        let Some(reader) = files.read(&file)? else {
            return Ok(None);
        };
        // Names of processes and log messages hold whatever somebody put there; files of the kernel's own are plain text.
        let plain_text = !matches!(name, "pids" | "kmsg");
        let blocks = Blocks::new(&file, reader, plain_text);
        Ok(Some(Log {
            name: name.to_owned(),
            blocks,
            ahead: VecDeque::new(),
            place: None,
        }))
    }
}

impl Logs {
    pub(super) fn open(files: &Files) -> Result<Logs> {
        let names = files.names().filter_map(log_name);
        Ok(Logs {
            logs: names
                .filter_map(|name| Log::open(files, name).transpose())
                .collect::<Result<_>>()?,
        })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.logs.iter().map(|log| log.name.as_str())
    }

    /// The blocks of the next tick in order of time; `None` at the end.
    pub(super) fn next_tick(&mut self) -> Result<Option<Vec<TickBlock>>> {
        for log in &mut self.logs {
            while log.ahead.len() < 2 {
                let Some(block) = log.blocks.next()? else { break };
                log.ahead.push_back(block);
            }
        }
        let mut heads: Vec<(UnixNanos, usize)> = (self.logs.iter().enumerate())
            .filter_map(|(i, log)| Some((log.ahead.front()?.at, i)))
            .collect();
        heads.sort();
        let mut end = UnixNanos(i64::MAX);
        let mut furthest_place = 0;
        let mut tick = Vec::with_capacity(heads.len());
        for (at, index) in heads {
            let log = &mut self.logs[index];
            // Out of its order: it missed this tick, and this is the next one's block.
            let is_early = log.place.is_some_and(|place| place < furthest_place);
            if at >= end || is_early {
                break;
            }
            let Some(block) = log.ahead.pop_front() else {
                continue;
            };
            furthest_place = furthest_place.max(*log.place.get_or_insert(tick.len()));
            end = log.ahead.front().map_or(end, |next| end.min(next.at));
            tick.push(TickBlock {
                log: index,
                block,
                is_last: log.ahead.is_empty(),
            });
        }
        Ok((!tick.is_empty()).then_some(tick))
    }
}

/// When a recording starts, and how often it reads.
pub(super) struct Beat {
    /// The earliest stamp.
    pub(super) first: UnixNanos,
    /// Nominal time between ticks.
    pub(super) interval: Nanos,
}

impl Beat {
    /// From the first blocks of the logs; an error when there is none.
    pub(super) fn of(files: &Files) -> Result<Beat> {
        // All logs are read in one rhythm, so that some hundred blocks tell it.
        const ENOUGH: usize = 300;
        let mut first: Option<UnixNanos> = None;
        let mut steps: Vec<Nanos> = Vec::new();
        for mut log in Logs::open(files)?.logs {
            let mut last: Option<UnixNanos> = None;
            while let Some(block) = log.blocks.next()? {
                first = Some(first.map_or(block.at, |first| first.min(block.at)));
                steps.extend(last.replace(block.at).map(|last| block.at.0 - last.0));
                if steps.len() >= ENOUGH {
                    break;
                }
            }
        }
        let first =
            first.ok_or_else(|| Error::whole("proc", "no log with a block in it: the recording is empty"))?;
        steps.sort_unstable();
        Ok(Beat {
            first,
            interval: steps
                .get(steps.len() / 2)
                .map_or(1_000_000_000, |&step| nominal(step)),
        })
    }
}

/// The interval that a recorder was told, from the one it kept: to a tenth of a second, or to 10 ms when short.
fn nominal(step: Nanos) -> Nanos {
    let unit = if step >= 450_000_000 {
        100_000_000
    } else {
        10_000_000
    };
    ((step + unit / 2) / unit * unit).max(unit)
}

/// MemTotal of the first meminfo.
pub(super) fn memory_bytes(files: &Files) -> Result<Option<u64>> {
    let Some(mut log) = Log::open(files, "meminfo")? else {
        return Ok(None);
    };
    let Some(block) = log.blocks.next()? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&block.text);
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    Ok(kib
        .and_then(|kib| kib.parse::<u64>().ok())
        .and_then(|kib| kib.checked_mul(1024)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// Each log as `name: seconds seconds …`; shows the ticks that are made of them.
    #[track_caller]
    fn check(logs: &[&str], expected: Expect) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("proc")).unwrap();
        for log in logs {
            let (name, stamps) = log.split_once(": ").unwrap();
            let text: String = stamps.split(' ').map(|s| format!("@ {s:0<11}\n1\n")).collect();
            std::fs::write(folder.path().join(format!("proc/{name}.log")), text).unwrap();
        }
        let mut logs = Logs::open(&Files::open(folder.path()).unwrap()).unwrap();
        let mut shown = String::new();
        while let Some(tick) = logs.next_tick().unwrap() {
            let show = |b: &TickBlock| format!("{}@{:.1}", logs.logs[b.log].name, b.block.at.seconds());
            shown += &format!("{}\n", tick.iter().map(show).collect::<Vec<_>>().join(" "));
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn blocks_of_one_tick_are_found_together() {
        check(
            &["a: 1.0 2.0 3.0", "b: 1.1 2.1 3.1", "c: 1.2 2.2 3.2"],
            expect![[r#"
                a@1.0 b@1.1 c@1.2
                a@2.0 b@2.1 c@2.2
                a@3.0 b@3.1 c@3.2
            "#]],
        );
    }

    #[test]
    fn a_log_that_misses_a_block_does_not_shift_the_rest() {
        check(
            &["a: 1.0 2.0 3.0 4.0", "b: 1.1 3.1 4.1", "c: 1.2 2.2 3.2 4.2"],
            expect![[r#"
                a@1.0 b@1.1 c@1.2
                a@2.0 c@2.2
                a@3.0 b@3.1 c@3.2
                a@4.0 b@4.1 c@4.2
            "#]],
        );
        check(
            &["a: 1.0 3.0 4.0", "b: 1.1 2.1 3.1 4.1"],
            expect![[r#"
            a@1.0 b@1.1
            b@2.1
            a@3.0 b@3.1
            a@4.0 b@4.1
        "#]],
        );
        check(
            &["a: 1.0 2.0", "b: 1.1 2.1 3.1 4.1", "c: 4.2"],
            expect![[r#"
            a@1.0 b@1.1
            a@2.0 b@2.1
            b@3.1
            b@4.1 c@4.2
        "#]],
        );
    }

    #[test]
    fn a_recorder_that_was_held_up_makes_one_tick() {
        check(
            &["a: 1.0 2.0 6.0", "b: 1.1 5.1 6.1", "c: 1.2 5.2 6.2"],
            expect![[r#"
                a@1.0 b@1.1 c@1.2
                a@2.0 b@5.1 c@5.2
                a@6.0 b@6.1 c@6.2
            "#]],
        );
    }

    #[test]
    fn intervals_are_rounded_to_what_was_asked_for() {
        let kept = [
            1_000_130_000,
            999_870_000,
            100_240_000,
            499_000_000,
            60_000_400_000,
            3_000_000,
        ];
        let asked = [
            1_000_000_000,
            1_000_000_000,
            100_000_000,
            500_000_000,
            60_000_000_000,
            10_000_000,
        ];
        assert_eq!(kept.map(nominal), asked);
    }
}
