//! What must add up (kernel.md §5.1): the identities M1–M8 as signals. A sum that does not is a number too: it says that something moves
//! which nobody named, and it comes before any correlation.
//!
//! | signal | unit | identity | a violation means |
//! |---|---|---|---|
//! | `identity.m1` | B/s | growth of what MemTotal holds beyond all that meminfo names | a consumer that the kernel does not show |
//! | `identity.m2` | B/s | growth of the file cache − (inflow + dirtied − stolen) | below 0: dropped, truncated; above: pages that no read brought |
//! | `identity.m3` | ratio | reads of the devices that requests are made to / inflow, over 10 s | above 1: resync, passthrough; below: network, loop, a driver that does not count |
//! | `identity.m4` | ratio | bytes read by processes / inflow, over 10 s | below 1: readers that ended unseen, swap-in |
//! | `identity.m5` | pages/s | freed in all − freed by global reclaim | above 0: limits of control groups |
//! | `identity.m6` (each device) | ratio | completions × wait / queue (Little), over 10 s | the driver counts in its own way |
//! | `identity.m7` | ratio | CPU time of all states / CPUs × time | below 1: the machine was held, or the sampler was |
//! | `identity.m8` | tasks | load average undone − running − uninterruptible | tasks in D that no list shows |

use super::{Signal, Signals};
use crate::processes::{is_kernel_thread, started};
use crate::window::Window;
use model::{ProcessCounter, Subject};
use std::collections::BTreeMap;

/// Seconds over which flows are compared that are counted at different ends of a request.
const FLOW_SECONDS: f64 = 10.0;

pub(super) fn derive(window: &Window, signals: &mut Signals) {
    let page = f64::from(window.boot.page_size);
    let m1 = signals.combine("identity.m1", "B/s", &["mem.unaccounted_growth"], |v| v[0]);
    let m2 = signals.combine(
        "identity.m2",
        "B/s",
        &[
            "mem.file_cache_growth",
            "io.inflow",
            "write.dirtied",
            "reclaim.steal",
        ],
        |v| v[0] - (v[1] + v[2] * page - v[3] * page),
    );
    let m5 = signals.combine("identity.m5", "pages/s", &["reclaim.memcg_steal"], |v| v[0]);
    let m8 = signals.combine(
        "identity.m8",
        "tasks",
        &["load.now", "run.running", "task.uninterruptible"],
        |v| v[0] - v[1] - v[2],
    );
    for signal in [m1, m2, m5, m8].into_iter().flatten() {
        signals.add(signal);
    }
    let flow = |name, part: &Signal, whole: &Signal, least: f64| ratio(name, part, whole, least);
    let inflow = signals.host("io.inflow").cloned();
    if let (Some(read), Some(inflow)) = (read_from_devices(signals), &inflow) {
        signals.add(flow("identity.m3", &read, inflow, 1e6));
    }
    if let (Some(read), Some(inflow)) = (read_by_processes(window), &inflow) {
        signals.add(flow("identity.m4", &read, inflow, 1e6));
    }
    for subject in signals
        .each("disk.queue")
        .map(|s| s.subject.clone())
        .collect::<Vec<_>>()
    {
        if let (Some(little), Some(queue)) =
            (in_flight(signals, &subject), signals.of("disk.queue", &subject))
        {
            let compared = ratio("identity.m6", &little, queue, 0.1);
            signals.add(compared);
        }
    }
    if let Some(m7) = cpu_time(window) {
        signals.add(m7);
    }
}

/// part / whole, both summed over ten seconds; unknown where the whole is less than `least` a second.
fn ratio(name: &'static str, part: &Signal, whole: &Signal, least: f64) -> Signal {
    let values = (0..whole.values.len())
        .map(|i| {
            let from = whole.at.partition_point(|t| *t < whole.at[i] - FLOW_SECONDS) + 1;
            if whole.at[i].is_nan() || from > i {
                return f64::NAN;
            }
            let sum = |s: &Signal| -> f64 { (from..=i).map(|k| s.values[k] * (s.at[k] - s.at[k - 1])).sum() };
            let all = sum(whole);
            if all >= least * FLOW_SECONDS {
                sum(part) / all
            } else {
                f64::NAN
            }
        })
        .collect();
    Signal {
        name,
        unit: "ratio",
        subject: whole.subject.clone(),
        at: whole.at.clone(),
        values,
    }
}

/// Requests in flight by Little's law: completions a second × the time of each.
fn in_flight(signals: &Signals, subject: &Subject) -> Option<Signal> {
    let (reads, writes) = (
        signals.of("disk.reads", subject)?,
        signals.of("disk.writes", subject)?,
    );
    let wait = signals.of("disk.wait", subject)?;
    let values = (0..reads.values.len())
        .map(|i| (reads.values[i] + writes.values[i]) * wait.values[i] / 1000.0)
        .collect();
    Some(Signal {
        name: "identity.m6",
        values,
        ..reads.clone()
    })
}

/// CPU time of all states against what there was of it.
fn cpu_time(window: &Window) -> Option<Signal> {
    const STATES: [&str; 8] = [
        "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
    ];
    let of = |state: &str| window.get(&format!("stat.{state}"), &Subject::Host);
    let first = of("user")?;
    let all = f64::from(window.boot.cpus) * f64::from(window.boot.clk_tck);
    if window.averages || all == 0.0 {
        return None;
    }
    let rates: Vec<Vec<f64>> = STATES
        .iter()
        .filter_map(|s| of(s))
        .map(|s| window.rates(s))
        .collect();
    let values = (0..window.len())
        .map(|i| rates.iter().map(|r| r[i]).sum::<f64>() / all)
        .collect();
    Some(Signal {
        name: "identity.m7",
        unit: "ratio",
        subject: Subject::Host,
        at: first.at.clone(),
        values,
    })
}

/// Reads of all devices to which requests are made anew: disks, and loop devices, whose requests are counted a second time below. md and
/// dm pass on what was counted.
fn read_from_devices(signals: &Signals) -> Option<Signal> {
    let passes_on = |name: &str| name.starts_with("md") || name.starts_with("dm-");
    let mut sum: Option<Signal> = None;
    for signal in signals.each("disk.read") {
        match &signal.subject {
            Subject::Device(name) if !passes_on(name) => {}
            _ => continue,
        }
        match &mut sum {
            None => sum = Some(signal.clone()),
            Some(sum) => sum
                .values
                .iter_mut()
                .zip(&signal.values)
                .for_each(|(s, v)| *s += v),
        }
    }
    sum.map(|sum| Signal {
        subject: Subject::Host,
        ..sum
    })
}

/// Bytes that processes had read from devices, by their own accounts.
fn read_by_processes(window: &Window) -> Option<Signal> {
    let inflow = window.get("vmstat.pgpgin", &Subject::Host)?;
    let mut sums = vec![0.0; window.len()];
    let mut looked_at = vec![false; window.len()];
    let mut last: BTreeMap<(u32, u64), u64> = BTreeMap::new();
    let mut any = false;
    let mut before = None;
    for tick in &window.processes {
        let place = window.ticks.partition_point(|t| *t <= tick.at).checked_sub(1);
        for sample in &tick.samples {
            let Some(read) = sample
                .get(ProcessCounter::ReadBytes)
                .filter(|_| !is_kernel_thread(sample))
            else {
                continue;
            };
            any = true;
            let identity = (sample.identity.pid, sample.identity.start_ticks);
            // One that was not there at the look before began with nothing; of any other it is not known what it had read.
            let is_new = before.is_some_and(|before| started(window, &sample.identity) > before);
            let known = last
                .insert(identity, read)
                .or(is_new.then_some(0))
                .unwrap_or(read);
            if let Some(place) = place {
                sums[place] += read.saturating_sub(known) as f64;
            }
        }
        if let Some(place) = place {
            looked_at[place] = true;
        }
        before = Some(tick.at);
    }
    if !any {
        return None;
    }
    for i in (0..sums.len()).rev() {
        // What was read since the tick before is known where somebody looked at both.
        let is_known = i > 0 && looked_at[i] && looked_at[i - 1];
        sums[i] = match is_known {
            true => sums[i] / (inflow.at[i] - inflow.at[i - 1]),
            false => f64::NAN,
        };
    }
    Some(Signal {
        name: "identity.m4",
        unit: "B/s",
        subject: Subject::Host,
        at: inflow.at.clone(),
        values: sums,
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{MB, Story};
    use expect_test::expect;

    /// Half of what is read is a process's that is known, and the disks' own small reads are nobody's.
    fn half() -> Story<'static> {
        Story::of(40).during(5..40, |m| {
            m.disk("vdb").reads(1600, 200 * MB);
            m.process("dd").reads(100 * MB);
        })
    }

    #[test]
    fn m4_is_the_part_of_what_is_read_that_processes_account_for() {
        expect![[r#"
            host 0 s: ?
            host 6 s: 0.50
        "#]]
        .assert_eq(&half().signal("identity.m4"));
    }

    #[test]
    fn where_nobody_looked_at_processes_m4_is_not_known_and_never_zero() {
        expect![[r#"
            not known
        "#]]
        .assert_eq(&half().without_processes().signal("identity.m4"));
        let late = half().during(0..20, |m| m.processes_unseen());
        expect![[r#"
            host 0 s: ?
            host 31 s: 0.50
        "#]]
        .assert_eq(&late.signal("identity.m4"));
        let gap = half().at(25, |m| m.processes_unseen());
        expect![[r#"
            host 0 s: ?
            host 6 s: 0.50
            host 26 s: ?
            host 37 s: 0.50
        "#]]
        .assert_eq(&gap.signal("identity.m4"));
    }

    #[test]
    fn memory_that_no_line_names_is_seen_by_what_is_left_over() {
        let story = Story::of(40).during(20..25, |m| {
            m.anon("hog", 50 * MB);
            m.take(102_400_000);
        });
        expect![[r#"
            host 0 s: ?
            host 1 s: 0.00
            host 21 s: 102391808.00
            host 24 s: 102390784.00
            host 25 s: 102391808.00
            host 26 s: 0.00
        "#]]
        .assert_eq(&story.signal("identity.m1"));
    }

    #[test]
    fn a_cache_that_reads_fill_adds_up_and_a_deleted_file_does_not() {
        let story = Story::of(40)
            .during(10..15, |m| {
                m.reads_files("vdb", 128 << 20);
                m.disk("vda").reads(0, 0);
            })
            .at(20, |m| m.cache(-(1 << 30)));
        expect![[r#"
            host 0 s: ?
            host 1 s: -327680.00
            host 11 s: 0.00
            host 16 s: -327680.00
            host 21 s: -1074069504.00
            host 22 s: -327680.00
        "#]]
        .assert_eq(&story.signal("identity.m2"));
    }

    #[test]
    fn a_resync_reads_what_pgpgin_does_not_count() {
        let story = Story::of(40).during(0..40, |m| {
            m.disk("vda").reads(400, 50 * MB);
            match m.second {
                0..20 => m.disk("vdb").reads(400, 50 * MB),
                _ => m.disk("vdb").reads(400, 50 * MB).below_pgpgin(),
            };
        });
        expect![[r#"
            host 0 s: ?
            host 1 s: 1.00
            host 21 s: 1.05
            host 22 s: 1.11
            host 23 s: 1.18
            host 24 s: 1.25
            host 25 s: 1.33
            host 26 s: 1.43
            host 27 s: 1.54
            host 28 s: 1.67
            host 29 s: 1.82
            host 30 s: 2.00
        "#]]
        .assert_eq(&story.signal("identity.m3"));
    }

    #[test]
    fn requests_in_flight_are_their_number_times_their_wait() {
        let story = Story::of(30).during(0..30, |m| {
            m.disk("vda").reads(0, 0).writes(0, 0);
            m.disk("vdb").reads(1500, 190 * MB).wait_ms(12.0);
        });
        expect![[r#"
            vdb 0 s: ?
            vdb 1 s: 1.00
        "#]]
        .assert_eq(&story.signal("identity.m6"));
    }

    #[test]
    fn the_time_of_all_states_is_all_of_it_and_across_a_gap_it_is_not_known() {
        let story = Story::of(30).during(10..14, crate::testing::Machine::unrecorded);
        expect![[r#"
            host 0 s: ?
            host 1 s: 1.00
            host 15 s: ?
            host 16 s: 1.00
        "#]]
        .assert_eq(&story.signal("identity.m7"));
    }
}
