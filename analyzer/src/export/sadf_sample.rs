//! One sample of sadf's JSON: which of our numbers is which of sysstat's, the reverse of `import`'s table (kernel.md §3.8).

use crate::tables::{Batch, Catalog, Cell, PER_SECOND, Table};
use model::{Column, Kind, Metric, Subject, TimeSpan, Unit, UnixNanos};
use serde_json::{Map, Value};
use sources::canonical::{self, Formula};
use std::collections::HashMap;
use std::ops::Range;
use store::Reader;

/// What a sample's meaning depends on.
pub(super) struct Host<'a> {
    pub(super) cpus: u32,
    pub(super) ticks_per_second: u32,
    /// The numbers came as averages: processor time is in percent already.
    pub(super) averages: bool,
    pub(super) kernel: &'a str,
}

/// The tables that sadf's come from.
const TABLES: [&str; 9] = [
    "cpu",
    "diskstats",
    "loadavg",
    "meminfo",
    "pressure_cpu",
    "pressure_io",
    "pressure_memory",
    "stat",
    "vmstat",
];

/// Reads pieces of the tables, and gives the samples of single ticks.
pub(super) struct Sampler<'a> {
    reader: &'a Reader,
    tables: Vec<Table>,
    loaded: HashMap<&'static str, Loaded>,
}

/// A piece of a table.
struct Loaded {
    batch: Batch,
    /// Place of each column.
    places: HashMap<String, usize>,
    formulas: Vec<(&'static str, Formula<usize>)>,
    /// Rows of the next tick begin here.
    next: usize,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(reader: &'a Reader, span: TimeSpan) -> store::Result<Sampler<'a>> {
        let catalog = Catalog::with(reader, span, &|name| TABLES.contains(&name))?;
        Ok(Sampler {
            reader,
            tables: catalog.tables,
            loaded: HashMap::new(),
        })
    }

    pub(super) fn load(&mut self, piece: TimeSpan) -> store::Result<()> {
        self.loaded.clear();
        for table in &self.tables {
            let name = TABLES.iter().find(|name| ***name == *table.name);
            let columns = columns(table);
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            let batch = table.read(self.reader, piece, &names)?;
            let places = batch
                .fields
                .iter()
                .enumerate()
                .map(|(i, field)| (field.name.to_string(), i));
            let places = places.collect();
            let formulas = formulas(&batch);
            let loaded = Loaded {
                batch,
                places,
                formulas,
                next: 0,
            };
            self.loaded.extend(name.map(|name| (*name, loaded)));
        }
        Ok(())
    }

    /// The tables of the sample at a tick; ticks are asked for in order. `None` when nothing is known of it.
    pub(super) fn sample(&mut self, at: UnixNanos, host: &Host<'_>) -> Option<Map<String, Value>> {
        let rows: HashMap<&str, Range<usize>> = (self.loaded.iter_mut())
            .map(|(name, loaded)| (*name, loaded.rows_of(at)))
            .collect();
        let of = |table: &str| {
            let rows = rows.get(table).cloned().unwrap_or(0..0);
            let loaded = self.loaded.get(table);
            rows.filter_map(move |row| Some(Row { loaded: loaded?, row }))
                .collect::<Vec<_>>()
        };
        let one = |table: &str| of(table).into_iter().next();
        let mut sample = Map::new();
        let mut put = |name: &str, object: Map<String, Value>| {
            if !object.is_empty() {
                sample.insert(name.into(), object.into());
            }
        };
        let (stat, vmstat, meminfo) = (one("stat"), one("vmstat"), one("meminfo"));
        if let Some(stat) = &stat {
            put(
                "process-and-context-switch",
                stat.rates(&[("proc", "processes"), ("cswch", "ctxt")], 1.0),
            );
        }
        if let Some(vmstat) = &vmstat {
            put(
                "swap-pages",
                vmstat.rates(&[("pswpin", "pswpin"), ("pswpout", "pswpout")], 1.0),
            );
            put("paging", paging(vmstat, host));
        }
        if let Some(meminfo) = &meminfo {
            put("memory", memory(meminfo));
        }
        let mut queue = Map::new();
        if let Some(stat) = &stat {
            queue.extend(stat.gauges(&[("runq-sz", "procs_running"), ("blocked", "procs_blocked")]));
        }
        if let Some(loadavg) = one("loadavg") {
            let names = [
                ("plist-sz", "tasks"),
                ("ldavg-1", "load1"),
                ("ldavg-5", "load5"),
                ("ldavg-15", "load15"),
            ];
            queue.extend(loadavg.gauges(&names));
        }
        put("queue", queue);
        let mut psi = Map::new();
        // 10,000 µs a second are 1 % of the time.
        for (table, name) in [
            ("pressure_cpu", "psi-cpu"),
            ("pressure_io", "psi-io"),
            ("pressure_memory", "psi-mem"),
        ] {
            if let Some(row) = one(table) {
                let names: &[_] = match table {
                    "pressure_cpu" => &[("some_avg", "some_total")],
                    _ => &[("some_avg", "some_total"), ("full_avg", "full_total")],
                };
                let shares = row.rates(names, 1e-4);
                psi.extend((!shares.is_empty()).then(|| (name.to_owned(), shares.into())));
            }
        }
        put("psi", psi);
        let mut lists: Vec<(&str, Vec<Map<String, Value>>)> = Vec::new();
        let mut cpus: Vec<_> = stat
            .iter()
            .filter_map(|row| processor(row, "all", host.cpus, host))
            .collect();
        let single = of("cpu").into_iter().filter_map(|row| {
            let Cell::Int(cpu) = row.cell("cpu") else {
                return None;
            };
            processor(&row, &cpu.to_string(), 1, host)
        });
        cpus.extend(single);
        // The kernel's own files tell interrupts apart, and so does `sar -u ALL`.
        let (all, some): (Vec<_>, Vec<_>) = cpus.into_iter().partition(|cpu| cpu.contains_key("irq"));
        lists.push(("cpu-load-all", all));
        lists.push(("cpu-load", some));
        lists.push(("disk", of("diskstats").iter().filter_map(disk).collect()));
        for (name, list) in lists {
            if !list.is_empty() {
                sample.insert(name.into(), list.into());
            }
        }
        (!sample.is_empty()).then_some(sample)
    }
}

/// The columns of a table that are needed: its keys, its gauges, the changes of its counters.
fn columns(table: &Table) -> Vec<String> {
    let name = |field: &crate::tables::Field| match field.kind {
        Some(kind) if kind.is_counter() => format!("{}{PER_SECOND}", field.name),
        _ => field.name.to_string(),
    };
    // Hundreds of interrupts by number are in no table of sysstat's.
    let is_needed = |field: &&crate::tables::Field| {
        !field.name.starts_with("intr_") && !field.name.starts_with("softirq_")
    };
    table.fields.iter().filter(is_needed).map(name).collect()
}

impl Loaded {
    fn rows_of(&mut self, at: UnixNanos) -> Range<usize> {
        let time = |row: usize| match self.batch.columns[self.places["at"]].get(row) {
            Cell::Time(at) => at,
            _ => i64::MIN,
        };
        let mut begin = self.next;
        while begin < self.batch.len && time(begin) < at.0 {
            begin += 1;
        }
        let mut end = begin;
        while end < self.batch.len && time(end) == at.0 {
            end += 1;
        }
        self.next = end;
        begin..end
    }
}

/// A row of a table.
struct Row<'a> {
    loaded: &'a Loaded,
    row: usize,
}

impl Row<'_> {
    fn cell(&self, column: &str) -> Cell<'_> {
        let place = self.loaded.places.get(column);
        place.map_or(Cell::Unknown, |&place| {
            self.loaded.batch.columns[place].get(self.row)
        })
    }

    fn number(&self, column: &str) -> Option<f64> {
        match self.cell(column) {
            Cell::Int(value) => Some(value as f64),
            Cell::Float(value) => Some(value),
            _ => None,
        }
    }

    fn rate(&self, column: &str) -> Option<f64> {
        self.number(&format!("{column}{PER_SECOND}"))
    }

    /// The sum of some changes, of which those must be known that there are columns of.
    fn rate_of(&self, columns: &[&str]) -> Option<f64> {
        let has = |column: &&&str| self.loaded.places.contains_key(&format!("{column}{PER_SECOND}"));
        let mut there = columns.iter().filter(has).peekable();
        there.peek()?;
        there.map(|column| self.rate(column)).sum()
    }

    fn rates(&self, names: &[(&str, &str)], factor: f64) -> Map<String, Value> {
        let of =
            |(name, column): &(&str, &str)| Some(((*name).to_owned(), round(self.rate(column)? * factor)));
        names.iter().filter_map(of).collect()
    }

    fn gauges(&self, names: &[(&str, &str)]) -> Map<String, Value> {
        let of = |(name, column): &(&str, &str)| Some(((*name).to_owned(), round(self.number(column)?)));
        names.iter().filter_map(of).collect()
    }

    /// One of [`CANONICAL`].
    fn canonical(&self, metric: &str) -> Option<f64> {
        let (_, formula) = self.loaded.formulas.iter().find(|(name, _)| *name == metric)?;
        let value = |&slot: &usize| match self.loaded.batch.columns[slot].get(self.row) {
            Cell::Float(value) => Some(value),
            _ => None,
        };
        let add: Option<f64> = formula.add.iter().map(value).sum();
        let subtract: Option<f64> = formula.subtract.iter().map(value).sum();
        Some(add? - subtract?)
    }
}

/// Changes that kernels of different ages count under different names.
const CANONICAL: [&str; 3] = ["vmstat.pgscan_kswapd", "vmstat.pgscan_direct", "vmstat.pgsteal"];

/// Which columns of a piece they are made of.
fn formulas(batch: &Batch) -> Vec<(&'static str, Formula<usize>)> {
    let fields = batch.fields.iter().enumerate().filter(|(_, field)| field.rate);
    let column = |(slot, field): (usize, &crate::tables::Field)| Column {
        slot,
        metric: Metric {
            name: field.metric.clone(),
            unit: Unit::Count,
            kind: Kind::Counter,
        },
        subject: Subject::Host,
        scale: 0,
        negative: false,
    };
    let columns: Vec<Column> = fields.map(column).collect();
    let formula = |&metric: &&'static str| {
        let formula = canonical::slots(&columns, metric, &Subject::Host)?;
        Some((metric, formula))
    };
    CANONICAL.iter().filter_map(formula).collect()
}

/// A number with nine decimals at most: what the arithmetic of differences left behind them is noise.
fn round(value: f64) -> Value {
    let rounded = (value * 1e9).round() / 1e9;
    let rounded = if rounded.is_finite() { rounded } else { value };
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        return Value::from(rounded as i64);
    }
    Value::from(rounded)
}

fn paging(vmstat: &Row<'_>, host: &Host<'_>) -> Map<String, Value> {
    let names = [
        ("pgpgin", "pgpgin"),
        ("pgpgout", "pgpgout"),
        ("fault", "pgfault"),
        ("majflt", "pgmajfault"),
        ("pgfree", "pgfree"),
    ];
    let mut paging = vmstat.rates(&names, 1.0);
    let (kswapd, direct) = (
        vmstat.canonical("vmstat.pgscan_kswapd"),
        vmstat.canonical("vmstat.pgscan_direct"),
    );
    let steal = vmstat.canonical("vmstat.pgsteal");
    let mut put = |name: &str, value: Option<f64>| {
        paging.extend(value.map(|value| (name.to_owned(), round(value))));
    };
    put("pgscank", kswapd);
    put("pgscand", direct);
    put("pgsteal", steal);
    put("pgprom", vmstat.rate("pgpromote_success"));
    // The sysstat versions that print it are those that counted kernels before 5.8 right.
    if is_before_5_8(host.kernel) {
        let scanned = kswapd.zip(direct).map(|(kswapd, direct)| kswapd + direct);
        let share = scanned.zip(steal).map(|(scanned, steal)| match scanned {
            0.0 => 0.0,
            scanned => 100.0 * steal / scanned,
        });
        put("vmeff-percent", share);
    }
    paging
}

fn is_before_5_8(kernel: &str) -> bool {
    let mut numbers = kernel.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < (5, 8),
        _ => false,
    }
}

fn memory(meminfo: &Row<'_>) -> Map<String, Value> {
    let mut memory = meminfo.gauges(&[
        ("memfree", "MemFree"),
        ("avail", "MemAvailable"),
        ("buffers", "Buffers"),
        ("cached", "Cached"),
        ("commit", "Committed_AS"),
        ("active", "Active"),
        ("inactive", "Inactive"),
        ("dirty", "Dirty"),
        ("anonpg", "AnonPages"),
        ("slab", "Slab"),
        ("kstack", "KernelStack"),
        ("pgtbl", "PageTables"),
        ("vmused", "VmallocUsed"),
        ("swpfree", "SwapFree"),
        ("swpcad", "SwapCached"),
    ]);
    let number = |name| meminfo.number(name);
    if let (Some(total), Some(free)) = (number("MemTotal"), number("MemFree")) {
        // What is in use, as sysstat says since 12.1.4: neither free nor buffers nor cache nor slab.
        let kept = [number("Buffers"), number("Cached"), number("Slab")]
            .into_iter()
            .sum::<Option<f64>>();
        let used = total - free - kept.unwrap_or(0.0);
        if used >= 0.0 && total > 0.0 {
            memory.insert("memused".into(), round(used));
            memory.insert("memused-percent".into(), round(100.0 * used / total));
        }
    }
    if let (Some(total), Some(free)) = (number("SwapTotal"), number("SwapFree")) {
        memory.insert("swpused".into(), round(total - free));
    }
    memory
}

/// Percent of a processor's time, or of that of all.
fn processor(row: &Row<'_>, name: &str, cpus: u32, host: &Host<'_>) -> Option<Map<String, Value>> {
    let modes = [
        "user",
        "nice",
        "system",
        "idle",
        "iowait",
        "steal",
        "irq",
        "softirq",
        "guest",
        "guest_nice",
    ];
    let rates: HashMap<&str, f64> = modes
        .iter()
        .filter_map(|mode| Some((*mode, row.rate(mode)?)))
        .collect();
    // A clock tick a second is a percent already where averages were imported. Else it is of all that were counted, as in sar: guests'
    // are in `user` and `nice` too.
    let counted = modes[..8]
        .iter()
        .map(|mode| rates.get(mode).copied())
        .sum::<Option<f64>>();
    let whole = counted.filter(|counted| *counted > 0.0);
    let whole = whole.unwrap_or(f64::from(cpus.max(1)) * f64::from(host.ticks_per_second.max(1)));
    let percent = |ticks: f64| {
        round(if host.averages {
            ticks
        } else {
            100.0 * ticks / whole
        })
    };
    let mut load = Map::new();
    let mut put = |name: &str, value: Option<f64>| {
        load.extend(value.map(|value| (name.to_owned(), percent(value))));
    };
    let rate = |mode: &str| rates.get(mode).copied();
    if rates.contains_key("irq") {
        let guest = (rate("guest").unwrap_or(0.0), rate("guest_nice").unwrap_or(0.0));
        put("usr", rate("user").map(|user| (user - guest.0).max(0.0)));
        put("nice", rate("nice").map(|nice| (nice - guest.1).max(0.0)));
        put("sys", rate("system"));
        put("iowait", rate("iowait"));
        put("steal", rate("steal"));
        put("irq", rate("irq"));
        put("soft", rate("softirq"));
        put("guest", rate("guest"));
        put("gnice", rate("guest_nice"));
        put("idle", rate("idle"));
    } else {
        for mode in ["user", "nice", "system", "iowait", "steal", "idle"] {
            put(mode, rate(mode));
        }
    }
    (!load.is_empty()).then(|| {
        load.insert("cpu".into(), name.into());
        load
    })
}

fn disk(row: &Row<'_>) -> Option<Map<String, Value>> {
    let mut disk = Map::new();
    let mut put = |name: &str, value: Option<f64>| {
        disk.extend(value.map(|value| (name.to_owned(), round(value))));
    };
    let ios = row.rate_of(&["reads_completed", "writes_completed", "discards_completed"]);
    let ios = row.rate("ios_completed").or(ios);
    let waited = row
        .rate("io_total_ms")
        .or_else(|| row.rate_of(&["read_ms", "write_ms", "discard_ms"]));
    put("tps", ios);
    put("rkB", row.rate("read_sectors").map(|sectors| sectors / 2.0));
    put("wkB", row.rate("write_sectors").map(|sectors| sectors / 2.0));
    put("dkB", row.rate("discard_sectors").map(|sectors| sectors / 2.0));
    put("aqu-sz", row.rate("weighted_io_ms").map(|ms| ms / 1e3));
    put(
        "await",
        ios.zip(waited)
            .map(|(ios, waited)| if ios > 0.0 { waited / ios } else { 0.0 }),
    );
    put("util-percent", row.rate("io_ms").map(|ms| ms / 10.0));
    let Cell::Text(device) = row.cell("device") else {
        return None;
    };
    (!disk.is_empty()).then(|| {
        disk.insert("disk-device".into(), device.into());
        disk
    })
}
