//! `slab-rise`: kernel objects grow

use super::{Finding, Rule, Scene, from_to};
use crate::onset::Pattern;

pub(super) const RULE: Rule = Rule {
    id: "slab-rise",
    summary: "kernel objects grow",
    manual: "\
Finds   Slab growing by more than 4 MB/s for 5 seconds.
Why     Dentries and inodes take memory quickly when a tree is walked; unreclaimable slab is a leak or sockets.
Reads   meminfo: Slab (SReclaimable and SUnreclaim stand in the cause's evidence).
Wrong   for pages that drivers take outside slab: see `mem.unaccounted`.
See     kernel.md 4.6.
",
    find,
};

fn find(scene: &Scene) -> Vec<Finding> {
    let pattern = Pattern::rise(4e6).lasting(5);
    scene.rises("slab-rise", "mem.slab_growth", &pattern, |signal, episode| {
        format!("slab grows: {}", from_to(episode, signal.unit))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    #[test]
    fn a_tree_is_walked_and_its_inodes_stay() {
        let story = Story::of(60).during(30..40, |m| m.slab("SReclaimable", 20 * MB));
        expect![[r#"
            host at 30.00 s (30.00 to 31.00) until 40 s
              slab grows: 0 B/s → 20 MB/s
              - mem.slab_growth: 0 B/s before, 20 MB/s at its height
        "#]]
        .assert_eq(&story.finds("slab-rise"));
    }

    #[test]
    fn page_tables_and_pages_of_drivers_are_not_slab() {
        let story = Story::of(60).during(30..40, |m| {
            *m.meminfo("PageTables") += 20 * MB;
            m.take(120 * MB);
        });
        expect![[r#"
            nothing
        "#]]
        .assert_eq(&story.finds("slab-rise"));
    }
}
