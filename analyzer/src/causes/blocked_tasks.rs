//! `blocked_tasks`: tasks pile up in D on a network file system, a lock or a stuck device.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::explain::harm::Wait;
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
    makes_wait_for: Wait::Disk,
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
    // Threads of a process count for themselves, and processes are not always looked at.
    let who = match stuck {
        stuck if stuck >= waiting => {
            format!("{stuck:.0} processes in D, {waiting:.0} of them waiting for block I/O")
        }
        _ => format!("{waiting:.0} tasks wait for block I/O"),
    };
    let text = format!("{who}; the busiest disk is busy {busy:.0} %");
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
        // A disk that hangs is busy all the time.
        if busy < 30.0 || hung.is_some() { 0.85 } else { 0.6 },
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

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn a_server_does_not_answer() {
        let story = Story::of(60).during(30..50, |m| {
            for comm in ["a", "b", "c"] {
                m.process(comm).sleeps_in("rpc_wait_bit_killable");
            }
        });
        expect![[r#"
            Warning: processes stay in uninterruptible sleep
            0.85, at most Likely: no variant, from 30.00 s (30.00 to 31.00)
            devices [], processes ["a 33 % of seconds seen in D", "b 33 % of seconds seen in D", "c 33 % of seconds seen in D"]
            tasks are stuck in uninterruptible sleep
            3 processes in D, 0 of them waiting for block I/O; the busiest disk is busy 3 %; most wait in rpc_wait_bit_killable.
            + 3 processes in D, 0 of them waiting for block I/O; the busiest disk is busy 3 %
        "#]].assert_eq(&story.judges("blocked_tasks"));
    }

    #[test]
    fn a_device_completes_nothing() {
        let story = Story::of(60).during(30..50, |m| {
            m.disk("vdb").hangs();
            m.tasks(1, 1);
            m.pressure("io", 100.0, 90.0);
            m.process("db").sleeps_in("folio_wait_bit");
        });
        expect![[r#"
            Warning: a device is full and tasks wait for I/O 100 % of the time
            0.85, at most Likely: stuck_device, from 30.00 s (30.00 to 31.00)
            devices ["vdb"], processes ["db 100 % of seconds seen in D"]
            tasks are stuck in uninterruptible sleep
            1 processes in D, 1 of them waiting for block I/O; the busiest disk is busy 100 %; most wait in folio_wait_bit.
            + vdb has requests in flight and completed none for 20 s
            + 1 processes in D, 1 of them waiting for block I/O; the busiest disk is busy 100 %
        "#]]
        .assert_eq(&story.judges("blocked_tasks"));
    }

    #[test]
    fn a_busy_disk_that_answers_explains_them() {
        let story = Story::of(60).during(30..50, |m| {
            m.disk("vdb").reads(1500, 190 * MB).wait_ms(12.0).busy(98.0);
            m.tasks(1, 2);
            m.process("a").sleeps_in("folio_wait_bit");
            m.process("b").sleeps_in("folio_wait_bit");
        });
        expect![[r#"
            ruled out: 2 processes in D, 2 of them waiting for block I/O; the busiest disk is busy 98 %
        "#]]
        .assert_eq(&story.judges("blocked_tasks"));
        expect![[r#"
            silent
        "#]]
        .assert_eq(&story.without_processes().judges("blocked_tasks"));
    }
}
