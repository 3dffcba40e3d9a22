//! `device-saturated`: a device is never idle and its requests wait.

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "device-saturated",
    summary: "a device is never idle and its requests wait",
    manual: "\
Finds   Busy time up by 40 points, to 70 % or more on the median, for 5 of 10 seconds, together with waits of 1 ms or a queue of 0.8.
Why     From there on each further request waits for those before it.
Reads   diskstats: io_ticks, weighted time, request counts and times.
Wrong   from busy time alone: an SSD that serves many requests at once is `busy` long before it is full, so waits are asked for too.
        Drivers that keep their own books can break Little's law (M6).
See     kernel.md 0.6, 5.5, M6.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern {
        ratio: 1.5,
        ..Pattern::rise(40.0).lasting(5).certain(85.0)
    };
    let mut found = Vec::new();
    for signal in scene.signals.each("disk.busy") {
        let subject = &signal.subject;
        for mut finding in scene.rises_of(RULE.id, signal, &pattern, |s, e| {
            format!("{} is busy {}", s.subject, from_to(e, s.unit))
        }) {
            let (from, to) = (finding.from, finding.to);
            let wait = scene
                .signals
                .of("disk.wait", subject)
                .map_or(f64::NAN, |s| s.median(from, to));
            let queue = scene
                .signals
                .of("disk.queue", subject)
                .map_or(f64::NAN, |s| s.median(from, to));
            if finding.now < 70.0 || !(wait >= 1.0 || queue >= 0.8) {
                continue;
            }
            if !wait.is_nan() {
                finding.headline = format!("{}, waits {}", finding.headline, units::value(wait, "ms"));
                let text = format!("requests wait {} on the median", units::value(wait, "ms"));
                finding
                    .evidence
                    .push(scene.number("disk.wait", subject, from, wait, "ms", text));
            }
            if !queue.is_nan() {
                let text = format!("{} requests in the queue on the mean", units::value(queue, ""));
                finding
                    .evidence
                    .push(scene.number("disk.queue", subject, from, queue, "requests", text));
            }
            found.push(finding);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Machine, Story};
    use expect_test::expect;

    #[test]
    fn never_idle_and_its_requests_wait() {
        let story = Story::of(60).during(30..45, |m| {
            m.disk("vdb").reads(1500, 190 * MB).wait_ms(12.0).busy(98.0);
        });
        expect![[r#"
            vdb at 30.00 s (30.00 to 31.00) until 45 s
              vdb is busy 3 % → 98 %, waits 12 ms
              - disk.busy: 3 % before, 98 % at its height
              - requests wait 12 ms on the median
              - 18 requests in the queue on the mean
        "#]]
        .assert_eq(&story.finds("device-saturated"));
    }

    #[test]
    fn a_fast_device_that_is_always_busy_is_not_full() {
        let story = Story::of(60).during(30..45, |m| {
            m.disk("vdb").reads(5000, 600 * MB).wait_ms(0.1).busy(98.0);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("device-saturated"));
    }

    #[test]
    fn waits_on_a_device_with_idle_time_are_not_saturation() {
        let story = Story::of(60).during(30..45, |m| {
            m.disk("vdb").wait_ms(30.0).busy(35.0);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("device-saturated"));
    }

    #[test]
    fn a_device_plugged_in_anew_and_a_gap_are_no_load() {
        let story = Story::of(60)
            .during(0..20, |m| {
                m.disk("vdb").reads(900, 100 * MB).wait_ms(0.5);
            })
            .at(20, |m| m.disk("vdb").reset())
            .during(30..40, Machine::unrecorded)
            .during(30..40, |m| {
                m.disk("vdb").reads(1500, 190 * MB).wait_ms(12.0).busy(98.0);
            });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("device-saturated"));
    }
}
