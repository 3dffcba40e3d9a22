//! Rules: each finds one pattern and says when it began, with bounds. One file each, registered in [`all`].
//!
//! A rule does not judge: what set it off is for [`crate::links`] and [`crate::causes`].

use crate::explain::document::Evidence;
use crate::onset::{Episode, Pattern, episodes};
use crate::signals::{Signal, Signals};
use crate::site::Site;
use crate::topology::Topology;
use crate::units;
use crate::window::Window;
use model::{Onset, Subject};

mod anon_rise;
mod blocked_tasks;
mod cgroup_reclaim;
mod compaction_stall;
mod cpu_saturated;
mod device_latency_rise;
mod device_read_rise;
mod device_saturated;
mod device_write_rise;
mod direct_reclaim;
mod dirty_rise;
mod drop_caches;
mod gap;
mod iowait_rise;
mod kswapd_scan;
mod load_rise;
mod major_fault_storm;
mod memory_total_changed;
mod oom_kill;
pub(crate) use oom_kill::kills;
mod page_cache_drop;
mod process_exit_freed;
mod reboot;
mod reclaim_above_high;
pub(crate) use reclaim_above_high::least_free;
mod refault_storm;
mod setting_changed;
mod sharpen;
mod shmem_rise;
mod slab_rise;
mod steal_rise;
mod swap_in;
mod swap_out;
mod watermark_breach;
mod writeback_rise;

/// What a rule looks at.
pub struct Scene<'a> {
    /// Decoded columns, facts, log.
    pub window: &'a Window,
    /// Derived quantities.
    pub signals: &'a Signals,
    /// Block devices.
    pub topology: &'a Topology,
    /// What the site adds and changes.
    pub site: &'a Site,
}

/// A pattern found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// To what it happened.
    pub subject: Subject,
    /// When it began.
    pub onset: Onset,
    /// First tick that shows it.
    pub from: usize,
    /// Last tick that shows it.
    pub to: usize,
    /// Still so at the end of the window.
    pub open: bool,
    /// Was so already when the record begins.
    pub since_before: bool,
    /// One line for a person.
    pub headline: String,
    /// The signal that shows it best.
    pub signal: &'static str,
    /// Level before.
    pub before: f64,
    /// Level in the middle of it.
    pub now: f64,
    /// Unit of the two.
    pub unit: &'static str,
    /// Numbers.
    pub evidence: Vec<Evidence>,
}

/// A pattern to look for.
pub struct Rule {
    /// Kebab-case, from the contract.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The manual page.
    pub manual: &'static str,
    /// Looks for it.
    pub find: fn(&Scene) -> Vec<Finding>,
}

/// Every rule, in the order in which causes come before effects.
pub fn all() -> &'static [Rule] {
    &[
        gap::RULE,
        reboot::RULE,
        setting_changed::RULE,
        memory_total_changed::RULE,
        drop_caches::RULE,
        process_exit_freed::RULE,
        device_read_rise::RULE,
        device_write_rise::RULE,
        anon_rise::RULE,
        shmem_rise::RULE,
        slab_rise::RULE,
        dirty_rise::RULE,
        writeback_rise::RULE,
        watermark_breach::RULE,
        kswapd_scan::RULE,
        reclaim_above_high::RULE,
        direct_reclaim::RULE,
        cgroup_reclaim::RULE,
        compaction_stall::RULE,
        page_cache_drop::RULE,
        swap_out::RULE,
        refault_storm::RULE,
        swap_in::RULE,
        major_fault_storm::RULE,
        device_saturated::RULE,
        device_latency_rise::RULE,
        blocked_tasks::RULE,
        oom_kill::RULE,
        cpu_saturated::RULE,
        steal_rise::RULE,
        iowait_rise::RULE,
        load_rise::RULE,
    ]
}

/// The place of a rule in that order: cause before effect in a tie.
pub fn rank(id: &str) -> usize {
    all().iter().position(|r| r.id == id).unwrap_or(usize::MAX)
}

/// Every finding of every rule, by onset, cause before effect in a tie.
pub fn find_all(scene: &Scene) -> Vec<Finding> {
    let mut found: Vec<Finding> = all().iter().flat_map(|rule| (rule.find)(scene)).collect();
    found.retain(|finding| scene.site.keeps(finding));
    found.extend(scene.site.find(scene));
    sharpen::sharpen(scene, &mut found);
    found.sort_by(|a, b| {
        (a.onset.best, rank(a.rule), &a.subject).cmp(&(b.onset.best, rank(b.rule), &b.subject))
    });
    found
}

impl Scene<'_> {
    /// An evidence line from a signal's value at a tick.
    pub fn evidence(&self, signal: &Signal, tick: usize, text: String) -> Evidence {
        self.number(
            signal.name,
            &signal.subject,
            tick,
            signal.values[tick],
            signal.unit,
            text,
        )
    }

    /// An evidence line from a number that stands for the time up to a tick.
    pub fn number(
        &self,
        signal: &str,
        subject: &Subject,
        tick: usize,
        value: f64,
        unit: &str,
        text: String,
    ) -> Evidence {
        Evidence {
            signal: signal.into(),
            subject: subject.to_string(),
            at: crate::explain::document::Time(self.window.ticks[tick.min(self.window.len() - 1)]),
            value: rounded(value),
            unit: unit.into(),
            baseline: None,
            threshold: None,
            text,
        }
    }

    /// Bounds of an episode as wall time.
    pub fn onset(&self, episode: &Episode) -> Onset {
        let wall = |seconds| self.window.wall(seconds);
        // How full an average's first row is says nothing of when in it something began: the middle, and cause before effect in the tie.
        let best = match self.window.averages {
            true => (episode.earliest + episode.latest) / 2.0,
            false => episode.best,
        };
        Onset::new(wall(episode.earliest), wall(best), wall(episode.latest))
    }

    /// The finding that an episode of a signal is.
    pub fn finding(
        &self,
        rule: &'static str,
        signal: &Signal,
        episode: &Episode,
        headline: String,
    ) -> Finding {
        let (peak, _) = episode.peak;
        let text = format!(
            "{}: {} before, {} at its height",
            signal.name,
            units::value(
                if episode.baseline.is_nan() {
                    0.0
                } else {
                    episode.baseline
                },
                signal.unit
            ),
            units::value(episode.peak.1, signal.unit)
        );
        let mut evidence = self.evidence(signal, peak, text);
        evidence.baseline = (!episode.baseline.is_nan()).then_some(rounded(episode.baseline));
        evidence.threshold = episode
            .threshold
            .is_finite()
            .then_some(rounded(episode.threshold));
        Finding {
            rule,
            subject: signal.subject.clone(),
            onset: self.onset(episode),
            from: episode.from,
            to: episode.to,
            open: episode.open,
            since_before: episode.since_before,
            headline,
            signal: signal.name,
            before: episode.baseline,
            now: episode.typical,
            unit: signal.unit,
            evidence: vec![evidence],
        }
    }

    /// All rises of a host signal.
    pub fn rises(
        &self,
        rule: &'static str,
        signal: &str,
        pattern: &Pattern,
        headline: impl Fn(&Signal, &Episode) -> String,
    ) -> Vec<Finding> {
        let Some(signal) = self.signals.host(signal) else {
            return Vec::new();
        };
        self.rises_of(rule, signal, pattern, headline)
    }

    /// All rises of one signal.
    pub fn rises_of(
        &self,
        rule: &'static str,
        signal: &Signal,
        pattern: &Pattern,
        headline: impl Fn(&Signal, &Episode) -> String,
    ) -> Vec<Finding> {
        let pattern = pattern.scaled(self.window.interval);
        episodes(&signal.at, &signal.values, &pattern)
            .iter()
            .filter(|e| e.to >= self.window.first)
            .map(|e| self.finding(rule, signal, e, headline(signal, e)))
            .collect()
    }

    /// A finding about an instant: a log record, a changed setting.
    pub fn instant(&self, rule: &'static str, subject: Subject, onset: Onset, headline: String) -> Finding {
        let tick = self
            .window
            .ticks
            .partition_point(|&t| t < onset.best)
            .min(self.window.len() - 1);
        Finding {
            rule,
            subject,
            onset,
            from: tick,
            to: tick,
            open: false,
            since_before: false,
            headline,
            signal: "",
            before: f64::NAN,
            now: f64::NAN,
            unit: "",
            evidence: Vec::new(),
        }
    }
}

/// `from → to`, as most headlines say it.
pub fn from_to(episode: &Episode, unit: &str) -> String {
    if episode.baseline.is_nan() {
        format!(
            "{} since before the record begins",
            units::value(episode.typical, unit)
        )
    } else {
        format!(
            "{} → {}",
            units::value(episode.baseline, unit),
            units::value(episode.typical, unit)
        )
    }
}

/// Six significant digits (unknown stays unknown): what a sum over floating point can promise, and the same on every machine.
pub fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powi(5 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}
