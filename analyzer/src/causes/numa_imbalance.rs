//! `numa_imbalance`: one node is short while another has plenty.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::explain::harm::Wait;
use crate::units;
use model::Subject;
use std::collections::BTreeMap;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "numa_imbalance",
    name: "one NUMA node short, another not",
    summary: "one node is short while another has plenty",
    manual: "\
What    Memory policy, binding or first touch fills one node; it reclaims while another has room.
For     One node's zones at their marks, another's at ten times theirs, for 30 seconds or most of the case.
Against One node only, or both alike.
Like    page_cache_flood (both nodes low), exhaustion of a low zone.
See     kernel.md 4.9.
",
    makes_wait_for: Wait::Memory,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let mut nodes: BTreeMap<u32, f64> = BTreeMap::new();
    for zone in case.scene.signals.each("zone.over_high") {
        if let Subject::Zone { node, .. } = &zone.subject {
            let room = zone.median(case.from, case.to);
            let entry = nodes.entry(*node).or_insert(room);
            *entry = entry.max(room);
        }
    }
    if nodes.len() < 2 {
        return Verdict::Silent;
    }
    let (short, short_room) = nodes
        .iter()
        .min_by(|a, b| a.1.total_cmp(b.1))
        .map(|(n, r)| (*n, *r))
        .unwrap_or((0, f64::NAN));
    let (rich, rich_room) = nodes
        .iter()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(n, r)| (*n, *r))
        .unwrap_or((0, f64::NAN));
    let text = format!(
        "node {short} has {} times its high marks free, node {rich} {} times",
        units::count(short_room),
        units::count(rich_room)
    );
    let evidence = case.number("zone.over_high", short_room, "ratio", text.clone());
    if !(short_room <= 1.5 && rich_room >= 10.0) {
        return ruled_out(text, [evidence]);
    }
    let first = case
        .each("watermark-breach")
        .find(|f| f.subject == Subject::Node(short));
    let Some(mover) = first.or_else(|| case.first("kswapd-scan")) else {
        return ruled_out(text, [evidence]);
    };
    let mut it = Candidate::new(
        0.75,
        mover,
        format!("node {short} is short while node {rich} has plenty"),
    );
    it.at_most = Confidence::Likely;
    it.story = format!("{text}.");
    it.evidence_for.push(evidence);
    it.missing.push(Missing {
        signal: "/proc/PID/numa_maps".into(),
        would_tell: "which process is bound to that node".into(),
    });
    it.advice.push(Advice {
        text: "Check numactl, cpusets and vm.zone_reclaim_mode; interleave what is shared by all".into(),
        because: text,
    });
    candidate(it)
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// One node is down to its marks, and kswapd works for it. The first zone's memory is another node's from the start on.
    fn short(nodes: u32) -> Story<'static> {
        Story::of(80)
            .at(0, move |m| m.node(0, nodes - 1))
            .during(30..70, |m| {
                m.kswapd(20_000, 4 * MB);
                m.zone(0).free = 6000;
            })
    }

    #[test]
    fn one_node_reclaims_while_the_other_has_room() {
        expect![[r#"
            Info: nobody is hurt
            0.75, at most Likely: no variant, from 30.00 s (30.00 to 31.00)
            devices [], processes []
            node 1 is short while node 0 has plenty
            node 1 has 1 times its high marks free, node 0 21 times.
            + node 1 has 1 times its high marks free, node 0 21 times
            ? /proc/PID/numa_maps: which process is bound to that node
        "#]]
        .assert_eq(&short(2).judges("numa_imbalance"));
    }

    #[test]
    fn both_alike_is_plain_shortage_and_one_node_has_no_other() {
        let both = short(2).during(30..70, |m| m.zone(1).free = 18_000);
        expect![[r#"
            ruled out: node 0 has 1 times its high marks free, node 1 1 times
        "#]]
        .assert_eq(&both.judges("numa_imbalance"));
        expect![[r#"
            silent
        "#]]
        .assert_eq(&short(1).judges("numa_imbalance"));
    }
}
