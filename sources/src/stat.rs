//! /proc/stat: processor time by kind, interrupts, context switches, forks, and tasks running or waiting for I/O.
//!
//! Guest time is contained in user time and guest_nice in nice. idle and iowait come from the accounting of idle
//! CPUs and may step backwards; iowait is idle time during which a task waited for I/O.

use crate::columns::{Columns, Decoded};
use crate::layout::{Line, lines};
use model::{Kind, Subject, Template, Unit};

const CPU_TIMES: [&str; 10] = [
    "user",
    "nice",
    "system",
    "idle",
    "iowait",
    "irq",
    "softirq",
    "steal",
    "guest",
    "guest_nice",
];

/// As in /proc/softirqs, in lower case; the sixth was block_iopoll before 4.5.
const SOFTIRQS: [&str; 10] = [
    "hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer", "rcu",
];

pub(crate) fn decode(template: &Template) -> Decoded {
    let lines = lines(template);
    let mut columns = Columns::new("stat", template);
    for line in &lines {
        let Some(first) = line.word(0) else { continue };
        match first {
            "intr" => interrupts(&mut columns, line, "intr", |n| Some(n.to_string())),
            "softirq" => interrupts(&mut columns, line, "softirq", |n| {
                SOFTIRQS.get(n).map(|name| name.to_string())
            }),
            _ => {
                if let Some(subject) = cpu(first) {
                    for (i, (_, number)) in line.numbers().enumerate() {
                        let Some(name) = CPU_TIMES.get(i) else { break };
                        columns.put(number, name, Unit::ClockTicks, Kind::Counter, subject.clone());
                    }
                    columns.keep_unknown(line, &subject);
                } else if let Some((name, number)) = line.pair()
                    && let Some((unit, kind)) = single(name)
                {
                    columns.put(number, name, unit, kind, Subject::Host);
                }
            }
        }
    }
    columns.finish(&lines)
}

/// `cpu` is all of them, `cpu3` is one.
fn cpu(word: &str) -> Option<Subject> {
    match word.strip_prefix("cpu")? {
        "" => Some(Subject::Host),
        number => number.parse().ok().map(Subject::Cpu),
    }
}

/// A total and then one number each. The kernel keeps the single ones in 32 bits on every machine.
fn interrupts(columns: &mut Columns, line: &Line, what: &str, name: fn(usize) -> Option<String>) {
    for (i, (_, number)) in line.numbers().enumerate() {
        if i == 0 {
            columns.put(
                number,
                &format!("{what}_total"),
                Unit::Count,
                Kind::Counter,
                Subject::Host,
            );
        } else if let Some(name) = name(i - 1) {
            columns.put(
                number,
                &format!("{what}_{name}"),
                Unit::Count,
                Kind::Counter32,
                Subject::Host,
            );
        }
    }
}

fn single(name: &str) -> Option<(Unit, Kind)> {
    Some(match name {
        "ctxt" | "processes" => (Unit::Count, Kind::Counter),
        "procs_running" | "procs_blocked" => (Unit::Count, Kind::Gauge),
        // Wall time of the boot. Steps with the clock: the boot id tells boots apart, not this.
        "btime" => (Unit::Seconds, Kind::Gauge),
        _ => return None,
    })
}
