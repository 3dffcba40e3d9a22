//! `averages`: what others recorded as averages over intervals (sar), integrated so that differences give it back.
//!
//! No kernel file: `analyzer import` writes it, a line a number: `metric subject kind unit value`. The metrics are those of the kernel
//! files, and a few that only averages have (`diskstats.ios_completed`: reads and writes together).
//!
//! ```text
//! vmstat.pgpgin host counter kibibytes 6940318.10
//! diskstats.read_sectors device vgca0 counter sectors 13635539.40
//! stat.user cpu3 counter clock_ticks 1000312.00
//! ```

use crate::columns::{Columns, Decoded};
use crate::layout::{Line, Number, Token, lines};
use model::{Column, Kind, Metric, Subject, Template, Unit};
use std::collections::HashSet;
use std::sync::Arc;

pub(crate) fn decode(template: &Template) -> Decoded {
    let lines = lines(template);
    // What is not of this shape is kept as every decoder keeps what it does not know.
    let Decoded {
        mut columns,
        mut unknown,
    } = Columns::new("averages", template).finish(&lines);
    let mut taken = HashSet::new();
    for line in &lines {
        let Some((number, metric, subject)) = meaning(line) else {
            continue;
        };
        if taken.insert((metric.name.clone(), subject.clone())) {
            let Number {
                slot,
                scale,
                negative,
            } = number;
            columns[slot] = Column {
                slot,
                metric,
                subject,
                scale,
                negative,
            };
            unknown.retain(|&other| other != slot);
        }
    }
    Decoded { columns, unknown }
}

fn meaning(line: &Line) -> Option<(Number, Metric, Subject)> {
    let (Token::Number(number), words) = line.tokens.split_last()? else {
        return None;
    };
    let words: Vec<&str> = (0..words.len()).map(|at| line.word(at)).collect::<Option<_>>()?;
    let [name, subject @ .., kind, unit] = words.as_slice() else {
        return None;
    };
    let subject = match subject {
        ["host"] => Subject::Host,
        ["device", name] => Subject::Device((*name).into()),
        [cpu] => Subject::Cpu(cpu.strip_prefix("cpu")?.parse().ok()?),
        _ => return None,
    };
    let kind = match *kind {
        "gauge" => Kind::Gauge,
        "counter" => Kind::Counter,
        _ => return None,
    };
    let unit = unit_of(unit)?;
    let name: Arc<str> = (*name).into();
    name.contains('.')
        .then_some((*number, Metric { name, unit, kind }, subject))
}

fn unit_of(word: &str) -> Option<Unit> {
    Some(match word {
        "pages" => Unit::Pages,
        "kibibytes" => Unit::Kibibytes,
        "bytes" => Unit::Bytes,
        "sectors" => Unit::Sectors,
        "milliseconds" => Unit::Milliseconds,
        "microseconds" => Unit::Microseconds,
        "clock_ticks" => Unit::ClockTicks,
        "count" => Unit::Count,
        "percent" => Unit::Percent,
        "ratio" => Unit::Ratio,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn each_line_says_what_it_is() {
        let text = "vmstat.pgpgin host counter kibibytes 6940318.10\n\
                    diskstats.read_sectors device vgca0 counter sectors 13635539.40\n\
                    stat.user cpu3 counter clock_ticks 1000312.00\n\
                    meminfo.MemFree host gauge kibibytes 2481764\n\
                    meminfo.MemFree host gauge kibibytes 1\n\
                    vmstat.pgpgout host counter furlongs 2\n";
        let (template, values) = Template::parse(text.as_bytes(), None);
        let decoded = decode(&template);
        let shown: String = (decoded.columns.iter())
            .map(|c| {
                let Metric { name, unit, kind } = &c.metric;
                format!(
                    "{name} {} {kind:?} {unit:?} {}\n",
                    c.subject,
                    c.value(values[c.slot])
                )
            })
            .collect();
        expect![[r#"
            vmstat.pgpgin host Counter Kibibytes 6940318.1
            diskstats.read_sectors vgca0 Counter Sectors 13635539.4
            stat.user cpu3 Counter ClockTicks 1000312
            meminfo.MemFree host Gauge Kibibytes 2481764
            averages.meminfo_MemFree_host_gauge_kibibytes_2 host Gauge Count 1
            averages.vmstat_pgpgout_host_counter_furlongs host Gauge Count 2
        "#]]
        .assert_eq(&shown);
        assert_eq!(decoded.unknown, [4, 5]);
    }
}
