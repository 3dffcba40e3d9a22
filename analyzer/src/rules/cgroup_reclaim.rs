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
