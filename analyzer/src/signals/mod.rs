//! Named physical quantities, with units, derived from the columns of a window.
//!
//! A rule never reads a kernel file: it reads a signal. What each is and how it is derived stands in the list of its file:
//! [`memory`], [`reclaim`], [`disks`], [`cpu`], [`pressure`], [`tasks`], [`cgroups`], [`identities`]. Unknown is NaN, as in
//! [`crate::window`].

pub mod cgroups;
pub mod cpu;
pub mod disks;
pub mod identities;
pub mod memory;
mod names;
pub mod pressure;
pub mod reclaim;
pub mod tasks;

pub use names::NAMES;

use crate::window::Window;
use model::Subject;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One quantity over the window.
#[derive(Debug, Clone)]
pub struct Signal {
    /// `reclaim.kswapd_scan`
    pub name: &'static str,
    /// Unit of the values.
    pub unit: &'static str,
    /// Of what.
    pub subject: Subject,
    /// When each value was read, seconds after the window's origin.
    pub at: Arc<[f64]>,
    /// One per tick; NaN where unknown. A rate covers the time since the tick before.
    pub values: Vec<f64>,
}

impl Signal {
    /// Sum of rate × length over ticks `from..=to`; unknown ticks add nothing.
    pub fn integral(&self, from: usize, to: usize) -> f64 {
        (from.max(1)..=to.min(self.values.len() - 1))
            .map(|i| self.values[i] * (self.at[i] - self.at[i - 1]))
            .filter(|v| !v.is_nan())
            .sum()
    }

    /// Largest known value of ticks `from..=to`, with its tick.
    pub fn max(&self, from: usize, to: usize) -> Option<(usize, f64)> {
        (from..=to.min(self.values.len() - 1))
            .filter(|&i| !self.values[i].is_nan())
            .map(|i| (i, self.values[i]))
            .max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Smallest known value of ticks `from..=to`, with its tick.
    pub fn min(&self, from: usize, to: usize) -> Option<(usize, f64)> {
        (from..=to.min(self.values.len() - 1))
            .filter(|&i| !self.values[i].is_nan())
            .map(|i| (i, self.values[i]))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Median of ticks `from..=to`; NaN when none is known.
    pub fn median(&self, from: usize, to: usize) -> f64 {
        crate::onset::median(&self.values[from.min(self.values.len() - 1)..=to.min(self.values.len() - 1)])
    }

    /// The last known value at or before tick `i`.
    pub fn at_or_before(&self, i: usize) -> Option<(usize, f64)> {
        (0..=i.min(self.values.len() - 1))
            .rev()
            .find(|&k| !self.values[k].is_nan())
            .map(|k| (k, self.values[k]))
    }
}

/// All signals of a window, by name and subject.
pub struct Signals {
    by_name: BTreeMap<&'static str, BTreeMap<Subject, Signal>>,
}

impl Signals {
    /// Derives them all.
    pub fn derive(window: &Window) -> Signals {
        let mut signals = Signals {
            by_name: BTreeMap::new(),
        };
        for derive in [
            memory::derive,
            reclaim::derive,
            disks::derive,
            cpu::derive,
            pressure::derive,
            tasks::derive,
            cgroups::derive,
            // Of the others: last.
            identities::derive,
        ] {
            derive(window, &mut signals);
        }
        signals
    }

    /// Adds one, unless no value of it is known.
    pub fn add(&mut self, signal: Signal) {
        debug_assert!(NAMES.contains(&signal.name), "{} is not in names.rs", signal.name);
        if signal.values.iter().any(|v| !v.is_nan()) {
            self.by_name
                .entry(signal.name)
                .or_default()
                .insert(signal.subject.clone(), signal);
        }
    }

    /// A signal of the host.
    pub fn host(&self, name: &str) -> Option<&Signal> {
        self.of(name, &Subject::Host)
    }

    /// A signal of a subject.
    pub fn of(&self, name: &str, subject: &Subject) -> Option<&Signal> {
        self.by_name.get(name)?.get(subject)
    }

    /// All subjects' signals of this name.
    pub fn each(&self, name: &str) -> impl Iterator<Item = &Signal> {
        self.by_name.get(name).into_iter().flat_map(|m| m.values())
    }

    /// Everything, in a fixed order.
    pub fn all(&self) -> impl Iterator<Item = &Signal> {
        self.by_name.values().flat_map(|m| m.values())
    }

    /// Builds a host signal tick by tick from others; unknown when any is.
    pub fn combine(
        &self,
        name: &'static str,
        unit: &'static str,
        of: &[&str],
        f: impl Fn(&[f64]) -> f64,
    ) -> Option<Signal> {
        let parts: Option<Vec<&Signal>> = of.iter().map(|n| self.host(n)).collect();
        let parts = parts?;
        let first = parts.first()?;
        let values = (0..first.values.len())
            .map(|i| {
                let row: Vec<f64> = parts.iter().map(|p| p.values[i]).collect();
                if row.iter().any(|v| v.is_nan()) {
                    f64::NAN
                } else {
                    f(&row)
                }
            })
            .collect();
        Some(Signal {
            name,
            unit,
            subject: Subject::Host,
            at: first.at.clone(),
            values,
        })
    }
}

/// A gauge of the host in another unit.
fn gauge(
    window: &Window,
    name: &'static str,
    unit: &'static str,
    metric: &str,
    factor: f64,
) -> Option<Signal> {
    let series = window.get(metric, &Subject::Host)?;
    let values = series.values.iter().map(|v| v * factor).collect();
    Some(Signal {
        name,
        unit,
        subject: Subject::Host,
        at: series.at.clone(),
        values,
    })
}

/// The sum of the rates of host counters. Counters that the kernel does not have are left out; none at all is `None`.
fn rate(
    window: &Window,
    name: &'static str,
    unit: &'static str,
    metrics: &[&str],
    factor: f64,
) -> Option<Signal> {
    let series: Vec<_> = metrics
        .iter()
        .filter_map(|m| window.get(m, &Subject::Host))
        .collect();
    let first = series.first()?;
    let mut values = vec![0.0; window.len()];
    for series in &series {
        for (sum, rate) in values.iter_mut().zip(window.rates(series)) {
            *sum += rate * factor;
        }
    }
    Some(Signal {
        name,
        unit,
        subject: Subject::Host,
        at: first.at.clone(),
        values,
    })
}

/// The rate of a host metric that kernels of different ages call, split or place differently; `None` where this one does not
/// count it. A part that is unknown at a tick makes that tick unknown.
fn canonical_rate(window: &Window, name: &'static str, unit: &'static str, metric: &str) -> Option<Signal> {
    let formula = sources::canonical::formula(metric, |part| window.get(part, &Subject::Host))?;
    let at = formula.add.first()?.at.clone();
    let mut values = vec![0.0; window.len()];
    for (parts, sign) in [(&formula.add, 1.0), (&formula.subtract, -1.0)] {
        for series in parts {
            for (sum, rate) in values.iter_mut().zip(window.rates(series)) {
                *sum += sign * rate;
            }
        }
    }
    Some(Signal {
        name,
        unit,
        subject: Subject::Host,
        at,
        values,
    })
}

#[cfg(test)]
mod tests;
