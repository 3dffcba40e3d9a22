//! What the eight processors do (/proc/stat), and the load (/proc/loadavg) as the kernel computes it: every five seconds,
//! in fixed point, from tasks that run or cannot be interrupted.

use super::curve::{Noise, Seconds, rise};
use super::{FAULTS_BEGIN, KSWAPD_WAKES, STREAM_BEGINS};

/// Two sockets of four cores; the post does not say.
pub(super) const CPUS: usize = 8;

/// Seconds after 10:40:00 at which the machine had booted: 41 days before.
pub(super) const BOOTED: i64 = -3_547_211;

/// Shares of all processors' time.
#[derive(Debug, Clone, Copy)]
struct Shares {
    user: f64,
    system: f64,
    iowait: f64,
}

/// Of the machine at `t`, without kswapd: the rows of the post's `sar -u`.
fn shares(t: Seconds) -> Shares {
    let noise = Noise::new("cpu");
    let stuck = rise(t, FAULTS_BEGIN, 6.0);
    let reading = rise(t, STREAM_BEGINS, 0.05);
    let flush = if t.rem_euclid(5.0) < 1.2 { 0.010 } else { 0.002 };
    Shares {
        user: (0.269 * (1.0 - stuck) + 0.081 * stuck)
            * (1.0 + 0.07 * noise.at(t, 1.0) + 0.04 * noise.nth(1).at(t, 25.0)),
        system: (0.0245 + 0.0165 * reading + 0.004 * stuck) * (1.0 + 0.1 * noise.nth(2).at(t, 1.0)),
        iowait: flush * (1.0 - stuck) + 0.58 * stuck * (1.0 + 0.06 * noise.nth(3).at(t, 2.0)),
    }
}

/// Tasks that wait for a disk: first those whose program text went, then all that need them, and their retries.
fn waiting(t: Seconds) -> f64 {
    let noise = Noise::new("waiting");
    let many = 38.0 * rise(t, FAULTS_BEGIN, 6.0) + 98.0 * rise(t, FAULTS_BEGIN, 420.0);
    if many == 0.0 {
        return f64::from(u8::from(noise.pick(t as i64) > 0.8));
    }
    many * (1.0 + 0.08 * noise.nth(1).at(t, 3.0))
}

fn running(t: Seconds) -> f64 {
    let Shares { user, system, .. } = shares(t);
    (CPUS as f64 * (user + system) * (0.7 + 0.6 * Noise::new("running").pick((t * 2.0) as i64))).max(1.0)
}

/// Keeps what was counted so far.
#[derive(Debug)]
pub(super) struct Cpu {
    until: Seconds,
    /// user, nice, system, iowait, softirq of each processor, in hundredths of a second.
    spent: [[f64; 5]; CPUS],
    interrupts: f64,
    switches: f64,
    forks: f64,
}

/// Hundredths of a second of each processor before 10:40.
const BEFORE: f64 = 100.0 * 3_547_211.0;

impl Cpu {
    /// At 10:40:00.
    pub(super) fn new() -> Cpu {
        let spent = std::array::from_fn(|processor| {
            let more = 1.0 + 0.2 * Noise::new("busier").nth(processor as u64).pick(0);
            [0.262, 0.0006, 0.024, 0.011, 0.003].map(|share| (share * more * BEFORE).floor())
        });
        Cpu {
            until: 0.0,
            spent,
            interrupts: 28_117_405_113.0,
            switches: 61_440_281_907.0,
            forks: 20_118_433.0,
        }
    }

    /// Counts on until `t` in steps of fifty milliseconds, so that a tick in which something begins has its part of it.
    fn advance(&mut self, t: Seconds) {
        while self.until < t {
            let step = (t - self.until).min(0.05);
            let at = self.until + step / 2.0;
            let Shares { user, system, iowait } = shares(at);
            for (processor, spent) in self.spent.iter_mut().enumerate() {
                let noise = Noise::new("processor").nth(processor as u64);
                let own = |kind: u64, share: f64| share * (1.0 + 0.3 * noise.nth(kind).at(at, 4.0));
                let kswapd = kswapd(processor, at);
                let left = 1.0 - kswapd;
                let now = [
                    own(0, user) * left,
                    0.0,
                    own(1, system) * left + kswapd,
                    own(2, iowait) * left,
                    if processor < 2 { 0.012 } else { 0.001 },
                ];
                // A processor has one second a second.
                let most = now.iter().sum::<f64>().max(1.0);
                for (spent, share) in spent.iter_mut().zip(now) {
                    *spent += 100.0 * step * share / most;
                }
            }
            let busy = rise(at, STREAM_BEGINS, 0.05);
            self.interrupts +=
                step * (9_200.0 + 7_400.0 * busy) * (1.0 + 0.06 * Noise::new("intr").at(at, 1.0));
            self.switches +=
                step * (31_000.0 + 14_000.0 * busy) * (1.0 + 0.1 * Noise::new("ctxt").at(at, 1.0));
            self.forks += step * (8.0 - 4.0 * rise(at, FAULTS_BEGIN, 5.0));
            self.until += step;
        }
    }

    /// /proc/stat at `t`, which is later than it was the last time.
    pub(super) fn stat(&mut self, t: Seconds) -> String {
        self.advance(t);
        let hundredths = BEFORE + 100.0 * t;
        let rows: Vec<[u64; 9]> = self
            .spent
            .iter()
            .map(|&spent| {
                let [user, nice, system, iowait, softirq] = spent.map(|spent| spent as u64);
                let idle = (hundredths as u64).saturating_sub(user + nice + system + iowait + softirq);
                [user, nice, system, idle, iowait, 0, softirq, 0, 0]
            })
            .collect();
        let print = |row: &[u64]| row.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        let sum: Vec<u64> = (0..9)
            .map(|kind| rows.iter().map(|row| row[kind]).sum())
            .collect();
        let mut text = format!("cpu  {}\n", print(&sum));
        for (processor, row) in rows.iter().enumerate() {
            text += &format!("cpu{processor} {}\n", print(row));
        }
        let interrupts = self.interrupts as u64;
        let mut lines = vec![0; 97];
        // The timer, the SSD, the disks' controller and the network: most of it the SSD's once it reads.
        lines[0] = 184;
        for (line, part) in [(70, 0.55), (71, 0.05), (72, 0.2)] {
            lines[line] = (interrupts as f64 * part) as u64;
        }
        text += &format!(
            "intr {interrupts} {}\nctxt {}\n",
            print(&lines),
            self.switches as u64
        );
        text += &format!(
            "btime {}\nprocesses {}\n",
            super::START + BOOTED,
            self.forks as u64
        );
        text += &format!(
            "procs_running {}\nprocs_blocked {}\n",
            running(t) as u64,
            (0.92 * waiting(t)) as u64
        );
        let softirqs = [0.0, 0.31, 0.02, 0.2, 0.06, 0.0, 0.0, 0.28, 0.0, 0.13]
            .map(|part| (self.interrupts * part) as u64);
        text + &format!("softirq {} {}\n", softirqs.iter().sum::<u64>(), print(&softirqs))
    }
}

/// What kswapd0 (on processor 2) and kswapd1 (on 6) take: all of one while the cache falls, then a part.
fn kswapd(processor: usize, t: Seconds) -> f64 {
    match processor {
        2 | 6 if (KSWAPD_WAKES..821.0).contains(&t) => 0.97,
        2 | 6 if t >= 821.0 => 0.2,
        _ => 0.0,
    }
}

/// The three averages.
#[derive(Debug)]
pub(super) struct Load {
    next: Seconds,
    averages: [u64; 3],
}

/// Fixed point of the kernel: 11 bits.
const ONE: u64 = 2_048;

impl Load {
    /// As they were for hours.
    pub(super) fn new() -> Load {
        Load {
            next: 2.731,
            averages: [3.62, 3.41, 3.38].map(|load: f64| (load * ONE as f64) as u64),
        }
    }

    /// /proc/loadavg at `t`, which is later than it was the last time.
    pub(super) fn loadavg(&mut self, t: Seconds, threads: u64) -> String {
        while self.next <= t {
            let active = (running(self.next) + waiting(self.next)) as u64 * ONE;
            for (average, exponent) in self.averages.iter_mut().zip([1_884, 2_014, 2_037]) {
                *average = (*average * exponent + active * (ONE - exponent)) / ONE;
            }
            // Every 5 · HZ + 1 jiffies of a millisecond.
            self.next += 5.001;
        }
        let [one, five, fifteen] = self.averages.map(|average| {
            let rounded = average + ONE / 200;
            format!("{}.{:02}", rounded / ONE, (rounded % ONE) * 100 / ONE)
        });
        format!(
            "{one} {five} {fifteen} {}/{threads} {}\n",
            running(t) as u64,
            11_204 + (t * 6.0) as u64
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_neither_lost_nor_made() {
        let mut cpu = Cpu::new();
        let row = |text: &str| -> Vec<u64> {
            text.lines()
                .next()
                .unwrap()
                .split_whitespace()
                .skip(1)
                .map(|n| n.parse().unwrap())
                .collect()
        };
        let (before, after) = (row(&cpu.stat(10.0)), row(&cpu.stat(1_700.0)));
        let spent: u64 = after.iter().zip(&before).map(|(b, a)| b - a).sum();
        assert_eq!(spent, 8 * 100 * 1_690);
    }

    #[test]
    fn load_passes_a_hundred_within_the_half_hour() {
        let mut load = Load::new();
        let one = |text: String| -> f64 { text.split(' ').next().unwrap().parse().unwrap() };
        assert!(one(load.loadavg(812.0, 1)) < 5.0);
        assert!((20.0..60.0).contains(&one(load.loadavg(900.0, 1))));
        assert!(one(load.loadavg(1_799.0, 1)) > 100.0);
    }
}
