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
    /// What is made of a row.
    outputs: Vec<Output>,
    /// Columns in `averages` of each key, in the order of `outputs`.
    columns: HashMap<String, Vec<usize>>,
    /// Instant of the last row.
    row: Option<UnixNanos>,
}

/// A number of ours, and how a row gives it.
struct Output {
    metric: &'static str,
    unit: Unit,
    kind: Kind,
    from: From,
}

/// Places in a row and what is made of them.
enum From {
    Scaled(usize, f64),
    Sum(usize, usize),
    Product(usize, usize),
    TotalMemory(Memory),
}

/// Where the numbers of the memory table stand.
struct Memory {
    used: usize,
    percent: usize,
    free: Option<usize>,
    available: Option<usize>,
    /// Buffers, cache, slab.
    kept: Option<[usize; 3]>,
}

/// A number beyond this is damage: the largest machines have some 10^11 kB.
const LARGEST: f64 = 1e15;

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
        let kernel = release(&averages.machine.kernel);
        let mut outputs = Vec::new();
        for meaning in meanings {
            let Some(at) = place(meaning.header) else { continue };
            let why = kernel.and_then(|kernel| distrust(meaning.header, kernel, place("%vmeff").is_some()));
            if let Some(why) = why {
                averages
                    .notes
                    .insert(format!("{} was left out: {why}", meaning.header));
                continue;
            }
            // `-u ALL` leaves guests out of these two; the kernel's counters hold them.
            let guests = match meaning.header {
                "%usr" => place("%guest"),
                "%nice" => place("%gnice"),
                _ => None,
            };
            let from = guests.map_or(From::Scaled(at, meaning.factor), |guests| From::Sum(at, guests));
            let Meaning {
                metric, unit, kind, ..
            } = *meaning;
            outputs.push(Output {
                metric,
                unit,
                kind,
                from,
            });
        }
        if outputs.is_empty() {
            averages.unused.insert(words[..words.len().min(2)].join(" "));
        }
        let mut also = |metric, unit, kind, from: Option<From>| {
            outputs.extend(from.map(|from| Output {
                metric,
                unit,
                kind,
                from,
            }));
        };
        // The time that requests took: their number times what one took.
        let wait = place("tps").zip(place("await")).filter(|_| key.is_some());
        let wait = wait.map(|(tps, wait)| From::Product(tps, wait));
        also("diskstats.io_total_ms", Unit::Milliseconds, Kind::Rate, wait);
        let memory = place("kbmemused")
            .zip(place("%memused"))
            .map(|(used, percent)| Memory {
                used,
                percent,
                free: place("kbmemfree"),
                available: place("kbavail"),
                kept: (|| Some([place("kbbuffers")?, place("kbcached")?, place("kbslab")?]))(),
            });
        also(
            "meminfo.MemTotal",
            Unit::Kibibytes,
            Kind::Gauge,
            memory.map(From::TotalMemory),
        );
        let swap = place("kbswpfree")
            .zip(place("kbswpused"))
            .map(|(free, used)| From::Sum(free, used));
        also("meminfo.SwapTotal", Unit::Kibibytes, Kind::Gauge, swap);
        let header = words.iter().map(|word| (*word).to_owned()).collect();
        Table {
            header,
            key,
            outputs,
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
        self.outputs.is_empty()
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
        let columns = if let Some(columns) = self.columns.get(key) {
            columns
        } else {
            let columns = self.declare(key, averages);
            self.columns.entry(key.to_owned()).or_insert(columns)
        };
        let row = averages.rows.entry(at).or_default();
        for (output, &column) in self.outputs.iter().zip(columns) {
            // Nothing that is counted or measured here is negative.
            if let Some(value) = output
                .from
                .value(numbers)
                .filter(|value| (0.0..=LARGEST).contains(value))
            {
                row.push((column, value));
            }
        }
    }

    fn declare(&self, key: &str, averages: &mut Averages) -> Vec<usize> {
        let subject = match self.key.map(|key| self.header[key].as_str()) {
            Some("DEV") => Subject::Device(key.into()),
            // `all` is the machine.
            Some("CPU") => key.parse().map_or(Subject::Host, Subject::Cpu),
            _ => Subject::Host,
        };
        let column = |o: &Output| averages.column(o.metric, subject.clone(), o.unit, o.kind);
        self.outputs.iter().map(column).collect()
    }
}

impl From {
    fn value(&self, numbers: &[f64]) -> Option<f64> {
        match self {
            From::Scaled(at, factor) => Some(numbers[*at] * factor),
            From::Sum(a, b) => Some(numbers[*a] + numbers[*b]),
            From::Product(a, b) => Some(numbers[*a] * numbers[*b]),
            From::TotalMemory(memory) => memory.total(numbers),
        }
    }
}

impl Memory {
    /// What `kbmemused` leaves out changed: it was all that is not free, then all that is not available, or neither free nor
    /// buffers nor cache nor slab. `%memused` is of the total in each: the reading that agrees with it to its two decimals is
    /// taken, if only one does.
    fn total(&self, numbers: &[f64]) -> Option<f64> {
        let (used, percent) = (numbers[self.used], numbers[self.percent]);
        let free = self.free.map(|at| numbers[at]);
        let available = self.available.map(|at| numbers[at]);
        let kept = self
            .kept
            .map(|places| places.iter().map(|&at| numbers[at]).sum::<f64>());
        let rests = [free, available, free.zip(kept).map(|(free, kept)| free + kept)];
        let agrees = |rest: &f64| (100.0 * used / (used + rest) - percent).abs() <= 0.006;
        let mut agreeing = rests.into_iter().flatten().filter(agrees);
        match (agreeing.next(), agreeing.next()) {
            (Some(rest), None) => Some(used + rest),
            _ => None,
        }
    }
}

/// Major and minor of a kernel release: `2.6.32-504.el6` → (2, 6).
fn release(kernel: &str) -> Option<(u32, u32)> {
    let mut numbers = kernel.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
