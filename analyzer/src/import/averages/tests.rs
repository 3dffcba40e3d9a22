//! What sar and sadf printed, and what comes back of it.

use super::ticks::{Ticks, Walk};
use super::write::{Counters, notes};
use super::{Averages, Options, sar};
use crate::import::Machine;
use crate::import::text::Lines;
use chrono::{DateTime, NaiveDate};
use chrono_tz::{Europe::Berlin, Tz, UTC};
use expect_test::{Expect, expect};
use model::Kind;

fn options(date: Option<&str>, tz: Tz) -> Options {
    Options {
        date: date.map(|date| date.parse().unwrap()),
        tz,
        strict: false,
        machine: Machine::default(),
    }
}

fn parse(text: &str, options: &Options) -> super::super::Result<Averages> {
    let mut averages = Averages {
        tz: options.tz,
        ..Averages::default()
    };
    let mut lines = Lines::new(
        "sar.txt",
        Box::new(std::io::Cursor::new(text.as_bytes().to_vec())),
    );
    sar::read(&mut lines, options, &mut averages, &mut |_| {})?;
    Ok(averages)
}

/// What a reader gets back: each number of each row, rates as differences over the interval.
pub(in crate::import) fn read_back(averages: &Averages) -> String {
    let interval = averages.interval().unwrap_or(600_000_000_000);
    let decode = sources::averages().decode;
    let mut out = format!("every {} s\n", interval / 1_000_000_000);
    let local = |at: model::UnixNanos| {
        DateTime::from_timestamp_nanos(at.0)
            .with_timezone(&averages.tz)
            .format("%F %T%:z")
            .to_string()
    };
    let ticks = Ticks::of(averages, interval, std::iter::empty());
    let mut counters = Counters::new(&averages.columns);
    let mut walk = Walk::new(averages, &ticks);
    let mut before: Vec<(String, f64)> = Vec::new();
    for (now, &at) in ticks.at.iter().enumerate() {
        if let Some(boot) = ticks.boots.iter().position(|&first| first == now) {
            out += &format!("from {}, boot {boot}\n", local(at));
            counters.restart();
            before.clear();
        }
        let seconds = if before.is_empty() {
            0.0
        } else {
            at.seconds_since(ticks.at[now - 1])
        };
        walk.step(now);
        let Some(reading) = counters.tick(seconds, &walk.moves) else {
            continue;
        };
        let columns = decode(&reading.template);
        let named = |c: &model::Column| {
            (
                format!("{} {}", c.metric.name, c.subject),
                c.value(reading.values[c.slot]),
            )
        };
        let numbers: Vec<_> = columns.iter().map(named).collect();
        let shown = columns
            .iter()
            .zip(&numbers)
            .filter_map(|(column, (name, value))| {
                if column.metric.kind == Kind::Gauge {
                    return Some(format!("{name} = {value}"));
                }
                let (_, earlier) = before.iter().find(|(other, _)| other == name)?;
                (value >= earlier).then(|| format!("{name} + {:.2}/s", (value - earlier) / seconds))
            });
        let shown: Vec<_> = shown.collect();
        if !shown.is_empty() {
            out += &format!("  {}: {}\n", local(at), shown.join(", "));
        }
        before = numbers;
    }
    for note in notes(averages) {
        out += &format!("note: {note}\n");
    }
    out
}

#[track_caller]
fn check(text: &str, options: &Options, expected: Expect) {
    let shown = parse(text, options).map_or_else(|error| error.to_string(), |averages| read_back(&averages));
    expected.assert_eq(&shown);
}

#[test]
fn tables_of_one_day() {
    let text = "\
Linux 5.14.0-503.el9.x86_64 (db7) \t09/30/2025 \t_x86_64_\t(8 CPU)

12:00:01 AM     CPU     %user     %nice   %system   %iowait    %steal     %idle
12:10:01 AM     all      5.00      0.00      2.00      1.00      0.00     92.00
12:20:01 AM     all      6.00      0.00      2.00      1.00      0.00     91.00
Average:        all      5.50      0.00      2.00      1.00      0.00     91.50

12:00:01 AM kbmemfree   kbavail kbmemused  %memused kbbuffers  kbcached  kbcommit   %commit  kbactive   kbinact   kbdirty
12:10:01 AM   1000000   6000000   2000000     25.00      1000   5000000   3000000     30.00    100000    200000        16
12:20:01 AM   1000000   6000000   2000000     25.00      1000   5000000   3000000     30.00    100000    200000        20
Average:      1000000   6000000   2000000     25.00      1000   5000000   3000000     30.00    100000    200000        18

12:00:01 AM       DEV       tps     rkB/s     wkB/s     dkB/s   areq-sz    aqu-sz     await     %util
12:10:01 AM       sda     10.00    100.00     50.00      0.00     15.00      0.05      5.00      4.00
12:20:01 AM       sda     20.00    200.00     50.00      0.00     12.50      0.10      5.00      8.00

12:00:01 AM     IFACE   rxpck/s   txpck/s    rxkB/s    txkB/s   rxcmp/s   txcmp/s  rxmcst/s   %ifutil
12:10:01 AM      eth0      1.00      1.00      1.00      1.00      0.00      0.00      0.00      0.00
";
    check(
        text,
        &options(None, UTC),
        expect![[r#"
            every 600 s
            from 2025-09-30 00:00:01+00:00, boot 0
              2025-09-30 00:10:01+00:00: stat.user host + 5.00/s, stat.nice host + 0.00/s, stat.system host + 2.00/s, stat.iowait host + 1.00/s, stat.steal host + 0.00/s, stat.idle host + 92.00/s, meminfo.MemFree host = 1000000, meminfo.MemAvailable host = 6000000, meminfo.Buffers host = 1000, meminfo.Cached host = 5000000, meminfo.Committed_AS host = 3000000, meminfo.Active host = 100000, meminfo.Inactive host = 200000, meminfo.Dirty host = 16, meminfo.MemTotal host = 8000000, diskstats.ios_completed sda + 10.00/s, diskstats.read_sectors sda + 200.00/s, diskstats.write_sectors sda + 100.00/s, diskstats.discard_sectors sda + 0.00/s, diskstats.weighted_io_ms sda + 50.00/s, diskstats.io_ms sda + 40.00/s, diskstats.io_total_ms sda + 50.00/s
              2025-09-30 00:20:01+00:00: stat.user host + 6.00/s, stat.nice host + 0.00/s, stat.system host + 2.00/s, stat.iowait host + 1.00/s, stat.steal host + 0.00/s, stat.idle host + 91.00/s, meminfo.MemFree host = 1000000, meminfo.MemAvailable host = 6000000, meminfo.Buffers host = 1000, meminfo.Cached host = 5000000, meminfo.Committed_AS host = 3000000, meminfo.Active host = 100000, meminfo.Inactive host = 200000, meminfo.Dirty host = 20, meminfo.MemTotal host = 8000000, diskstats.ios_completed sda + 20.00/s, diskstats.read_sectors sda + 400.00/s, diskstats.write_sectors sda + 100.00/s, diskstats.discard_sectors sda + 0.00/s, diskstats.weighted_io_ms sda + 100.00/s, diskstats.io_ms sda + 80.00/s, diskstats.io_total_ms sda + 100.00/s
            note: not used, tables that begin with: IFACE rxpck/s
        "#]],
    );
}

#[test]
fn a_restart_a_hole_and_midnight() {
    let text = "\
Linux 2.6.32-504.el6.x86_64 (node1)  2016-09-10  _x86_64_ (32 CPU)

23:30:01 pgpgin/s pgpgout/s fault/s majflt/s pgfree/s pgscank/s pgscand/s pgsteal/s %vmeff
23:40:01 10,00 1,00 1,00 0,00 1,00 0,00 0,00 0,00 0,00
23:50:01 20,00 1,00 1,00 0,00 1,00 0,00 0,00 0,00 0,00
00:00:01 30,00 1,00 1,00 0,00 1,00 0,00 0,00 0,00 0,00

00:03:00 LINUX RESTART

00:05:00 pgpgin/s pgpgout/s fault/s majflt/s pgfree/s pgscank/s pgscand/s pgsteal/s %vmeff
00:15:00 40,00 1,00 1,00 0,00 1,00 0,00 0,00 0,00 0,00
00:45:00 50,00 1,00 1,00 0,00 1,00 0,00 0,00 0,00 0,00
";
    check(
        text,
        &options(None, Berlin),
        expect![[r#"
            every 600 s
            from 2016-09-10 23:30:01+02:00, boot 0
              2016-09-10 23:40:01+02:00: vmstat.pgpgin host + 10.00/s, vmstat.pgpgout host + 1.00/s, vmstat.pgfault host + 1.00/s, vmstat.pgmajfault host + 0.00/s, vmstat.pgfree host + 1.00/s, vmstat.pgscan_kswapd host + 0.00/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 0.00/s
              2016-09-10 23:50:01+02:00: vmstat.pgpgin host + 20.00/s, vmstat.pgpgout host + 1.00/s, vmstat.pgfault host + 1.00/s, vmstat.pgmajfault host + 0.00/s, vmstat.pgfree host + 1.00/s, vmstat.pgscan_kswapd host + 0.00/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 0.00/s
              2016-09-11 00:00:01+02:00: vmstat.pgpgin host + 30.00/s, vmstat.pgpgout host + 1.00/s, vmstat.pgfault host + 1.00/s, vmstat.pgmajfault host + 0.00/s, vmstat.pgfree host + 1.00/s, vmstat.pgscan_kswapd host + 0.00/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 0.00/s
            from 2016-09-11 00:05:00+02:00, boot 1
              2016-09-11 00:15:00+02:00: vmstat.pgpgin host + 40.00/s, vmstat.pgpgout host + 1.00/s, vmstat.pgfault host + 1.00/s, vmstat.pgmajfault host + 0.00/s, vmstat.pgfree host + 1.00/s, vmstat.pgscan_kswapd host + 0.00/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 0.00/s
              2016-09-11 00:45:00+02:00: vmstat.pgpgin host + 50.00/s, vmstat.pgpgout host + 1.00/s, vmstat.pgfault host + 1.00/s, vmstat.pgmajfault host + 0.00/s, vmstat.pgfree host + 1.00/s, vmstat.pgscan_kswapd host + 0.00/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 0.00/s
        "#]],
    );
}

#[test]
fn versions_that_do_not_know_the_kernel() {
    let table = |kernel: &str, vmeff: &str| {
        let vmeff_value = if vmeff.is_empty() { "" } else { "90.00" };
        let text = format!(
            "Linux {kernel} (h) 2016-09-10 _x_ (1 CPU)\n00:00:00 pgscank/s pgscand/s pgsteal/s {vmeff}\n\
             00:10:00 10.00 0.00 9.00 {vmeff_value}\n"
        );
        format!(
            "{kernel} {vmeff}\n{}",
            read_back(&parse(&text, &options(None, UTC)).unwrap())
        )
    };
    let shown = table("6.18.2", "%vmeff")
        + &table("6.18.2", "")
        + &table("3.10.0-1160.el7", "")
        + &table("5.4.0", "");
    expect![[r#"
        6.18.2 %vmeff
        every 600 s
        from 2016-09-10 00:00:00+00:00, boot 0
          2016-09-10 00:10:00+00:00: vmstat.pgscan_kswapd host + 10.00/s, vmstat.pgscan_direct host + 0.00/s
        note: pgsteal/s was left out: this sysstat counts it twice on this kernel
        6.18.2 
        every 600 s
        from 2016-09-10 00:00:00+00:00, boot 0
          2016-09-10 00:10:00+00:00: vmstat.pgscan_kswapd host + 10.00/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 9.00/s
        3.10.0-1160.el7 
        every 600 s
        note: pgscand/s was left out: this sysstat does not know this kernel's names of it
        note: pgscank/s was left out: this sysstat does not know this kernel's names of it
        note: pgsteal/s was left out: this sysstat does not know this kernel's names of it
        note: not used, tables that begin with: pgscank/s pgscand/s
        5.4.0 
        every 600 s
        from 2016-09-10 00:00:00+00:00, boot 0
          2016-09-10 00:10:00+00:00: vmstat.pgscan_kswapd host + 10.00/s, vmstat.pgscan_direct host + 0.00/s
        note: pgsteal/s was left out: this sysstat does not know this kernel's names of it
    "#]].assert_eq(&shown);
}

#[test]
fn damage_costs_its_line_only() {
    let text = "\
Linux 2.6.32 (node1) 13/09/2016 _x86_64_ (32 CPU)
10:00:01 pswpin/s pswpout/s
10:10:01 1.00 2.00
10:20:01 1.00
10:20:01 1.00 x2.00
10:2x:01 1.00 2.00
rubbish
10:20:01 3.00 4.00
09:50:00 3.00 4.00
10:30:01 nan 4.00
";
    check(
        text,
        &options(None, UTC),
        expect![[r#"
        every 600 s
        from 2016-09-13 10:00:01+00:00, boot 0
          2016-09-13 10:10:01+00:00: vmstat.pswpin host + 1.00/s, vmstat.pswpout host + 2.00/s
          2016-09-13 10:20:01+00:00: vmstat.pswpin host + 3.00/s, vmstat.pswpout host + 4.00/s
        note: sar.txt:4: more or fewer columns than the header names; the line was left out
        note: sar.txt:5: not a number in a column of numbers; the line was left out
        note: sar.txt:6: no clock time at the start of the line; the line was left out
        note: sar.txt:7: no clock time at the start of the line; the line was left out
        note: sar.txt:9: the clock goes back; the line was left out
        note: 1 more lines were left out
    "#]],
    );
    let strict = Options {
        strict: true,
        ..options(None, UTC)
    };
    check(
        text,
        &strict,
        expect!["sar.txt:4: more or fewer columns than the header names"],
    );
    check(
        "10:00:01 pswpin/s pswpout/s\n10:10:01 1.00 2.00\n",
        &options(None, UTC),
        expect!["sar.txt:1: no line `Linux …` with a date came before; say --date 2016-09-10"],
    );
    check(
        "10:10:01 1.00 2.00\n",
        &options(Some("2016-09-10"), UTC),
        expect![[r#"
            every 600 s
            note: not known: host (--host), kernel (--kernel), number of CPUs (--cpus)
            note: sar.txt:1: a row without a header before it; the line was left out
        "#]],
    );
}

#[test]
fn dates_as_locales_print_them() {
    let read = |text: &str, hint: Option<&str>| {
        let hint: Option<NaiveDate> = hint.map(|hint| hint.parse().unwrap());
        let header = format!("Linux 5 (h) {text} _x86_64_ (1 CPU)\n00:00:00 proc/s cswch/s\n00:10:00 1 1\n");
        match parse(
            &header,
            &Options {
                date: hint,
                ..options(None, UTC)
            },
        ) {
            Ok(averages) => {
                let day =
                    DateTime::from_timestamp_nanos(averages.groups[0].rows.intervals().next().unwrap().1.0)
                        .date_naive();
                format!(
                    "{text}: {day} {}\n",
                    averages.notes.iter().cloned().collect::<String>()
                )
            }
            Err(error) => format!("{text}: {error}\n"),
        }
    };
    let dates = [
        "2016-09-10",
        "09/10/2016",
        "09/10/16",
        "13/09/2016",
        "09/09/2016",
        "10.09.2016",
        "2016",
        "31/31/2016",
    ];
    let mut shown: String = dates.iter().map(|date| read(date, None)).collect();
    shown += &read("09/10/2016", Some("2016-10-09"));
    expect![[r#"
        2016-09-10: 2016-09-10 
        09/10/2016: 2016-09-10 09/10/2016 was read as 2016-09-10; --date says otherwise
        09/10/16: 2016-09-10 09/10/16 was read as 2016-09-10; --date says otherwise
        13/09/2016: 2016-09-13 
        09/09/2016: 2016-09-09 
        10.09.2016: 2016-09-10 
        2016: sar.txt:1: no date that is understood
        31/31/2016: sar.txt:1: no date that is understood
        09/10/2016: 2016-10-09 
    "#]]
    .assert_eq(&shown);
}

#[test]
fn cut_and_garbled_text_never_panics() {
    let text = "Linux 5 (h) 2016-09-10 _x_ (1 CPU)\n\n10:00:01 DEV tps await\n10:10:01 sda 1.0 2.0\n10:20:01 LINUX RESTART\n";
    for cut in 0..text.len() {
        let _ = parse(&text[..cut], &options(None, UTC)).map(|averages| read_back(&averages));
        let garbled = format!("{}\0\u{fe}9:{}", &text[..cut], &text[cut..]);
        let _ = parse(&garbled, &options(Some("2016-09-10"), Berlin)).map(|averages| read_back(&averages));
    }
}

/// The tables that were published, where they lie beside the repository.
#[test]
fn published_rows_come_back() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/seed-incident");
    let Ok(text) = std::fs::read_to_string(format!("{folder}/sar-B.txt")) else {
        return;
    };
    check(
        &text,
        &options(Some("2016-09-10"), UTC),
        expect![[r#"
            every 600 s
            from 2016-09-10 02:20:01+00:00, boot 0
              2016-09-10 02:30:01+00:00: vmstat.pgpgin host + 3152.86/s, vmstat.pgpgout host + 2060.66/s, vmstat.pgfault host + 8426.85/s, vmstat.pgmajfault host + 0.30/s, vmstat.pgfree host + 8362.06/s, vmstat.pgscan_kswapd host + 0.00/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 0.00/s
              2016-09-10 02:40:01+00:00: vmstat.pgpgin host + 626.94/s, vmstat.pgpgout host + 2019.02/s, vmstat.pgfault host + 9078.88/s, vmstat.pgmajfault host + 0.18/s, vmstat.pgfree host + 9388.26/s, vmstat.pgscan_kswapd host + 0.00/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 0.00/s
              2016-09-10 02:50:02+00:00: vmstat.pgpgin host + 806.48/s, vmstat.pgpgout host + 2012.10/s, vmstat.pgfault host + 7301.27/s, vmstat.pgmajfault host + 0.17/s, vmstat.pgfree host + 5968.87/s, vmstat.pgscan_kswapd host + 0.00/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 0.00/s
              2016-09-10 03:00:07+00:00: vmstat.pgpgin host + 694031.81/s, vmstat.pgpgout host + 2097.44/s, vmstat.pgfault host + 7752.61/s, vmstat.pgmajfault host + 633.88/s, vmstat.pgfree host + 212117.33/s, vmstat.pgscan_kswapd host + 375196.37/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 179629.27/s
              2016-09-10 03:10:07+00:00: vmstat.pgpgin host + 730073.18/s, vmstat.pgpgout host + 1982.34/s, vmstat.pgfault host + 8704.16/s, vmstat.pgmajfault host + 697.53/s, vmstat.pgfree host + 206740.23/s, vmstat.pgscan_kswapd host + 217153.60/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 182609.96/s
              2016-09-10 03:20:06+00:00: vmstat.pgpgin host + 733912.09/s, vmstat.pgpgout host + 2179.16/s, vmstat.pgfault host + 7276.29/s, vmstat.pgmajfault host + 633.97/s, vmstat.pgfree host + 236314.30/s, vmstat.pgscan_kswapd host + 213713.31/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 183655.17/s
              2016-09-10 03:30:04+00:00: vmstat.pgpgin host + 710894.55/s, vmstat.pgpgout host + 1981.43/s, vmstat.pgfault host + 8260.88/s, vmstat.pgmajfault host + 637.41/s, vmstat.pgfree host + 198254.41/s, vmstat.pgscan_kswapd host + 209061.44/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 177763.16/s
              2016-09-10 03:40:02+00:00: vmstat.pgpgin host + 723950.31/s, vmstat.pgpgout host + 2185.91/s, vmstat.pgfault host + 7663.98/s, vmstat.pgmajfault host + 618.98/s, vmstat.pgfree host + 236609.63/s, vmstat.pgscan_kswapd host + 209428.12/s, vmstat.pgscan_direct host + 0.00/s, vmstat.pgsteal host + 181126.74/s
            note: not known: host (--host), kernel (--kernel), number of CPUs (--cpus)
        "#]],
    );
}

#[test]
fn json_says_the_same_as_the_text() {
    // The same two samples, as sysstat 12.6.1 prints them both ways.
    let text = "\
Linux 6.1.0 (vm) \t11/24/26 \t_x86_64_\t(2 CPU)

10:06:09        CPU      %usr     %nice      %sys   %iowait    %steal      %irq     %soft    %guest    %gnice     %idle
10:06:10        all      3.00      1.00      1.00      0.50      0.00      0.25      0.25      2.00      0.50     91.50

10:06:09     pgpgin/s pgpgout/s   fault/s  majflt/s  pgfree/s pgscank/s pgscand/s pgsteal/s    %vmeff
10:06:10        40.00      4.00      6.00      0.00   7515.00      0.00      0.00      0.00      0.00

10:06:09    kbmemfree   kbavail kbmemused  %memused kbbuffers  kbcached  kbcommit   %commit  kbactive   kbinact   kbdirty  kbslab
10:06:10     23802756  24286500     94468      0.38      3088    660460     72672      0.29    104276    563484      2800  123312

10:06:09          DEV       tps     rkB/s     wkB/s     dkB/s   areq-sz    aqu-sz     await     %util
10:06:10          vda      5.00     20.00      2.00      0.00      4.40      0.01      2.00      0.40

10:06:09        %sio-10   %sio-60  %sio-300      %sio   %fio-10   %fio-60  %fio-300      %fio
10:06:10         0.08      0.40      0.33      0.12      0.08      0.38      0.30      0.10
";
    let json = r#"{"sysstat": {"hosts": [{"nodename": "vm", "sysname": "Linux", "release": "6.1.0", "machine": "x86_64",
"number-of-cpus": 2, "file-date": "2026-11-24", "timezone": "UTC", "statistics": [{
"timestamp": {"date": "2026-11-24", "time": "10:06:10", "utc": 1, "interval": 1},
"cpu-load": [{"cpu": "all", "usr": 3.00, "nice": 1.00, "sys": 1.00, "iowait": 0.50, "steal": 0.00, "irq": 0.25, "soft": 0.25, "guest": 2.00, "gnice": 0.50, "idle": 91.50}],
"paging": {"pgpgin": 40.00, "pgpgout": 4.00, "fault": 6.00, "majflt": 0.00, "pgfree": 7515.00, "pgscank": 0.00, "pgscand": 0.00, "pgsteal": 0.00, "vmeff-percent": 0.00},
"memory": {"memfree": 23802756, "avail": 24286500, "memused": 94468, "memused-percent": 0.38, "buffers": 3088, "cached": 660460, "commit": 72672, "commit-percent": 0.29, "active": 104276, "inactive": 563484, "dirty": 2800, "slab": 123312},
"disk": [{"disk-device": "vda", "tps": 5.00, "rd_sec": 40.00, "wr_sec": 4.00, "dc_sec": 0.00, "rkB": 20.00, "wkB": 2.00, "dkB": 0.00, "avgrq-sz": 8.80, "areq-sz": 4.40, "avgqu-sz": 0.01, "aqu-sz": 0.01, "await": 2.00, "util-percent": 0.40}],
"network": {"net-dev": []},
"psi": {"psi-io": {"some_avg10": 0.08, "some_avg60": 0.4, "some_avg300": 0.33, "some_avg": 0.12, "full_avg10": 0.08, "full_avg60": 0.38, "full_avg300": 0.3, "full_avg": 0.1}}
}], "restarts": []}]}}"#;
    let from_text = parse(text, &options(None, UTC)).unwrap();
    let mut from_json = Averages::default();
    super::sadf::read("sadf.json", json, &options(None, UTC), &mut from_json).unwrap();
    let numbers = |averages: &Averages| {
        let mut lines: Vec<String> = read_back(averages).split(", ").map(str::to_owned).collect();
        lines
            .iter_mut()
            .for_each(|line| *line = line.rsplit("00: ").next().unwrap().trim().to_owned());
        lines.sort();
        lines.join("\n")
    };
    expect![[r#"
        diskstats.discard_sectors vda + 0.00/s
        diskstats.io_ms vda + 4.00/s
        diskstats.io_total_ms vda + 10.00/s
        diskstats.ios_completed vda + 5.00/s
        diskstats.read_sectors vda + 40.00/s
        diskstats.weighted_io_ms vda + 10.00/s
        diskstats.write_sectors vda + 4.00/s
        every 1 s
        from 2026-11-24 10:06:09+00:00
        meminfo.Active host = 104276
        meminfo.Buffers host = 3088
        meminfo.Cached host = 660460
        meminfo.Committed_AS host = 72672
        meminfo.Dirty host = 2800
        meminfo.Inactive host = 563484
        meminfo.MemAvailable host = 24286500
        meminfo.MemFree host = 23802756
        meminfo.MemTotal host = 24684084
        meminfo.Slab host = 123312
        pressure/io.full_total host + 1000.00/s
        note: pgsteal/s was left out: this sysstat counts it twice on this kernel
        pressure/io.some_total host + 1200.00/s
        stat.guest host + 2.00/s
        stat.guest_nice host + 0.50/s
        stat.idle host + 91.50/s
        stat.iowait host + 0.50/s
        stat.irq host + 0.25/s
        stat.nice host + 1.50/s
        stat.softirq host + 0.25/s
        stat.steal host + 0.00/s
        stat.system host + 1.00/s
        stat.user host + 5.00/s
        vmstat.pgfault host + 6.00/s
        vmstat.pgfree host + 7515.00/s
        vmstat.pgmajfault host + 0.00/s
        vmstat.pgpgin host + 40.00/s
        vmstat.pgpgout host + 4.00/s
        vmstat.pgscan_direct host + 0.00/s
        vmstat.pgscan_kswapd host + 0.00/s"#]]
    .assert_eq(&numbers(&from_text));
    assert_eq!(numbers(&from_json), numbers(&from_text));
    assert_eq!(from_json.machine, from_text.machine);
}

#[test]
fn json_that_is_none() {
    for text in [
        "",
        "{}",
        "[]",
        r#"{"sysstat": {"hosts": [{}]}}"#,
        "{\"sysstat\":\n {",
    ] {
        let error =
            super::sadf::read("x.json", text, &options(None, UTC), &mut Averages::default()).unwrap_err();
        assert!(error.to_string().starts_with("x.json:"), "{error}");
    }
}

#[test]
fn numbers_in_any_locale() {
    let words = [
        "0.44",
        "0,44",
        "-1",
        "12345678901234.5",
        "123456789012345678",
        ".5",
        "5.",
        "1.2.3",
        "1,234.5",
        "",
        "-",
        ".",
        "1e5",
        "nan",
        "+1",
        "٣",
    ];
    let shown: Vec<_> = words
        .iter()
        .map(|word| format!("{word}={:?}", super::sar::read_number(word)))
        .collect();
    expect!["0.44=Some(0.44) 0,44=Some(0.44) -1=Some(-1.0) 12345678901234.5=Some(12345678901234.5) 123456789012345678=Some(1.2345678901234568e17) .5=Some(0.5) 5.=Some(5.0) 1.2.3=None 1,234.5=None =None -=None .=None 1e5=None nan=None +1=None ٣=None"].assert_eq(&shown.join(" "));
}

proptest::proptest! {
    #[test]
    fn numbers_are_those_of_the_text(whole in 0u64..1_000_000_000_000, cents in 0u64..100) {
        let text = format!("{whole}.{cents:02}");
        proptest::prop_assert_eq!(super::sar::read_number(&text), text.parse().ok());
    }
}

#[test]
fn an_hour_that_comes_twice_and_one_that_does_not() {
    let text = "\
Linux 5 (h) 2016-10-30 _x86_64_ (1 CPU)
01:30:00 proc/s cswch/s
02:00:00 1 1
02:30:00 2 1
02:00:00 3 1
02:30:00 4 1
03:00:00 5 1
Linux 5 (h) 2017-03-26 _x86_64_ (1 CPU)
01:00:00 proc/s cswch/s
01:30:00 6 1
03:00:00 7 1
03:30:00 8 1
";
    check(
        text,
        &options(None, Berlin),
        expect![[r#"
        every 1800 s
        from 2016-10-30 01:30:00+02:00, boot 0
          2016-10-30 02:00:00+02:00: stat.processes host + 1.00/s, stat.ctxt host + 1.00/s
          2016-10-30 02:30:00+02:00: stat.processes host + 2.00/s, stat.ctxt host + 1.00/s
          2016-10-30 02:00:00+01:00: stat.processes host + 3.00/s, stat.ctxt host + 1.00/s
          2016-10-30 02:30:00+01:00: stat.processes host + 4.00/s, stat.ctxt host + 1.00/s
          2016-10-30 03:00:00+01:00: stat.processes host + 5.00/s, stat.ctxt host + 1.00/s
          2017-03-26 01:30:00+01:00: stat.processes host + 6.00/s, stat.ctxt host + 1.00/s
          2017-03-26 03:00:00+02:00: stat.processes host + 7.00/s, stat.ctxt host + 1.00/s
          2017-03-26 03:30:00+02:00: stat.processes host + 8.00/s, stat.ctxt host + 1.00/s
    "#]],
    );
}

#[test]
fn endless_lines_and_mixed_ends_of_lines() {
    let long = "9".repeat(1_000_000);
    let text = format!(
        "Linux 5 (h) 2016-09-10 _x86_64_ (1 CPU)\r\n10:00:00 proc/s cswch/s\r\n10:10:00 1 1\n{long}\n10:20:00 {long} 1\r\n\
         10:30:00 3\0 1\n10:40:00 4 1\r\n10:50:00 5 1\r11:00:00 6 1\n11:10:00 {} 1\n",
        "7 ".repeat(300_000)
    );
    check(
        &text,
        &options(None, UTC),
        expect![[r#"
        every 600 s
        from 2016-09-10 10:00:00+00:00, boot 0
          2016-09-10 10:10:00+00:00: stat.processes host + 1.00/s, stat.ctxt host + 1.00/s
          2016-09-10 10:20:00+00:00: stat.ctxt host + 1.00/s
          2016-09-10 10:40:00+00:00: stat.processes host + 4.00/s, stat.ctxt host + 1.00/s
        note: sar.txt:4: no clock time at the start of the line; the line was left out
        note: sar.txt:6: not a number in a column of numbers; the line was left out
        note: sar.txt:8: more or fewer columns than the header names; the line was left out
        note: sar.txt:9: more columns than any table has; the line was left out
    "#]],
    );
}
