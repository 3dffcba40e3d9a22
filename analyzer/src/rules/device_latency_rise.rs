//! `device-latency-rise`: a device answers more slowly than it did.

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "device-latency-rise",
    summary: "a device answers more slowly than it did",
    manual: "\
Finds   The mean wait of a device's requests at three times the baseline and 5 ms above it, 4 of 8 seconds in which it answered.
Why     Slower at the same work is the device; slower at more work is its queue. The causes tell the two apart.
Reads   diskstats: request counts and times.
Wrong   when the size of requests changed, or only a handful was answered.
See     kernel.md 4.15, 5.5.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    scene
        .signals
        .each("disk.wait")
        .flat_map(|signal| {
            scene.rises_of(
                RULE.id,
                signal,
                &Pattern::rise(5.0).times(3.0).lasting(4),
                |s, e| format!("{} answers in {}", s.subject, from_to(e, s.unit)),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn the_same_work_takes_twenty_times_as_long() {
        let story = Story::of(60).during(30..45, |m| {
            m.disk("vda").wait_ms(20.0);
        });
        expect![[r#"
            vda at 30.00 s (30.00 to 31.00) until 45 s
              vda answers in 1 ms → 20 ms
              - disk.wait: 1 ms before, 20 ms at its height
        "#]]
        .assert_eq(&story.finds("device-latency-rise"));
    }

    #[test]
    fn a_little_slower_or_one_slow_request_is_no_level() {
        let story = Story::of(60).during(30..45, |m| {
            m.disk("vda").wait_ms(4.0);
            m.disk("vdb").reads(1, 4096).writes(0, 0).wait_ms(500.0);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("device-latency-rise"));
    }

    #[test]
    fn a_device_that_was_idle_has_no_level_to_compare_with() {
        let story = Story::of(60).during(0..60, |m| {
            let requests = if m.second < 30 { 0 } else { 100 };
            m.disk("vda")
                .reads(requests, 4096 * requests)
                .writes(0, 0)
                .wait_ms(20.0);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("device-latency-rise"));
    }
}
