//! Was anybody hurt? Without harm there is no incident (kernel.md 4.20).

use super::case::Case;
use super::document::Severity;
use crate::onset::quantile;

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Reclaim, evicted pages, swap; or is killed for want of it.
    Memory,
    /// A device, or what answers in its place.
    Disk,
    /// A CPU.
    Cpu,
}

impl Wait {
    /// Whether who waits for this makes others wait for `other`: shortage of memory makes waits for disks and CPUs, and not the other way.
    pub fn makes(self, other: Wait) -> bool {
        self == Wait::Memory || self == other
    }
}

/// The worst harm of a case.
#[derive(Debug, Clone)]
pub struct Harm {
    /// How bad. `Info` means: nobody was seen to be hurt.
    pub severity: Severity,
    /// What is waited for; `None`: nobody waits, or a site's own rule does not say for what.
    pub wait: Option<Wait>,
    /// The line that says why.
    pub why: Option<String>,
}

/// How bad a case was. Of equals the first counts, in the order of this function: memory, then I/O, then CPUs, because waiting for memory
/// makes the others.
pub fn worst(case: &Case) -> Harm {
    let mut worst = Harm {
        severity: Severity::Info,
        wait: None,
        why: None,
    };
    let mut take = |severity: Severity, wait: Option<Wait>, why: String| {
        if severity > worst.severity {
            worst = Harm {
                severity,
                wait,
                why: Some(why),
            };
        }
    };
    if let Some(kill) = case.first("oom-kill") {
        take(Severity::Critical, Some(Wait::Memory), kill.headline.clone());
    }
    // High quantiles: what a quarter of the case suffered from. A median hides a case that grew.
    let level = |name: &str| {
        case.signal(name)
            .map_or(f64::NAN, |s| quantile(&s.values[case.from..=case.to], 0.75))
    };
    let rise = |name: &str| {
        let calm = case.calm(name);
        level(name) - if calm.is_nan() { 0.0 } else { calm }
    };
    let memory = rise("psi.memory_some");
    if memory >= 10.0 {
        let severity = if memory >= 40.0 {
            Severity::Critical
        } else {
            Severity::Warning
        };
        take(
            severity,
            Some(Wait::Memory),
            format!("tasks wait for memory {memory:.0} % of the time"),
        );
    }
    let returned = level("refault.file") + level("swap.in").max(0.0);
    let faults = rise("fault.major");
    let lost_needed = case.first("major-fault-storm").is_some()
        && (case.signal("refault.file").is_none()
            || returned >= 0.3 * faults
            || case.first("page-cache-drop").is_some());
    if lost_needed && faults >= 50.0 {
        let waiting = level("cpu.iowait") >= 15.0 || level("psi.io_some") >= 30.0;
        let severity = if waiting {
            Severity::Critical
        } else {
            Severity::Warning
        };
        take(
            severity,
            Some(Wait::Memory),
            format!("{faults:.0} page faults a second wait for a disk for pages that were evicted"),
        );
    }
    if level("swap.in") >= 100.0 {
        take(
            Severity::Warning,
            Some(Wait::Memory),
            format!("{:.0} pages a second come back from swap", level("swap.in")),
        );
    }
    if case.first("direct-reclaim").is_some_and(|f| case.lasted(f, 3.0)) {
        take(
            Severity::Warning,
            Some(Wait::Memory),
            "tasks stop to reclaim memory for themselves".into(),
        );
    }
    let waiting = rise("psi.io_some");
    let full = case.each("device-saturated").any(|f| case.lasted(f, 8.0));
    if full && (waiting >= 40.0 || (waiting.is_nan() && rise("cpu.iowait") >= 20.0)) {
        let why = if waiting.is_nan() {
            rise("cpu.iowait")
        } else {
            waiting
        };
        take(
            Severity::Warning,
            Some(Wait::Disk),
            format!("a device is full and tasks wait for I/O {why:.0} % of the time"),
        );
    }
    if waiting >= 50.0 && case.first("blocked-tasks").is_some() {
        take(
            Severity::Warning,
            Some(Wait::Disk),
            format!("tasks wait for I/O {waiting:.0} % of the time"),
        );
    }
    // One reader that waits for its own disk is at work, not stuck: count those who wait for something else, or a crowd.
    let stuck = level("task.uninterruptible");
    let beyond_io = stuck - level("run.blocked");
    let long = case
        .each("blocked-tasks")
        .any(|f| f.signal == "task.uninterruptible" && case.lasted(f, 10.0));
    if long && (beyond_io >= 1.0 || stuck >= 3.0) {
        take(
            Severity::Warning,
            Some(Wait::Disk),
            "processes stay in uninterruptible sleep".into(),
        );
    }
    let crowded = case.each("cpu-saturated").any(|f| case.lasted(f, 8.0));
    if crowded && rise("psi.cpu_some") >= 30.0 {
        take(
            Severity::Warning,
            Some(Wait::Cpu),
            format!("tasks wait for a CPU {:.0} % of the time", level("psi.cpu_some")),
        );
    }
    // Kernels before 4.20 account no waiting: count those who want a CPU.
    let (wanting, cpus) = (
        level("run.running"),
        f64::from(case.scene.window.boot.cpus.max(1)),
    );
    if crowded && level("psi.cpu_some").is_nan() && wanting >= 2.0 * cpus {
        take(
            Severity::Warning,
            Some(Wait::Cpu),
            format!("{wanting:.0} tasks want one of {cpus:.0} CPUs"),
        );
    }
    if case.first("steal-rise").is_some_and(|f| case.lasted(f, 5.0)) && rise("cpu.steal") >= 10.0 {
        take(
            Severity::Warning,
            Some(Wait::Cpu),
            format!("{:.0} % of the CPU time is stolen", level("cpu.steal")),
        );
    }
    if case
        .first("compaction-stall")
        .is_some_and(|f| case.lasted(f, 4.0))
        && level("compact.stall") >= 20.0
    {
        take(
            Severity::Warning,
            Some(Wait::Memory),
            format!(
                "{:.0} allocations a second stall in compaction",
                level("compact.stall")
            ),
        );
    }
    for finding in &case.findings {
        if let Some(severity) = case.scene.site.severity(finding.rule) {
            take(severity, None, finding.headline.clone());
        }
    }
    worst
}
