//! Other tools' records, through the real binary.

use crate::scratch::Scratch;
use expect_test::expect;

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
fn logs_of_kernel_files() {
    let scratch = Scratch::new();
    scratch.write("archive/oswmeminfo/node1_meminfo_16.09.13.1400.dat", LOG);
    scratch.write(
        "archive/oswtop/node1_top_16.09.13.1400.dat",
        "zzz ***Tue Sep 13 14:40:01 UTC 2016\ntop\n",
    );
    let path = scratch.path("archive");
    let path = path.to_str().unwrap();
    expect![[r#"
        exit 0
        imported ./archive into ./test.db
          node       unknown, Linux unknown
          span       2016-09-13 14:40:01 – 14:40:06 UTC
          ticks      2, every 5 s
          readings   2 of meminfo
          processes  0 rows
          kernel log 0 records
          facts      0 new
          note       not known: host (--host), kernel (--kernel), number of CPUs (--cpus)
          note       not used: oswtop
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
