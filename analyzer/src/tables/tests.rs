//! Tables of small records, row by row.

use super::{Batch, Catalog, Cell};
use expect_test::expect;
use model::{
    Boot, ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick, Reading, Run, RunOrigin, Template,
    Tick, TimeSpan, UnixNanos,
};
use std::sync::Arc;
use store::{Reader, RunId, Writer};

const SECOND: i64 = 1_000_000_000;

/// A database being written.
pub(crate) struct Record {
    folder: tempfile::TempDir,
    pub(crate) writer: Writer,
}

impl Record {
    pub(crate) fn new() -> Record {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::open(&folder.path().join("x.db")).unwrap();
        Record { folder, writer }
    }

    pub(crate) fn run(&mut self, boot: &str, started: i64) -> RunId {
        let boot = Boot {
            boot_id: boot.into(),
            hostname: "h".into(),
            kernel: "6.18".into(),
            machine: "x86_64".into(),
            cpus: 1,
            page_size: 4096,
            clk_tck: 100,
            memory_bytes: None,
            cmdline: String::new(),
            tz: "UTC".into(),
        };
        let run = Run {
            origin: RunOrigin::Collector,
            interval: SECOND,
            started: UnixNanos(started * SECOND),
            import_key: None,
        };
        self.writer.begin_run(&boot, &run).unwrap().unwrap()
    }

    /// A tick with these files, each read 10 ms after it.
    pub(crate) fn tick(&mut self, run: RunId, second: i64, files: &[(&str, &str)]) {
        let reading = |&(source, text): &(&str, &str)| {
            let (template, values) = Template::parse(text.as_bytes(), None);
            Reading {
                source: source.into(),
                offset: SECOND / 100,
                template: Arc::new(template),
                values,
            }
        };
        let tick = Tick {
            at: UnixNanos(second * SECOND),
            monotonic: second * SECOND,
            readings: files.iter().map(reading).collect(),
        };
        self.writer.append(run, &tick).unwrap();
    }

    /// Nobody writes any more: the folder, with the database in `x.db`.
    #[cfg(feature = "sql")]
    pub(crate) fn closed(self) -> tempfile::TempDir {
        drop(self.writer);
        self.folder
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("x.db")
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }
}

pub(crate) fn span(from: i64, to: i64) -> TimeSpan {
    TimeSpan::new(UnixNanos(from * SECOND), UnixNanos(to * SECOND))
}

/// Rows of a table as text, times in seconds.
fn rows(reader: &Reader, table: &str, from: i64, to: i64, columns: &[&str]) -> String {
    let catalog = Catalog::of(reader, span(from, to)).unwrap();
    let table = catalog.find(table).unwrap();
    shown(&table.read(reader, span(from, to), columns).unwrap())
}

pub(crate) fn shown(batch: &Batch) -> String {
    let line = |cells: Vec<String>| cells.join(" | ") + "\n";
    let head = |field: &super::Field| match field.unit.as_str() {
        "" => field.name.to_string(),
        unit => format!("{} [{unit}]", field.name),
    };
    let mut out = line(batch.fields.iter().map(head).collect());
    for row in 0..batch.len {
        let cell = |values: &super::Values| match values.get(row) {
            Cell::Unknown => "–".to_owned(),
            Cell::Time(at) => (at as f64 / 1e9).to_string(),
            Cell::Int(value) => value.to_string(),
            Cell::Float(value) => ((value * 1e6).round() / 1e6).to_string(),
            Cell::Text(text) => text.to_owned(),
            Cell::Bool(value) => value.to_string(),
        };
        out += &line(batch.columns.iter().map(cell).collect());
    }
    out
}

fn vmstat(free: u64, faults: u64) -> String {
    format!("nr_free_pages {free}\npgfault {faults}\n")
}

/// 10–12 s, a gap, 20–22 s with a reset at 21, another boot from 23 s on.
pub(crate) fn with_everything() -> Record {
    let mut record = Record::new();
    let run = record.run("a", 10);
    for (second, free, faults) in [
        (10, 5, 100),
        (11, 7, 110),
        (12, 6, 130),
        (20, 9, 500),
        (21, 3, 7),
        (22, 2, 9),
    ] {
        record.tick(run, second, &[("vmstat", &vmstat(free, faults))]);
    }
    let run = record.run("b", 23);
    record.tick(run, 23, &[("vmstat", &vmstat(1, 10_000))]);
    record.tick(run, 24, &[("vmstat", &vmstat(1, 10_005))]);
    record
}

#[test]
fn changes_are_unknown_across_a_gap_a_reset_and_a_boot() {
    let record = with_everything();
    let columns = [
        "at",
        "nr_free_pages",
        "nr_free_pages_per_s",
        "pgfault",
        "pgfault_per_s",
    ];
    expect![[r#"
        at | nr_free_pages [pages] | nr_free_pages_per_s [pages/s] | pgfault | pgfault_per_s [1/s]
        10 | 5 | – | 100 | –
        11 | 7 | 2 | 110 | 10
        12 | 6 | -1 | 130 | 20
        20 | 9 | – | 500 | –
        21 | 3 | -6 | 7 | –
        22 | 2 | -1 | 9 | 2
        23 | 1 | – | 10000 | –
        24 | 1 | 0 | 10005 | 5
    "#]]
    .assert_eq(&rows(&record.reader(), "vmstat", 0, 100, &columns));
}

#[test]
fn the_first_change_of_a_span_is_known_from_the_tick_before_it() {
    let record = with_everything();
    expect![[r#"
        at | pgfault_per_s [1/s]
        11 | 10
        12 | 20
    "#]]
    .assert_eq(&rows(
        &record.reader(),
        "vmstat",
        11,
        12,
        &["at", "pgfault_per_s"],
    ));
    expect![[r#"
        at | pgfault_per_s [1/s]
        20 | –
    "#]]
    .assert_eq(&rows(
        &record.reader(),
        "vmstat",
        20,
        20,
        &["at", "pgfault_per_s"],
    ));
}

#[test]
fn compacted_or_not_the_rows_are_the_same() {
    let mut record = Record::new();
    let run = record.run("a", 0);
    let disk = |name: &str, n: i64| format!("   8       0 {name} {n} 0 {n} 1 0 0 0 0 0 0 0\n");
    for second in 0..1300 {
        // A device that comes and goes makes two templates, turn by turn.
        let mut text = disk("sda", 10 * second);
        if second % 100 > 50 {
            text += &disk("sdb", second);
        }
        record.tick(run, second, &[("diskstats", &text)]);
    }
    let columns = ["at", "device", "reads_completed", "read_sectors_per_s"];
    let before = rows(&record.reader(), "diskstats", 0, 2000, &columns);
    while record.writer.compact(true).unwrap() {}
    let reader = record.reader();
    assert_eq!(rows(&reader, "diskstats", 0, 2000, &columns), before);
    expect![[r#"
        at | device | reads_completed | read_sectors_per_s [sectors/s]
        649 | sda | 6490 | 10
        650 | sda | 6500 | 10
        651 | sda | 6510 | 10
        651 | sdb | 651 | –
        652 | sda | 6520 | 10
        652 | sdb | 652 | 1
    "#]]
    .assert_eq(&rows(&reader, "diskstats", 649, 652, &columns));
    let parts: String = [(0, 599), (600, 700), (701, 2000)]
        .map(|(from, to)| {
            rows(&reader, "diskstats", from, to, &columns)
                .split_once('\n')
                .unwrap()
                .1
                .to_owned()
        })
        .concat();
    assert_eq!(parts, before.split_once('\n').unwrap().1);
    let catalog = Catalog::of(&reader, span(0, 2000)).unwrap();
    let counted = catalog
        .find("diskstats")
        .unwrap()
        .count(&reader, span(0, 2000))
        .unwrap();
    assert_eq!(counted, Some(before.lines().count() - 1));
}

#[test]
fn each_kind_of_subject_has_a_table() {
    let mut record = Record::new();
    let run = record.run("a", 10);
    let zoneinfo = "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 38\n  pages free     3840\n        min      16\n  pagesets\n    cpu: 0\n              count: 1\nNode 0, zone   Normal\n  pages free     7\n        min      1\n";
    let files = [
        (
            "meminfo",
            "MemFree: 12 kB\nActive(anon): 3 kB\nActive: 4 kB\nHugePages_Total: 0\n",
        ),
        ("zoneinfo", zoneinfo),
        ("buddyinfo", "Node 0, zone      DMA      1      2      3\n"),
        ("stat", "cpu  10 0 20 30\ncpu0 5 0 10 15\nctxt 99\n"),
        ("loadavg", "1.04 1.28 1.16 1/88 22870\n"),
        ("pressure/io", "some avg10=0.00 avg60=0.01 avg300=0.00 total=77\n"),
        (
            "cgroup/a.slice/io.stat",
            "259:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n",
        ),
    ];
    record.tick(run, 10, &files);
    let reader = record.reader();
    let catalog = Catalog::of(&reader, span(0, 100)).unwrap();
    let mut out = String::new();
    for table in &catalog.tables {
        let names: Vec<&str> = table.fields.iter().map(|field| &*field.name).collect();
        let batch = table.read(&reader, span(0, 100), &names).unwrap();
        out += &format!("== {}\n{}", table.name, shown(&batch));
    }
    expect![[r#"
        == buddyinfo
        at | node | zone | page_order | free_blocks
        10 | 0 | DMA | 0 | 1
        10 | 0 | DMA | 1 | 2
        10 | 0 | DMA | 2 | 3
        == cgroup_io_stat
        at | cgroup | device | io_rbytes [B] | io_wbytes [B] | io_rios | io_wios | io_dbytes [B] | io_dios
        10 | /a.slice | 259:0 | 1 | 2 | 3 | 4 | 5 | 6
        == cpu
        at | cpu | user [ticks] | nice [ticks] | system [ticks] | idle [ticks]
        10 | 0 | 5 | 0 | 10 | 15
        == loadavg
        at | load1 | load5 | load15 | runnable | tasks | last_pid
        10 | 1.04 | 1.28 | 1.16 | 1 | 88 | 22870
        == meminfo
        at | MemFree [kB] | Active_anon [kB] | Active [kB] | HugePages_Total
        10 | 12 | 3 | 4 | 0
        == pressure_io
        at | some_avg10 [%] | some_avg60 [%] | some_avg300 [%] | some_total [µs]
        10 | 0 | 0.01 | 0 | 77
        == stat
        at | user [ticks] | nice [ticks] | system [ticks] | idle [ticks] | ctxt
        10 | 10 | 0 | 20 | 30 | 99
        == zoneinfo
        at | node | zone | free [pages] | min [pages]
        10 | 0 | DMA | 3840 | 16
        10 | 0 | Normal | 7 | 1
        == zoneinfo_cpu
        at | node | zone | cpu | pageset_count [pages]
        10 | 0 | DMA | 0 | 1
        == zoneinfo_node
        at | node | nr_inactive_anon [pages]
        10 | 0 | 38
        == boots
        at | boot_id | hostname | kernel | machine | cpus | page_size [B] | clk_tck [1/s] | memory_bytes [B] | cmdline | tz
        10 | a | h | 6.18 | x86_64 | 1 | 4096 | 100 | – |  | UTC
        == ticks
        at | monotonic_ns | boot_id | run | interval_ns [ns]
        10 | 10000000000 | a | 1 | 1000000000
        == facts
        at | name | value
        == log
        at | sequence | priority | text
        == gaps
        at | until | source | why
        == events
        at | event | detail
        == processes
        at | pid | start_ticks | comm | cmdline | cgroup | state | wchan | utime_ticks [ticks] | stime_ticks [ticks] | minflt | majflt | threads | rss_pages [pages] | blkio_delay_ticks [ticks] | rchar [B] | wchar [B] | syscr | syscw | read_bytes [B] | write_bytes [B] | cancelled_write_bytes [B] | rss_anon_kb [kB] | rss_file_kb [kB] | rss_shmem_kb [kB] | swap_kb [kB] | voluntary_ctxt_switches | nonvoluntary_ctxt_switches | sched_run_ns [ns] | sched_wait_ns [ns] | oom_score_adj | threads_in_d | rss_peak_kb [kB]
        == incidents
        at | until | id | severity | headline | cause | variant | confidence | score | onset | device | comm | pid | harm
    "#]].assert_eq(&out);
}

#[test]
fn processes_say_what_they_did_since_the_tick_before() {
    let mut record = Record::new();
    let run = record.run("a", 10);
    let sample = |pid: u32, comm: &str, read: u64, state| {
        let mut counters = [None; ProcessCounter::ALL.len()];
        counters[ProcessCounter::ReadBytes as usize] = Some(read);
        counters[ProcessCounter::OomScoreAdjPlus1000 as usize] = Some(990);
        let identity = Arc::new(ProcessIdentity {
            pid,
            start_ticks: 5,
            comm: comm.into(),
            cmdline: None,
            cgroup: None,
        });
        ProcessSample {
            identity,
            state,
            wchan: None,
            counters,
        }
    };
    let looks = [
        (10, vec![sample(1, "a", 100, 'S'), sample(2, "b", 7, 'S')]),
        (11, vec![sample(1, "a", 150, 'R')]),
        (12, vec![sample(2, "b", 9, 'D')]),
        (13, vec![sample(1, "a", 155, 'R'), sample(3, "c", 5, 'R')]),
        (30, vec![sample(1, "a", 165, 'R')]),
    ];
    for (second, samples) in looks {
        record.tick(run, second, &[("vmstat", &vmstat(1, 1))]);
        let look = ProcessTick {
            at: UnixNanos(second * SECOND + SECOND / 50),
            complete: second == 10,
            samples,
        };
        record.writer.append_processes(run, &look).unwrap();
    }
    let columns = [
        "at",
        "pid",
        "comm",
        "state",
        "read_bytes",
        "read_bytes_per_s",
        "oom_score_adj",
    ];
    expect![[r#"
        at | pid | comm | state | read_bytes [B] | read_bytes_per_s [B/s] | oom_score_adj
        10 | 1 | a | S | 100 | – | -10
        10 | 2 | b | S | 7 | – | -10
        11 | 1 | a | R | 150 | 50 | -10
        12 | 2 | b | D | 9 | 2 | -10
        13 | 1 | a | R | 155 | 5 | -10
        13 | 3 | c | R | 5 | – | -10
        30 | 1 | a | R | 165 | – | -10
    "#]]
    .assert_eq(&rows(&record.reader(), "processes", 0, 100, &columns));
    expect![[r#"
        at | pid | comm | state | read_bytes [B] | read_bytes_per_s [B/s] | oom_score_adj
        13 | 1 | a | R | 155 | 5 | -10
        13 | 3 | c | R | 5 | – | -10
    "#]]
    .assert_eq(&rows(&record.reader(), "processes", 13, 20, &columns));
}

#[test]
fn processes_of_long_spans_are_those_of_its_parts() {
    let mut record = Record::new();
    let run = record.run("a", 0);
    // Two that move now and then, and one that never does; a gap lies over the end of the first hour.
    for second in (0..3595).chain(3610..7300).step_by(5) {
        record.tick(run, second, &[("vmstat", &vmstat(1, 1))]);
        let sample = |pid: u32, read: i64| {
            let mut counters = [None; ProcessCounter::ALL.len()];
            counters[ProcessCounter::ReadBytes as usize] = Some(read as u64);
            let identity = Arc::new(ProcessIdentity {
                pid,
                start_ticks: 5,
                comm: "a".into(),
                cmdline: None,
                cgroup: None,
            });
            ProcessSample {
                identity,
                state: 'S',
                wchan: None,
                counters,
            }
        };
        let samples = match second {
            0 => vec![sample(1, 0), sample(2, 0), sample(3, 7)],
            _ if second % 2 == 0 => vec![sample(1, second)],
            _ => vec![sample(2, second)],
        };
        let look = ProcessTick {
            at: UnixNanos(second * SECOND + SECOND / 50),
            complete: second == 0,
            samples,
        };
        record.writer.append_processes(run, &look).unwrap();
    }
    let reader = record.reader();
    let columns = ["at", "pid", "read_bytes"];
    let listed = rows(&reader, "processes", 0, 10_000, &columns);
    // One a tick, and two more at the first.
    let expected = (0..3595).chain(3610..7300).step_by(5).count() + 2;
    assert_eq!(listed.lines().count() - 1, expected);
}

#[test]
fn a_column_that_is_not_there_is_none() {
    let record = with_everything();
    let reader = record.reader();
    let catalog = Catalog::of(&reader, span(0, 100)).unwrap();
    let vmstat = catalog.find("vmstat").unwrap();
    assert_eq!(vmstat.field("no_such"), None);
    assert_eq!(vmstat.field("at_per_s"), None);
    assert_eq!(vmstat.field("pgfault_per_s").unwrap().unit, "1/s");
    assert!(catalog.find("meminfo").is_none());
    // Nothing was read then: the table has no rows, and is not an error.
    assert_eq!(
        vmstat
            .read(&reader, span(50, 60), &["at", "pgfault"])
            .unwrap()
            .len,
        0
    );
}
