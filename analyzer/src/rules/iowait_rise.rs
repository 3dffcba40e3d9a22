//! `iowait-rise`: CPUs idle while tasks wait for I/O

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "iowait-rise",
    summary: "CPUs idle while tasks wait for I/O",
    manual: "\
Finds   iowait above the baseline by 10 % of all CPUs, 3 of 6 seconds.
Why     It confirms that tasks wait for disks. It is idle time: it never causes anything.
Reads   stat: the cpu line.
Wrong   as a measure: it vanishes when CPUs get busy, and is a lower bound on many CPUs.
See     kernel.md 5.5; Documentation/filesystems/proc.rst.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(10.0).lasting(3);
    scene.rises("iowait-rise", "cpu.iowait", &pattern, |signal, episode| {
        format!("iowait {}", from_to(episode, signal.unit))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn cpus_idle_while_tasks_wait() {
        let story = Story::of(60).during(30..45, |m| m.cpu(5.0, 5.0, 40.0, 0.0));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              iowait 0 % → 40 %
              - cpu.iowait: 0 % before, 40 % at its height
        "#]]
        .assert_eq(&story.finds("iowait-rise"));
    }

    #[test]
    fn it_vanishes_when_others_use_the_cpus() {
        let story = Story::of(60).during(30..45, |m| {
            m.tasks(4, 6);
            m.cpu(90.0, 5.0, 5.0, 0.0);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("iowait-rise"));
    }
}
