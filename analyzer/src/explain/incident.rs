//! Findings → cases → incidents.

use super::case::Case;
use super::document::{
    Advice, Cause, Confidence, Event, Evidence, Incident, Link, Order, RuledOut, Severity, SubjectName, Time,
};
use super::harm;
use crate::causes::{self, Candidate, Judgement};
use crate::rules::{Finding, Scene};
use crate::{links, report};
use model::Onset;

/// Rules whose findings alone make no case: read-outs, demand that may be ordinary, and what only frames others.
const NO_SEED: [&str; 7] = [
    "load-rise",
    "gap",
    "reboot",
    "process-exit-freed",
    "device-read-rise",
    "device-write-rise",
    "device-latency-rise",
];

/// Seconds of quiet that part two cases.
const APART_S: f64 = 20.0;
/// Seconds before a case in which a rise of demand may have begun that is still going on when it starts.
const DEMAND_LEAD_S: f64 = 900.0;

/// All incidents of a window, harmless ones (`info`) included when a cause can be named.
pub(super) fn incidents(scene: &Scene, findings: Vec<Finding>) -> Vec<Incident> {
    let mut incidents: Vec<Incident> = cases(scene, findings)
        .iter()
        .filter_map(|case| incident(scene, case))
        .collect();
    incidents.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then(a.from.cmp(&b.from))
            .then(a.id.cmp(&b.id))
    });
    incidents
}

pub(crate) fn cases<'a>(scene: &'a Scene<'a>, findings: Vec<Finding>) -> Vec<Case<'a>> {
    let ticks = |seconds: f64| (seconds / scene.window.interval).ceil() as usize;
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut seeds: Vec<(usize, usize)> = findings
        .iter()
        .filter(|f| !NO_SEED.contains(&f.rule) && scene.site.severity(f.rule) != Some(Severity::Info))
        .map(|f| (f.from, f.to))
        .collect();
    seeds.sort_unstable();
    for (from, to) in seeds {
        match spans.last_mut().filter(|last| from <= last.1 + ticks(APART_S)) {
            Some(last) => last.1 = last.1.max(to),
            None => spans.push((from, to)),
        }
    }
    spans
        .into_iter()
        .map(|(from, to)| {
            let mine: Vec<Finding> = findings
                .iter()
                .filter(|f| {
                    let overlaps = f.from <= to && f.to + ticks(10.0) >= from;
                    let lead = from.saturating_sub(f.from) <= ticks(DEMAND_LEAD_S);
                    overlaps && lead
                })
                .cloned()
                .collect();
            let mut mine = merged(mine);
            links::settle(&mut mine, scene.topology);
            Case::new(scene, mine)
        })
        .collect()
}

/// The same rule about the same subject within one case is one event with interruptions.
fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    for finding in findings {
        match out
            .iter_mut()
            .find(|f| f.rule == finding.rule && f.subject == finding.subject && f.signal == finding.signal)
        {
            Some(first) if finding.rule != "setting-changed" && finding.rule != "oom-kill" => {
                first.to = first.to.max(finding.to);
                first.open |= finding.open;
            }
            _ => out.push(finding),
        }
    }
    out
}

fn incident(scene: &Scene, case: &Case) -> Option<Incident> {
    let window = scene.window;
    let harm::Harm {
        severity,
        wait,
        why: harm,
    } = harm::worst(case);
    let Judgement {
        candidates,
        ruled_out,
        cannot_tell,
    } = causes::judge_all(case, wait);
    if candidates.is_empty() && severity == Severity::Info {
        return None;
    }
    let drawn = links::draw(&case.findings, scene.topology);
    let mut advice: Vec<Advice> = Vec::new();
    let mut causes_out = Vec::new();
    for (rank, candidate) in candidates.iter().enumerate() {
        let rivals = &candidates[rank + 1..];
        let mut cause = shown(scene, case, candidate, rivals, &drawn, rank == 0);
        if rank == 0 {
            cause.missing.extend(cannot_tell.iter().cloned());
            advice.extend(candidate.advice.clone());
        }
        causes_out.push(cause);
    }
    let from = case.findings.iter().map(|f| f.onset.best).min()?;
    let from = causes_out
        .first()
        .map_or(from, |c: &Cause| c.onset.best.0.min(from));
    let open = case.to + 3 >= window.len();
    let to = if open {
        window.ticks[window.len() - 1]
    } else {
        window.ticks[case.to]
    };
    let headline = headline(&candidates, harm.as_deref(), scene, case);
    let label = causes_out.first().map_or("unexplained", |c| c.cause);
    Some(Incident {
        id: format!("{label}@{}", from.0 / 1_000_000_000),
        from: Time(from),
        to: Time(to),
        severity,
        headline,
        causes: causes_out,
        ruled_out: ruled_out
            .into_iter()
            .map(|(cause, because, evidence)| RuledOut {
                cause,
                because,
                evidence: numbered(&evidence),
            })
            .collect(),
        timeline: timeline(scene, case),
        links: drawn,
        advice,
        open,
        story: candidates.first().map(|c| c.story.clone()).unwrap_or_default(),
        harm,
        charts: report::chart::of_case(case, candidates.first()),
    })
}

fn headline(candidates: &[Candidate], harm: Option<&str>, scene: &Scene, case: &Case) -> String {
    let what = match candidates.first() {
        Some(first) => {
            let who = first
                .processes
                .first()
                .filter(|p| p.share >= 0.3 && !first.headline.contains(&p.comm));
            let who = who.map_or(String::new(), |p| format!(" by {}", p.comm));
            let second = candidates
                .get(1)
                .filter(|c| c.score >= 0.9 * first.score)
                .map_or(String::new(), |c| format!("; and {}", c.headline));
            format!("{}{who}{second}", first.headline)
        }
        None => "trouble without a cause that can be told".into(),
    };
    // A device that became full without being the culprit is the harm that people see. Of a stack (a loop device on a disk) the
    // uppermost is what they know it by.
    let full: Vec<String> = case
        .each("device-saturated")
        .map(|f| f.subject.to_string())
        .collect();
    let uppermost = |d: &String| !full.iter().any(|upper| scene.topology.stands_on(upper, d));
    let victim = full.iter().find(|d| {
        uppermost(d)
            && candidates.first().is_none_or(|c| !c.devices.contains(d))
            && !stands_below(scene, candidates, d)
    });
    match (victim, harm) {
        (Some(device), Some(_)) => format!("{what}; {device} is full in consequence"),
        (None, Some(harm)) => format!("{what}; {harm}"),
        (_, None) => format!("{what}; no harm seen"),
    }
}

fn stands_below(scene: &Scene, candidates: &[Candidate], device: &str) -> bool {
    candidates
        .first()
        .is_some_and(|c| c.devices.iter().any(|d| scene.topology.stands_on(d, device)))
}

fn shown(
    scene: &Scene,
    case: &Case,
    candidate: &Candidate,
    rivals: &[Candidate],
    drawn: &[Link],
    verdict: bool,
) -> Cause {
    let onset = sharpened(candidate);
    let tie = rivals.first().is_some_and(|r| r.score >= 0.93 * candidate.score);
    let confidence = confidence(case, candidate, verdict && !tie, drawn);
    Cause {
        cause: candidate.id,
        variant: candidate.variant,
        confidence,
        score: (candidate.score * 1000.0).round() / 1000.0,
        onset: onset.into(),
        devices: candidate.devices.clone(),
        mounts: candidate
            .devices
            .iter()
            .flat_map(|d| scene.topology.mounts(d))
            .collect(),
        processes: candidate.processes.clone(),
        settings: candidate.settings.clone(),
        story: candidate.story.clone(),
        event: mover(case, candidate),
        evidence_for: numbered(&candidate.evidence_for),
        evidence_against: numbered(&candidate.evidence_against),
        missing: candidate.missing.clone(),
        seen_before: Vec::new(),
    }
}

/// Evidence is a number: what is not known at that tick is not shown as one.
fn numbered(evidence: &[Evidence]) -> Vec<Evidence> {
    evidence.iter().filter(|e| e.value.is_finite()).cloned().collect()
}

/// A culprit that was started just before its effect began dates the cause to the clock tick (10 ms).
fn sharpened(candidate: &Candidate) -> Onset {
    const LEAD_NS: i64 = 3_000_000_000;
    const TICK_NS: i64 = 30_000_000;
    let onset = candidate.onset;
    match candidate.culprit_started {
        Some(started) if onset.earliest - LEAD_NS <= started && started <= onset.latest => {
            Onset::new(started - TICK_NS, started, started + TICK_NS)
        }
        _ => onset,
    }
}

/// kernel.md §6.4: shown = identity, order and dose, and no rival left; likely = one of them missing.
fn confidence(case: &Case, candidate: &Candidate, alone: bool, drawn: &[Link]) -> Confidence {
    let identity = candidate.processes.first().is_some_and(|p| p.share >= 0.6);
    let mover = mover(case, candidate);
    let order = candidate.culprit_started.is_some()
        || drawn
            .iter()
            .any(|l| Some(&l.from) == mover.as_ref() && l.order == Order::Proved);
    let dose = candidate.score >= 0.8;
    let earned = match (alone, identity && order && dose, candidate.score) {
        (true, true, _) => Confidence::Shown,
        (_, _, score) if score >= 0.55 => Confidence::Likely,
        _ => Confidence::Consistent,
    };
    earned.min(candidate.at_most)
}

/// The event that a candidate says moved first.
fn mover(case: &Case, candidate: &Candidate) -> Option<String> {
    let (rule, subject) = &candidate.mover;
    let place = case
        .findings
        .iter()
        .position(|f| f.rule == *rule && f.subject == *subject)?;
    Some(format!("e{}", place + 1))
}

fn timeline(scene: &Scene, case: &Case) -> Vec<Event> {
    case.findings
        .iter()
        .enumerate()
        .map(|(i, finding)| Event {
            event: finding.rule,
            id: format!("e{}", i + 1),
            subject: SubjectName {
                kind: finding.subject.kind(),
                name: finding.subject.to_string(),
            },
            onset: finding.onset.into(),
            end: (!finding.open).then(|| Time(scene.window.ticks[finding.to])),
            headline: finding.headline.clone(),
            evidence: numbered(&finding.evidence),
            before: finding.before,
            now: finding.now,
            unit: finding.unit,
        })
        .collect()
}
