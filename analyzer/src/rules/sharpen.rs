//! Onsets that are known better than to a tick, whose bounds shrink to what is sharper: the kernel's own time of a tracepoint, else
//! readings ten times a second ([`bursts`]), else the second in which tasks stalled (PSI triggers).
//!
//! A second's counters say in which second something began. What lies outside of an onset's bounds is of something else and changes
//! nothing.

mod bursts;

use super::{Finding, Scene};
use crate::bursts::Row;
use crate::explain::document::{Evidence, Time};
use model::{Event, Onset, UnixNanos};

/// Tracepoint, the rule whose onset it dates, and what it is in words.
const DATES: [(&str, &str, &str); 3] = [
    ("mm_vmscan_kswapd_wake", "kswapd-scan", "the kernel woke kswapd"),
    (
        "mm_vmscan_direct_reclaim_begin",
        "direct-reclaim",
        "a task began to reclaim for itself",
    ),
    ("mark_victim", "oom-kill", "the OOM killer chose its victim"),
];

/// PSI trigger, and the rules of which it may be the stall.
const STALLS: [(&str, &[&str]); 3] = [
    ("psi.io", &["blocked-tasks", "iowait-rise"]),
    (
        "psi.memory",
        &["direct-reclaim", "compaction-stall", "refault-storm", "swap-in"],
    ),
    ("psi.cpu", &["cpu-saturated"]),
];

/// Half of what an event's time is uncertain by: reading the trace's clock beside the wall's.
const HALF_NS: i64 = 1_000_000;

/// The kernel looks at a trigger ten times in its window (kernel/sched/psi.c, UPDATES_PER_WINDOW).
const LOOKS_PER_WINDOW: i64 = 10;

/// Better bounds, and the number that they rest on.
struct Change {
    onset: Onset,
    signal: &'static str,
    at: UnixNanos,
    value: f64,
    unit: &'static str,
    text: String,
}

pub(super) fn sharpen(scene: &Scene, found: &mut [Finding]) {
    by(&scene.window.events, &scene.window.bursts, found);
}

fn by(events: &[Event], rows: &[Row], found: &mut [Finding]) {
    let changes: Vec<Option<Change>> = found
        .iter()
        .map(|finding| {
            tracepoint(events, finding)
                .or_else(|| bursts::change(rows, finding))
                .or_else(|| stall(events, finding, found))
        })
        .collect();
    for (finding, change) in found.iter_mut().zip(changes) {
        let Some(change) = change else { continue };
        finding.onset = change.onset;
        finding.evidence.push(Evidence {
            signal: change.signal.into(),
            subject: finding.subject.to_string(),
            at: Time(change.at),
            value: super::rounded(change.value),
            unit: change.unit.into(),
            baseline: None,
            threshold: None,
            text: change.text,
        });
    }
}

fn tracepoint(events: &[Event], finding: &Finding) -> Option<Change> {
    let (kind, _, what) = DATES.iter().find(|(_, rule, _)| *rule == finding.rule)?;
    let Onset { earliest, latest, .. } = finding.onset;
    let event = events
        .iter()
        .find(|e| e.kind == *kind && earliest <= e.at && e.at <= latest)?;
    Some(Change {
        onset: Onset::new(event.at - HALF_NS, event.at, event.at + HALF_NS),
        signal: kind,
        at: event.at,
        value: 1.0,
        unit: "event",
        text: format!("{what} ({})", event.detail.chars().take(80).collect::<String>()),
    })
}

/// The first stall of its kind after a while without: in the window before it tasks stalled for so long, so that it had begun by then; in
/// the window before that they did not. Of several findings that may be that stall, none is known to be.
fn stall(events: &[Event], finding: &Finding, all: &[Finding]) -> Option<Change> {
    let (kind, rules) = STALLS.iter().find(|(_, rules)| rules.contains(&finding.rule))?;
    let Onset { earliest, latest, .. } = finding.onset;
    let of_kind = || events.iter().filter(|e| e.kind == *kind);
    let event = of_kind().find(|e| earliest < e.at && e.at <= latest)?;
    let (stall, window) = (
        milliseconds(&event.detail, "stall=")?,
        milliseconds(&event.detail, "window=")?,
    );
    let reach = window.checked_add(window / LOOKS_PER_WINDOW)?;
    let goes_on =
        of_kind().any(|e| e.at < event.at && event.at.0.saturating_sub(e.at.0) <= reach.saturating_mul(2));
    let may_be = |other: &&Finding| {
        rules.contains(&other.rule) && other.onset.earliest < event.at && event.at <= other.onset.latest
    };
    let is_memory = *kind == "psi.memory";
    if goes_on || (is_memory && all.iter().filter(may_be).count() != 1) {
        return None;
    }
    let from = UnixNanos(event.at.0.checked_sub(reach)?).max(earliest);
    let to = UnixNanos(event.at.0.checked_sub(stall)?);
    (from < to && to < latest).then(|| Change {
        onset: Onset::new(from, to, to),
        signal: kind,
        at: event.at,
        value: stall as f64 / 1e6,
        unit: "ms",
        text: format!(
            "tasks had stalled for {} ms within {} ms, the kernel told",
            stall / 1_000_000,
            window / 1_000_000
        ),
    })
}

/// `some stall=50 ms window=1000 ms`, in nanoseconds.
fn milliseconds(detail: &str, name: &str) -> Option<i64> {
    let (_, rest) = detail.split_once(name)?;
    let number: i64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    number.checked_mul(1_000_000).filter(|nanos| *nanos > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MB, Story};
    use expect_test::expect;
    use model::Subject;
    use std::collections::BTreeMap;

    /// A finding whose onset lies between 10 s and 11 s.
    fn finding(rule: &'static str, signal: &'static str, subject: Subject, before: f64, now: f64) -> Finding {
        Finding {
            rule,
            subject,
            onset: Onset::new(at(10_000), at(10_500), at(11_000)),
            from: 0,
            to: 1,
            open: false,
            since_before: false,
            headline: String::new(),
            signal,
            before,
            now,
            unit: "pages/s",
            evidence: Vec::new(),
        }
    }

    fn at(milliseconds: i64) -> UnixNanos {
        UnixNanos(milliseconds * 1_000_000)
    }

    fn event(kind: &str, milliseconds: i64, detail: &str) -> Event {
        Event {
            at: at(milliseconds),
            kind: kind.into(),
            detail: detail.into(),
        }
    }

    fn row(milliseconds: i64, numbers: &[(&str, u64)]) -> Row {
        Row {
            at: at(milliseconds),
            numbers: numbers
                .iter()
                .map(|(n, v)| (n.to_string(), *v))
                .collect::<BTreeMap<_, _>>(),
        }
    }

    /// Bounds in ms, and what is said of them.
    fn told(events: &[Event], rows: &[Row], mut found: Vec<Finding>) -> String {
        by(events, rows, &mut found);
        let one = |f: &Finding| {
            let ms = |at: UnixNanos| at.0 / 1_000_000;
            let said: String = f
                .evidence
                .iter()
                .map(|e| format!(": {} {} {}, {}", e.signal, e.value, e.unit, e.text))
                .collect();
            format!(
                "{} {}..{}..{}{said}\n",
                f.rule,
                ms(f.onset.earliest),
                ms(f.onset.best),
                ms(f.onset.latest)
            )
        };
        found.iter().map(one).collect()
    }

    fn kswapd() -> Finding {
        finding("kswapd-scan", "reclaim.kswapd_scan", Subject::Host, 0.0, 10_000.0)
    }

    fn scans(counts: &[(i64, u64)]) -> Vec<Row> {
        counts
            .iter()
            .map(|&(at, n)| row(at, &[("pgscan_kswapd", n)]))
            .collect()
    }

    const PSI: &str = "some stall=200 ms window=1000 ms";

    #[test]
    fn a_tracepoint_goes_before_readings() {
        let rows = scans(&[(10_000, 5), (10_100, 5), (10_200, 5), (10_300, 1205)]);
        let woken = event("mm_vmscan_kswapd_wake", 10_234, "nid=0 order=0");
        let outside = event("mm_vmscan_kswapd_wake", 9_000, "nid=0 order=0");
        expect![[r#"
            kswapd-scan 10233..10234..10235: mm_vmscan_kswapd_wake 1 event, the kernel woke kswapd (nid=0 order=0)
        "#]]
        .assert_eq(&told(&[outside, woken], &rows, vec![kswapd()]));
        expect![[r#"
            kswapd-scan 10200..10200..10300: highwater/burst 12000 pages/s, 12,000 pages/s within 100 ms, by readings 100 ms apart
        "#]]
        .assert_eq(&told(&[], &rows, vec![kswapd()]));
    }

    #[test]
    fn readings_tell_where_they_saw_it_quiet_before() {
        // Half of an interval's worth; a little first; no quiet interval; a reset; a hole; nothing of it; outside of the bounds.
        let cases: [&[(i64, u64)]; 7] = [
            &[(10_000, 5), (10_100, 5), (10_200, 505), (10_300, 1505)],
            &[(10_000, 5), (10_100, 5), (10_200, 305), (10_300, 1305)],
            &[(10_100, 5), (10_200, 1005), (10_300, 2005)],
            &[(10_000, 5), (10_100, 5), (10_200, 0), (10_300, 1000)],
            &[(10_000, 5), (10_100, 5), (12_200, 50_000)],
            &[(10_000, 5), (10_500, 6), (11_000, 7)],
            &[(9_000, 5), (9_100, 5), (9_200, 5000)],
        ];
        let all: String = cases
            .iter()
            .map(|c| told(&[], &scans(c), vec![kswapd()]))
            .collect();
        expect![[r#"
            kswapd-scan 10100..10150..10200: highwater/burst 5000 pages/s, 5,000 pages/s within 100 ms, by readings 100 ms apart
            kswapd-scan 10100..10200..10300: highwater/burst 10000 pages/s, 10,000 pages/s within 200 ms, by readings 100 ms apart
            kswapd-scan 10000..10500..11000
            kswapd-scan 10000..10500..11000
            kswapd-scan 10000..10500..11000
            kswapd-scan 10000..10500..11000
            kswapd-scan 10000..10500..11000
        "#]]
        .assert_eq(&all);
    }

    #[test]
    fn of_devices_each_is_dated_by_its_own_numbers() {
        let rows: Vec<Row> = (0..10)
            .map(|i| {
                let vda = 8 * (i as u64).saturating_sub(6) * 2000;
                row(
                    10_000 + i * 100,
                    &[("vda read_sectors", vda), ("vdb read_sectors", 7)],
                )
            })
            .collect();
        let of = |name: &str| {
            let device = Subject::Device(name.into());
            let mut found = finding("device-read-rise", "disk.own_read", device, 1e6, 80e6);
            found.unit = "B/s";
            found
        };
        expect![[r#"
            device-read-rise 10600..10600..10700: highwater/burst 81920000 B/s, 81.9 MB/s within 100 ms, by readings 100 ms apart
            device-read-rise 10000..10500..11000
        "#]]
        .assert_eq(&told(&[], &rows, vec![of("vda"), of("vdb")]));
    }

    #[test]
    fn a_stall_bounds_what_it_is_and_is_not_taken_for_one_of_several() {
        let blocked = || finding("blocked-tasks", "tasks.blocked", Subject::Host, 0.0, 5.0);
        let memory = |rule| finding(rule, "x", Subject::Host, 0.0, 5.0);
        let io = |ms| event("psi.io", ms, PSI);
        let mut all = told(&[io(10_700)], &[], vec![blocked()]);
        // One that went on before; one of another kind; one whose words are not ours.
        all += &told(&[io(9_000), io(10_700)], &[], vec![blocked()]);
        all += &told(&[event("psi.cpu", 10_700, PSI)], &[], vec![blocked()]);
        all += &told(
            &[event("psi.io", 10_700, "some stall=-9 ms window=")],
            &[],
            vec![blocked()],
        );
        let stall = || event("psi.memory", 10_300, PSI);
        all += &told(&[stall()], &[], vec![memory("refault-storm")]);
        all += &told(&[stall()], &[], vec![memory("refault-storm"), memory("swap-in")]);
        expect![[r#"
            blocked-tasks 10000..10500..10500: psi.io 200 ms, tasks had stalled for 200 ms within 1000 ms, the kernel told
            blocked-tasks 10000..10500..11000
            blocked-tasks 10000..10500..11000
            blocked-tasks 10000..10500..11000
            refault-storm 10000..10100..10100: psi.memory 200 ms, tasks had stalled for 200 ms within 1000 ms, the kernel told
            refault-storm 10000..10500..11000
            swap-in 10000..10500..11000
        "#]]
        .assert_eq(&all);
    }

    #[test]
    fn an_event_outside_of_the_bounds_is_of_something_else() {
        let story = Story::of(60).during(30..45, |m| m.kswapd(20_000, 60 * MB));
        let early = story.at(20, |m| m.event("mm_vmscan_kswapd_wake", "nid=0 order=0"));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              kswapd scans 0 pages/s → 20,000 pages/s
              - reclaim.kswapd_scan: 0 pages/s before, 20,000 pages/s at its height
        "#]]
        .assert_eq(&early.finds("kswapd-scan"));
        let other = early.at(30, |m| m.event("mm_vmscan_direct_reclaim_begin", "order=0"));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              kswapd scans 0 pages/s → 20,000 pages/s
              - reclaim.kswapd_scan: 0 pages/s before, 20,000 pages/s at its height
        "#]]
        .assert_eq(&other.finds("kswapd-scan"));
    }
}
