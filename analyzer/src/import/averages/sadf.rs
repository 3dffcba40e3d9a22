//! `sadf -j`: the same tables as sar's, as JSON, with dates, zones and the length of each interval.

use super::table::Table;
use super::{Averages, Options};
use crate::import::{Error, Machine, Place, Result, json_error};
use crate::time_grammar::{Fold, instant};
use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use model::UnixNanos;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

#[derive(Deserialize)]
struct Document {
    sysstat: Sysstat,
}

#[derive(Deserialize)]
struct Sysstat {
    hosts: Vec<Host>,
}

#[derive(Deserialize)]
struct Host {
    nodename: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    machine: String,
    #[serde(rename = "number-of-cpus")]
    cpus: Option<u32>,
    #[serde(default)]
    statistics: Vec<Map<String, Value>>,
    #[serde(default)]
    restarts: Vec<Restart>,
}

#[derive(Deserialize)]
struct Restart {
    boot: Stamp,
}

/// `utc` 1: the time is UTC's; 0 (with -T): that of the machine's zone.
#[derive(Deserialize)]
struct Stamp {
    date: String,
    time: String,
    #[serde(default)]
    utc: u8,
    interval: Option<i64>,
}

/// Reads the JSON of one file into `averages`.
pub(super) fn read(file: &str, text: &str, options: &Options, averages: &mut Averages) -> Result<()> {
    let document: Document = serde_json::from_str(text).map_err(|error| json_error(file, &error))?;
    for host in document.sysstat.hosts {
        let machine = Machine {
            hostname: host.nodename,
            kernel: host.release,
            architecture: host.machine,
            cpus: host.cpus.filter(|cpus| *cpus > 0),
        };
        let seen = &averages.machine;
        if !seen.hostname.is_empty() && seen.hostname != machine.hostname {
            let reason = format!(
                "it is of {}, and {} came before: import each into a database of its own",
                machine.hostname, seen.hostname
            );
            return Err(Error::whole(file, reason));
        }
        averages.machine = machine;
        for restart in &host.restarts {
            let at = restart
                .boot
                .instant(options.tz)
                .map_err(|reason| Error::whole(file, reason))?;
            averages.restarts.insert(at);
        }
        let mut tables = HashMap::new();
        for statistics in &host.statistics {
            if let Err(reason) = sample(statistics, options, &mut tables, averages) {
                if options.strict {
                    return Err(Error::whole(file, reason));
                }
                averages.broken(
                    Place {
                        file: file.to_owned(),
                        line: None,
                    },
                    &reason,
                );
            }
        }
    }
    Ok(())
}

fn sample(
    statistics: &Map<String, Value>,
    options: &Options,
    tables: &mut HashMap<Vec<String>, Table>,
    averages: &mut Averages,
) -> std::result::Result<(), String> {
    let stamp = statistics.get("timestamp").ok_or("a sample without timestamp")?;
    let stamp = Stamp::deserialize(stamp).map_err(|error| format!("timestamp: {error}"))?;
    let at = stamp.instant(options.tz)?;
    let begin = stamp
        .interval
        .filter(|s| (1..=86_400).contains(s))
        .map(|seconds| at - seconds * 1_000_000_000);
    for (name, value) in statistics {
        for object in objects(name, value) {
            let Some((header, key, numbers)) = row(object.name, object.values) else {
                continue;
            };
            let words: Vec<&str> = header.iter().map(String::as_str).collect();
            let table = match tables.get_mut(&header) {
                Some(table) => table,
                None => {
                    let table = Table::new(&words, averages);
                    tables.entry(header).or_insert(table)
                }
            };
            if let Some(begin) = begin {
                table.begin_exactly(begin);
            }
            if !table.is_unused() {
                table.add(at, &key, &numbers, averages);
            }
        }
    }
    Ok(())
}

/// An object that is a row of a table.
struct Object<'a> {
    name: &'a str,
    values: &'a Map<String, Value>,
}

/// The rows in a member of a sample: itself, each of a list, or what lies in it (`psi`).
fn objects<'a>(name: &'a str, value: &'a Value) -> Vec<Object<'a>> {
    match value {
        Value::Array(rows) => rows
            .iter()
            .filter_map(|row| {
                Some(Object {
                    name,
                    values: row.as_object()?,
                })
            })
            .collect(),
        Value::Object(parts) if name == "psi" => parts
            .iter()
            .filter_map(|(name, part)| {
                Some(Object {
                    name,
                    values: part.as_object()?,
                })
            })
            .collect(),
        Value::Object(values) => vec![Object { name, values }],
        _ => Vec::new(),
    }
}

/// Header as sar prints it, what the row is about, and its numbers; `None` for tables that sar's text has nothing of use in either.
fn row(table: &str, values: &Map<String, Value>) -> Option<(Vec<String>, String, Vec<f64>)> {
    let (mut header, mut key, mut numbers) = (Vec::new(), String::new(), Vec::new());
    for (name, value) in values {
        let word = match (table, name.as_str()) {
            ("disk", "disk-device") => "DEV".to_owned(),
            ("cpu-load" | "cpu-load-all", "cpu") => "CPU".to_owned(),
            // Newer versions print sectors and kilobytes side by side.
            ("disk", "rkB") if values.contains_key("rd_sec") => continue,
            ("disk", "wkB") if values.contains_key("wr_sec") => continue,
            ("disk", "aqu-sz") if values.contains_key("avgqu-sz") => continue,
            ("disk", "rd_sec" | "wr_sec" | "rkB" | "wkB" | "dkB") => format!("{name}/s"),
            ("paging" | "memory" | "disk", _) if name.ends_with("-percent") => {
                format!("%{}", name.trim_end_matches("-percent"))
            }
            ("paging" | "swap-pages" | "process-and-context-switch", _) => format!("{name}/s"),
            ("memory", "inactive") => "kbinact".to_owned(),
            ("memory", _) => format!("kb{name}"),
            ("cpu-load" | "cpu-load-all", _) => format!("%{name}"),
            ("psi-cpu", "some_avg") => "%scpu".to_owned(),
            ("psi-io", "some_avg") => "%sio".to_owned(),
            ("psi-io", "full_avg") => "%fio".to_owned(),
            ("psi-mem", "some_avg") => "%smem".to_owned(),
            ("psi-mem", "full_avg") => "%fmem".to_owned(),
            ("queue" | "disk", _) => name.clone(),
            _ => continue,
        };
        header.push(word);
        match value {
            Value::Number(number) => numbers.push(number.as_f64()?),
            Value::String(text) => {
                key = text.clone();
                numbers.push(f64::NAN);
            }
            _ => return None,
        }
    }
    (!header.is_empty()).then_some((header, key, numbers))
}

impl Stamp {
    fn instant(&self, local: Tz) -> std::result::Result<UnixNanos, String> {
        let date: NaiveDate = self
            .date
            .parse()
            .map_err(|_| format!("{:?} is not a date", self.date))?;
        let time: NaiveTime = self
            .time
            .parse()
            .map_err(|_| format!("{:?} is not a clock time", self.time))?;
        let tz = if self.utc == 1 { Tz::UTC } else { local };
        instant(date.and_time(time), tz, Fold::First).map_err(str::to_owned)
    }
}
