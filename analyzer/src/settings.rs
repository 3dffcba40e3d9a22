//! Settings that held, and those that changed.

use crate::window::Window;
use model::UnixNanos;

/// A setting that changed inside the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `vm.min_free_kbytes`
    pub name: String,
    /// Before; `None` when not recorded.
    pub was: Option<String>,
    /// After; `None` when it went away.
    pub is: Option<String>,
    /// When it was first seen to hold.
    pub at: UnixNanos,
}

/// Settings whose change bears on memory or block I/O. The kernel keeps running numbers among its sysctls too
/// (`kernel.ns_last_pid`), which change by themselves.
const BEARING: [&str; 8] = [
    "vm.",
    "kernel.sched",
    "kernel.numa_balancing",
    "thp.",
    "lru_gen.",
    "block.queue",
    "cgroup.",
    "kernel.task_delayacct",
];

/// Of these, what the kernel changes by itself or what only reports.
const SELF_MOVING: [&str; 3] = ["vm.stat_refresh", "vm.compact_memory", "vm.drop_caches"];

impl Window {
    /// The value of a setting that held when the span began.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let full = format!("sysctl.{name}");
        let before = self
            .facts
            .iter()
            .rfind(|f| f.name == full && f.at <= self.span.from);
        before
            .or_else(|| self.facts.iter().find(|f| f.name == full))
            .and_then(|f| f.value.as_deref())
    }

    /// Settings that changed after the first tick, in order of time.
    pub fn setting_changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (i, fact) in self.facts.iter().enumerate() {
            let Some(name) = fact.name.strip_prefix("sysctl.") else {
                continue;
            };
            let bears = BEARING.iter().any(|p| name.starts_with(p)) && !SELF_MOVING.contains(&name);
            let earlier = self.facts[..i].iter().rfind(|f| f.name == fact.name);
            if let (true, Some(earlier)) = (bears, earlier)
                && earlier.value != fact.value
            {
                changes.push(Change {
                    name: name.to_string(),
                    was: earlier.value.clone(),
                    is: fact.value.clone(),
                    at: fact.at,
                });
            }
        }
        changes
    }
}
