//! `device-read-rise`: a device is asked for much more data.

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "device-read-rise",
    summary: "a device is asked for much more data",
    manual: "\
Finds   Reads of a device's own above the baseline by 8 MB/s, 3 of 6 seconds, or 100 requests a second.
        Its own: less what devices stacked upon it ask for, so that a loop device on a disk counts once.
Why     Demand is where most chains begin; whether it harms is for others to say.
Reads   diskstats: sectors and requests read; the block topology.
Wrong   at completion time only: a device that hangs reads nothing.
See     kernel.md 3.5, 5.2.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let mut found = Vec::new();
    for signal in scene.signals.each("disk.own_read") {
        let by_bytes = scene.rises_of(RULE.id, signal, &Pattern::rise(8e6).lasting(3), |s, e| {
            format!("{} is read: {}", s.subject, from_to(e, s.unit))
        });
        if !by_bytes.is_empty() {
            found.extend(by_bytes);
        } else if signal.values.iter().any(|v| *v > 4e5)
            && let Some(requests) = scene.signals.of("disk.reads", &signal.subject)
        {
            // Small random reads load a spindle long before they are many bytes.
            found.extend(
                scene.rises_of(RULE.id, requests, &Pattern::rise(100.0).lasting(3), |s, e| {
                    format!("{} is read: {} requests", s.subject, from_to(e, s.unit))
                }),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn many_bytes_and_many_small_requests_are_both_demand() {
        let story = Story::of(60).during(30..45, |m| {
            m.disk("vda").reads(500, 2 * MB);
            m.disk("vdb").reads(3000, 400 * MB);
        });
        expect![[r#"
            vda at 30.00 s (30.00 to 31.00) until 45 s
              vda is read: 10/s → 500/s requests
              - disk.reads: 10/s before, 500/s at its height
            vdb at 30.00 s (30.00 to 31.00) until 45 s
              vdb is read: 164 kB/s → 400 MB/s
              - disk.own_read: 164 kB/s before, 400 MB/s at its height
        "#]]
        .assert_eq(&story.finds("device-read-rise"));
    }

    #[test]
    fn what_a_loop_device_asks_of_its_disk_is_the_loop_devices_demand() {
        let story = Story::of(60)
            .at(0, |m| {
                m.fact("block.vdb", r#"{"mounts": ["/data"]}"#);
                m.fact("block.loop0", r#"{"backing_file": "/data/image"}"#);
            })
            .during(0..60, |m| {
                let asked = if m.second < 30 { 0 } else { 400 * MB };
                m.disk("loop0").reads(asked / 131_072, asked);
                m.disk("vdb").reads(asked / 131_072, asked);
            });
        expect![[r#"
            loop0 at 30.00 s (30.00 to 31.00) until the end
              loop0 is read: 0 B/s → 400 MB/s
              - disk.own_read: 0 B/s before, 400 MB/s at its height
        "#]]
        .assert_eq(&story.finds("device-read-rise"));
    }

    #[test]
    fn writes_a_short_burst_and_a_device_that_hangs_are_none() {
        let story = Story::of(60)
            .during(30..45, |m| {
                m.disk("vda").hangs();
                m.disk("vdb").writes(3000, 400 * MB);
            })
            .during(50..52, |m| {
                m.disk("vda").reads(3000, 400 * MB);
            });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("device-read-rise"));
    }
}
