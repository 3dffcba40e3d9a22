//! One trouble under examination: its findings, its quiet before, and the questions that causes ask of both.

use super::document::{Culprit, Evidence};
use crate::processes::{Doer, Measure, rank};
use crate::rules::{Finding, Scene, rounded};
use crate::signals::Signal;
use crate::units;
use model::Subject;

/// Findings that belong together, and the ticks they span.
pub struct Case<'a> {
    /// The window and what was derived from it.
    pub scene: &'a Scene<'a>,
    /// By onset.
    pub findings: Vec<Finding>,
    /// First tick that shows anything.
    pub from: usize,
    /// Last tick that shows anything.
    pub to: usize,
    /// First tick at which memory was short: reclaim, swapping, a breach. `None`: it never was.
    pub short_from: Option<usize>,
}

/// A fall of the file cache.
#[derive(Debug, Clone, Copy)]
pub struct Cliff {
    /// First tick that shows it.
    pub from: usize,
    /// Last tick that shows it.
    pub to: usize,
    /// How long it took.
    pub seconds: f64,
    /// Bytes in the file cache before.
    pub before: f64,
    /// Bytes that went.
    pub lost: f64,
}

/// Who took how much memory while it became short, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demand {
    /// Growth of AnonPages.
    pub anon: f64,
    /// Growth of Shmem.
    pub shmem: f64,
    /// Growth of Slab.
    pub slab: f64,
    /// Growth of huge pages set aside, loss of MemTotal, and growth of what no line names.
    pub taken: f64,
    /// File pages read in by demand: not those that faults brought back after reclaim had begun.
    pub file_read: f64,
    /// File pages written into the cache.
    pub file_written: f64,
}

impl Demand {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.anon + self.shmem + self.slab + self.taken + self.file_read + self.file_written
    }

    /// A part of all of it, 0–1; 0 when there was none.
    pub fn share(&self, part: f64) -> f64 {
        let total = self.total();
        if total > 0.0 { part / total } else { 0.0 }
    }
}

const SHORTAGE: [&str; 5] = [
    "watermark-breach",
    "kswapd-scan",
    "direct-reclaim",
    "swap-out",
    "cgroup-reclaim",
];

impl<'a> Case<'a> {
    /// A case of these findings, which are in order of onset.
    pub fn new(scene: &'a Scene<'a>, findings: Vec<Finding>) -> Case<'a> {
        let from = findings.iter().map(|f| f.from).min().unwrap_or(0);
        let to = findings.iter().map(|f| f.to).max().unwrap_or(0);
        let short = findings
            .iter()
            .filter(|f| SHORTAGE.contains(&f.rule))
            .map(|f| f.from)
            .min();
        Case {
            scene,
            findings,
            from,
            to,
            short_from: short,
        }
    }

    /// The first finding of a rule.
    pub fn first(&self, rule: &str) -> Option<&Finding> {
        self.findings.iter().find(|f| f.rule == rule)
    }

    /// The first finding of a rule about a subject.
    pub fn first_of(&self, rule: &str, subject: &Subject) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|f| f.rule == rule && f.subject == *subject)
    }

    /// All findings of a rule.
    pub fn each(&self, rule: &str) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |f| f.rule == rule)
    }

    /// A signal of the host.
    pub fn signal(&self, name: &str) -> Option<&Signal> {
        self.scene.signals.host(name)
    }

    /// Whether a finding went on for so many seconds. A row that stands for a longer time has lasted that time.
    pub fn lasted(&self, finding: &Finding, seconds: f64) -> bool {
        let interval = self.scene.window.interval;
        let steps = (finding.to - finding.from) as f64 * interval;
        let own = if interval > 1.5 { interval } else { 0.0 };
        steps + own >= seconds * interval.min(1.0)
    }

    /// Seconds from the first to the last tick of the case.
    pub fn seconds(&self) -> f64 {
        self.scene.window.ticks[self.to]
            .seconds_since(self.scene.window.ticks[self.from])
            .max(1.0)
    }

    /// Level of a signal in the quiet before: the median of up to 60 ticks.
    pub fn calm(&self, name: &str) -> f64 {
        self.signal(name).map_or(f64::NAN, |s| self.calm_of(s))
    }

    /// Likewise of any signal.
    pub fn calm_of(&self, signal: &Signal) -> f64 {
        match self.from.checked_sub(1) {
            Some(before) => signal.median(before.saturating_sub(60), before),
            None => f64::NAN,
        }
    }

    /// Median of a signal over the case; NaN when unknown.
    pub fn typical(&self, name: &str) -> f64 {
        self.signal(name)
            .map_or(f64::NAN, |s| s.median(self.from, self.to))
    }

    /// Largest value over the case.
    pub fn peak(&self, name: &str) -> Option<(usize, f64)> {
        self.signal(name)?.max(self.from, self.to)
    }

    /// Sum over the case of a rate.
    pub fn sum(&self, name: &str) -> f64 {
        self.signal(name).map_or(0.0, |s| s.integral(self.from, self.to))
    }

    /// Level at the last tick before the case.
    pub fn before(&self, name: &str) -> Option<f64> {
        self.signal(name)?
            .at_or_before(self.from.saturating_sub(1))
            .map(|(_, v)| v)
    }

    /// How far a level rose above what it was before, at most.
    pub fn growth(&self, name: &str, to: usize) -> f64 {
        let (Some(before), Some(signal)) = (self.before(name), self.signal(name)) else {
            return 0.0;
        };
        signal
            .max(self.from, to)
            .map_or(0.0, |(_, peak)| (peak - before).max(0.0))
    }

    /// How far a level fell below what it was before, at most.
    pub fn loss(&self, name: &str) -> f64 {
        let (Some(before), Some(signal)) = (self.before(name), self.signal(name)) else {
            return 0.0;
        };
        signal
            .min(self.from, self.to)
            .map_or(0.0, |(_, low)| (before - low).max(0.0))
    }

    /// Bytes freed by global reclaim over the case.
    pub fn stolen_bytes(&self) -> f64 {
        self.sum("reclaim.steal") * self.page()
    }

    /// Likewise over some ticks.
    pub fn stolen_bytes_over(&self, from: usize, to: usize) -> f64 {
        self.signal("reclaim.steal").map_or(0.0, |s| s.integral(from, to)) * self.page()
    }

    /// The deepest fall of the file cache that took at most so many seconds (one interval, if that is longer).
    pub fn cliff(&self, seconds: f64) -> Option<Cliff> {
        let cache = self.signal("mem.file_cache")?;
        let start = self.from.saturating_sub(1);
        let mut deepest: Option<Cliff> = None;
        for from in start..self.to {
            for to in from + 1..=self.to {
                let took = cache.at[to] - cache.at[from];
                if took > seconds.max(1.5 * self.scene.window.interval) {
                    break;
                }
                let lost = cache.values[from] - cache.values[to];
                if lost > deepest.as_ref().map_or(0.0, |d| d.lost) {
                    deepest = Some(Cliff {
                        from: from + 1,
                        to,
                        seconds: took,
                        before: cache.values[from],
                        lost,
                    });
                }
            }
        }
        deepest
    }

    /// Bytes in a page.
    pub fn page(&self) -> f64 {
        f64::from(self.scene.window.boot.page_size)
    }

    /// MemTotal.
    pub fn memory(&self) -> f64 {
        self.before("mem.total")
            .or_else(|| self.peak("mem.total").map(|p| p.1))
            .unwrap_or(f64::NAN)
    }

    /// The last tick of the phase in which the shortage arose: what came later may be its consequence.
    pub fn phase_end(&self) -> usize {
        let seconds = |s: f64| (s / self.scene.window.interval).ceil() as usize;
        match self.short_from {
            Some(short) => (short + seconds(3.0)).max(self.from + seconds(10.0)).min(self.to),
            None => self.to,
        }
    }

    /// Who took how much while the shortage arose.
    pub fn demand(&self) -> Demand {
        self.demand_until(self.phase_end())
    }

    /// Who took how much up to a tick.
    pub fn demand_until(&self, end: usize) -> Demand {
        let page = self.page();
        let unnamed = self.growth("mem.unaccounted", end);
        // Per-CPU caches and the like breathe; 128 MB of them is not a consumer.
        let unnamed = if unnamed > 128e6 { unnamed } else { 0.0 };
        // No more file pages can have come than the cache grew by and reclaim took from it.
        let steal = self
            .signal("reclaim.steal")
            .map_or(0.0, |s| s.integral(self.from, end))
            * page;
        let inflow_limit = self.growth("mem.file_cache", end) + steal;
        let written = self
            .signal("write.dirtied")
            .map_or(0.0, |s| s.integral(self.from, end))
            * page;
        let file_written = written.min(inflow_limit);
        let read = self.demanded_inflow(end);
        Demand {
            anon: self.growth("mem.anon", end),
            shmem: self.growth("mem.shmem", end),
            slab: self.growth("mem.slab", end),
            taken: self.growth("mem.huge_pages", end) + self.loss("mem.total") + unnamed,
            file_read: read.min((inflow_limit - file_written).max(0.0)),
            file_written,
        }
    }

    /// Bytes read that were asked for, not faulted back: once memory is short, a major fault's page is a consequence.
    fn demanded_inflow(&self, end: usize) -> f64 {
        let (Some(inflow), page) = (self.signal("io.inflow"), self.page()) else {
            return 0.0;
        };
        let faults = self.signal("fault.major");
        (self.from.max(1)..=end)
            .map(|i| {
                let faulted = match (faults, self.short_from) {
                    (Some(f), Some(short)) if i >= short => f.values[i] * page,
                    _ => 0.0,
                };
                (inflow.values[i] - faulted) * (inflow.at[i] - inflow.at[i - 1])
            })
            .filter(|v| *v > 0.0)
            .sum()
    }

    /// The device whose own reads (or writes) brought most bytes over ticks, with those bytes.
    pub fn busiest(&self, signal: &str, from: usize, to: usize) -> Option<(&Signal, f64)> {
        self.scene
            .signals
            .each(signal)
            .map(|s| (s, s.integral(from, to)))
            .filter(|(_, bytes)| *bytes > 0.0)
            .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.subject.cmp(&a.0.subject)))
    }

    /// The processes that did most of something over ticks.
    pub fn doers(&self, from: usize, to: usize, measure: Measure) -> Vec<Doer> {
        rank(self.scene.window, from, to, measure)
    }

    /// A number of the host with its baseline, as evidence.
    pub fn evidence(&self, name: &str, tick: usize, text: String) -> Option<Evidence> {
        let signal = self.signal(name)?;
        if signal.values.get(tick).is_none_or(|v| v.is_nan()) {
            return None;
        }
        let mut evidence = self.scene.evidence(signal, tick, text);
        let calm = self.calm_of(signal);
        evidence.baseline = (!calm.is_nan()).then_some(rounded(calm));
        Some(evidence)
    }

    /// A computed number that stands for the whole case.
    pub fn number(&self, signal: &str, value: f64, unit: &str, text: String) -> Evidence {
        self.scene
            .number(signal, &Subject::Host, self.to, value, unit, text)
    }

    /// `before → farthest` of a level in its unit: the value over the case that lies farthest from the one before it.
    pub fn moved(&self, name: &str) -> Option<String> {
        let signal = self.signal(name)?;
        let before = self.before(name)?;
        let (low, high) = (
            signal.min(self.from, self.to)?.1,
            signal.max(self.from, self.to)?.1,
        );
        let farthest = if high - before >= before - low { high } else { low };
        Some(format!(
            "{} → {}",
            units::value(before, signal.unit),
            units::value(farthest, signal.unit)
        ))
    }
}

/// Doers as the document shows them: at most five, and none below one in a hundred.
pub fn culprits(doers: &[Doer], of: &str) -> Vec<Culprit> {
    doers
        .iter()
        .take(5)
        .filter(|d| d.share >= 0.01)
        .map(|d| Culprit {
            pid: d.identity.pid,
            comm: d.identity.comm.clone(),
            cgroup: d.identity.cgroup.clone(),
            share: (d.share * 1000.0).round() / 1000.0,
            of: of.into(),
        })
        .collect()
}
