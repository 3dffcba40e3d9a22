//! A table of averages: named columns, and rows about the machine or about a device or CPU of it.

use super::columns::{CPU, DEVICE, HOST, Meaning, distrust};
use super::{Averages, Kind};
use model::{Subject, Unit, UnixNanos};
use std::collections::HashMap;

/// Columns that say what a row is about.
const KEYS: [&str; 11] = [
    "DEV",
    "CPU",
    "IFACE",
    "TTY",
    "INTR",
    "BUS",
    "FAN",
    "TEMP",
    "FILESYSTEM",
    "MOUNTPOINT",
    "NODE",
];

/// A table, while its rows are read.
pub(super) struct Table {
    header: Vec<String>,
    /// Where in a row stands what it is about.
    key: Option<usize>,
    meanings: Vec<(usize, Meaning)>,
    /// `tps` and `await` of a device table: their product is the time that its requests took.
    wait: Option<(usize, usize)>,
    /// Where the memory table's used and % used stand, which together tell the total.
    memory_used: Option<(usize, usize)>,
    swap_used: Option<(usize, usize)>,
    /// Columns in `averages` of each key.
    columns: HashMap<String, Vec<usize>>,
    /// Instant of the last row.
    row: Option<UnixNanos>,
}

impl Table {
    /// The table whose columns these words name, as `sar` prints them.
    pub(super) fn new(words: &[&str], averages: &mut Averages) -> Table {
        let key = words.iter().position(|word| KEYS.contains(word));
        let meanings: &[Meaning] = match key.map(|key| words[key]) {
            None => &HOST,
            Some("DEV") => &DEVICE,
            Some("CPU") => &CPU,
            Some(_) => &[],
        };
        let place = |header: &str| words.iter().position(|word| *word == header);
        let mut meanings: Vec<(usize, Meaning)> = meanings
            .iter()
            .filter_map(|meaning| Some((place(meaning.header)?, *meaning)))
            .collect();
        if meanings.is_empty() {
            averages.unused.insert(words[..words.len().min(2)].join(" "));
        }
        if let Some(kernel) = release(&averages.machine.kernel) {
            let reason = |header| distrust(header, kernel, place("%vmeff").is_some());
            for (header, why) in meanings
                .iter()
                .filter_map(|(_, m)| Some((m.header, reason(m.header)?)))
            {
                averages.notes.insert(format!("{header} was left out: {why}"));
            }
            meanings.retain(|(_, meaning)| reason(meaning.header).is_none());
        }
        Table {
            header: words.iter().map(|word| (*word).to_owned()).collect(),
            key,
            meanings,
            wait: place("tps").zip(place("await")).filter(|_| key.is_some()),
            memory_used: place("kbmemused").zip(place("%memused")),
            swap_used: place("kbswpfree").zip(place("kbswpused")),
            columns: HashMap::new(),
            row: None,
        }
    }

    /// Whether its header has these words.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        self.header.iter().eq(words.iter())
    }

    /// Whether nothing in it is of use here.
    pub(super) fn is_unused(&self) -> bool {
        self.meanings.is_empty()
    }

    /// How many columns it has.
    pub(super) fn width(&self) -> usize {
        self.header.len()
    }

    /// Which column says what a row is about.
    pub(super) fn key(&self) -> Option<usize> {
        self.key
    }

    /// Takes the time at which the first row's interval begins, unless a row was there before.
    pub(super) fn begin(&mut self, at: UnixNanos, averages: &mut Averages) {
        if self.row.is_none() {
            averages.starts.insert(at);
        }
    }

    /// The machine was restarted: what follows does not follow the row before.
    pub(super) fn interrupt(&mut self) {
        self.row = None;
    }

    /// Adds a row about `key` (`""`: the machine); the number in the key's own place is not looked at.
    pub(super) fn add(&mut self, at: UnixNanos, key: &str, numbers: &[f64], averages: &mut Averages) {
        if let Some(before) = self.row.replace(at).filter(|before| *before < at) {
            *averages.steps.entry(at.0 - before.0).or_default() += 1;
        }
        if !self.columns.contains_key(key) {
            let columns = self.declare(key, averages);
            self.columns.insert(key.to_owned(), columns);
        }
        let values = self.columns[key].iter().copied().zip(self.values(numbers));
        averages
            .rows
            .entry(at)
            .or_default()
            .extend(values.filter(|(_, value)| !value.is_nan()));
    }

    /// The columns of the rows about `key`, in the order of [`Table::values`].
    fn declare(&self, key: &str, averages: &mut Averages) -> Vec<usize> {
        let subject = match self.key.map(|key| self.header[key].as_str()) {
            Some("DEV") => Subject::Device(key.into()),
            Some("CPU") => match key.parse() {
                Ok(cpu) => Subject::Cpu(cpu),
                Err(_) => Subject::Host,
            },
            _ => Subject::Host,
        };
        let mut columns: Vec<usize> = self
            .meanings
            .iter()
            .map(|(_, meaning)| averages.column(meaning.metric, subject.clone(), meaning.unit, meaning.kind))
            .collect();
        if self.wait.is_some() {
            columns.push(averages.column(
                "diskstats.io_total_ms",
                subject.clone(),
                Unit::Milliseconds,
                Kind::Rate,
            ));
        }
        if self.memory_used.is_some() {
            columns.push(averages.column("meminfo.MemTotal", subject.clone(), Unit::Kibibytes, Kind::Gauge));
        }
        if self.swap_used.is_some() {
            columns.push(averages.column("meminfo.SwapTotal", subject, Unit::Kibibytes, Kind::Gauge));
        }
        columns
    }

    fn values(&self, numbers: &[f64]) -> Vec<f64> {
        let of = |header: &str| {
            self.header
                .iter()
                .position(|word| word == header)
                .map(|at| numbers[at])
        };
        let mut values: Vec<f64> = self
            .meanings
            .iter()
            .map(|&(at, meaning)| {
                let with_guests = match meaning.header {
                    "%usr" => of("%guest").unwrap_or(0.0),
                    "%nice" => of("%gnice").unwrap_or(0.0),
                    _ => 0.0,
                };
                (numbers[at] + with_guests) * meaning.factor
            })
            .collect();
        if let Some((tps, wait)) = self.wait {
            values.push(numbers[tps] * numbers[wait]);
        }
        if let Some((used, percent)) = self.memory_used {
            values.push(total_memory(numbers[used], numbers[percent], of).unwrap_or(f64::NAN));
        }
        if let Some((free, used)) = self.swap_used {
            values.push(numbers[free] + numbers[used]);
        }
        values
    }
}

/// What `kbmemused` leaves out changed: it was all that is not free, then all that is not available, or neither free nor buffers nor
/// cache nor slab. `%memused` is of the total in each: the reading that agrees with it to its two decimals is taken, if only one does.
fn total_memory(used: f64, percent: f64, of: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let rests = [
        of("kbmemfree"),
        of("kbavail"),
        ["kbmemfree", "kbbuffers", "kbcached", "kbslab"]
            .into_iter()
            .map(of)
            .sum(),
    ];
    let agrees = |rest: &f64| (100.0 * used / (used + rest) - percent).abs() <= 0.006;
    let mut agreeing = rests.into_iter().flatten().filter(agrees);
    match (agreeing.next(), agreeing.next()) {
        (Some(rest), None) => Some(used + rest),
        _ => None,
    }
}

/// Major and minor of a kernel release: `2.6.32-504.el6` → (2, 6).
fn release(kernel: &str) -> Option<(u32, u32)> {
    let mut numbers = kernel.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
