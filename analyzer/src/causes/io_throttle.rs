//! `io_throttle`: an I/O limit of a cgroup holds tasks back while the device idles.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::onset::quantile;
use crate::processes::Measure;
use crate::signals::cgroups::foremost;
use model::ProcessCounter;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "io_throttle",
    name: "an I/O limit",
    summary: "an I/O limit of a cgroup holds tasks back while the device idles",
    manual: "\
What    io.max (or blkio.throttle) delays requests before they reach the device: tasks wait for I/O, every device idles.
For     Pressure for I/O, or tasks blocked in io_schedule, with no device busy half of the time.
Against A busy device.
Like    blocked_tasks (locks, servers: no pressure for I/O), device_slow (the device is busy).
See     kernel.md 4.24.
",
    takes_memory: false,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let high = |name: &str| {
        case.signal(name)
            .map_or(f64::NAN, |s| quantile(&s.values[case.from..=case.to], 0.6))
    };
    let (pressure, blocked) = (high("psi.io_some"), high("run.blocked"));
    let busiest = case
        .scene
        .signals
        .each("disk.busy")
        .map(|s| (quantile(&s.values[case.from..=case.to], 0.6), s))
        .filter(|(v, _)| !v.is_nan())
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let Some((busy, device)) = busiest else {
        return Verdict::Silent;
    };
    let waiting = if pressure.is_nan() {
        high("cpu.iowait")
    } else {
        pressure
    };
    if !(waiting >= 25.0) {
        return Verdict::Silent;
    }
    let text = format!(
        "tasks wait for I/O {waiting:.0} % of the time while {}, the busiest device, is busy {busy:.0} %",
        device.subject
    );
    let evidence = case
        .scene
        .number("disk.busy", &device.subject, case.to, busy, "%", text.clone());
    if busy >= 50.0 || busy >= 0.8 * waiting {
        return ruled_out(text, [evidence]);
    }
    let first = case
        .findings
        .iter()
        .find(|f| matches!(f.rule, "iowait-rise" | "blocked-tasks" | "load-rise"));
    let Some(mover) = first.or_else(|| case.findings.first()) else {
        return Verdict::Silent;
    };
    let mut it = Candidate::new(
        0.6 + 0.25 * (1.0 - busy / waiting),
        mover,
        "an I/O limit holds tasks back".into(),
    );
    it.at_most = Confidence::Likely;
    let waiters = case.doers(case.from, case.to, Measure::Waited);
    it.blame(&waiters, "seconds seen in D");
    if it.processes.is_empty() {
        let counters: &'static [ProcessCounter] = &[ProcessCounter::ReadBytes, ProcessCounter::WriteBytes];
        it.blame(&case.doers(case.from, case.to, Measure::Moved(counters)), "bytes");
    }
    let moved = |n: &str| case.busiest(n, case.from, case.to);
    let target = match (moved("disk.own_read"), moved("disk.own_write")) {
        (Some(r), Some(w)) => Some(if r.1 >= w.1 { r.0 } else { w.0 }),
        (r, w) => r.or(w).map(|x| x.0),
    };
    it.devices = target.map(|t| t.subject.to_string()).into_iter().collect();
    it.story = format!("{text}: what holds {} back stands before the device.", it.who());
    it.evidence_for.push(evidence);
    if blocked >= 1.0 {
        it.evidence_for.push(case.number(
            "run.blocked",
            blocked,
            "tasks",
            format!("{blocked:.0} tasks wait for block I/O"),
        ));
    }
    match foremost(case.scene.signals, "cgroup.io_of_limit", case.from, case.to) {
        Some((group, used)) if used >= 80.0 => {
            let subject = group.subject.to_string();
            let (path, limited) = sources::cgroup_device(&subject);
            it.at_most = Confidence::Shown;
            it.headline = format!("control group {path} is held at its I/O limit");
            it.story = format!(
                "{text}: {path} is at {used:.0} % of its I/O limit{}.",
                limited.map_or(String::new(), |limited| format!(" on device {limited}"))
            );
            let evidence = case.scene.number(
                group.name,
                &group.subject,
                case.to,
                used,
                group.unit,
                it.story.clone(),
            );
            it.evidence_for.push(evidence);
            it.processes.retain(|p| {
                let is_member = |own: &String| own == path || own.starts_with(&format!("{path}/"));
                p.cgroup.as_ref().is_none_or(is_member)
            });
        }
        Some(_) => {}
        None => it.missing.push(Missing {
            signal: "io.max and io.stat of each cgroup".into(),
            would_tell: "which group's limit it is".into(),
        }),
    }
    it.advice.push(Advice {
        text: "Look at io.max (or blkio.throttle) of the group that waits, and raise it if the device is meant to serve it".into(),
        because: text,
    });
    candidate(it)
}
