//! `steal-rise`: the hypervisor takes CPU time

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "steal-rise",
    summary: "the hypervisor takes CPU time",
    manual: "\
Finds   steal above 5 % of all CPUs, 3 of 6 seconds.
Why     Work takes longer than the CPU time it uses.
Reads   stat: the cpu line.
Wrong   for a quota of a control group, which is not steal.
See     kernel.md 4.17.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(5.0).lasting(3);
    scene.rises("steal-rise", "cpu.steal", &pattern, |signal, episode| {
        format!("CPU time stolen: {}", from_to(episode, signal.unit))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Story;
    use expect_test::expect;

    #[test]
    fn another_guest_runs() {
        let story = Story::of(60).during(30..45, |m| m.cpu(40.0, 5.0, 0.0, 25.0));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              CPU time stolen: 0 % → 25 %
              - cpu.steal: 0 % before, 25 % at its height
        "#]]
        .assert_eq(&story.finds("steal-rise"));
    }

    #[test]
    fn busy_cpus_and_a_quota_steal_nothing() {
        let story = Story::of(60).during(30..45, |m| {
            m.cpu(90.0, 8.0, 0.0, 0.0);
            m.pressure("cpu", 60.0, 0.0);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("steal-rise"));
    }
}
