//! What the decoders make of the kernel files of five eras, from RHEL 6 to 6.18.

mod common;

use common::{ERAS, decode, decoded, fixture, fixture_path, table};
use expect_test::{expect, expect_file};
use model::Template;

#[test]
fn every_file_of_every_era() {
    for era in ERAS {
        for source in sources::all() {
            if let Some(text) = fixture(era, source.name) {
                let (columns, values) = decode(source.name, &text);
                let mut path = fixture_path(era, source.name);
                path.set_extension("columns");
                expect_file![path].assert_eq(&table(&columns, &values));
            }
        }
    }
}

#[test]
fn every_era_has_its_files() {
    let counts = ERAS.map(|era| {
        sources::all()
            .iter()
            .filter(|s| fixture(era, s.name).is_some())
            .count()
    });
    assert_eq!(counts, [7, 7, 7, 10, 10]);
}

#[test]
fn nothing_is_unknown_in_any_era() {
    for era in ERAS {
        for source in sources::all() {
            let Some(text) = fixture(era, source.name) else {
                continue;
            };
            let (template, _) = Template::parse(&text, None);
            let names: Vec<_> = source
                .unknown(&template)
                .iter()
                .map(|c| c.metric.name.clone())
                .collect();
            assert!(names.is_empty(), "{era} {}: {names:?}", source.name);
        }
    }
}

#[test]
fn diskstats_of_any_number_of_columns() {
    let text = "\
   3       1 hda1 35486 0 35496 38030
   8       0 sda 1 2 3 4 5 6 7 8 9 10 11
   8      16 sdb 1 2 3 4 5 6 7 8 9 10 11 12 13
 259       0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18
   8      32 sdc 1 2 3
";
    expect![[r#"
         0     3  diskstats.major               hda1     Count         Gauge
         1     1  diskstats.minor               hda1     Count         Gauge
         2 35486  diskstats.reads_completed     hda1     Count         Counter
         3     0  diskstats.read_sectors        hda1     Sectors       Counter
         4 35496  diskstats.writes_completed    hda1     Count         Counter
         5 38030  diskstats.write_sectors       hda1     Sectors       Counter
         6     8  diskstats.major               sda      Count         Gauge
         7     0  diskstats.minor               sda      Count         Gauge
         8     1  diskstats.reads_completed     sda      Count         Counter
         9     2  diskstats.reads_merged        sda      Count         Counter
        10     3  diskstats.read_sectors        sda      Sectors       Counter
        11     4  diskstats.read_ms             sda      Milliseconds  Counter32
        12     5  diskstats.writes_completed    sda      Count         Counter
        13     6  diskstats.writes_merged       sda      Count         Counter
        14     7  diskstats.write_sectors       sda      Sectors       Counter
        15     8  diskstats.write_ms            sda      Milliseconds  Counter32
        16     9  diskstats.in_flight           sda      Count         Gauge
        17    10  diskstats.io_ms               sda      Milliseconds  Counter32
        18    11  diskstats.weighted_io_ms      sda      Milliseconds  Counter32
        19     8  diskstats.major               sdb      Count         Gauge
        20    16  diskstats.minor               sdb      Count         Gauge
        21     1  diskstats.reads_completed     sdb      Count         Counter
        22     2  diskstats.reads_merged        sdb      Count         Counter
        23     3  diskstats.read_sectors        sdb      Sectors       Counter
        24     4  diskstats.read_ms             sdb      Milliseconds  Counter32
        25     5  diskstats.writes_completed    sdb      Count         Counter
        26     6  diskstats.writes_merged       sdb      Count         Counter
        27     7  diskstats.write_sectors       sdb      Sectors       Counter
        28     8  diskstats.write_ms            sdb      Milliseconds  Counter32
        29     9  diskstats.in_flight           sdb      Count         Gauge
        30    10  diskstats.io_ms               sdb      Milliseconds  Counter32
        31    11  diskstats.weighted_io_ms      sdb      Milliseconds  Counter32
        32    12  diskstats.field_12            sdb      Count         Gauge
        33    13  diskstats.field_13            sdb      Count         Gauge
        34   259  diskstats.major               nvme0n1  Count         Gauge
        35     0  diskstats.minor               nvme0n1  Count         Gauge
        36     1  diskstats.reads_completed     nvme0n1  Count         Counter
        37     2  diskstats.reads_merged        nvme0n1  Count         Counter
        38     3  diskstats.read_sectors        nvme0n1  Sectors       Counter
        39     4  diskstats.read_ms             nvme0n1  Milliseconds  Counter32
        40     5  diskstats.writes_completed    nvme0n1  Count         Counter
        41     6  diskstats.writes_merged       nvme0n1  Count         Counter
        42     7  diskstats.write_sectors       nvme0n1  Sectors       Counter
        43     8  diskstats.write_ms            nvme0n1  Milliseconds  Counter32
        44     9  diskstats.in_flight           nvme0n1  Count         Gauge
        45    10  diskstats.io_ms               nvme0n1  Milliseconds  Counter32
        46    11  diskstats.weighted_io_ms      nvme0n1  Milliseconds  Counter32
        47    12  diskstats.discards_completed  nvme0n1  Count         Counter
        48    13  diskstats.discards_merged     nvme0n1  Count         Counter
        49    14  diskstats.discard_sectors     nvme0n1  Sectors       Counter
        50    15  diskstats.discard_ms          nvme0n1  Milliseconds  Counter32
        51    16  diskstats.flushes_completed   nvme0n1  Count         Counter
        52    17  diskstats.flush_ms            nvme0n1  Milliseconds  Counter32
        53    18  diskstats.field_18            nvme0n1  Count         Gauge
        54     8  diskstats.number              sdc      Count         Gauge
        55    32  diskstats.number_2            sdc      Count         Gauge
        56     1  diskstats.sdc                 sdc      Count         Gauge
        57     2  diskstats.sdc_2               sdc      Count         Gauge
        58     3  diskstats.sdc_3               sdc      Count         Gauge
    "#]]
    .assert_eq(&decoded("diskstats", text));
}

#[test]
fn pressure_of_interrupts_has_full_only() {
    let text = "full avg10=0.05 avg60=0.00 avg300=12.50 total=1234\n";
    expect![[r#"
        0 0.05  pressure/irq.full_avg10   host  Percent       Gauge
        1    0  pressure/irq.full_avg60   host  Percent       Gauge
        2 12.5  pressure/irq.full_avg300  host  Percent       Gauge
        3 1234  pressure/irq.full_total   host  Microseconds  Counter
    "#]]
    .assert_eq(&decoded("pressure/irq", text));
}

#[test]
fn lines_of_a_kernel_to_come_are_kept() {
    expect![[r#"
        0 7  meminfo.MemTotal       host  Kibibytes  Gauge
        1 5  meminfo.Quantum        host  Count      Gauge
        2 1  meminfo.New_Thing_a    host  Count      Gauge
        3 2  meminfo.New_Thing_a_2  host  Count      Gauge
    "#]]
    .assert_eq(&decoded(
        "meminfo",
        "MemTotal:  7 kB\nQuantum:    5\nNew Thing (a): 1 2 MB\n",
    ));
    expect![[r#"
        0  1  vmstat.pgfault       host  Count  Counter
        1  2  vmstat.nr_entangled  host  Count  Gauge
        2  3  vmstat.pgfault_2     host  Count  Gauge
        3  4  vmstat.pgfault_3     host  Count  Gauge
        4 12  vmstat.number        host  Count  Gauge
    "#]]
    .assert_eq(&decoded(
        "vmstat",
        "pgfault 1\nnr_entangled 2\npgfault 3\npgfault 4\n12\n",
    ));
    expect![[r#"
         0    1  stat.user        host  ClockTicks  Counter
         1    2  stat.nice        host  ClockTicks  Counter
         2    3  stat.system      host  ClockTicks  Counter
         3    4  stat.idle        host  ClockTicks  Counter
         4    5  stat.iowait      host  ClockTicks  Counter
         5    6  stat.irq         host  ClockTicks  Counter
         6    7  stat.softirq     host  ClockTicks  Counter
         7    8  stat.steal       host  ClockTicks  Counter
         8    9  stat.guest       host  ClockTicks  Counter
         9   10  stat.guest_nice  host  ClockTicks  Counter
        10   11  stat.cpu         host  Count       Gauge
        11    1  stat.user        cpu0  ClockTicks  Counter
        12    9  stat.intr_total  host  Count       Counter
        13    1  stat.intr_0      host  Count       Counter32
        14 5741  stat.page        host  Count       Gauge
        15 1808  stat.page_2      host  Count       Gauge
    "#]]
    .assert_eq(&decoded(
        "stat",
        "cpu  1 2 3 4 5 6 7 8 9 10 11\ncpu0 1\nintr 9 1\npage 5741 1808\n",
    ));
    expect![[r#"
        0 0.05  loadavg.load1     host  Ratio  Gauge
        1 12.3  loadavg.load5     host  Ratio  Gauge
        2    0  loadavg.load15    host  Ratio  Gauge
        3    2  loadavg.runnable  host  Count  Gauge
        4  345  loadavg.tasks     host  Count  Gauge
        5 6789  loadavg.last_pid  host  Count  Gauge
    "#]]
    .assert_eq(&decoded("loadavg", "0.05 12.30 0.00 2/345 6789\n"));
    expect![[r#"
        0 0.05  loadavg.number    host  Count  Gauge
        1 12.3  loadavg.number_2  host  Count  Gauge
    "#]]
    .assert_eq(&decoded("loadavg", "0.05 12.30\n"));
    expect![[r#"
        0 5  buddyinfo.free_blocks               1/Normal/0  Count  Gauge
        1 6  buddyinfo.free_blocks               1/Normal/1  Count  Gauge
        2 7  buddyinfo.free_blocks               1/Normal/2  Count  Gauge
        3 8  buddyinfo.Node_1_zone_Normal_extra  1/Normal    Count  Gauge
        4 1  buddyinfo.Node_x_zone_DMA           host        Count  Gauge
    "#]]
    .assert_eq(&decoded(
        "buddyinfo",
        "Node 1, zone  Normal  5 6 7 extra 8\nNode x, zone DMA 1\n",
    ));
}

#[test]
fn words_of_zoneinfo_mean_what_their_place_says() {
    let text = "\
Node 1, zone   Normal
  per-node stats
      nr_dirty     1
      nr_future    2
  pages free     3
        high     4
        newmark  5
        protection: (6, 7)
      nr_kernel_stack 8
  pagesets
    cpu: 12
              count: 9
              high:  10
              newlist: 11
  vm stats threshold: 12
  node_unreclaimable:  13
  start_pfn:           14
";
    expect![[r#"
         0  1  zoneinfo.nr_dirty                    node1           Pages      Gauge
         1  2  zoneinfo.nr_future                   node1           Count      Gauge
         2  3  zoneinfo.free                        1/Normal        Pages      Gauge
         3  4  zoneinfo.high                        1/Normal        Pages      Gauge
         4  5  zoneinfo.newmark                     1/Normal        Count      Gauge
         5  6  zoneinfo.protection_0                1/Normal        Pages      Gauge
         6  7  zoneinfo.protection_1                1/Normal        Pages      Gauge
         7  8  zoneinfo.nr_kernel_stack             1/Normal        Kibibytes  Gauge
         8  9  zoneinfo.pageset_count               1/Normal/cpu12  Pages      Gauge
         9 10  zoneinfo.pageset_high                1/Normal/cpu12  Pages      Gauge
        10 11  zoneinfo.newlist                     1/Normal/cpu12  Count      Gauge
        11 12  zoneinfo.pageset_vm_stats_threshold  1/Normal/cpu12  Pages      Gauge
        12 13  zoneinfo.node_unreclaimable          1/Normal        Count      Gauge
        13 14  zoneinfo.start_pfn                   1/Normal        Pages      Gauge
    "#]]
    .assert_eq(&decoded("zoneinfo", text));
}

#[test]
fn kernel_stacks_are_counted_or_measured() {
    let unit = |text: &str| decode("vmstat", text.as_bytes()).0[0].metric.unit;
    assert_eq!(unit("nr_kernel_stack 5\nnr_free_pages 1\n"), model::Unit::Count);
    assert_eq!(
        unit("nr_kernel_stack 5\nnr_zone_active_file 1\n"),
        model::Unit::Kibibytes
    );
}

#[test]
fn a_minus_is_a_sign_only_at_the_start_of_a_number() {
    let (columns, values) = decode("meminfo", b"Balance:  -5 kB\nRange: 3-4\n");
    let read: Vec<f64> = columns.iter().map(|c| c.value(values[c.slot])).collect();
    assert_eq!(read, [-5.0, 3.0, 4.0]);
}
