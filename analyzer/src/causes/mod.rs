//! Causes: each judges from the evidence of a case whether it was this. One file each, registered in [`all`].
//!
//! A judgement is a candidate with evidence for and against, a refusal with the number that refutes it, or "cannot tell" with
//! the file that would tell. Scores order candidates: the part of the dose that the cause accounts for, weighted by how much of the
//! mechanism's chain was seen. They are not probabilities.

use crate::explain::case::Case;
use crate::explain::document::{Advice, Confidence, Culprit, Evidence, Missing, SettingChange};
use crate::explain::harm::Wait;
use crate::rules::Finding;
use model::{Onset, Subject};

mod anon_growth;
mod blocked_tasks;
mod cgroup_limit;
mod cpu_saturation;
mod cpu_steal;
mod device_saturation;
mod device_slow;
mod drop_caches;
mod fragmentation;
mod io_throttle;
mod memory_removed;
mod numa_imbalance;
mod over_reclaim;
mod page_cache_flood;
mod raid_resync;
mod shmem_growth;
mod slab_growth;
mod swap_thrash;
mod sysctl_change;
mod writeback_storm;

/// A cause of the taxonomy.
pub struct CauseRule {
    /// From the contract.
    pub id: &'static str,
    /// What a headline calls it.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The manual page.
    pub manual: &'static str,
    /// What somebody waits for because of it.
    pub makes_wait_for: Wait,
    /// Judges.
    pub judge: fn(&Case) -> Verdict,
}

/// What a cause says of a case.
pub enum Verdict {
    /// It may be this.
    Candidate(Box<Candidate>),
    /// It was not, and this number says so.
    RuledOut(String, Vec<Evidence>),
    /// It cannot be told; this would tell.
    CannotTell(Missing),
    /// Nobody would think of it here.
    Silent,
}

/// A cause that may be the one.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The taxonomy's id, set by [`judge_all`].
    pub id: &'static str,
    /// `stream`, `leak`, …
    pub variant: Option<&'static str>,
    /// 0–1.
    pub score: f64,
    /// At most this sure, whatever the score.
    pub at_most: Confidence,
    /// Rule and subject of the finding that moved first.
    pub mover: (&'static str, Subject),
    /// When it began.
    pub onset: Onset,
    /// Culprit first.
    pub devices: Vec<String>,
    /// Culprit first.
    pub processes: Vec<Culprit>,
    /// When the first culprit was started, if that sharpens the onset.
    pub culprit_started: Option<model::UnixNanos>,
    /// Settings concerned.
    pub settings: Vec<SettingChange>,
    /// What happened, for the headline: "scanner reads files on vda".
    pub headline: String,
    /// The story in two or three sentences.
    pub story: String,
    /// Speaks for it.
    pub evidence_for: Vec<Evidence>,
    /// Speaks against it.
    pub evidence_against: Vec<Evidence>,
    /// What would tell more.
    pub missing: Vec<Missing>,
    /// What helps.
    pub advice: Vec<Advice>,
}

impl Candidate {
    /// One with a score, an onset and a headline; the rest is added.
    pub fn new(score: f64, first_mover: &Finding, headline: String) -> Candidate {
        Candidate {
            id: "",
            variant: None,
            score: score.clamp(0.0, 1.0),
            at_most: Confidence::Shown,
            mover: (first_mover.rule, first_mover.subject.clone()),
            onset: first_mover.onset,
            devices: Vec::new(),
            processes: Vec::new(),
            culprit_started: None,
            settings: Vec::new(),
            headline,
            story: String::new(),
            evidence_for: Vec::new(),
            evidence_against: Vec::new(),
            missing: Vec::new(),
            advice: Vec::new(),
        }
    }

    /// Names the processes, and lets the first one's start sharpen the onset when it was started for this.
    pub fn blame(&mut self, doers: &[crate::processes::Doer], of: &str) {
        self.processes = crate::explain::case::culprits(doers, of);
        self.culprit_started = doers.first().filter(|d| d.share >= 0.3).map(|d| d.started);
    }

    /// `scanner (pid 22451)`, or "somebody" when the processes were not recorded.
    pub fn who(&self) -> String {
        match self.processes.first() {
            Some(p) if p.share >= 0.3 => format!("{} (pid {})", p.comm, p.pid),
            _ => "somebody".into(),
        }
    }
}

/// Every cause of the taxonomy, in its order.
pub fn all() -> &'static [CauseRule] {
    &[
        page_cache_flood::CAUSE,
        anon_growth::CAUSE,
        swap_thrash::CAUSE,
        writeback_storm::CAUSE,
        slab_growth::CAUSE,
        shmem_growth::CAUSE,
        fragmentation::CAUSE,
        numa_imbalance::CAUSE,
        over_reclaim::CAUSE,
        drop_caches::CAUSE,
        cgroup_limit::CAUSE,
        device_saturation::CAUSE,
        device_slow::CAUSE,
        io_throttle::CAUSE,
        raid_resync::CAUSE,
        blocked_tasks::CAUSE,
        cpu_saturation::CAUSE,
        cpu_steal::CAUSE,
        sysctl_change::CAUSE,
        memory_removed::CAUSE,
    ]
}

/// The cause of this id.
pub fn find(id: &str) -> Option<&'static CauseRule> {
    all().iter().find(|c| c.id == id)
}

/// What all causes say of a case.
pub struct Judgement {
    /// Best first.
    pub candidates: Vec<Candidate>,
    /// In the order of the taxonomy.
    pub ruled_out: Vec<(&'static str, String, Vec<Evidence>)>,
    /// In the order of the taxonomy.
    pub cannot_tell: Vec<Missing>,
}

/// Below this a candidate is only a thought: its number is shown as what speaks against it.
const LEAST_SCORE: f64 = 0.25;

/// What is left of the score of a cause that does not make the harm that was done.
const OTHER_HARM: f64 = 0.75;

/// Asks every cause. One that does not make what the worst harm waits for may stand beside the one that does, not before it.
pub fn judge_all(case: &Case, harm: Option<Wait>) -> Judgement {
    let mut judgement = Judgement {
        candidates: Vec::new(),
        ruled_out: Vec::new(),
        cannot_tell: Vec::new(),
    };
    for cause in all() {
        match (cause.judge)(case) {
            Verdict::Candidate(mut candidate) => {
                candidate.id = cause.id;
                if harm.is_some_and(|harm| !cause.makes_wait_for.makes(harm)) {
                    candidate.score *= OTHER_HARM;
                }
                if candidate.score >= LEAST_SCORE {
                    judgement.candidates.push(*candidate);
                }
            }
            Verdict::RuledOut(because, evidence) => judgement.ruled_out.push((cause.id, because, evidence)),
            Verdict::CannotTell(missing) => judgement.cannot_tell.push(missing),
            Verdict::Silent => {}
        }
    }
    judgement
        .candidates
        .sort_by(|a, b| b.score.total_cmp(&a.score).then(a.onset.best.cmp(&b.onset.best)));
    judgement
}

/// A boxed candidate.
fn candidate(candidate: Candidate) -> Verdict {
    Verdict::Candidate(Box::new(candidate))
}

/// A refusal with its number.
fn ruled_out(because: String, evidence: impl IntoIterator<Item = Evidence>) -> Verdict {
    Verdict::RuledOut(because, evidence.into_iter().collect())
}
