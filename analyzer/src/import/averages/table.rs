//! A table of averages: named columns, and rows about the machine or about a device or CPU of it.

use super::columns::{CPU, DEVICE, HOST, Meaning, distrust};
use super::rows::Interval;
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
pub(in crate::import) struct Table {
    header: Vec<String>,
    /// Where in a row stands what it is about.
    key: Option<usize>,
    /// What is made of a row.
    outputs: Vec<Output>,
    /// The group in `averages` of each key.
    groups: HashMap<String, usize>,
    /// Instant of the last row.
    row: Option<UnixNanos>,
    /// The interval that the rows are of.
    interval: Option<Interval>,
    /// When the next row's interval begins, as the text says.
    begin: Option<UnixNanos>,
    /// Whether the text says it of each.
    exact: bool,
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
    ProductOfSum(usize, usize, usize),
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

/// How many requests a second, how long one took, and so what all of them took.
const WAITS: [(&str, &str, &str); 5] = [
    ("tps", "await", "diskstats.io_total_ms"),
    ("r/s", "r_await", "diskstats.read_ms"),
    ("w/s", "w_await", "diskstats.write_ms"),
    ("d/s", "d_await", "diskstats.discard_ms"),
    ("f/s", "f_await", "diskstats.flush_ms"),
];

/// Two times in whole seconds may differ by so much and mean the same.
const ROUNDING: i64 = 1_000_000_000;

impl Table {
    /// The table whose columns these words name, as `sar` prints them.
    pub(in crate::import) fn new(words: &[&str], averages: &mut Averages) -> Table {
        let key = words.iter().position(|word| KEYS.contains(word));
        let meanings: &[Meaning] = match key.map(|key| words[key]) {
            None => &HOST,
            Some("DEV") => &DEVICE,
            Some("CPU") => &CPU,
            Some(_) => &[],
        };
        Table::with(words, key, meanings, averages)
    }

    /// The table whose columns these words name, of which these mean something.
    pub(in crate::import) fn with(
        words: &[&str],
        key: Option<usize>,
        meanings: &[Meaning],
        averages: &mut Averages,
    ) -> Table {
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
        for (requests, wait, metric) in WAITS {
            let wait = place(requests).zip(place(wait)).filter(|_| key.is_some());
            also(
                metric,
                Unit::Milliseconds,
                Kind::Rate,
                wait.map(|(requests, wait)| From::Product(requests, wait)),
            );
        }
        let both = place("r/s").zip(place("w/s")).zip(place("await"));
        let both = both.map(|((reads, writes), wait)| From::ProductOfSum(reads, writes, wait));
        also("diskstats.io_total_ms", Unit::Milliseconds, Kind::Rate, both);
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
            groups: HashMap::new(),
            row: None,
            interval: None,
            begin: None,
            exact: false,
        }
    }

    /// Whether its header has these words.
    pub(in crate::import) fn is(&self, words: &[&str]) -> bool {
        self.header.iter().eq(words.iter())
    }

    /// Whether nothing in it is of use here.
    pub(in crate::import) fn is_unused(&self) -> bool {
        self.outputs.is_empty()
    }

    /// How many columns it has.
    pub(in crate::import) fn width(&self) -> usize {
        self.header.len()
    }

    /// Which column says what a row is about.
    pub(in crate::import) fn key(&self) -> Option<usize> {
        self.key
    }

    /// Takes the time at which the first row's interval begins.
    pub(in crate::import) fn begin(&mut self, at: UnixNanos) {
        if self.row.is_none() {
            self.begin = Some(at);
        }
    }

    /// Takes the time at which the interval of the rows begins that come next. It is in whole seconds, as the rows' times are.
    pub(in crate::import) fn begin_exactly(&mut self, at: UnixNanos) {
        self.exact = true;
        let is_row = self.row.is_some_and(|row| (at.0 - row.0).abs() <= ROUNDING);
        self.begin = if is_row { self.row } else { Some(at) };
    }

    /// The machine was restarted: what follows does not follow the row before.
    pub(in crate::import) fn interrupt(&mut self) {
        (self.row, self.begin) = (None, None);
    }

    /// A row of this time is there: what follows begins with it.
    pub(in crate::import) fn row_at(&mut self, at: UnixNanos, averages: &mut Averages) -> Interval {
        match self.interval {
            Some(interval) if interval.1 == at && self.row == Some(at) => interval,
            _ => {
                let since = self
                    .begin
                    .take()
                    .or(self.row)
                    .filter(|since| *since < at)
                    .unwrap_or(at);
                if since < at {
                    *averages.steps.entry(at.0 - since.0).or_default() += 1;
                }
                self.row = Some(at);
                *self.interval.insert((since, at))
            }
        }
    }

    /// Adds a row about `key` (`""`: the machine); the number in the key's own place is not looked at.
    pub(in crate::import) fn add(
        &mut self,
        at: UnixNanos,
        key: &str,
        numbers: &[f64],
        averages: &mut Averages,
    ) {
        if self.row.is_some_and(|row| at < row) {
            // Rows of a group are in order.
            self.groups.clear();
            self.interrupt();
        }
        let interval = self.row_at(at, averages);
        let group = if let Some(&group) = self.groups.get(key) {
            group
        } else {
            let group = self.declare(key, averages);
            self.groups.insert(key.to_owned(), group);
            group
        };
        let values = self
            .outputs
            .iter()
            .map(|output| output.from.value(numbers).unwrap_or(f64::NAN));
        averages.push(group, interval, values);
    }

    fn declare(&self, key: &str, averages: &mut Averages) -> usize {
        let subject = match self.key.map(|key| self.header[key].as_str()) {
            Some("DEV" | "Device" | "Device:") => Subject::Device(key.into()),
            // `all` is the machine.
            Some("CPU") => key.parse().map_or(Subject::Host, Subject::Cpu),
            _ => Subject::Host,
        };
        let column = |o: &Output| averages.column(o.metric, subject.clone(), o.unit, o.kind);
        let columns = self.outputs.iter().map(column).collect();
        averages.group(columns, self.exact)
    }
}

impl From {
    fn value(&self, numbers: &[f64]) -> Option<f64> {
        match self {
            From::Scaled(at, factor) => Some(numbers[*at] * factor),
            From::Sum(a, b) => Some(numbers[*a] + numbers[*b]),
            From::Product(a, b) => Some(numbers[*a] * numbers[*b]),
            From::ProductOfSum(a, b, c) => Some((numbers[*a] + numbers[*b]) * numbers[*c]),
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
