//! The thread that looks at what changes rarely: settings and block devices. It is a thread of its own because a file of /sys
//! may wait for a device that hangs.

use crate::clock::Instant;
use crate::facts::Settings;
use crate::recorder::{Message, Sender};
use crate::topology::blocks;
use model::Fact;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time between two looks at the settings.
const EVERY: Duration = Duration::from_secs(5);

/// The devices, whose files are many, are looked at every so many looks.
const DEVICES_EVERY: u32 = 3;

/// Starts the thread. It ends with the program, or when nobody receives any more.
///
/// # Errors
/// When there can be no thread.
pub(crate) fn start(proc: &Path, sender: Sender) -> std::io::Result<()> {
    let proc = proc.to_path_buf();
    let work = move || {
        let sys = sys_beside(&proc);
        let mut settings = Settings::new(&proc, &sys);
        let mut before = BTreeMap::new();
        let mut devices = BTreeMap::new();
        for look in 0u32.. {
            let mut now = settings.all();
            if look.is_multiple_of(DEVICES_EVERY) {
                devices = blocks(&proc, &sys);
            }
            now.extend(devices.clone());
            let at = Instant::now().wall;
            let facts: Vec<Fact> = changes(&before, &now)
                .into_iter()
                .map(|(name, value)| Fact { at, name, value })
                .collect();
            // Without room, the next look tells the same changes.
            if facts.is_empty() || sender.send(Message::Facts(facts)) {
                before = now;
            }
            if sender.is_closed() {
                return;
            }
            std::thread::sleep(EVERY);
        }
    };
    std::thread::Builder::new()
        .name("inventory".into())
        .stack_size(256 << 10)
        .spawn(work)
        .map(drop)
}

/// With another /proc comes its /sys beside it, if any: /host/proc and /host/sys.
pub(crate) fn sys_beside(proc: &Path) -> PathBuf {
    proc.parent().unwrap_or(Path::new("/")).join("sys")
}

/// What is new or different, and what went away.
fn changes(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<(String, Option<String>)> {
    let new = now
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value));
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    new.map(|(name, value)| (name.clone(), Some(value.clone())))
        .chain(gone.map(|name| (name.clone(), None)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_told() {
        let of = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(n, v)| (n.to_string(), v.to_string()))
                .collect()
        };
        let before = of(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let now = of(&[("a", "1"), ("b", "5"), ("d", "4")]);
        let told = changes(&before, &now);
        let told: Vec<String> = told
            .iter()
            .map(|(n, v)| format!("{n}={}", v.as_deref().unwrap_or("gone")))
            .collect();
        assert_eq!(told, ["b=5", "d=4", "c=gone"]);
    }
}
