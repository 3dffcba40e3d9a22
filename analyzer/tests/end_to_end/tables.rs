//! Tables, queries and exports through the real binary.

use crate::scratch::{Scratch, recordings};
use expect_test::expect;
use std::process::Command;

fn imported() -> Scratch {
    let scratch = Scratch::new();
    scratch.write_recording();
    scratch.write("recording/proc/diskstats.log", disks());
    let output = scratch.analyzer(&["import", "recording", scratch.path("recording").to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    scratch
}

/// The last reading has counters that went back.
fn disks() -> String {
    [(0, 100), (1, 1100), (2, 50)]
        .map(|(second, n)| {
            format!(
                "@ 170000000{second}.000250000\n 253       0 vda {n} 0 {n} {n} {n} 0 {n} {n} 0 {n} {n} 0 0 0 0 0 0\n"
            )
        })
        .concat()
}

#[test]
fn tables_and_the_columns_of_one() {
    let scratch = imported();
    expect![[r#"
        exit 0
        2023-11-14 22:13:20 – 22:13:22 UTC
        table      rows  columns  about
        diskstats     3       21  I/Os, sectors, times and queue of each block device
        meminfo       3        3  what memory is used for, in kB
        vmstat        3        4  reclaim, faults, paging, compaction and the sizes of all page lists
        boots         1       11  the machine between two starts
        ticks         3        5  when was read, in which boot and with which interval
        facts        11        3  what changes rarely: settings, devices, mounts; one row a change
        log           1        4  the kernel's log
        gaps          0        4  what was not recorded, and why
        events        0        3  what something sharper than a tick saw
        processes     3       33  who did something at a tick, and what each has done since its start
        incidents     –       14  what went wrong, as explain sees it
    "#]]
    .assert_eq(&scratch.show(&["tables"]));
    expect![[r#"
        exit 0
        vmstat: reclaim, faults, paging, compaction and the sizes of all page lists
        column         values   unit   kind
        at             time
        nr_free_pages  integer  pages  gauge
        pgfault        integer         counter
        pgmajfault     integer         counter
    "#]]
    .assert_eq(&scratch.show(&["tables", "vmstat"]));
    expect![[r#"
        exit 2
        --- stderr
        analyzer: there is no table "nope"; there are diskstats, meminfo, vmstat, boots, ticks, facts, log, gaps, events, processes, incidents
    "#]].assert_eq(&scratch.show(&["tables", "nope"]));
    let json = scratch.analyzer(&["tables", "vmstat", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    expect![[r#"{"kind":"counter","name":"pgfault","type":"integer","unit":""}"#]]
        .assert_eq(&json[0]["columns"][2].to_string());
}

#[test]
fn exports_as_text() {
    let scratch = imported();
    let export =
        |format: &str, more: &[&str]| scratch.show(&[&["export", "--format", format], more].concat());
    expect![[r#"
        exit 0
        at,MemTotal,MemFree
        2023-11-14T22:13:20.000100Z,24684084,1933560
        2023-11-14T22:13:21.000100Z,24684084,1833560
        2023-11-14T22:13:22.000100Z,24684084,933560
    "#]]
    .assert_eq(&export("csv", &["--table", "meminfo"]));
    expect![[r#"
        exit 0
        at,device,major,minor,reads_completed,reads_merged,read_sectors,read_ms,writes_completed,writes_merged,write_sectors,write_ms,in_flight,io_ms,weighted_io_ms,discards_completed,discards_merged,discard_sectors,discard_ms,flushes_completed,flush_ms
        2023-11-14T22:13:21.000100Z,vda,253,0,1100,0,1100,1100,1100,0,1100,1100,0,1100,1100,0,0,0,0,0,0
    "#]]
    .assert_eq(&export(
        "csv",
        &["--table", "diskstats", "--from", "22:13:21", "--to", "22:13:22"],
    ));
    expect![[r#"
        exit 0
        {"table":"vmstat","at":"2023-11-14T22:13:20.000100Z","nr_free_pages":483390,"pgfault":1000,"pgmajfault":7}
        {"table":"vmstat","at":"2023-11-14T22:13:21.000100Z","nr_free_pages":458390,"pgfault":1500,"pgmajfault":7}
        {"table":"vmstat","at":"2023-11-14T22:13:22.000100Z","nr_free_pages":233390,"pgfault":4500,"pgmajfault":9}
        {"table":"log","at":"2023-11-14T22:13:20.500Z","sequence":77,"priority":6,"text":"hello"}
    "#]].assert_eq(&export("jsonl", &["--table", "vmstat", "--table", "log"]));
    expect![[r#"
        exit 0
        # TYPE highwater_diskstats_major gauge
        highwater_diskstats_major{device="vda"} 253 1700000000.000
        highwater_diskstats_major{device="vda"} 253 1700000001.000
        highwater_diskstats_major{device="vda"} 253 1700000002.000
        # TYPE highwater_diskstats_minor gauge
        highwater_diskstats_minor{device="vda"} 0 1700000000.000
        highwater_diskstats_minor{device="vda"} 0 1700000001.000
        highwater_diskstats_minor{device="vda"} 0 1700000002.000
        # TYPE node_disk_discard_time_seconds counter
        # UNIT node_disk_discard_time_seconds seconds
        node_disk_discard_time_seconds_total{device="vda"} 0 1700000000.000
        node_disk_discard_time_seconds_total{device="vda"} 0 1700000001.000
        node_disk_discard_time_seconds_total{device="vda"} 0 1700000002.000
        # TYPE node_disk_discarded_sectors counter
        node_disk_discarded_sectors_total{device="vda"} 0 1700000000.000
        node_disk_discarded_sectors_total{device="vda"} 0 1700000001.000
        node_disk_discarded_sectors_total{device="vda"} 0 1700000002.000
        # TYPE node_disk_discards_completed counter
        node_disk_discards_completed_total{device="vda"} 0 1700000000.000
        node_disk_discards_completed_total{device="vda"} 0 1700000001.000
        node_disk_discards_completed_total{device="vda"} 0 1700000002.000
        # TYPE node_disk_discards_merged counter
        node_disk_discards_merged_total{device="vda"} 0 1700000000.000
        node_disk_discards_merged_total{device="vda"} 0 1700000001.000
        node_disk_discards_merged_total{device="vda"} 0 1700000002.000
        # TYPE node_disk_flush_requests counter
        node_disk_flush_requests_total{device="vda"} 0 1700000000.000
        node_disk_flush_requests_total{device="vda"} 0 1700000001.000
        node_disk_flush_requests_total{device="vda"} 0 1700000002.000
        # TYPE node_disk_flush_requests_time_seconds counter
        # UNIT node_disk_flush_requests_time_seconds seconds
        node_disk_flush_requests_time_seconds_total{device="vda"} 0 1700000000.000
        node_disk_flush_requests_time_seconds_total{device="vda"} 0 1700000001.000
        node_disk_flush_requests_time_seconds_total{device="vda"} 0 1700000002.000
        # TYPE node_disk_io_now gauge
        node_disk_io_now{device="vda"} 0 1700000000.000
        node_disk_io_now{device="vda"} 0 1700000001.000
        node_disk_io_now{device="vda"} 0 1700000002.000
        # TYPE node_disk_io_time_seconds counter
        # UNIT node_disk_io_time_seconds seconds
        node_disk_io_time_seconds_total{device="vda"} 0.1 1700000000.000
        node_disk_io_time_seconds_total{device="vda"} 1.1 1700000001.000
        node_disk_io_time_seconds_total{device="vda"} 0.05 1700000002.000
        # TYPE node_disk_io_time_weighted_seconds counter
        # UNIT node_disk_io_time_weighted_seconds seconds
        node_disk_io_time_weighted_seconds_total{device="vda"} 0.1 1700000000.000
        node_disk_io_time_weighted_seconds_total{device="vda"} 1.1 1700000001.000
        node_disk_io_time_weighted_seconds_total{device="vda"} 0.05 1700000002.000
        # TYPE node_disk_read_bytes counter
        # UNIT node_disk_read_bytes bytes
        node_disk_read_bytes_total{device="vda"} 51200 1700000000.000
        node_disk_read_bytes_total{device="vda"} 563200 1700000001.000
        node_disk_read_bytes_total{device="vda"} 25600 1700000002.000
        # TYPE node_disk_read_time_seconds counter
        # UNIT node_disk_read_time_seconds seconds
        node_disk_read_time_seconds_total{device="vda"} 0.1 1700000000.000
        node_disk_read_time_seconds_total{device="vda"} 1.1 1700000001.000
        node_disk_read_time_seconds_total{device="vda"} 0.05 1700000002.000
        # TYPE node_disk_reads_completed counter
        node_disk_reads_completed_total{device="vda"} 100 1700000000.000
        node_disk_reads_completed_total{device="vda"} 1100 1700000001.000
        node_disk_reads_completed_total{device="vda"} 50 1700000002.000
        # TYPE node_disk_reads_merged counter
        node_disk_reads_merged_total{device="vda"} 0 1700000000.000
        node_disk_reads_merged_total{device="vda"} 0 1700000001.000
        node_disk_reads_merged_total{device="vda"} 0 1700000002.000
        # TYPE node_disk_write_time_seconds counter
        # UNIT node_disk_write_time_seconds seconds
        node_disk_write_time_seconds_total{device="vda"} 0.1 1700000000.000
        node_disk_write_time_seconds_total{device="vda"} 1.1 1700000001.000
        node_disk_write_time_seconds_total{device="vda"} 0.05 1700000002.000
        # TYPE node_disk_writes_completed counter
        node_disk_writes_completed_total{device="vda"} 100 1700000000.000
        node_disk_writes_completed_total{device="vda"} 1100 1700000001.000
        node_disk_writes_completed_total{device="vda"} 50 1700000002.000
        # TYPE node_disk_writes_merged counter
        node_disk_writes_merged_total{device="vda"} 0 1700000000.000
        node_disk_writes_merged_total{device="vda"} 0 1700000001.000
        node_disk_writes_merged_total{device="vda"} 0 1700000002.000
        # TYPE node_disk_written_bytes counter
        # UNIT node_disk_written_bytes bytes
        node_disk_written_bytes_total{device="vda"} 51200 1700000000.000
        node_disk_written_bytes_total{device="vda"} 563200 1700000001.000
        node_disk_written_bytes_total{device="vda"} 25600 1700000002.000
        # TYPE node_vmstat_nr_free_pages unknown
        node_vmstat_nr_free_pages 483390 1700000000.000
        node_vmstat_nr_free_pages 458390 1700000001.000
        node_vmstat_nr_free_pages 233390 1700000002.000
        # TYPE node_vmstat_pgfault unknown
        node_vmstat_pgfault 1000 1700000000.000
        node_vmstat_pgfault 1500 1700000001.000
        node_vmstat_pgfault 4500 1700000002.000
        # TYPE node_vmstat_pgmajfault unknown
        node_vmstat_pgmajfault 7 1700000000.000
        node_vmstat_pgmajfault 7 1700000001.000
        node_vmstat_pgmajfault 9 1700000002.000
        # EOF
    "#]]
    .assert_eq(&export(
        "openmetrics",
        &["--table", "diskstats", "--table", "vmstat"],
    ));
    expect![[r#"
        exit 0
        {"sysstat": {"hosts": [{"nodename": "tiny", "sysname": "Linux", "release": "6.18.0", "machine": "x86_64", "number-of-cpus": 2, "timezone": "UTC", "statistics": [
        {"memory":{"memfree":1933560,"memused":22750524,"memused-percent":92.166774347},"timestamp":{"date":"2023-11-14","interval":1,"time":"22:13:20.000","utc":1}},
        {"disk":[{"aqu-sz":1,"await":1,"disk-device":"vda","dkB":0,"rkB":500,"tps":2000,"util-percent":100,"wkB":500}],"memory":{"memfree":1833560,"memused":22850524,"memused-percent":92.571893695},"paging":{"fault":500,"majflt":0},"timestamp":{"date":"2023-11-14","interval":1,"time":"22:13:21.000","utc":1}},
        {"disk":[{"disk-device":"vda","dkB":0}],"memory":{"memfree":933560,"memused":23750524,"memused-percent":96.217967821},"paging":{"fault":3000,"majflt":2},"timestamp":{"date":"2023-11-14","interval":1,"time":"22:13:22.000","utc":1}}
        ], "restarts": []}]}}
    "#]].assert_eq(&export("sadf", &[]));
}

#[test]
fn exports_that_cannot_be() {
    let scratch = imported();
    let export = |more: &[&str]| scratch.show(&[&["export", "--format"], more].concat());
    expect![[r#"
        exit 2
        --- stderr
        analyzer: csv holds one table a file: name one with --table, or give --out a folder
    "#]]
    .assert_eq(&export(&["csv"]));
    expect![[r#"
        exit 2
        --- stderr
        analyzer: there is no table "nope"; there are diskstats, meminfo, vmstat, boots, ticks, facts, log, gaps, events, processes, incidents
    "#]].assert_eq(&export(&["csv", "--table", "nope"]));
    expect![[r#"
        exit 2
        --- stderr
        analyzer: sadf's JSON holds what sar knows: --table is not for it
    "#]]
    .assert_eq(&export(&["sadf", "--table", "vmstat"]));
    expect![[r#"
        exit 3
        --- stderr
        analyzer: nothing was recorded in this span
    "#]]
    .assert_eq(&export(&[
        "jsonl",
        "--from",
        "2001-01-01 10:00",
        "--to",
        "2001-01-01 11:00",
    ]));
    expect![[r#"
        exit 2
        --- stderr
        analyzer: --from is after --to
    "#]]
    .assert_eq(&export(&["jsonl", "--from", "22:13:22", "--to", "22:13:20"]));
    let file = scratch.path("no/such/folder/x.json");
    expect![[r#"
        exit 2
        --- stderr
        analyzer: cannot write the answer: ./no/such/folder/x.json: No such file or directory (os error 2)
    "#]]
    .assert_eq(&export(&["sadf", "--out", file.to_str().unwrap()]));
}

#[test]
fn several_tables_are_several_files_and_a_failure_leaves_none() {
    let scratch = imported();
    let folder = scratch.path("out");
    let folder = folder.to_str().unwrap();
    let shown = scratch.show(&["export", "--format", "csv", "--out", folder]);
    expect![[r#"
        exit 0
    "#]]
    .assert_eq(&shown);
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    expect!["boots.csv diskstats.csv events.csv facts.csv gaps.csv log.csv meminfo.csv processes.csv ticks.csv vmstat.csv"].assert_eq(&names.join(" "));
}

#[cfg(feature = "sql")]
mod sql {
    use super::imported;
    use expect_test::expect;
    use polars_core::prelude::DataFrame;
    use polars_io::SerReader;
    use std::fs::File;

    #[test]
    fn a_query_is_printed_in_each_format() {
        let scratch = imported();
        let query = "SELECT at, MemFree, rate(MemFree) FROM meminfo";
        expect![[r#"
            exit 0
            at                         MemFree  MemFree_per_s
            UTC                             kB           kB/s
            2023-11-14 22:13:20.000  1,933,560              –
            2023-11-14 22:13:21.000  1,833,560       -100,000
            2023-11-14 22:13:22.000    933,560       -900,000
            3 rows
        "#]]
        .assert_eq(&scratch.show(&["sql", query]));
        expect![[r#"
            exit 0
            at,MemFree,MemFree_per_s
            2023-11-14T22:13:20.000100Z,1933560,
            2023-11-14T22:13:21.000100Z,1833560,-100000
            2023-11-14T22:13:22.000100Z,933560,-900000
        "#]]
        .assert_eq(&scratch.show(&["sql", query, "--format", "csv", "--tz", "Europe/Berlin"]));
        expect![[r#"
            exit 0
            [
            {"at":"2023-11-14T22:13:21.000100Z","MemFree":1833560,"MemFree_per_s":-100000},
            {"at":"2023-11-14T22:13:22.000100Z","MemFree":933560,"MemFree_per_s":-900000}
            ]
        "#]]
        .assert_eq(&scratch.show(&["sql", query, "--format", "json", "--from", "22:13:21"]));
        expect![[r#"
            exit 0
            comm  state  read_bytes
                                  B
            java  S               5
            1 row
        "#]]
        .assert_eq(&scratch.show(&["sql", "SELECT comm, state, read_bytes FROM processes LIMIT 1"]));
        expect![[r#"
            exit 0
            device  io_ms_per_s
                           ms/s
            vda           1,000
            vda               –
            2 rows
        "#]]
        .assert_eq(&scratch.show(&[
            "sql",
            "SELECT device, rate(io_ms) FROM diskstats WHERE at > '22:13:20.5'",
        ]));
        expect![[r#"
            exit 0
            name
            boots
            diskstats
            events
            facts
            gaps
            incidents
            log
            meminfo
            processes
            ticks
            vmstat
            11 rows
        "#]]
        .assert_eq(&scratch.show(&["sql", "SHOW TABLES"]));
    }

    #[test]
    fn what_is_wrong_ends_in_one_line() {
        let scratch = imported();
        expect![[r#"
            exit 2
            --- stderr
            analyzer: Expected: identifier, found: EOF
        "#]]
        .assert_eq(&scratch.show(&["sql", "SELECT x FROM"]));
        expect![[r#"
            exit 2
            --- stderr
            analyzer: not found: unable to find column "x"; `analyzer tables meminfo` lists them
        "#]]
        .assert_eq(&scratch.show(&["sql", "SELECT x FROM meminfo"]));
        expect![[r#"
            exit 2
            --- stderr
            analyzer: there is no table meminf; there are diskstats, meminfo, vmstat, boots, ticks, facts, log, gaps, events, processes, incidents
        "#]].assert_eq(&scratch.show(&["sql", "SELECT * FROM meminf"]));
        expect![[r#"
            exit 5
            --- stderr
            analyzer: ./no.db: no database there (No such file or directory (os error 2))
        "#]]
        .assert_eq(&scratch.show(&["sql", "SELECT 1", "--db", scratch.path("no.db").to_str().unwrap()]));
    }

    #[test]
    fn files_of_parquet_and_arrow_read_back_equal() {
        let scratch = imported();
        let path = |name: &str| scratch.path(name).to_str().unwrap().to_owned();
        let query = "SELECT at, device, reads_completed, rate(reads_completed) FROM diskstats";
        for format in ["parquet", "arrow"] {
            let output = scratch.analyzer(&["sql", query, "--format", format, "--out", &path(format)]);
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let parquet = polars_io::parquet::read::ParquetReader::new(File::open(path("parquet")).unwrap());
        let parquet = parquet.finish().unwrap();
        let arrow = polars_io::ipc::IpcReader::new(File::open(path("arrow")).unwrap())
            .finish()
            .unwrap();
        assert!(parquet.equals_missing(&arrow));
        expect![[r#"
            at datetime[ns, UTC]: 2023-11-14 22:13:20.000100 UTC | 2023-11-14 22:13:21.000100 UTC | 2023-11-14 22:13:22.000100 UTC
            device str: "vda" | "vda" | "vda"
            reads_completed i64: 100 | 1100 | 50
            reads_completed_per_s f64: null | 1000.0 | null
        "#]].assert_eq(&shown(&parquet));
    }

    #[test]
    fn an_exported_table_is_the_table() {
        let scratch = imported();
        let folder = scratch.path("out");
        let shown_here = scratch.show(&["export", "--format", "parquet", "--out", folder.to_str().unwrap()]);
        assert_eq!(shown_here, "exit 0\n");
        let file = File::open(folder.join("vmstat.parquet")).unwrap();
        let frame = polars_io::parquet::read::ParquetReader::new(file)
            .finish()
            .unwrap();
        expect![[r#"
            at datetime[ns, UTC]: 2023-11-14 22:13:20.000100 UTC | 2023-11-14 22:13:21.000100 UTC | 2023-11-14 22:13:22.000100 UTC
            nr_free_pages i64: 483390 | 458390 | 233390
            pgfault i64: 1000 | 1500 | 4500
            pgmajfault i64: 7 | 7 | 9
        "#]].assert_eq(&shown(&frame));
        // A table without rows has its columns all the same.
        let file = File::open(folder.join("gaps.parquet")).unwrap();
        let frame = polars_io::parquet::read::ParquetReader::new(file)
            .finish()
            .unwrap();
        expect![[r#"
            at datetime[ns, UTC]:
            until datetime[ns, UTC]:
            source str:
            why str:
        "#]]
        .assert_eq(&shown(&frame));
    }

    /// Types and values of each column.
    fn shown(frame: &DataFrame) -> String {
        let column = |column: &polars_core::prelude::Column| {
            let values: Vec<String> = (0..column.len())
                .map(|row| column.get(row).unwrap().to_string())
                .collect();
            let line = format!("{} {}: {}", column.name(), column.dtype(), values.join(" | "));
            line.trim_end().to_owned() + "\n"
        };
        frame.columns().iter().map(column).collect()
    }
}

/// What was averages stays what it was; import and export know the same tables.
#[test]
fn sar_by_way_of_sadf_is_the_same() {
    let scratch = Scratch::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-data/page-cache-post-sar");
    let (one, two) = (scratch.path("one.db"), scratch.path("two.db"));
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    let json = scratch.path("sar.json");
    let json = json.to_str().unwrap();
    let files = [
        "sar-B.txt",
        "sar-d-1.txt",
        "sar-d-2.txt",
        "sar-r.txt",
        "sar-u.txt",
    ]
    .map(|name| folder.join(name).to_str().unwrap().to_owned());
    let mut import = vec!["import", "sar", "--db", one, "--date", "2016-09-10"];
    import.extend(files.iter().map(String::as_str));
    for arguments in [
        import.as_slice(),
        &["export", "--db", one, "--format", "sadf", "--out", json],
        &["import", "sadf", json, "--db", two],
    ] {
        let output = scratch.analyzer(arguments);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let rows = |db: &str| {
        let output = scratch.analyzer(&["export", "--db", db, "--format", "jsonl"]);
        String::from_utf8(output.stdout).unwrap()
    };
    let (before, after) = (rows(one), rows(two));
    assert!(before.lines().count() > 200, "{before}");
    assert_eq!(before.lines().count(), after.lines().count());
    for (line, again) in before.lines().zip(after.lines()) {
        assert!(is_same_row(line, again), "{line}\n{again}");
    }
}

/// Whether two rows hold the same, numbers to what two decimals a second leave of a sum over hours.
fn is_same_row(one: &str, other: &str) -> bool {
    let row =
        |line: &str| -> serde_json::Map<String, serde_json::Value> { serde_json::from_str(line).unwrap() };
    let (one, other) = (row(one), row(other));
    let is_same = |(key, value): (&String, &serde_json::Value)| match (value.as_f64(), other[key].as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * a.abs(),
        _ => *value == other[key],
    };
    one.keys().eq(other.keys()) && one.iter().all(is_same)
}

/// Of a recording a second round gives what the first gave, to the cent that averages are kept in.
#[test]
fn a_recording_by_way_of_sadf_and_back() {
    let Some(recording) = recordings()
        .into_iter()
        .find(|path| path.ends_with("stream_read.tar.xz"))
    else {
        eprintln!("skipped: no ../shared/recordings beside the repository");
        return;
    };
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path(name).to_str().unwrap().to_owned();
    let (one, two) = (path("one.db"), path("two.db"));
    let (first, second) = (path("1.json"), path("2.json"));
    for arguments in [
        ["import", "recording", recording.to_str().unwrap(), "--db", &one].as_slice(),
        &["export", "--db", &one, "--format", "sadf", "--out", &first],
        &["import", "sadf", &first, "--db", &two],
        &["export", "--db", &two, "--format", "sadf", "--out", &second],
    ] {
        let output = scratch.analyzer(arguments);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let samples = |file: &str| {
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        json["sysstat"]["hosts"][0]["statistics"]
            .as_array()
            .unwrap()
            .clone()
    };
    let (first, second) = (samples(&first), samples(&second));
    assert_eq!((first.len(), second.len()), (120, 120));
    let mut compared = 0;
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a["timestamp"], b["timestamp"]);
        for table in ["memory", "paging", "swap-pages", "process-and-context-switch"] {
            let Some(values) = a[table].as_object() else {
                continue;
            };
            for (name, value) in values {
                let (a, b) = (value.as_f64().unwrap(), b[table][name].as_f64().unwrap());
                assert!((a - b).abs() <= 0.0101, "{table}.{name}: {a} became {b}");
                compared += 1;
            }
        }
        for (a, b) in a["disk"]
            .as_array()
            .into_iter()
            .flatten()
            .zip(b["disk"].as_array().into_iter().flatten())
        {
            assert_eq!(a["disk-device"], b["disk-device"]);
            for name in ["tps", "rkB", "wkB", "util-percent"] {
                let (a, b) = (a[name].as_f64().unwrap(), b[name].as_f64().unwrap());
                assert!((a - b).abs() <= 0.0101, "{name}: {a} became {b}");
                compared += 1;
            }
        }
    }
    assert!(compared > 5000, "{compared}");
}

#[test]
fn prometheus_takes_our_openmetrics() {
    let promtool = Command::new("promtool").arg("--version").output();
    if !promtool.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: promtool (Debian package prometheus) is not installed");
        return;
    }
    let scratch = imported();
    let (text, blocks) = (scratch.path("x.om"), scratch.path("blocks"));
    let output = scratch.analyzer(&[
        "export",
        "--format",
        "openmetrics",
        "--out",
        text.to_str().unwrap(),
    ]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let run = |arguments: &[&str]| {
        let output = Command::new("promtool").args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = run(&[
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        text.to_str().unwrap(),
        blocks.to_str().unwrap(),
    ]);
    let samples = std::fs::read_to_string(&text).unwrap();
    let samples = samples.lines().filter(|line| !line.starts_with('#')).count();
    let words: Vec<&str> = said.lines().nth(1).unwrap().split_whitespace().collect();
    assert!(
        words.contains(&samples.to_string().as_str()),
        "{samples} samples; {said}"
    );
}
