//! `raid_resync`: a resync, check or rebuild loads the members.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Missing};
use crate::explain::harm::Wait;
use crate::units;
use model::Subject;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "raid_resync",
    name: "a RAID resync, check or rebuild",
    summary: "a resync, check or rebuild loads the members",
    manual: "\
What    md reads (and rewrites) its members below the level at which pgpgin counts.
For     Members of an array busy with reads that the array itself was not asked for; disks read more than pgpgin says (M3).
Against No array; disks and pgpgin agree.
Like    device_slow, page_cache_flood.
See     kernel.md 4.16, M3.
",
    makes_wait_for: Wait::Disk,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let topology = case.scene.topology;
    let is_array = |name: &str| name.starts_with("md");
    let members: Vec<_> = case
        .scene
        .signals
        .each("disk.own_read")
        .filter(|s| match &s.subject {
            Subject::Device(name) => topology.stacked_on(name).iter().any(|upper| is_array(upper)),
            _ => false,
        })
        .map(|s| (s, s.integral(case.from, case.to)))
        .collect();
    let leaf = case.sum("disk.leaf_read");
    let inflow = case.sum("io.inflow");
    let beyond = leaf - inflow;
    let text = format!(
        "disks read {}, pgpgin says {}",
        units::bytes(leaf),
        units::bytes(inflow)
    );
    let evidence = case.number("disk.leaf_read", leaf, "B", text.clone());
    let seconds = case.seconds();
    let by_members: f64 = members.iter().map(|m| m.1).fold(0.0, f64::max);
    let found = by_members / seconds >= 4e6 || (beyond / seconds >= 4e6 && beyond >= 0.3 * leaf);
    if !found {
        return if case.signal("disk.leaf_read").is_none() || leaf < 1e6 {
            Verdict::Silent
        } else {
            ruled_out(text, [evidence])
        };
    }
    let mover = case
        .findings
        .iter()
        .find(|f| f.rule == "device-read-rise" && members.iter().any(|m| m.0.subject == f.subject));
    let Some(mover) = mover
        .or_else(|| case.first("device-read-rise"))
        .or_else(|| case.findings.first())
    else {
        return Verdict::Silent;
    };
    let mut it = Candidate::new(
        if by_members > 0.0 { 0.88 } else { 0.6 },
        mover,
        "a RAID array is resynced, checked or rebuilt".into(),
    );
    it.at_most = Confidence::Likely;
    let mut arrays: Vec<String> = members
        .iter()
        .filter(|m| m.1 >= 0.3 * by_members)
        .filter_map(|m| {
            if let Subject::Device(name) = &m.0.subject {
                Some(name)
            } else {
                None
            }
        })
        .flat_map(|name| topology.stacked_on(name))
        .filter(|name| is_array(name))
        .map(|name| name.to_string())
        .collect();
    arrays.sort();
    arrays.dedup();
    it.devices = arrays;
    it.devices.extend(
        members
            .iter()
            .filter(|m| m.1 >= 0.3 * by_members)
            .map(|m| m.0.subject.to_string()),
    );
    it.story = format!(
        "Members of the array read {} that nobody asked the array for; {text}.",
        units::bytes(by_members.max(beyond))
    );
    it.evidence_for.push(evidence);
    it.missing.push(Missing {
        signal: "/proc/mdstat, md/sync_action".into(),
        would_tell: "whether it is a resync, a check or a rebuild, and how far it is".into(),
    });
    it.advice.push(Advice {
        text: "Lower dev.raid.speed_limit_max until the load is over, or move the monthly check".into(),
        because: format!(
            "it takes {} of the members",
            units::byte_rate(by_members.max(beyond) / seconds)
        ),
    });
    candidate(it)
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Machine, Story};
    use expect_test::expect;

    /// An array of two disks whose members are kept busy by reads.
    fn array(read: impl Fn(&mut Machine) + 'static) -> Story<'static> {
        Story::of(70)
            .at(0, |m| m.fact("block.md0", r#"{"slaves": ["vda", "vdb"]}"#))
            .during(0..70, |m| {
                m.disk("md0").reads(0, 0);
            })
            .during(30..60, move |m| {
                for member in ["vda", "vdb"] {
                    m.disk(member)
                        .reads(800, 100 * MB)
                        .wait_ms(10.0)
                        .busy(98.0)
                        .below_pgpgin();
                }
                read(m);
            })
    }

    #[test]
    fn members_are_read_and_nobody_asked_the_array() {
        expect![[r#"
            Info: nobody is hurt
            0.88, at most Likely: no variant, from 30.00 s (30.00 to 31.00)
            devices ["md0", "vda", "vdb"], processes []
            a RAID array is resynced, checked or rebuilt
            Members of the array read 6 GB that nobody asked the array for; disks read 6 GB, pgpgin says 0 B.
            + disks read 6 GB, pgpgin says 0 B
            ? /proc/mdstat, md/sync_action: whether it is a resync, a check or a rebuild, and how far it is
        "#]]
        .assert_eq(&array(|_| ()).judges("raid_resync"));
    }

    #[test]
    fn members_that_serve_their_array_are_only_busy() {
        let asked = array(|m| {
            m.disk("md0").reads(1600, 200 * MB);
        });
        expect![[r#"
            ruled out: disks read 6 GB, pgpgin says 6 GB
        "#]]
        .assert_eq(&asked.judges("raid_resync"));
    }

    #[test]
    fn without_diskstats_nobody_would_think_of_it() {
        let story = array(|m| m.tasks(1, 4)).lacking("diskstats", "");
        expect![[r#"
            silent
        "#]]
        .assert_eq(&story.judges("raid_resync"));
    }
}
