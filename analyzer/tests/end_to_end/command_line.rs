//! The commands on a small recording: what is printed, and how a run ends.

use crate::scratch::Scratch;
use expect_test::expect;

fn imported() -> Scratch {
    let scratch = Scratch::new();
    scratch.write_recording();
    let output = scratch.analyzer(&["import", "recording", scratch.path("recording").to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    scratch
}

#[test]
fn import_says_what_it_brought() {
    let scratch = Scratch::new();
    scratch.write_recording();
    let recording = scratch.path("recording");
    let shown = scratch.show(&["import", "recording", recording.to_str().unwrap()]);
    // How long it took is another thing each time.
    let shown: Vec<_> = shown
        .lines()
        .map(|line| line.split(", in 0.").next().unwrap())
        .collect();
    expect![[r#"
        exit 0
        imported ./recording into ./test.db
          node       tiny, Linux 6.18.0
          span       2023-11-14 22:13:20 – 22:13:22 UTC
          ticks      3, every 1 s
          readings   6 of meminfo, vmstat
          processes  3 rows
          kernel log 1 records
          facts      11 new
          read       1.2 kB in 8 files
          note       proc/zoneinfo.log is missing
          note       proc/buddyinfo.log is missing
          note       proc/diskstats.log is missing
          note       proc/stat.log is missing
          note       proc/loadavg.log is missing
          note       proc/pressure_cpu.log is missing
          note       proc/pressure_io.log is missing
          note       proc/pressure_memory.log is missing"#]]
    .assert_eq(&shown.join("\n"));
    expect![[r#"
        exit 0
        ./recording: already imported, nothing changed
    "#]]
    .assert_eq(&scratch.show(&["import", "recording", recording.to_str().unwrap()]));
}

#[test]
fn info() {
    let shown = imported().show(&["info"]);
    // What the database takes on disk is the store's affair: it stands in the first line and ends those of the sources.
    let lines = shown.split_once("ticks\n").unwrap().1.lines();
    let shown: Vec<_> = lines
        .map(|line| line.split(" numbers in ").next().unwrap())
        .collect();
    expect![[r#"

        tiny · Linux 6.18.0 · 2 CPUs, 23.5 GiB · boot b-1 · zone UTC
          2023-11-14 22:13:20 – 22:13:22 UTC  3 ticks every 1 s, imported

        meminfo          3 readings of 6
        vmstat           3 readings of 9"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn cat() {
    let scratch = imported();
    expect![[r#"
        exit 0
        MemTotal:       24684084 kB
        MemFree:         1833560 kB
    "#]]
    .assert_eq(&scratch.show(&["cat", "meminfo", "--at", "@1700000001.0001"]));
    expect![[r#"
        exit 0
        nr_free_pages 483390
        pgfault 1000
        pgmajfault 7
    "#]]
    .assert_eq(&scratch.show(&["cat", "vmstat", "--at", "22:13:21"]));
    expect![[r#"
        exit 3
        --- stderr
        analyzer: no reading of vmstat at 2023-11-14 22:13:21.000: recording began later
    "#]]
    .assert_eq(&scratch.show(&["cat", "vmstat", "--at", "22:13:21", "--tz", "Europe/Berlin"]));
    expect![[r#"
        exit 3
        --- stderr
        analyzer: no reading of meminfo at 2023-11-14 22:13:25.001: the last one, at 2023-11-14 22:13:22.000, is more than 3 intervals old
    "#]].assert_eq(&scratch.show(&["cat", "meminfo", "--at", "@1700000005.001"]));
    expect![[r#"
        exit 3
        --- stderr
        analyzer: no reading of meminfo at 2023-11-14 22:13:26.000: the last one, at 2023-11-14 22:13:22.000, is more than 3 intervals old
    "#]].assert_eq(&scratch.show(&["cat", "meminfo", "--at", "@1700000006"]));
    expect![[r#"
        exit 3
        --- stderr
        analyzer: no reading of meminfo at 2023-11-14 22:13:19.000: recording began later
    "#]]
    .assert_eq(&scratch.show(&["cat", "meminfo", "--at", "@1699999999"]));
    expect![[r#"
        exit 3
        --- stderr
        analyzer: no reading of slabinfo at 2023-11-14 22:13:21.000: it was never recorded; there are meminfo, vmstat
    "#]].assert_eq(&scratch.show(&["cat", "slabinfo", "--at", "@1700000001"]));
    expect![[r#"
        exit 2
        --- stderr
        analyzer: cannot read "10:5x" as a time: a clock time is hours:minutes in digits; expected 10:50, 10:50:13, "2016-09-10 10:50", RFC 3339, @1473504612.9, -1h, "1h ago", now, today, yesterday or "yesterday 10:50"
    "#]].assert_eq(&scratch.show(&["cat", "meminfo", "--at", "10:5x"]));
}

#[test]
fn diff() {
    let scratch = imported();
    expect![[r#"
        exit 0
        vmstat: 2023-11-14 22:13:20.000 → 2023-11-14 22:13:22.000 UTC, 2.000 s
        metric                subject   before    after      difference  per second
        vmstat.nr_free_pages  host     483,390  233,390  -250,000 pages
        vmstat.pgfault        host       1,000    4,500          +3,500       1,750
        vmstat.pgmajfault     host           7        9              +2         1.0
        3 of 3 numbers moved
    "#]]
    .assert_eq(&scratch.show(&["diff", "vmstat", "--at", "@1700000000.9", "--at", "@1700000003"]));
    expect![[r#"
        exit 0
        {
          "source": "meminfo",
          "seconds": 1.0,
          "rebooted": false,
          "moved": [
            {
              "metric": "meminfo.MemFree",
              "subject": {
                "kind": "host"
              },
              "unit": "kibibytes",
              "before": 1933560.0,
              "after": 1833560.0,
              "by": -100000.0,
              "per_second": null
            }
          ],
          "one_sided": [],
          "unmoved": 1
        }
    "#]]
    .assert_eq(&scratch.show(&[
        "diff",
        "meminfo",
        "--at",
        "@1700000001",
        "--at",
        "@1700000001.5",
        "--json",
    ]));
    expect![[r#"
        exit 2
        --- stderr
        analyzer: the first --at 2023-11-14 22:13:22.000 is after the second 2023-11-14 22:13:21.000
    "#]]
    .assert_eq(&scratch.show(&["diff", "vmstat", "--at", "@1700000002", "--at", "@1700000001"]));
    expect![[r#"
        exit 2
        --- stderr
        analyzer: diff wants --at twice, not 1 times
    "#]]
    .assert_eq(&scratch.show(&["diff", "vmstat", "--at", "@1700000002"]));
    expect![[r#"
        exit 3
        --- stderr
        analyzer: no reading of vmstat at or before 2020-09-13 12:26:40.000
    "#]]
    .assert_eq(&scratch.show(&["diff", "vmstat", "--at", "@1600000000", "--at", "@1700000002"]));
}

#[test]
fn databases_that_cannot_be_read() {
    let scratch = Scratch::new();
    expect![[r#"
        exit 5
        --- stderr
        analyzer: ./test.db: no database there (No such file or directory (os error 2))
    "#]]
    .assert_eq(&scratch.show(&["info"]));
    scratch.write(
        "test.db",
        "this is not a database, but it is long enough to be looked at as if it were one.\n".repeat(99),
    );
    expect![[r#"
        exit 5
        --- stderr
        analyzer: ./test.db: not a highwater database (not an SQLite file)
    "#]]
    .assert_eq(&scratch.show(&["info"]));
    let scratch = imported();
    let db = std::fs::read(scratch.db()).unwrap();
    for size in (0..db.len()).step_by(db.len() / 20) {
        // Every one is refused or read, and none of them panics.
        scratch.write("cut.db", &db[..size]);
        let cut = scratch.path("cut.db");
        let output = scratch.analyzer(&[
            "cat",
            "vmstat",
            "--at",
            "@1700000002",
            "--db",
            cut.to_str().unwrap(),
        ]);
        let code = output.status.code().unwrap();
        assert!(
            [0, 3, 5].contains(&code),
            "{size}: {code} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let scratch = imported();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_analyzer"))
        .args(["info", "--db", scratch.db().to_str().unwrap()])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
