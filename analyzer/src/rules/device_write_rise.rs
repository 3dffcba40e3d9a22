//! `device-write-rise`: a device is given much more data.

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "device-write-rise",
    summary: "a device is given much more data",
    manual: "\
Finds   Writes of a device's own above the baseline by 8 MB/s, 4 of 8 seconds (a flush of some seconds is ordinary).
Why     Writes fill a device's queue for readers too.
Reads   diskstats: sectors written; the block topology.
Wrong   about when the data was written by a program: buffered writes reach the device seconds later.
See     kernel.md 4.5.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    scene
        .signals
        .each("disk.own_write")
        .flat_map(|signal| {
            scene.rises_of(RULE.id, signal, &Pattern::rise(8e6).lasting(4), |s, e| {
                format!("{} is written: {}", s.subject, from_to(e, s.unit))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn a_device_is_given_much_more() {
        let story = Story::of(60).during(30..45, |m| {
            m.disk("vdb").writes(800, 100 * MB);
        });
        expect![[r#"
            vdb at 30.00 s (30.00 to 31.00) until 45 s
              vdb is written: 328 kB/s → 100 MB/s
              - disk.own_write: 328 kB/s before, 100 MB/s at its height
        "#]]
        .assert_eq(&story.finds("device-write-rise"));
    }

    #[test]
    fn a_flush_of_three_seconds_is_ordinary() {
        let story = Story::of(60).during(30..33, |m| {
            m.disk("vdb").writes(800, 100 * MB);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("device-write-rise"));
    }
}
