//! `blocked_tasks`: tasks pile up in D on a network file system, a lock or a stuck device.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::onset::quantile;
use crate::processes::Measure;
use model::Subject;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "blocked_tasks",
    name: "tasks stuck in uninterruptible sleep",
    summary: "tasks pile up in D on a network file system, a lock or a stuck device",
    manual: "\
What    Tasks sleep in the kernel and nobody wakes them: a server that does not answer, a frozen file system, a lock, a device that does
        not complete.
For     More processes in D than wait for block I/O, with the disks quiet; or requests in flight that do not complete.
Against A busy disk that completes its requests explains them.
Like    device_slow, io_throttle.
See     kernel.md 4.18, 4.23.
",
    takes_memory: false,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let high = |name: &str| {
        case.signal(name)
            .map_or(f64::NAN, |s| quantile(&s.values[case.from..=case.to], 0.6))
    };
    let (stuck, waiting) = (high("task.uninterruptible"), high("run.blocked"));
    let hung = stuck_device(case);
    let Some(finding) = case.first("blocked-tasks") else {
        return Verdict::Silent;
    };
    let busy = case
        .scene
        .signals
        .each("disk.busy")
        .map(|s| quantile(&s.values[case.from..=case.to], 0.6))
        .fold(0.0, f64::max);
    let pressure = high("psi.io_some");
    let text = format!(
        "{stuck:.0} processes in D, {waiting:.0} of them waiting for block I/O; the busiest disk is busy {busy:.0} %"
    );
    let evidence = case.number(
        "task.uninterruptible",
        if stuck.is_nan() { waiting } else { stuck },
        "tasks",
        text.clone(),
    );
    let beyond_io = stuck >= 1.0 && stuck > waiting + 0.5 && !(pressure >= 50.0 && busy >= 50.0);
    if hung.is_none() && (!beyond_io || busy >= 70.0) {
        return if stuck.is_nan() {
            Verdict::Silent
        } else {
            ruled_out(text, [evidence])
        };
    }
    let mut it = Candidate::new(
        if busy < 30.0 { 0.85 } else { 0.6 },
        finding,
        "tasks are stuck in uninterruptible sleep".into(),
    );
    it.at_most = Confidence::Likely;
    if let Some((device, seconds)) = hung {
        it.devices = vec![device.to_string()];
        it.variant = Some("stuck_device");
        let text = format!("{device} has requests in flight and completed none for {seconds:.0} s");
        it.evidence_for.push(
            case.scene
                .number("disk.in_flight", &device, case.to, seconds, "s", text),
        );
    }
    it.blame(
        &case.doers(case.from, case.to, Measure::Waited),
        "seconds seen in D",
    );
    let place = wait_channel(case);
    it.story = format!(
        "{text}{}.",
        place
            .as_ref()
            .map_or(String::new(), |p| format!("; most wait in {p}"))
    );
    it.evidence_for.push(evidence);
    if place.is_none() {
        it.missing.push(Missing {
            signal: "/proc/PID/wchan, /proc/PID/stack".into(),
            would_tell: "where in the kernel the tasks wait".into(),
        });
    }
    it.advice.push(Advice {
        text: "Look at /proc/PID/stack of the tasks in D: a file system that is frozen, a server that does not answer, a lock's holder".into(),
        because: text,
    });
    candidate(it)
}

/// A device with requests in flight that completes none for 3 seconds or longer.
fn stuck_device(case: &Case) -> Option<(Subject, f64)> {
    let mut worst: Option<(Subject, f64)> = None;
    for flight in case.scene.signals.each("disk.in_flight") {
        let (reads, writes) = (
            case.scene.signals.of("disk.reads", &flight.subject)?,
            case.scene.signals.of("disk.writes", &flight.subject)?,
        );
        let still = |i: usize| flight.values[i] >= 1.0 && reads.values[i] == 0.0 && writes.values[i] == 0.0;
        let mut run = 0;
        let mut longest = 0;
        for i in case.from..=case.to {
            run = if still(i) { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        let seconds = longest as f64 * case.scene.window.interval;
        if seconds >= 3.0 && worst.as_ref().is_none_or(|(_, s)| seconds > *s) {
            worst = Some((flight.subject.clone(), seconds));
        }
    }
    worst
}

/// The commonest wait channel of the tasks in D.
fn wait_channel(case: &Case) -> Option<String> {
    let window = case.scene.window;
    let mut seen: std::collections::BTreeMap<&str, usize> = Default::default();
    for tick in window
        .processes
        .iter()
        .filter(|t| t.at >= window.ticks[case.from] && t.at <= window.ticks[case.to])
    {
        for sample in tick.samples.iter().filter(|s| s.state == 'D') {
            if let Some(wchan) = &sample.wchan {
                *seen.entry(wchan).or_default() += 1;
            }
        }
    }
    seen.into_iter()
        .max_by_key(|(_, n)| *n)
        .map(|(name, _)| name.chars().take(60).collect())
}
