//! `memory_removed`: balloon, hotplug or huge-page reservation took memory.

use super::{Candidate, CauseRule, Verdict, candidate, ruled_out};
use crate::explain::case::Case;
use crate::explain::document::Advice;
use crate::units;

pub(super) const CAUSE: CauseRule = CauseRule {
    id: "memory_removed",
    name: "memory taken from the machine",
    summary: "balloon, hotplug or huge-page reservation took memory",
    manual: "\
What    MemTotal fell, a balloon grew, or memory was set aside for huge pages: free memory goes and no process has it.
For     A step of MemTotal, of HugePages_Total × Hugepagesize, of balloon_inflate, or of the part of memory that no line names.
Against All of these constant.
Like    anon_growth without an owner.
See     kernel.md 4.19.
",
    takes_memory: true,
    judge,
};

fn judge(case: &Case) -> Verdict {
    let demand = case.demand();
    let (huge, total) = (case.growth("mem.huge_pages", case.to), case.loss("mem.total"));
    let balloon = case.sum("balloon.inflate") * case.page();
    let taken = huge.max(total).max(balloon);
    let finding = case.first("memory-total-changed");
    let Some(mover) = finding.filter(|_| taken >= 64e6) else {
        let Some(level) = case.before("mem.total") else {
            return Verdict::Silent;
        };
        let text = format!(
            "MemTotal {} throughout, {} set aside for huge pages",
            units::bytes(level),
            units::bytes(huge)
        );
        return ruled_out(text.clone(), [case.number("mem.total", level, "B", text)]);
    };
    let share = demand.share(demand.taken);
    let weight = if case.short_from.is_some() || case.first("page-cache-drop").is_some() {
        0.95
    } else {
        0.6
    };
    let mut it = Candidate::new(
        weight * (0.4 + 0.6 * share),
        mover,
        format!("{} taken from the machine", units::bytes(taken)),
    );
    it.variant = Some(if huge >= taken {
        "huge_pages"
    } else if balloon >= taken {
        "balloon"
    } else {
        "hotplug"
    });
    it.story = format!("{}; no process holds it.", mover.headline);
    it.evidence_for.extend(mover.evidence.clone());
    let settings = case.scene.window.setting_changes();
    it.settings = settings
        .iter()
        .filter(|c| c.name.contains("hugepages"))
        .map(crate::causes::sysctl_change::shown)
        .collect();
    it.advice.push(Advice {
        text: "Give the memory back (vm.nr_hugepages, the balloon's target), or reserve it at boot".into(),
        because: format!(
            "{} is {:.0} % of what was taken",
            units::bytes(taken),
            100.0 * share
        ),
    });
    candidate(it)
}
