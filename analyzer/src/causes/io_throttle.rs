//! `io_throttle`: an I/O limit of a cgroup holds tasks back while the device idles.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::explain::harm::Wait;
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
    makes_wait_for: Wait::Disk,
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

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Machine, Story};
    use expect_test::expect;

    /// A limit of 10 MB/s, met by a process that waits for its reads; and how busy the disk is.
    fn held_back(busy_percent: f64) -> Story<'static> {
        Story::of(60).during(30..50, move |m| {
            m.disk("vdb").reads(80, 10 * MB).wait_ms(0.5).busy(busy_percent);
            m.pressure("io", 90.0, 60.0);
            m.cpu(2.0, 1.0, 40.0, 0.0);
            m.tasks(1, 2);
            m.process("tenant")
                .in_group("/box")
                .reads(10 * MB)
                .sleeps_in("blk_throttle");
        })
    }

    fn limited(m: &mut Machine) {
        let bytes = 9_800_000 * m.second.saturating_sub(29);
        m.group(
            "/box",
            "io.max",
            "254:1 rbps=10000000 wbps=max riops=max wiops=max\n".into(),
        );
        m.group(
            "/box",
            "io.stat",
            format!("254:1 rbytes={bytes} wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n"),
        );
    }

    #[test]
    fn tasks_wait_for_a_disk_that_idles() {
        expect![[r#"
            Warning: tasks wait for I/O 90 % of the time
            0.84, at most Likely: no variant, from 30.00 s (30.00 to 31.00)
            devices ["vdb"], processes ["tenant 100 % of seconds seen in D"]
            an I/O limit holds tasks back
            tasks wait for I/O 90 % of the time while vdb, the busiest device, is busy 4 %: what holds tenant (pid 4002) back stands before the device.
            + tasks wait for I/O 90 % of the time while vdb, the busiest device, is busy 4 %
            + 2 tasks wait for block I/O
            ? io.max and io.stat of each cgroup: which group's limit it is
        "#]].assert_eq(&held_back(4.0).judges("io_throttle"));
        let known = held_back(4.0).during(0..60, limited).judges("io_throttle");
        assert!(
            known.contains("control group /box is held at its I/O limit") && known.contains("at most Shown"),
            "{known}"
        );
    }

    #[test]
    fn a_busy_disk_explains_the_waiting() {
        expect![[r#"
            ruled out: tasks wait for I/O 90 % of the time while vdb, the busiest device, is busy 95 %
        "#]]
        .assert_eq(&held_back(95.0).judges("io_throttle"));
    }

    #[test]
    fn a_lock_makes_no_pressure_for_io() {
        let story = Story::of(60).during(30..50, |m| {
            m.process("a").sleeps_in("rwsem_down_write_slowpath");
            m.process("b").sleeps_in("rwsem_down_write_slowpath");
        });
        expect![[r#"
            silent
        "#]]
        .assert_eq(&story.judges("io_throttle"));
    }
}
