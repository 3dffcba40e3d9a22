//! `writeback-rise`: pages under writeback pile up

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "writeback-rise",
    summary: "pages under writeback pile up",
    manual: "\
Finds   Writeback above 8 MB for 4 seconds, and twice the baseline.
Why     Writeback that lasts means that a device takes data more slowly than it is given.
Reads   meminfo: Writeback.
Wrong   on fast devices with deep queues, where some MB are always under way.
See     kernel.md 4.5.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(8e6).lasting(4);
    scene.rises("writeback-rise", "mem.writeback", &pattern, |signal, episode| {
        format!("memory under writeback: {}", from_to(episode, signal.unit))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn a_device_that_takes_data_slowly() {
        let story = Story::of(60)
            .during(30..45, |m| *m.meminfo("Writeback") = 60 * MB)
            .at(45, |m| *m.meminfo("Writeback") = 0);
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              memory under writeback: 0 B → 60 MB
              - mem.writeback: 0 B before, 60 MB at its height
        "#]]
        .assert_eq(&story.finds("writeback-rise"));
    }

    #[test]
    fn a_flush_of_two_seconds_and_dirty_memory_alone_are_ordinary() {
        let story = Story::of(60)
            .during(30..32, |m| *m.meminfo("Writeback") = 60 * MB)
            .at(32, |m| *m.meminfo("Writeback") = 0)
            .during(30..45, |m| *m.meminfo("Dirty") = 300 * MB);
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("writeback-rise"));
    }
}
