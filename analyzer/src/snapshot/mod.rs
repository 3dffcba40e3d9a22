//! A tree shaped like /proc and /sys, as of a moment, for tools that read a machine there.
//!
//! Kernel files are byte for byte as they were. What is known in part is there in part, where a reader can tell; what is not
//! known is not there, and `MANIFEST` says so.

mod facts;
mod processes;
mod tree;

use crate::cat::{Answer, STALE_INTERVALS, cat};
use chrono::{DateTime, SecondsFormat, Utc};
use model::{Boot, TimeSpan, UnixNanos};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use store::Reader;

pub use tree::Tree;

/// The file that says what is there and what is not.
pub const MANIFEST: &str = "MANIFEST";

/// The record as of a moment.
#[derive(Debug)]
pub struct Snapshot {
    /// `proc/…`, `sys/…` and [`MANIFEST`].
    pub tree: Tree,
    /// Kernel files whose last reading of this boot is too old to say anything of that moment, with its time.
    pub stale: Vec<(Arc<str>, UnixNanos)>,
}

/// Takes the record as of `at`. `None`: no kernel file was read within three intervals before it.
///
/// # Errors
/// When the database cannot be read.
pub fn snapshot(reader: &Reader, at: UnixNanos) -> store::Result<Option<Snapshot>> {
    let mut draft = Draft::default();
    let Some((boot, span)) = draft.files(reader, at)? else {
        return Ok(None);
    };
    let boot = reader.boots()?.swap_remove(boot);
    draft.machine(&boot);
    draft.facts(reader, at)?;
    draft.processes(reader, span)?;
    let manifest = draft.manifest(&boot, at);
    let Draft { mut tree, stale, .. } = draft;
    tree.add(MANIFEST, manifest)
        .expect("all else lies in proc and sys");
    Ok(Some(Snapshot { tree, stale }))
}

#[derive(Default)]
struct Draft {
    tree: Tree,
    /// When each kernel file was read.
    read: BTreeMap<String, UnixNanos>,
    stale: Vec<(Arc<str>, UnixNanos)>,
    /// What was recorded and is not here, and why.
    left_out: Vec<String>,
}

impl Draft {
    /// Files that were read as such. The answer is the boot of the newest, and the span in which the rest must lie.
    fn files(&mut self, reader: &Reader, at: UnixNanos) -> store::Result<Option<(usize, TimeSpan)>> {
        let Some(extent) = reader.extent()?.filter(|extent| extent.from <= at) else {
            return Ok(None);
        };
        let mut newest: Option<(UnixNanos, Arc<str>)> = None;
        for source in reader.sources(TimeSpan::new(extent.from, at))? {
            if *source == *sources::averages().name {
                continue;
            }
            match cat(reader, &source, at)? {
                Answer::Bytes { at, bytes } => {
                    let path = path_of(&source);
                    match self.tree.add(&path, bytes) {
                        Ok(()) => drop(self.read.insert(path, at)),
                        Err(why) => self.leave_out(&source, why),
                    }
                    newest = newest.max(Some((at, source)));
                }
                // The files of a control group go with it.
                Answer::Stale {
                    last,
                    other_boot: false,
                } if !source.starts_with("cgroup/") => {
                    self.stale.push((source, last));
                }
                Answer::Stale { .. } | Answer::Never => {}
            }
        }
        let Some((_, source)) = newest else {
            return Ok(None);
        };
        let Some(reading) = reader.reading_at(&source, at)? else {
            return Ok(None);
        };
        let mut span = TimeSpan::new(at - STALE_INTERVALS * reading.interval, at);
        let ticks = reader.ticks(span)?;
        if let Some(other) = ticks.iter().rposition(|tick| tick.boot != reading.boot) {
            span.from = ticks.get(other + 1).map_or(at, |tick| tick.at);
        }
        Ok(Some((reading.boot, span)))
    }

    /// What was read once, when recording began.
    fn machine(&mut self, boot: &Boot) {
        // A collector that cannot read it, and an import of what has none, make up a name for the boot.
        let is_uuid =
            boot.boot_id.len() == 36 && boot.boot_id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        let files = [
            ("cmdline", &boot.cmdline, true),
            ("sys/kernel/hostname", &boot.hostname, true),
            ("sys/kernel/osrelease", &boot.kernel, true),
            ("sys/kernel/random/boot_id", &boot.boot_id, is_uuid),
        ];
        for (name, value, is_known) in files {
            if is_known && !value.is_empty() {
                self.setting(&format!("proc/{name}"), value);
            }
        }
    }

    fn facts(&mut self, reader: &Reader, at: UnixNanos) -> store::Result<()> {
        let facts = reader.facts(TimeSpan::new(at, at))?;
        // Of one name there may be two at this very time: the last one holds.
        let facts: BTreeMap<&str, _> = facts.iter().map(|fact| (fact.name.as_str(), fact)).collect();
        for fact in facts.values() {
            if let (Some(path), Some(value)) = (facts::path_of(&fact.name), &fact.value)
                && path != "proc/sys/kernel/osrelease"
            {
                self.setting(&path, value);
            }
        }
        let blocks: Vec<_> = facts.values().filter_map(|fact| facts::Block::of(fact)).collect();
        let disks: BTreeMap<&str, &str> = blocks
            .iter()
            .flat_map(|disk| disk.partitions().map(move |partition| (partition, disk.name)))
            .collect();
        for block in &blocks {
            if let Err(why) = block.add(&mut self.tree, disks.get(block.name).copied()) {
                self.leave_out(&format!("block device {}", block.name), why);
            }
        }
        Ok(())
    }

    fn processes(&mut self, reader: &Reader, span: TimeSpan) -> store::Result<()> {
        let looks = reader.processes(span)?;
        for (pid, sample) in processes::alive(&looks) {
            if let Err(why) = processes::add(&mut self.tree, sample) {
                self.leave_out(&format!("process {pid}"), why);
            }
        }
        Ok(())
    }

    fn setting(&mut self, path: &str, value: &str) {
        if let Err(why) = facts::add_setting(&mut self.tree, path, value) {
            self.leave_out(path, why);
        }
    }

    fn leave_out(&mut self, what: &str, why: &str) {
        // The name may be hostile, and the reason be just that.
        let what: String = what
            .chars()
            .take(200)
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        self.left_out.push(format!("{what}: {why}"));
    }

    fn manifest(&self, boot: &Boot, at: UnixNanos) -> String {
        let mut text = format!(
            "A machine as highwater recorded it, as of {}: {}, Linux {}, boot {}\n",
            time(at),
            plain(&boot.hostname),
            plain(&boot.kernel),
            plain(&boot.boot_id)
        );
        text += "\nByte for byte, as read at\n";
        for (path, at) in &self.read {
            let _ = writeln!(text, "  {}  {path}", time(*at));
        }
        text += "\nAll other files are made from what was recorded of them: settings, devices and processes.\n\
                 \nNot here\n";
        for (source, last) in &self.stale {
            let path = path_of(source);
            let _ = writeln!(
                text,
                "  {path}: last read {}, more than {STALE_INTERVALS} intervals before",
                time(*last)
            );
        }
        let known = |source: &&sources::Source| {
            let path = path_of(source.name);
            self.tree.get(&path).is_none() && !self.stale.iter().any(|(stale, _)| **stale == *source.name)
        };
        for source in sources::all().iter().filter(known) {
            let _ = writeln!(text, "  {}: not recorded", path_of(source.name));
        }
        let always = facts::MISSING.iter().chain(&processes::MISSING);
        for line in self.left_out.iter().map(String::as_str).chain(always.copied()) {
            let _ = writeln!(text, "  {line}");
        }
        text += "  whatever else a kernel has: not recorded\n";
        text
    }
}

/// Where the kernel has the file of a source.
fn path_of(source: &str) -> String {
    match source.strip_prefix("cgroup/") {
        Some(rest) => format!("sys/fs/cgroup/{rest}"),
        None => format!("proc/{source}"),
    }
}

fn time(at: UnixNanos) -> String {
    DateTime::<Utc>::from_timestamp_nanos(at.0).to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
