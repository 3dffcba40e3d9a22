//! Other tools' records, through the real binary.

use crate::scratch::Scratch;
use expect_test::expect;
use std::io::Write;

const SAR: &str = "\
Linux 2.6.32-504.el6.x86_64 (node1) \t09/13/2016 \t_x86_64_\t(32 CPU)

02:40:01 PM pgpgin/s pgpgout/s fault/s majflt/s pgfree/s pgscank/s pgscand/s pgsteal/s %vmeff
02:50:01 PM 806.48 2012.10 7301.27 0.17 5968.87 0.00 0.00 0.00 0.00
03:00:01 PM 694031.81 2097.44 7752.61 633.88 212117.33 375196.37 0.00 179629.27 47.88

02:40:01 PM DEV tps rd_sec/s wr_sec/s avgrq-sz avgqu-sz await svctm %util
02:50:01 PM sdb 33.45 0.00 1734.51 51.86 3.04 90.82 6.06 20.28
03:00:01 PM sdb 327.01 12111.43 1123.54 40.47 15.30 46.79 2.50 81.71
";

const LOG: &str = "\
zzz ***Tue Sep 13 14:40:01 UTC 2016
MemTotal:       65837824 kB
MemFree:          270568 kB
zzz ***Tue Sep 13 14:40:06 UTC 2016
MemTotal:       65837824 kB
MemFree:         2177640 kB
";

const VMSTAT: &str = "\
Linux OSWbb v8.4.0
SNAP_INTERVAL 5
CPU_COUNT 32
zzz ***Tue Sep 13 14:40:01 UTC 2016
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
 1  2      0 270568   3088 660460    9    9   999   999  999  999  9  9 80  1  1
 1  3      0 270500   3088 660460    0    4   806    12  100  200  5  2 92  1  0
zzz ***Tue Sep 13 14:40:06 UTC 2016
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
 1  2      0 270568   3088 660460    9    9   999   999  999  999  9  9 80  1  1
 1  3      0 270500   3088 660460    0    4     0    12  100  200  5  2 92  1  0
";

const TOP: &str = "\
zzz ***Tue Sep 13 14:40:01 UTC 2016
top - 14:40:01 up 10 days,  2:03,  3 users,  load average: 1.00, 0.90, 12.80

  PID USER      PR  NI    VIRT    RES    SHR S  %CPU %MEM     TIME+ COMMAND
 4711 oracle    20   0   12.3g   1.5g   900m D  10.0  1.2 100:03.21 ora_dbw0_db1
zzz ***Tue Sep 13 14:40:06 UTC 2016
top - 14:40:06 up 10 days,  2:03,  3 users,  load average: 2.00, 0.90, 12.80

  PID USER      PR  NI    VIRT    RES    SHR S  %CPU %MEM     TIME+ COMMAND
 4711 oracle    20   0   12.3g   1.5g   900m D  10.0  1.2 100:03.71 ora_dbw0_db1
";

fn gzip(text: &str) -> Vec<u8> {
    let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    file.write_all(text.as_bytes()).unwrap();
    file.finish().unwrap()
}

/// Without the lines that tell sizes and times.
fn summary(scratch: &Scratch, arguments: &[&str]) -> String {
    let shown = scratch.show(arguments);
    shown
        .lines()
        .filter(|line| !line.starts_with("  read "))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn sar_once_and_again() {
    let scratch = Scratch::new();
    scratch.write("sar.txt", SAR);
    let path = scratch.path("sar.txt");
    let path = path.to_str().unwrap();
    expect![[r#"
        exit 0
        imported ./sar.txt into ./test.db
          node       node1, Linux 2.6.32-504.el6.x86_64
          span       2016-09-13 14:40:01 – 15:00:01 UTC
          ticks      3, every 10 min
          readings   3 of averages
          processes  0 rows
          kernel log 0 records
          facts      0 new
    "#]]
    .assert_eq(&summary(&scratch, &["import", "sar", path]));
    expect![[r#"
        exit 0
        ./sar.txt: already imported, nothing changed
    "#]]
    .assert_eq(&scratch.show(&["import", "auto", path]));
    expect![[r#"
        exit 0
        averages: 2016-09-13 14:50:01.000 → 2016-09-13 15:00:01.000 UTC, 600.000 s
        metric                    subject        before          after          difference      per second
        vmstat.pgscan_kswapd      host        1,000,000    226,117,822  +225,117,822 pages   375,196 pages
        vmstat.pgfree             host        4,581,322    131,851,720  +127,270,398 pages   212,117 pages
        vmstat.pgsteal            host        1,000,000    108,777,562  +107,777,562 pages   179,629 pages
        vmstat.pgpgin             host        1,483,888    417,902,974     +416,419,086 kB      694,032 kB
        diskstats.read_sectors    sdb         1,000,000      8,266,858  +7,266,858 sectors  12,111 sectors
        vmstat.pgpgout            host        2,207,260      3,465,724       +1,258,464 kB        2,097 kB
        diskstats.write_sectors   sdb         2,040,706      2,714,830    +674,124 sectors   1,124 sectors
        diskstats.io_total_ms     sdb      2,822,757.40  12,003,236.14    +9,180,478.74 ms       15,301 ms
        diskstats.weighted_io_ms  sdb         2,824,000     12,004,000       +9,180,000 ms       15,300 ms
        diskstats.io_ms           sdb         1,121,680      1,611,940         +490,260 ms          817 ms
        vmstat.pgfault            host        5,380,762     10,032,328          +4,651,566           7,753
        vmstat.pgmajfault         host        1,000,102      1,380,430            +380,328             634
        diskstats.ios_completed   sdb         1,020,070      1,216,276            +196,206             327
        13 of 14 numbers moved
    "#]]
    .assert_eq(&scratch.show(&["diff", "averages", "--at", "14:50:01", "--at", "15:00:01"]));
}

#[test]
fn an_archive_of_oswatcher() {
    let scratch = Scratch::new();
    scratch.write("archive/oswmeminfo/node1_meminfo_16.09.13.1400.dat", LOG);
    scratch.write("archive/oswvmstat/node1_vmstat_16.09.13.1400.dat", VMSTAT);
    scratch.write("archive/oswtop/node1_top_16.09.13.1400.dat.gz", gzip(TOP));
    scratch.write(
        "archive/oswifconfig/node1_ifconfig_16.09.13.1400.dat",
        "zzz ***Tue Sep 13 14:40:01 UTC 2016\nlo\n",
    );
    let path = scratch.path("archive");
    let path = path.to_str().unwrap();
    expect![[r#"
        exit 0
        imported ./archive into ./test.db
          node       node1, Linux unknown
          span       2016-09-13 14:40:01 – 14:40:07 UTC
          ticks      4, every 5 s
          readings   6 of averages, meminfo
          processes  2 rows
          kernel log 0 records
          facts      0 new
          note       not used: oswifconfig
          note       top: TIME+ is user and system time together, and stands as user time
          note       vmstat and iostat: each row is the average over the second before it; the first row of each answer is one since the machine was started and was left out; of the time between answers nothing is known
          note       vmstat: r, swpd and cache were left out: what they count depends on its version
          note       not known: kernel (--kernel)
    "#]]
    .assert_eq(&summary(&scratch, &["import", "oswatcher", path]));
    expect![[r#"
        exit 0
        ./archive: already imported, nothing changed
    "#]]
    .assert_eq(&scratch.show(&["import", "auto", path]));
    expect![[r#"
        exit 0
        MemTotal:       65837824 kB
        MemFree:          270568 kB
    "#]]
    .assert_eq(&scratch.show(&["cat", "meminfo", "--at", "14:40:02"]));
    expect![[r#"
        exit 0
        stat.procs_blocked host gauge count 3
        meminfo.MemFree host gauge kibibytes 270500
        meminfo.Buffers host gauge kibibytes 3088
        vmstat.pswpin host counter pages 999999.00
        vmstat.pswpout host counter pages 1000001.00
        vmstat.pgpgin host counter kibibytes 1000000.00
        vmstat.pgpgout host counter kibibytes 1000012.00
        stat.intr host counter count 1000100.00
        stat.ctxt host counter count 1000200.00
        stat.user host counter clock_ticks 1000005.00
        stat.system host counter clock_ticks 1000002.00
        stat.idle host counter clock_ticks 1000092.00
        stat.iowait host counter clock_ticks 1000001.00
        stat.steal host counter clock_ticks 999999.00
    "#]]
    .assert_eq(&scratch.show(&["cat", "averages", "--at", "14:40:07"]));
    scratch.write(
        "archive/oswps/node2_ps_16.09.13.1400.dat",
        "zzz ***Tue Sep 13 14:40:01 UTC 2016\nPID PPID CMD\n",
    );
    scratch.write(
        "damaged/oswvmstat/node1_vmstat_16.09.13.1400.dat",
        VMSTAT.replace(" 92 ", " "),
    );
    let damaged = scratch.path("damaged");
    let shown = scratch.show(&["import", "auto", path])
        + &scratch.show(&["import", "oswatcher", "--strict", damaged.to_str().unwrap()]);
    expect![[r#"
        exit 2
        --- stderr
        analyzer: ./archive/oswps/node2_ps_16.09.13.1400.dat: it is of node2, and node1 came before: import each into a database of its own
        exit 2
        --- stderr
        analyzer: ./damaged/oswvmstat/node1_vmstat_16.09.13.1400.dat:8: more or fewer columns than the header names
    "#]]
    .assert_eq(&shown);
}

#[test]
fn files_that_do_not_go_together_or_are_nothing() {
    let scratch = Scratch::new();
    scratch.write("sar.txt", SAR);
    scratch.write("x.log", LOG);
    scratch.write("prose.txt", "Call me Ishmael.\n");
    scratch.write("binary", [0u8, 159, 146, 150].repeat(1000));
    let path = |name: &str| scratch.path(name).display().to_string();
    let shown = scratch.show(&["import", "auto", &path("sar.txt"), &path("x.log")])
        + &scratch.show(&["import", "auto", &path("prose.txt")])
        + &scratch.show(&["import", "auto", &path("binary")])
        + &scratch.show(&["import", "sar", &path("prose.txt")])
        + &scratch.show(&["import", "sadf", &path("prose.txt")])
        + &scratch.show(&["import", "proc-log", &path("prose.txt")])
        + &scratch.show(&["import", "sar", &path("missing")]);
    expect![[r#"
        exit 2
        --- stderr
        analyzer: ./x.log: it looks like proc-log, and ./sar.txt like sar: import each kind by itself
        exit 2
        --- stderr
        analyzer: ./prose.txt: neither a recording, nor sar's text, nor sadf's JSON, nor a log of kernel files with times
        exit 2
        --- stderr
        analyzer: ./binary: neither a recording, nor sar's text, nor sadf's JSON, nor a log of kernel files with times
        exit 2
        --- stderr
        analyzer: ./prose.txt:1: no clock time at the start of the line
        exit 2
        --- stderr
        analyzer: ./prose.txt:1: expected value
        exit 2
        --- stderr
        analyzer: ./prose.txt:1: no time before it, and none stood on a line of its own
        exit 2
        --- stderr
        analyzer: ./missing: No such file or directory (os error 2)
    "#]].assert_eq(&shown);
}

/// Half an hour of a table that keeps changing, a row a second.
fn restless() -> String {
    let mut text = "Linux 6.1.0 (node1) 2016-09-13 _x86_64_ (2 CPU)\n\n\
                    14:00:00 DEV tps rkB/s wkB/s areq-sz aqu-sz await %util\n"
        .to_owned();
    let mut random = 1u64;
    for second in 1..1800 {
        for disk in 0..8 {
            text += &format!("14:{:02}:{:02} sd{disk}", second / 60, second % 60);
            for _ in 0..7 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text += &format!(" {}.{:02}", random >> 50, (random >> 40) % 100);
            }
            text.push('\n');
        }
    }
    text
}

#[test]
fn an_import_that_finds_no_room_leaves_nothing() {
    let scratch = Scratch::new();
    scratch.write("sar.txt", restless());
    let path = scratch.path("sar.txt");
    let import = ["import", "sar", path.to_str().unwrap(), "--db"];
    // No file may become longer than 100 blocks of 512 bytes.
    let limited = std::process::Command::new("sh")
        .args(["-c", "ulimit -f 100; trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_analyzer"))
        .args(import)
        .arg(scratch.db())
        .output()
        .unwrap();
    let said = String::from_utf8(limited.stderr).unwrap();
    assert_eq!(limited.status.code(), Some(5), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let left = scratch.show(&["info", "--db", scratch.db().to_str().unwrap()]);
    assert!(!left.starts_with("exit 0"), "{left}");
    // With room it is all there.
    let db = scratch.db();
    let shown = scratch.show(&[&import[..], &[db.to_str().unwrap()]].concat());
    assert!(shown.contains("ticks      1,800, every 1 s"), "{shown}");
}
