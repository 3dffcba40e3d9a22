//! Records of the machine and of its disks, as rows of tables.

use super::names::{DISK, HOST};
use super::records::Records;
use crate::import::averages::{Averages, Table};
use crate::import::{Error, Result};
use model::UnixNanos;
use std::collections::BTreeMap;

/// Reads what becomes rows of tables; when records are.
pub(super) fn read(mut records: Records, averages: &mut Averages) -> Result<Vec<UnixNanos>> {
    let file = records.lines.file.clone();
    let header = records.header.clone();
    let words: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut host = Table::with(&words, None, &HOST, averages);
    // A table a device, of the columns that end with its name.
    let mut disks: BTreeMap<&str, (Vec<usize>, Table)> = BTreeMap::new();
    let devices: Vec<&str> = words
        .iter()
        .filter_map(|word| word.strip_prefix("disk.dev.read-"))
        .collect();
    for device in devices {
        let (places, mut names): (Vec<usize>, Vec<&str>) = words
            .iter()
            .enumerate()
            .filter_map(|(i, word)| {
                let name = word.strip_suffix(device)?.strip_suffix('-')?;
                DISK.iter()
                    .any(|meaning| meaning.header == name)
                    .then_some((i, name))
            })
            .unzip();
        names.push("DEV");
        let table = Table::with(&names, Some(names.len() - 1), &DISK, averages);
        disks.insert(device, (places, table));
    }
    let is_number = |word: &String| word.parse::<f64>().unwrap_or(f64::NAN);
    let mut times = Vec::new();
    while let Some((at, values)) = records.next()? {
        if values[1..].iter().all(String::is_empty) {
            continue;
        }
        times.push(at);
        let numbers: Vec<f64> = values.iter().map(is_number).collect();
        if !host.is_unused() {
            host.add(at, "", &numbers, averages);
        }
        for (device, (places, table)) in &mut disks {
            let mut numbers: Vec<f64> = places.iter().map(|&at| numbers[at]).collect();
            numbers.push(f64::NAN);
            table.add(at, device, &numbers, averages);
        }
        for (name, value) in header.iter().zip(&values).filter(|(_, value)| !value.is_empty()) {
            let machine = &mut averages.machine;
            match name.as_str() {
                "kernel.uname.release" => machine.kernel.clone_from(value),
                "kernel.uname.machine" => machine.architecture.clone_from(value),
                "kernel.uname.nodename" if machine.hostname.is_empty() => machine.hostname.clone_from(value),
                "kernel.uname.nodename" if machine.hostname != *value => {
                    let reason = format!("it is of {value}, and {} came before", machine.hostname);
                    return Err(Error::whole(&file, reason));
                }
                "hinv.ncpu" => machine.cpus = value.parse().ok(),
                _ => {}
            }
        }
        averages.check_size(&records.lines)?;
    }
    if times.is_empty() {
        let reason = "nothing is in it of what is used here: disk.dev, kernel.all, mem.vmstat, mem.util";
        return Err(Error::whole(&file, reason));
    }
    Ok(times)
}
