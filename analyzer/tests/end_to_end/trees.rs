//! Folders of snapshots and reports of `sos`, through the real binary.

use crate::scratch::Scratch;
use expect_test::expect;
use std::path::Path;

const MEMINFO: &str = "MemTotal:       65837824 kB\nMemFree:          270568 kB\n";
const VMSTAT: &str = "nr_free_pages 67642\npgpgin 806\n";

fn summary(scratch: &Scratch, arguments: &[&str]) -> String {
    let shown = scratch.show(arguments);
    let kept = shown.lines().filter(|line| !line.starts_with("  read "));
    kept.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_folder_of_snapshots() {
    let scratch = Scratch::new();
    scratch.write("snaps/2016-09-13T14:40:01/meminfo", MEMINFO);
    scratch.write("snaps/2016-09-13T14:40:01/proc/vmstat", VMSTAT);
    scratch.write(
        "snaps/2016-09-13T14:40:11/meminfo",
        MEMINFO.replace("270568", "999"),
    );
    scratch.write("snaps/third/meminfo", MEMINFO.replace("270568", "888"));
    scratch.write("snaps/third/timestamp", "Tue Sep 13 14:40:21 UTC 2016\n");
    scratch.write("snaps/fourth/meminfo", MEMINFO);
    scratch.write("snaps/notes/readme", "nothing\n");
    let path = scratch.path("snaps");
    let path = path.to_str().unwrap();
    let refused = scratch.show(&["import", "snapshots", "--strict", path]);
    let imported = summary(&scratch, &["import", "auto", path]);
    let again = scratch.show(&["import", "snapshots", path]);
    let shown = refused + &imported + &again + &scratch.show(&["cat", "meminfo", "--at", "14:40:12"]);
    expect![[r#"
        exit 2
        --- stderr
        analyzer: ./snaps/fourth: its name is no time, and no file `timestamp` or `date` is in it
        exit 0
        imported ./snaps into ./test.db
          node       unknown, Linux unknown
          span       2016-09-13 14:40:01 – 14:40:21 UTC
          ticks      3, every 10 s
          readings   4 of meminfo, vmstat
          processes  0 rows
          kernel log 0 records
          facts      0 new
          note       ./snaps/fourth: its name is no time, and no file `timestamp` or `date` is in it; 1 such were left out
          note       not known: host (--host), kernel (--kernel), number of CPUs (--cpus)
        exit 0
        ./snaps: already imported, nothing changed
        exit 0
        MemTotal:       65837824 kB
        MemFree:          999 kB
    "#]].assert_eq(&shown);

    scratch.write("snaps/2016-09-13T14:40:11/vmstat", "garbage\0\u{1}");
    expect![[r#"
        exit 2
        --- stderr
        analyzer: ./snaps/2016-09-13T14:40:11/vmstat: it is not vmstat: no number is in it, or NUL bytes
    "#]]
    .assert_eq(&scratch.show(&["import", "snapshots", path]));
}

fn report(scratch: &Scratch) {
    let folder = "sosreport-node1";
    let file = |name: &str, text: &str| scratch.write(&format!("{folder}/{name}"), text);
    file("sos_commands/date/date", "Tue Sep 13 15:05:00 UTC 2016\n");
    file(
        "sos_commands/kernel/uname_-a",
        "Linux node1 2.6.32-504.el6.x86_64 #1 SMP Tue Sep 16 01:56:35 EDT 2014 x86_64 x86_64 x86_64 GNU/Linux\n",
    );
    file(
        "sos_commands/kernel/sysctl_-a",
        "vm.swappiness = 1\nvm.min_free_kbytes = 90112\n",
    );
    file(
        "sos_commands/kernel/dmesg",
        "[    0.000000] Linux version 2.6.32\n[  100.500000] Out of memory: Kill process 4711 (java) score 900 or sacrifice child\n",
    );
    file(
        "sos_commands/block/lsblk",
        "NAME MAJ:MIN RM SIZE RO TYPE MOUNTPOINT\nsda 8:0 0 136G 0 disk\n└─sda1 8:1 0 1G 0 part /boot\n",
    );
    file("proc/meminfo", MEMINFO);
    file("proc/vmstat", VMSTAT);
    file("proc/uptime", "4200.00 8000.00\n");
    file("proc/cpuinfo", "processor\t: 0\nprocessor\t: 1\n");
    file("proc/4711/meminfo", "not looked at\n");
    file(
        "var/log/sa/sar13",
        "Linux 2.6.32-504.el6.x86_64 (node1) \t09/13/2016 \t_x86_64_\t(2 CPU)\n\n\
         02:40:01 PM pgpgin/s pgpgout/s fault/s majflt/s pgfree/s pgscank/s pgscand/s pgsteal/s %vmeff\n\
         02:50:01 PM 806.48 2012.10 7301.27 0.17 5968.87 0.00 0.00 0.00 0.00\n\
         03:00:01 PM 694031.81 2097.44 7752.61 633.88 212117.33 375196.37 0.00 179629.27 47.88\n",
    );
}

fn pack(folder: &Path, archive: &Path) {
    let file = std::fs::File::create(archive).unwrap();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
    tar.append_dir_all("sosreport-node1", folder).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

#[test]
fn a_report_in_a_folder_and_in_an_archive() {
    let scratch = Scratch::new();
    report(&scratch);
    let folder = scratch.path("sosreport-node1");
    let archive = scratch.path("sosreport-node1.tar.gz");
    pack(&folder, &archive);
    let imported = summary(&scratch, &["import", "auto", folder.to_str().unwrap()]);
    let again = scratch.show(&["import", "auto", archive.to_str().unwrap()]);
    let shown = imported
        + &again
        + &scratch.show(&["cat", "meminfo", "--at", "15:05:00"])
        + &scratch.show(&["diff", "averages", "--at", "14:50:01", "--at", "15:00:01"])
        + &scratch.show(&["explain", "--from", "14:40", "--to", "15:06"]);
    expect![[r#"
        exit 0
        imported ./sosreport-node1 into ./test.db
          node       node1, Linux 2.6.32-504.el6.x86_64
          span       2016-09-13 14:40:01 – 15:05:00 UTC
          ticks      4, every 10 min
          readings   5 of averages, meminfo, vmstat
          processes  0 rows
          kernel log 2 records
          facts      4 new
          note       not in it: zoneinfo, buddyinfo, diskstats
        exit 0
        ./sosreport-node1.tar.gz: already imported, nothing changed
        exit 0
        MemTotal:       65837824 kB
        MemFree:          270568 kB
        exit 0
        averages: 2016-09-13 14:50:01.000 → 2016-09-13 15:00:01.000 UTC, 600.000 s
        metric                subject     before        after          difference     per second
        vmstat.pgscan_kswapd  host     1,000,000  226,117,822  +225,117,822 pages  375,196 pages
        vmstat.pgfree         host     4,581,322  131,851,720  +127,270,398 pages  212,117 pages
        vmstat.pgsteal        host     1,000,000  108,777,562  +107,777,562 pages  179,629 pages
        vmstat.pgpgin         host     1,483,888  417,902,974     +416,419,086 kB     694,032 kB
        vmstat.pgpgout        host     2,207,260    3,465,724       +1,258,464 kB       2,097 kB
        vmstat.pgfault        host     5,380,762   10,032,328          +4,651,566          7,753
        vmstat.pgmajfault     host     1,000,102    1,380,430            +380,328            634
        7 of 8 numbers moved
        exit 0
        node1 · Linux 2.6.32-504.el6.x86_64 · 2 CPUs, 62.8 GiB
        Tue 2016-09-13 14:40:00–15:06:00 UTC · 4 of 4 ticks recorded

        ● WARNING  14:55:01–15:05:00 (still going)  cannot tell
          trouble without a cause that can be told; 634 page faults a second wait for a disk for pages that
          were evicted

          Harm: 634 page faults a second wait for a disk for pages that were evicted.

          CAUSE BEFORE EFFECT
          14:55:01.0 ±300.0  kswapd scans 0 pages/s → 375,196 pages/s  [no cause of it was seen]
          14:55:01.0 ±300.0  major faults: 0.2/s → 634/s  [with kswapd-scan, same interval]

          scan        ▁█   to 375,196 pages/s
          faults      ▁█   to 634/s

          IT WAS NOT
          a changed setting                      none of 2 recorded vm settings changed

          Evidence: analyzer diff vmstat --at 14:50:01 --at 15:00:01 · analyzer cat zoneinfo --at 15:00:01

        note: the record holds averages over 600 s: nothing shorter than three of them can be put in order;
              one reading a second would
        note: no processes were recorded: devices can be named, readers and writers cannot
    "#]]
    .assert_eq(&shown);
}

#[test]
fn reports_that_are_damaged() {
    let scratch = Scratch::new();
    report(&scratch);
    let archive = scratch.path("whole.tar.gz");
    pack(&scratch.path("sosreport-node1"), &archive);
    let bytes = std::fs::read(&archive).unwrap();
    // Cut anywhere it is refused, and nothing of it stays.
    for cut in (0..bytes.len()).step_by(41) {
        scratch.write("cut.tar.gz", &bytes[..cut]);
        let shown = scratch.show(&[
            "import",
            "sosreport",
            scratch.path("cut.tar.gz").to_str().unwrap(),
        ]);
        assert!(shown.starts_with("exit 2"), "cut at {cut}: {shown}");
    }
    scratch.write("undated/proc/meminfo", MEMINFO);
    std::os::unix::fs::symlink("/etc/hostname", scratch.path("undated/proc/vmstat")).unwrap();
    let undated = scratch.path("undated");
    let undated = undated.to_str().unwrap();
    let shown = scratch.show(&["import", "sosreport", undated])
        + &summary(
            &scratch,
            &["import", "sosreport", undated, "--at", "2016-09-13 15:05"],
        );
    expect![[r#"
        exit 2
        --- stderr
        analyzer: ./undated/date: no file says when this was made; say --at
        exit 0
        imported ./undated into ./test.db
          node       unknown, Linux unknown
          span       2016-09-13 15:05:00 – 15:05:00 UTC
          ticks      1, every 1 s
          readings   1 of meminfo
          processes  0 rows
          kernel log 0 records
          facts      0 new
          note       not in it: vmstat, zoneinfo, buddyinfo, diskstats
          note       not known: host (--host), kernel (--kernel), number of CPUs (--cpus)
    "#]]
    .assert_eq(&shown);
}

#[test]
fn snapshots_that_we_wrote_come_back_as_they_were() {
    let scratch = Scratch::new();
    scratch.write_recording();
    let path = |name: &str| scratch.path(name).display().to_string();
    let (recorded, back) = (path("recorded.db"), path("back.db"));
    let run = |arguments: &[&str]| {
        let output = scratch.analyzer(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output.stdout
    };
    run(&["import", "recording", &path("recording"), "--db", &recorded]);
    let times = [
        "2023-11-14T22:13:20.5",
        "2023-11-14T22:13:21.5",
        "2023-11-14T22:13:22.5",
    ];
    for time in times {
        let out = path(&format!("snaps/{time}"));
        run(&[
            "snapshot",
            "--db",
            &recorded,
            "--at",
            &format!("{time}Z"),
            "--out",
            &out,
        ]);
    }
    run(&["import", "snapshots", &path("snaps"), "--db", &back]);
    for time in times {
        for file in ["meminfo", "vmstat"] {
            let at = format!("{time}Z");
            let [before, after] = [&recorded, &back].map(|db| run(&["cat", file, "--db", db, "--at", &at]));
            assert!(!before.is_empty());
            assert_eq!(
                String::from_utf8_lossy(&before),
                String::from_utf8_lossy(&after),
                "{file} at {time}"
            );
        }
    }
}
