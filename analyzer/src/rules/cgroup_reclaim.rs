//! `cgroup-reclaim`: a control group's limit reclaims

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "cgroup-reclaim",
    summary: "a control group's limit reclaims",
    manual: "\
Finds   More than 500 pages/s freed by reclaim that no global reclaimer did, 2 of 4 seconds; where control groups were recorded, a group
        that meets its limit 10 times a second and more.
Why     A container at its limit evicts its own pages while the host has room.
Reads   memory.events (max, high) or memory.failcnt of each group; vmstat: pgsteal_anon + pgsteal_file minus pgsteal_{kswapd,direct,khugepaged,proactive}.
Wrong   before 5.8, where the split counters do not exist and no groups were recorded: the rule is silent.
See     kernel.md 1.6, identity M5.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let mut findings = of_groups(scene);
    // The host's counters do not say whose limit it was; the groups' own do.
    if !findings.is_empty() {
        return findings;
    }
    let pattern = Pattern::rise(500.0);
    findings = scene.rises(
        "cgroup-reclaim",
        "reclaim.memcg_steal",
        &pattern,
        |signal, episode| {
            format!(
                "pages freed by a control group's limit: {}",
                from_to(episode, signal.unit)
            )
        },
    );
    findings
}

/// Groups that meet their limits. A limit counts for all groups above its own: of those with the same hits the lowest is meant.
fn of_groups(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(10.0).certain(50.0);
    let signals: Vec<_> = scene.signals.each("cgroup.limit_hits").collect();
    let is_of_one_below = |signal: &crate::signals::Signal| {
        let path = signal.subject.to_string();
        signals.iter().any(|below| {
            let is_below = below
                .subject
                .to_string()
                .strip_prefix(path.trim_end_matches('/'))
                .is_some_and(|rest| rest.starts_with('/') && rest.len() > 1);
            let last = scene.window.len() - 1;
            is_below && below.integral(0, last) >= 0.5 * signal.integral(0, last)
        })
    };
    signals
        .iter()
        .filter(|signal| !is_of_one_below(signal))
        .flat_map(|signal| {
            scene.rises_of("cgroup-reclaim", signal, &pattern, |signal, episode| {
                format!(
                    "{} meets its memory limit: {} times a second",
                    signal.subject,
                    from_to(episode, "")
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// memory.events of a group that met its limit so often by the end of a second.
    fn events(hits: usize) -> String {
        format!("low 0\nhigh 0\nmax {hits}\noom 0\noom_kill 0\n")
    }

    #[test]
    fn a_group_that_meets_its_limit_is_named_and_not_the_one_above_it() {
        let story = Story::of(60).during(0..60, |m| {
            let hits = 200 * m.second.saturating_sub(29);
            m.group("/pods", "memory.events", events(hits));
            m.group("/pods/box", "memory.events", events(hits));
        });
        expect![[r#"
            /pods/box at 30.00 s (30.00 to 31.00) until the end
              /pods/box meets its memory limit: 0 → 200 times a second
              - cgroup.limit_hits: 0/s before, 200/s at its height
        "#]]
        .assert_eq(&story.finds("cgroup-reclaim"));
    }

    /// A limit's reclaim: counted by what was freed, and not as any global reclaimer's.
    fn of_some_group(story: Story<'static>) -> Story<'static> {
        story.during(30..45, |m| m.count("pgsteal_file", 5000))
    }

    #[test]
    fn without_groups_the_pages_that_no_global_reclaimer_freed_tell() {
        let story = of_some_group(Story::of(60));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 45 s
              pages freed by a control group's limit: 0 pages/s → 5,000 pages/s
              - reclaim.memcg_steal: 0 pages/s before, 5,000 pages/s at its height
        "#]]
        .assert_eq(&story.finds("cgroup-reclaim"));
    }

    #[test]
    fn global_reclaim_is_of_no_group_and_a_kernel_that_does_not_split_is_silent() {
        let global = Story::of(60).during(30..45, |m| m.kswapd(20_000, 60 * MB));
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&global.finds("cgroup-reclaim"));
        let old = of_some_group(Story::of(60))
            .lacking("vmstat", "pgsteal_anon")
            .lacking("vmstat", "pgsteal_file");
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&old.finds("cgroup-reclaim"));
    }
}
