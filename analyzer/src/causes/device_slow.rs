//! `device_slow`: a device answers more slowly at the same or less work.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::explain::harm::Wait;
use crate::units;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "device_slow",
    name: "a device that became slow",
    summary: "a device answers more slowly at the same or less work",
    manual: "\
What    A disk, its controller or the volume behind it became slower: a failing medium, a lost write cache, a throttled cloud volume.
For     Waits at three times the baseline or more while it completes no more requests and bytes than before.
Against It is asked for much more than before: that is saturation. No baseline: it was idle before.
Like    device_saturation, raid_resync, io_throttle.
See     kernel.md 4.15.
",
    makes_wait_for: Wait::Disk,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let window = case.scene.window;
    let mut best: Option<(f64, Candidate)> = None;
    let mut refused: Option<(String, crate::explain::document::Evidence)> = None;
    for slow in case.each("device-latency-rise") {
        let level = |name: &str| {
            let signal = case.scene.signals.of(name, &slow.subject)?;
            let before = signal.median(slow.from.saturating_sub(61), slow.from.saturating_sub(1));
            Some((before, signal.median(slow.from, slow.to)))
        };
        let sum = |a: &str, b: &str| Some((level(a)?.0 + level(b)?.0, level(a)?.1 + level(b)?.1));
        let (Some((ios_before, ios)), Some((bytes_before, bytes))) =
            (sum("disk.reads", "disk.writes"), sum("disk.read", "disk.write"))
        else {
            continue;
        };
        let text = format!(
            "{} answers in {} instead of {}, asked {} times a second instead of {}",
            slow.subject,
            units::value(slow.now, "ms"),
            units::value(slow.before, "ms"),
            units::count(ios),
            units::count(ios_before)
        );
        let evidence = case.scene.number(
            "disk.wait",
            &slow.subject,
            slow.from,
            slow.now,
            "ms",
            text.clone(),
        );
        // With next to nothing asked before, there is no level to compare with.
        let worked_before = ios_before * window.interval >= 2.0;
        let no_more_work = ios <= 1.25 * ios_before && bytes <= 1.25 * bytes_before.max(4096.0);
        if !(worked_before && no_more_work) {
            refused.get_or_insert((text, evidence));
            continue;
        }
        let factor = slow.now / slow.before.max(0.01);
        let mut it = Candidate::new(
            0.55 + 0.1 * (factor / 3.0).log2().clamp(0.0, 3.5),
            slow,
            format!("{} became slow", slow.subject),
        );
        it.at_most = Confidence::Likely;
        it.devices = vec![slow.subject.to_string()];
        it.story = format!("{text}: slower at no more work, so it is the device.");
        it.evidence_for.push(evidence);
        it.missing.push(Missing {
            signal: "the device's own health (SMART, the volume's throttle counters)".into(),
            would_tell: "why it became slow".into(),
        });
        it.advice.push(Advice {
            text: format!(
                "Look at {} itself: kernel log, SMART, cache battery, or the provider's limits",
                slow.subject
            ),
            because: format!("it takes {} times as long for no more work", units::count(factor)),
        });
        if best.as_ref().is_none_or(|(score, _)| it.score > *score) {
            best = Some((it.score, it));
        }
    }
    match (best, refused) {
        (Some((_, it)), _) => candidate(it),
        (None, Some((text, evidence))) => ruled_out(text, [evidence]),
        (None, None) => match case.first("device-saturated") {
            None => Verdict::Silent,
            Some(full) => {
                let wait = case
                    .scene
                    .signals
                    .of("disk.wait", &full.subject)
                    .map_or(f64::NAN, |s| s.median(full.from, full.to));
                // Nothing completed, so nothing is known of how fast it is.
                if wait.is_nan() {
                    return Verdict::Silent;
                }
                let ios = case
                    .scene
                    .signals
                    .of("disk.reads", &full.subject)
                    .map_or(f64::NAN, |s| s.median(full.from, full.to));
                let asked = match ios.is_nan() {
                    true => String::new(),
                    false => format!(", and is asked {} times a second", units::count(ios)),
                };
                let text = format!("{} answers in {}{asked}", full.subject, units::value(wait, "ms"));
                let evidence =
                    case.scene
                        .number("disk.wait", &full.subject, full.from, wait, "ms", text.clone());
                ruled_out(text, [evidence])
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn the_same_work_takes_much_longer() {
        let story = Story::of(60).during(30..50, |m| {
            m.disk("vda").wait_ms(60.0).busy(95.0);
            m.tasks(1, 4);
            m.pressure("io", 90.0, 60.0);
        });
        expect![[r#"
            Warning: a device is full and tasks wait for I/O 90 % of the time
            0.90, at most Likely: no variant, from 30.00 s (30.00 to 31.00)
            devices ["vda"], processes []
            vda became slow
            vda answers in 60 ms instead of 1 ms, asked 30 times a second instead of 30: slower at no more work, so it is the device.
            + vda answers in 60 ms instead of 1 ms, asked 30 times a second instead of 30
            ? the device's own health (SMART, the volume's throttle counters): why it became slow
        "#]].assert_eq(&story.judges("device_slow"));
    }

    #[test]
    fn slower_at_more_work_is_the_queue() {
        let story = Story::of(60).during(30..50, |m| {
            m.disk("vda").reads(1500, 190 * MB).wait_ms(12.0).busy(98.0);
        });
        expect![[r#"
            ruled out: vda answers in 12 ms instead of 1 ms, asked 1,520 times a second instead of 30
        "#]]
        .assert_eq(&story.judges("device_slow"));
    }

    #[test]
    fn of_a_disk_that_completes_nothing_no_speed_is_known() {
        let story = Story::of(60).during(30..50, |m| {
            m.disk("vdb").hangs();
        });
        expect![[r#"
            silent
        "#]]
        .assert_eq(&story.judges("device_slow"));
    }

    #[test]
    fn a_disk_as_quick_as_ever_makes_nobody_think_of_it() {
        let story = Story::of(60).during(30..50, |m| m.tasks(1, 4));
        expect![[r#"
            silent
        "#]]
        .assert_eq(&story.judges("device_slow"));
    }
}
