//! Answers of tools, good and bad.

use super::*;
use chrono_tz::Tz;
use expect_test::{Expect, expect};
use std::io::Cursor;

fn options() -> LogOptions {
    LogOptions {
        tz: Tz::UTC,
        machine: Default::default(),
        at: None,
        strict: false,
    }
}

fn lines(text: &str) -> Lines {
    Lines::new("x.dat", Box::new(Cursor::new(text.as_bytes().to_vec())))
}

const VMSTAT: &str = "\
Linux OSWbb v8.4.0
SNAP_INTERVAL 30
CPU_COUNT 8
zzz ***Tue Sep 13 14:40:01 UTC 2016
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
 1  2      0 270568   3088 660460    9    9   999   999  999  999  9  9 80  1  1
 1  3      0 270500   3088 660460    0    4   806    12  100  200  5  2 92  1  0
 1  0      0 270400   3088 660460    0    0     0     0  100  200  5  2 93  0  0
zzz ***Tue Sep 13 14:40:31 UTC 2016
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
 1  2      0 270300   3088 660460    9    9   999   999  999  999  9  9 80  1  1
 1  3      0 270200   3088 660460    0    0    10    12  100
 1  0      0 270100   3088 660460    0    0     0     0  100  200  5  2 93  0  0
";

const IOSTAT: &str = "\
zzz ***Tue Sep 13 14:40:01 UTC 2016
Linux 2.6.32-504.el6.x86_64 (node1) \t09/13/2016 \t_x86_64_\t(8 CPU)

avg-cpu:  %user   %nice %system %iowait  %steal   %idle
           0.11    0.00    0.06    0.02    0.00   99.81

Device:         rrqm/s   wrqm/s     r/s     w/s    rkB/s    wkB/s avgrq-sz avgqu-sz   await  svctm  %util
sda               0.10     2.00    0.17    1.31     5.95    13.11    25.75     0.01    5.21   0.60   0.09

avg-cpu:  %user   %nice %system %iowait  %steal   %idle
           5.00    1.00    2.00    1.00    0.00   91.00

Device:         rrqm/s   wrqm/s     r/s     w/s    rkB/s    wkB/s avgrq-sz avgqu-sz   await  svctm  %util
sda               0.00     3.00   10.00    5.00   100.00    50.00    20.00     0.10    4.00   2.00   3.00

";

const TOP: &str = "\
zzz ***Tue Sep 13 14:40:01 UTC 2016
top - 14:40:01 up 10 days,  2:03,  3 users,  load average: 1.00, 0.90, 12.80
Tasks: 200 total,   1 running, 199 sleeping,   0 stopped,   0 zombie

  PID USER      PR  NI    VIRT    RES    SHR S  %CPU %MEM     TIME+ COMMAND
 4711 oracle    20   0   12.3g   1.5g   900m D  10.0  1.2 100:03.21 ora_dbw0_db1
    2 root      20   0       0      0      0 S   0.0  0.0   0:00.10 kworker/0:1
  rubbish

top - 14:40:02 up 10 days,  2:03,  3 users,  load average: 9.00, 0.90, 12.80

  PID USER      PR  NI    VIRT    RES    SHR S  %CPU %MEM     TIME+ COMMAND
 4711 oracle    20   0   12.3g   1.5g   900m R  10.0  1.2 100:04.21 ora_dbw0_db1
zzz ***Tue Sep 13 14:40:31 UTC 2016
top - 14:40:31 up 10 days,  2:03,  3 users,  load average: 1,50, 0,90, 12,80

  PID USER      PR  NI    VIRT    RES    SHR S  %CPU %MEM     TIME+ COMMAND
 4711 oracle    20   0   12.3g   1.5g   900m D  10.0  1.2   0:01.00 /usr/bin/new -x
";

const PS: &str = "\
zzz ***Tue Sep 13 14:40:01 UTC 2016
F S UID        PID  PPID  C PRI  NI ADDR SZ WCHAN  STIME TTY          TIME CMD
4 S root         1     0  0  80   0 -  5231 -      Sep06 ?        00:00:01 /sbin/init splash
1 D root       731     2  0  80   0 -     0 io_sch Sep06 ?        1-00:07:11 [jbd2/sda1-8]
zzz ***Tue Sep 13 14:40:31 UTC 2016
USER       PID  PPID PRI %CPU %MEM    VSZ   RSS WCHAN  S  STARTED     TIME COMMAND
root       731     2  19  0.0  0.0      0     4 io_sch D   Sep 06 1-00:07:12 [jbd2/sda1-8]
";

#[test]
fn rows_are_averages_over_a_second() {
    let mut averages = Averages::default();
    let asked = tables::vmstat(&mut lines(VMSTAT), &options(), &mut averages).unwrap();
    assert_eq!(asked.len(), 2);
    expect![[r#"
        every 30 s
        from 2016-09-13 14:40:01+00:00, boot 0
          2016-09-13 14:40:01+00:00: stat.procs_blocked host = 2, meminfo.MemFree host = 270568, meminfo.Buffers host = 3088
          2016-09-13 14:40:02+00:00: stat.procs_blocked host = 3, meminfo.MemFree host = 270500, meminfo.Buffers host = 3088, vmstat.pswpin host + 0.00/s, vmstat.pswpout host + 1.00/s, vmstat.pgpgin host + 806.00/s, vmstat.pgpgout host + 12.00/s, stat.intr host + 100.00/s, stat.ctxt host + 200.00/s, stat.user host + 5.00/s, stat.system host + 2.00/s, stat.idle host + 92.00/s, stat.iowait host + 1.00/s, stat.steal host + 0.00/s
          2016-09-13 14:40:03+00:00: stat.procs_blocked host = 0, meminfo.MemFree host = 270400, meminfo.Buffers host = 3088, vmstat.pswpin host + 0.00/s, vmstat.pswpout host + 0.00/s, vmstat.pgpgin host + 0.00/s, vmstat.pgpgout host + 0.00/s, stat.intr host + 100.00/s, stat.ctxt host + 200.00/s, stat.user host + 5.00/s, stat.system host + 2.00/s, stat.idle host + 93.00/s, stat.iowait host + 0.00/s, stat.steal host + 0.00/s
          2016-09-13 14:40:31+00:00: stat.procs_blocked host = 2, meminfo.MemFree host = 270300, meminfo.Buffers host = 3088
          2016-09-13 14:40:33+00:00: stat.procs_blocked host = 0, meminfo.MemFree host = 270100, meminfo.Buffers host = 3088, vmstat.pswpin host + 0.00/s, vmstat.pswpout host + 0.00/s, vmstat.pgpgin host + 0.00/s, vmstat.pgpgout host + 0.00/s, stat.intr host + 100.00/s, stat.ctxt host + 200.00/s, stat.user host + 5.00/s, stat.system host + 2.00/s, stat.idle host + 93.00/s, stat.iowait host + 0.00/s, stat.steal host + 0.00/s
        note: not known: host (--host), kernel (--kernel)
        note: x.dat:14: more or fewer columns than the header names; the line was left out
    "#]]
    .assert_eq(&super::super::averages::read_back(&averages));

    let mut averages = Averages::default();
    tables::iostat(&mut lines(IOSTAT), &options(), &mut averages).unwrap();
    expect![[r#"
        every 1 s
        from 2016-09-13 14:40:01+00:00, boot 0
          2016-09-13 14:40:02+00:00: stat.user host + 5.00/s, stat.nice host + 1.00/s, stat.system host + 2.00/s, stat.iowait host + 1.00/s, stat.steal host + 0.00/s, stat.idle host + 91.00/s, diskstats.reads_completed sda + 10.00/s, diskstats.writes_completed sda + 5.00/s, diskstats.reads_merged sda + 0.00/s, diskstats.writes_merged sda + 3.00/s, diskstats.read_sectors sda + 200.00/s, diskstats.write_sectors sda + 100.00/s, diskstats.weighted_io_ms sda + 100.00/s, diskstats.io_ms sda + 30.00/s, diskstats.io_total_ms sda + 60.00/s
        note: not known: host (--host), kernel (--kernel), number of CPUs (--cpus)
    "#]]
    .assert_eq(&super::super::averages::read_back(&averages));
}

#[track_caller]
fn check_processes(text: &str, is_top: bool, expected: Expect) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let tool = Tool { is_top, counts: true };
    let mut shown = String::new();
    for tick in processes::chain(vec![file.path().to_owned()], tool, &options()) {
        let tick = tick.unwrap();
        shown += &format!("{:.0}\n", tick.at.seconds() % 86_400.0);
        for sample in tick.samples {
            let id = &sample.identity;
            let counters = model::ProcessCounter::ALL
                .iter()
                .filter_map(|&counter| Some(format!("{}={}", counter.name(), sample.get(counter)?)));
            let counters: Vec<_> = counters.collect();
            shown += &format!(
                "  {} since {} {:?} {:?} {} {:?}: {}\n",
                id.pid,
                id.start_ticks,
                id.comm,
                id.cmdline,
                sample.state,
                sample.wchan,
                counters.join(" ")
            );
        }
    }
    let mut averages = Averages::default();
    processes::first_look(&mut lines(text), is_top, &options(), &mut averages).unwrap();
    shown += &super::super::averages::read_back(&averages);
    expected.assert_eq(&shown);
}

#[test]
fn processes_of_top_and_ps() {
    check_processes(
        TOP,
        true,
        expect![[r#"
        52801
          4711 since 0 "ora_dbw0_db1" None D None: utime_ticks=600321 rss_pages=393216
          2 since 0 "kworker/0:1" None S None: utime_ticks=10 rss_pages=0
        52831
          4711 since 86402900 "new" Some("/usr/bin/new -x") D None: utime_ticks=100 rss_pages=393216
        every 30 s
        from 2016-09-13 14:40:01+00:00, boot 0
          2016-09-13 14:40:01+00:00: loadavg.load1 host = 1, loadavg.load5 host = 0.9, loadavg.load15 host = 12.8
          2016-09-13 14:40:31+00:00: loadavg.load1 host = 1.5, loadavg.load5 host = 0.9, loadavg.load15 host = 12.8
        note: not known: host (--host), kernel (--kernel), number of CPUs (--cpus)
        note: x.dat:8: not a process of the columns that the header names; the line was left out
    "#]],
    );
    check_processes(
        PS,
        false,
        expect![[r#"
        52801
          1 since 0 "init" Some("/sbin/init splash") S None: utime_ticks=100
          731 since 0 "jbd2/sda1-8" Some("") D Some("io_sch"): utime_ticks=8683100
        52831
          731 since 0 "jbd2/sda1-8" Some("") D Some("io_sch"): utime_ticks=8683200 rss_pages=1
        every 600 s
        note: not known: host (--host), kernel (--kernel), number of CPUs (--cpus)
    "#]],
    );
}

#[test]
fn what_a_file_holds_is_told_by_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dat");
    let meminfo = "zzz ***Tue Sep 13 14:40:01 UTC 2016\nMemTotal: 1 kB\n";
    let slabs = "zzz ***Tue Sep 13 14:40:01 UTC 2016\nslabinfo - version: 2.1\n";
    let shown: Vec<_> = [VMSTAT, IOSTAT, TOP, PS, meminfo, slabs, "", "zzz\nnothing\n"]
        .map(|text| {
            std::fs::write(&path, text).unwrap();
            format!("{:?}", content(&path, &options()).unwrap())
        })
        .into();
    expect!["Some(Vmstat) Some(Iostat) Some(Top) Some(Ps) Some(KernelFile) Some(KernelFile) None None"]
        .assert_eq(&shown.join(" "));
    assert_eq!(
        host_of("db_1.example_vmstat_16.09.13.1400.dat.gz"),
        Some("db_1.example")
    );
    assert_eq!(host_of("notes.dat"), None);
}

#[test]
fn cut_and_garbled_text_never_panics() {
    for text in [VMSTAT, IOSTAT, TOP, PS] {
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            for text in [
                text[..cut].to_owned(),
                format!("{}\0\u{fe}9:-{}", &text[..cut], &text[cut..]),
            ] {
                let mut averages = Averages::default();
                let _ = tables::vmstat(&mut lines(&text), &options(), &mut averages);
                let _ = tables::iostat(&mut lines(&text), &options(), &mut averages);
                let _ = processes::first_look(&mut lines(&text), true, &options(), &mut averages);
                let _ = processes::first_look(&mut lines(&text), false, &options(), &mut averages);
                if cut % 16 == 0 {
                    let _ = super::super::averages::read_back(&averages);
                }
            }
        }
    }
}
