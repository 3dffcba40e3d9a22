//! Times in names, devices and logs as `sos report` has them.

use super::*;
use chrono::DateTime;
use chrono_tz::Europe::Berlin;
use expect_test::expect;

#[test]
fn times_in_names() {
    let names = [
        "2016-09-10T10:53:32",
        "2016-09-10_10-53-32.9",
        "20160910-105332",
        "20160910_1053",
        "snap-20160910105332Z",
        "1473504812.5",
        "2016-09-10 105332",
        "2016-02-30T10:53:32",
        "2016-09-10T25:53:32",
        "99999999999999",
        "proc",
        "17",
        "2016-03-27T02:30:00",
        "",
    ];
    let show = |name: &str| {
        let at = clock::of_name(name, Berlin);
        let local = at.map(|at| {
            DateTime::from_timestamp_nanos(at.0)
                .with_timezone(&Berlin)
                .to_rfc3339()
        });
        format!("{name:?}: {}\n", local.unwrap_or("–".to_owned()))
    };
    expect![[r#"
        "2016-09-10T10:53:32": 2016-09-10T10:53:32+02:00
        "2016-09-10_10-53-32.9": 2016-09-10T10:53:32.900+02:00
        "20160910-105332": 2016-09-10T10:53:32+02:00
        "20160910_1053": 2016-09-10T10:53:00+02:00
        "snap-20160910105332Z": 2016-09-10T12:53:32+02:00
        "1473504812.5": 2016-09-10T12:53:32.500+02:00
        "2016-09-10 105332": 2016-09-10T10:53:32+02:00
        "2016-02-30T10:53:32": –
        "2016-09-10T25:53:32": –
        "99999999999999": –
        "proc": –
        "17": –
        "2016-03-27T02:30:00": 2016-03-27T03:00:00+02:00
        "": –
    "#]]
    .assert_eq(&names.map(show).concat());
}

#[test]
fn devices_of_lsblk() {
    let text = "\
NAME            MAJ:MIN RM   SIZE RO TYPE  MOUNTPOINT
sda               8:0    0 136.1G  0 disk  
├─sda1            8:1    0     1G  0 part  /boot
└─sda2            8:2    0 135.1G  0 part  
  └─md0           9:0    0   135G  0 raid1 
    ├─vg-root   253:0    0   100G  0 lvm   /
    └─vg-swap   253:1    0    35G  0 lvm   [SWAP]
sdb               8:16   0 136.1G  0 disk  
└─sdb2            8:18   0 135.1G  0 part  
  └─md0           9:0    0   135G  0 raid1 
";
    let shown: String = sos::block_devices(text)
        .iter()
        .map(|(name, device)| format!("{name} {device}\n"))
        .collect();
    expect![[r#"
        dm-0 {"dev":"253:0","mounts":["/"],"partitions":[],"slaves":["md0"]}
        dm-1 {"dev":"253:1","mounts":["[SWAP]"],"partitions":[],"slaves":["md0"]}
        md0 {"dev":"9:0","mounts":[],"partitions":[],"slaves":["sda2","sdb2"]}
        sda {"dev":"8:0","mounts":[],"partitions":["sda1","sda2"],"slaves":[]}
        sda1 {"dev":"8:1","mounts":["/boot"],"partitions":[],"slaves":[]}
        sda2 {"dev":"8:2","mounts":[],"partitions":[],"slaves":[]}
        sdb {"dev":"8:16","mounts":[],"partitions":["sdb2"],"slaves":[]}
        sdb2 {"dev":"8:18","mounts":[],"partitions":[],"slaves":[]}
    "#]]
    .assert_eq(&shown);
}

#[test]
fn records_of_the_kernels_log() {
    let until = UnixNanos(1_483_268_400_000_000_000);
    let booted = Some(until - 3_600_000_000_000);
    let text = "\
[    0.000000] Linux version 2.6.32
[ 3599.500000] Out of memory: Kill process 4711 (java) score 900 or sacrifice child
[Sun Jan  1 11:00:00 2017] a human time
Dec 31 23:59:59 node1 kernel: the last year's
Jan  1 00:00:01 node1 kernel: this year's
Jan  1 00:00:01 node1 sshd[1]: no record of the kernel
Feb 31 00:00:01 node1 kernel: no day
rubbish é
";
    let show = |record: &model::LogRecord| {
        let at = DateTime::from_timestamp_nanos(record.at.0);
        format!("{} {} {}\n", at.to_rfc3339(), record.sequence, record.text)
    };
    let shown: String = sos::kernel_log(text, until, booted, chrono_tz::UTC)
        .iter()
        .map(show)
        .collect();
    expect![[r#"
        2016-12-31T23:59:59+00:00 3 the last year's
        2017-01-01T00:00:01+00:00 4 this year's
        2017-01-01T10:00:00+00:00 0 Linux version 2.6.32
        2017-01-01T10:59:59.500+00:00 1 Out of memory: Kill process 4711 (java) score 900 or sacrifice child
        2017-01-01T11:00:00+00:00 2 a human time
    "#]]
    .assert_eq(&shown);
}
