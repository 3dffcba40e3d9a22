//! Who did how much of something between two ticks.

use crate::window::Window;
use model::{ProcessCounter, ProcessIdentity, ProcessSample, UnixNanos};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A process and how much of something it did in a span.
#[derive(Debug, Clone)]
pub struct Doer {
    /// Who.
    pub identity: Arc<ProcessIdentity>,
    /// How much.
    pub amount: f64,
    /// Of the sum over all processes, 0–1.
    pub share: f64,
    /// When it was started, by its start time and the boot's.
    pub started: UnixNanos,
}

/// A kernel thread maps no memory and has no command line.
pub fn is_kernel_thread(sample: &ProcessSample) -> bool {
    match &sample.identity.cmdline {
        Some(cmdline) => cmdline.is_empty() && sample.get(ProcessCounter::RssPages).unwrap_or(0) == 0,
        None => sample.get(ProcessCounter::RssPages) == Some(0),
    }
}

/// What a ranking is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The sum of what these counters moved by.
    Moved(&'static [ProcessCounter]),
    /// How far a gauge rose from its lowest earlier value to its highest.
    Grew(ProcessCounter),
    /// Ticks seen in D.
    Waited,
}

/// When a process was started.
pub fn started(window: &Window, identity: &ProcessIdentity) -> UnixNanos {
    let boot = window.ticks[0] - window.monotonic[0];
    let hz = i128::from(window.boot.clk_tck.max(1));
    boot + (i128::from(identity.start_ticks) * 1_000_000_000 / hz) as i64
}

/// The processes that did most of something in ticks `from..=to`, largest first; user processes only.
///
/// A process that was started inside the span counts from zero; one that was there before counts from its last sample
/// before the span. One that is not listed in a tick did nothing or is not known: it adds nothing.
pub fn rank(window: &Window, from: usize, to: usize, measure: Measure) -> Vec<Doer> {
    let begin = window.ticks[from.saturating_sub(1)];
    let end = window.ticks[to.min(window.len() - 1)] + (window.interval * 1e9) as i64;
    let mut amounts: BTreeMap<(u32, u64), Account> = BTreeMap::new();
    for tick in window.processes.iter().filter(|t| t.at <= end) {
        let inside = tick.at >= begin;
        let inherited = inherited(tick, measure, &mut amounts);
        for sample in &tick.samples {
            if is_kernel_thread(sample) {
                continue;
            }
            // By exec a process takes another name and stays the one that it was.
            let key = (sample.identity.pid, sample.identity.start_ticks);
            let account = amounts.entry(key).or_insert_with(|| Account {
                identity: sample.identity.clone(),
                base: None,
                last: None,
                sum: 0.0,
                new: started(window, &sample.identity) >= begin - 1_000_000_000,
                alive: true,
            });
            account.identity = sample.identity.clone();
            account.take(sample, measure, inside, inherited);
        }
    }
    let mut doers: Vec<Doer> = amounts
        .into_values()
        .filter(|a| a.sum > 0.0)
        .map(|a| Doer {
            started: started(window, &a.identity),
            identity: a.identity,
            amount: a.sum,
            share: 0.0,
        })
        .collect();
    let all: f64 = doers.iter().map(|d| d.amount).sum();
    doers.iter_mut().for_each(|d| d.share = d.amount / all);
    doers.sort_by(|a, b| b.amount.total_cmp(&a.amount).then(a.identity.cmp(&b.identity)));
    doers
}

/// The processes of one name, together.
#[derive(Debug, Clone, PartialEq)]
pub struct Crowd {
    /// Their name.
    pub comm: String,
    /// How many they are.
    pub count: usize,
    /// Of the sum over all processes, 0–1.
    pub share: f64,
}

/// Doers by their names, largest share first: a build, a pool of workers is many processes of which none does much.
pub fn crowds(doers: &[Doer]) -> Vec<Crowd> {
    let mut by_name: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for doer in doers {
        let (count, share) = by_name.entry(&doer.identity.comm).or_default();
        *count += 1;
        *share += doer.share;
    }
    let crowd = |(comm, (count, share)): (&str, (usize, f64))| Crowd {
        comm: comm.into(),
        count,
        share,
    };
    let mut crowds: Vec<Crowd> = by_name.into_iter().map(crowd).collect();
    crowds.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.comm.cmp(&b.comm)));
    crowds
}

struct Account {
    identity: Arc<ProcessIdentity>,
    base: Option<f64>,
    last: Option<f64>,
    sum: f64,
    new: bool,
    alive: bool,
}

/// What the processes that ended since the tick before had on their accounts: the kernel adds a child's I/O to its parent's when the
/// parent waits for it (kernel/exit.c, wait_task_zombie), which makes a shell look like the one who wrote.
fn inherited(
    tick: &model::ProcessTick,
    measure: Measure,
    accounts: &mut BTreeMap<(u32, u64), Account>,
) -> f64 {
    let key = |s: &ProcessSample| (s.identity.pid, s.identity.start_ticks);
    let listed: std::collections::BTreeSet<(u32, u64)> = tick.samples.iter().map(key).collect();
    let mut total = 0.0;
    for sample in tick.samples.iter().filter(|s| s.state == 'X') {
        // The last word on it may say more than what was seen of it, if it was seen at all.
        let told = measured(sample, measure).unwrap_or(0.0);
        match accounts.get_mut(&key(sample)) {
            Some(account) if account.alive => {
                account.alive = false;
                total += account.last.unwrap_or(0.0).max(told);
            }
            Some(_) => {}
            None if is_kernel_thread(sample) => {}
            None => total += told,
        }
    }
    let gone = |key: &(u32, u64), account: &Account| account.alive && tick.complete && !listed.contains(key);
    for (_, account) in accounts.iter_mut().filter(|(key, account)| gone(key, account)) {
        account.alive = false;
        total += account.last.unwrap_or(0.0);
    }
    total
}

/// The sum of the counters that are known; `None`: of none is, or counters are not what is measured.
fn measured(sample: &ProcessSample, measure: Measure) -> Option<f64> {
    let Measure::Moved(counters) = measure else {
        return None;
    };
    counters
        .iter()
        .filter_map(|&c| sample.get(c))
        .map(|v| v as f64)
        .reduce(|sum, more| sum + more)
}

impl Account {
    fn take(&mut self, sample: &ProcessSample, measure: Measure, inside: bool, inherited: f64) {
        match measure {
            Measure::Waited if inside && sample.state == 'D' => self.sum += 1.0,
            Measure::Waited => {}
            Measure::Moved(_) => {
                let Some(value) = measured(sample, measure) else {
                    return;
                };
                if inside {
                    let base = self.last.or(self.new.then_some(0.0));
                    if let Some(base) = base {
                        let step = (value - base).max(0.0);
                        // The child did a little more between its last look and its end.
                        let is_inherited = sample.state != 'X'
                            && inherited > 0.0
                            && (0.8..=1.5).contains(&(step / inherited));
                        self.sum += if is_inherited { 0.0 } else { step };
                    }
                }
                self.last = Some(value);
            }
            Measure::Grew(counter) => {
                let Some(value) = sample.get(counter).map(|v| v as f64) else {
                    return;
                };
                if !inside {
                    self.base = Some(value);
                    return;
                }
                let base = *self.base.get_or_insert(if self.new { 0.0 } else { value });
                self.sum = self.sum.max(value - base);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Record, SECOND};
    use model::ProcessTick;

    fn sample(pid: u32, comm: &str, start_ticks: u64, state: char, read: u64) -> ProcessSample {
        let mut counters = [None; ProcessCounter::ALL.len()];
        counters[ProcessCounter::ReadBytes as usize] = Some(read);
        ProcessSample {
            identity: Arc::new(ProcessIdentity {
                pid,
                start_ticks,
                comm: comm.into(),
                cmdline: None,
                cgroup: None,
            }),
            state,
            wchan: None,
            counters,
        }
    }

    #[test]
    fn a_short_life_that_was_seen_at_its_end_only_is_the_reader_and_not_the_shell_that_waited_for_it() {
        let mut record = Record::new();
        let looks = [
            vec![sample(1, "sh", 1, 'S', 1000)],
            vec![],
            // What the child read is the shell's too once it was waited for.
            vec![
                sample(1, "sh", 1, 'S', 101_000),
                sample(9, "dd", 10_250, 'X', 100_000),
            ],
        ];
        for (i, samples) in looks.into_iter().enumerate() {
            let at = UnixNanos((i as i64 + 1) * SECOND);
            // The shell was there long before.
            record.files(at, at.0 + 100 * SECOND, [("loadavg", "0.00 0.00 0.00 1/1 1\n")]);
            record.processes(&ProcessTick {
                at,
                complete: i == 0,
                samples,
            });
        }
        let doers = rank(
            &record.window(),
            1,
            2,
            Measure::Moved(&[ProcessCounter::ReadBytes]),
        );
        let told: Vec<_> = doers
            .iter()
            .map(|d| (d.identity.comm.as_str(), d.amount, d.share))
            .collect();
        assert_eq!(told, [("dd", 100_000.0, 1.0)]);
    }
}
