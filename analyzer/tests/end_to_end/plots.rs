//! `analyzer plot`: charts in a terminal, pictures, names that are not quite right.

use crate::scratch::Scratch;
use expect_test::expect;

/// Two minutes in which memory falls and rises; meminfo is not read for twenty seconds of it, and a counter is reset.
fn imported() -> Scratch {
    let scratch = Scratch::new();
    scratch.write_recording();
    let mut meminfo = String::new();
    let mut vmstat = String::new();
    let mut disks = String::new();
    for second in 0..120u64 {
        let at = 1_700_000_000 + second;
        if !(60..80).contains(&second) {
            let free = 8_000_000 - 100_000 * second.min(120 - second);
            meminfo +=
                &format!("@ {at}.000100000\nMemTotal:        9000000 kB\nMemFree:         {free} kB\n");
        }
        let faults = if second < 90 {
            1000 * second
        } else {
            10 * (second - 90)
        };
        vmstat += &format!("@ {at}.000200000\nnr_free_pages 483390\npgmajfault {faults}\n");
        let sectors = 2048 * second;
        disks += &format!(
            "@ {at}.000300000\n 253 0 vda {second} 0 {sectors} 7 0 0 0 0 0 7 7\n 253 1 vdb 1 0 8 7 0 0 0 0 0 7 7\n"
        );
    }
    scratch.write("recording/proc/meminfo.log", meminfo);
    scratch.write("recording/proc/vmstat.log", vmstat);
    scratch.write("recording/proc/diskstats.log", disks);
    std::fs::remove_file(scratch.path("recording/proc/pids.log")).unwrap();
    std::fs::remove_file(scratch.path("recording/proc/kmsg.log")).unwrap();
    let output = scratch.analyzer(&["import", "recording", scratch.path("recording").to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    scratch
}

const WINDOW: [&str; 4] = ["--from", "22:13:20", "--to", "22:15:20"];

fn plot(scratch: &Scratch, arguments: &[&str]) -> String {
    scratch.show(&[&["plot"], arguments, &WINDOW].concat())
}

#[test]
fn in_the_terminal_gaps_are_gaps_and_counters_are_rates() {
    let shown = plot(
        &imported(),
        &[
            "meminfo.MemFree",
            "vmstat.pgmajfault",
            "diskstats.read_sectors@vda",
        ],
    );
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    expect![[r#"
        exit 0
        2023-11-14 22:13:20 – 22:15:20 UTC
        meminfo.MemFree: 2.15 GB to 8.19 GB
           8.19 GB │⠉⠓⠒⠦⠤⣄⣀⡀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣠⠤⠴⠒⠚⠁
                   │⠀⠀⠀⠀⠀⠀⠀⠉⠉⠒⠒⠤⠤⣀⣀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣀⠤⠤⠒⠒⠉⠉
                   │⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠉⠉⠒⠒⠤⠤⣀⡀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⣀⠤⠤⠒⠒⠉⠉
                   │⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠈⠉⠑⠒⠢⠤⢄⣀⡀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠁
                   │⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠈⠉⠑⠂
               0 B │
                   └──────┬───────────────┬────────────────┬────────────────┬───────────
                      22:13:30        22:14:00         22:14:30         22:15:00
        vmstat.pgmajfault: 10/s to 1,000/s
           1,000/s │⠈⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠁
                   │
                   │
                   │
                   │
               0/s │⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⡀
                   └──────┬───────────────┬────────────────┬────────────────┬───────────
                      22:13:30        22:14:00         22:14:30         22:15:00
        diskstats.read_sectors of vda: 1.05 MB/s
         1.05 MB/s │⠈⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠁
                   │
                   │
                   │
                   │
             0 B/s │
                   └──────┬───────────────┬────────────────┬────────────────┬───────────
                      22:13:30        22:14:00         22:14:30         22:15:00
    "#]]
    .assert_eq(&shown);
}

#[test]
fn as_the_kernel_prints_it_or_as_what_it_changes_by() {
    let scratch = imported();
    let headings = |shown: String| -> String {
        let lines = shown.lines().filter(|line| line.contains(": "));
        lines.map(|line| line.to_owned() + "\n").collect()
    };
    let all = [
        "meminfo.MemFree",
        "vmstat.pgmajfault",
        "vmstat.nr_free_pages",
        "diskstats.read_sectors",
        "mem.free",
    ];
    let mut told = headings(plot(&scratch, &all));
    told += &headings(plot(&scratch, &[&all[..4], &["--raw"]].concat()));
    told += &headings(plot(&scratch, &[&all[..4], &["--rate"]].concat()));
    expect![[r#"
        meminfo.MemFree: 2.15 GB to 8.19 GB
        vmstat.pgmajfault: 10/s to 1,000/s
        vmstat.nr_free_pages: 1.98 GB
        diskstats.read_sectors of vda: 1.05 MB/s
        diskstats.read_sectors of vdb: 0 B/s
        mem.free: 2.15 GB to 8.19 GB
        meminfo.MemFree: 2,100,000 kB to 8,000,000 kB
        vmstat.pgmajfault: 0 to 89,000
        vmstat.nr_free_pages: 483,390 pages
        diskstats.read_sectors of vda: 0 sectors to 243,712 sectors
        diskstats.read_sectors of vdb: 8 sectors
        meminfo.MemFree: −102 MB/s to 102 MB/s
        vmstat.pgmajfault: 10/s to 1,000/s
        vmstat.nr_free_pages: 0 B/s
        diskstats.read_sectors of vda: 1.05 MB/s
        diskstats.read_sectors of vdb: 0 B/s
    "#]]
    .assert_eq(&told);
}

#[test]
fn names_that_there_are_not() {
    let scratch = imported();
    let shown = [
        plot(&scratch, &["meminfo.memfree"]),
        plot(&scratch, &["MemFre"]),
        plot(&scratch, &["pgmajfault"]),
        plot(&scratch, &["qqqq"]),
        plot(&scratch, &["diskstats.read_sectors@sda"]),
        plot(&scratch, &["\u{1b}[31m@\u{7}"]),
        scratch.show(&[
            "plot",
            "meminfo.MemFree",
            "--from",
            "@1600000000",
            "--to",
            "@1600000010",
        ]),
        scratch.show(&["plot", "meminfo.MemFree", "--out", "x.jpeg"]),
    ];
    expect![[r#"
        exit 3
        --- stderr
        analyzer: no metric meminfo.memfree in 2023-11-14 22:13:20 – 22:15:20 UTC; did you mean meminfo.MemFree, meminfo.MemTotal, mem.free?
        exit 3
        --- stderr
        analyzer: no metric MemFre in 2023-11-14 22:13:20 – 22:15:20 UTC; did you mean meminfo.MemFree, mem.free, mem.free_growth, meminfo.MemTotal?
        exit 3
        --- stderr
        analyzer: no metric pgmajfault in 2023-11-14 22:13:20 – 22:15:20 UTC; did you mean vmstat.pgmajfault?
        exit 3
        --- stderr
        analyzer: no metric qqqq in 2023-11-14 22:13:20 – 22:15:20 UTC
        exit 3
        --- stderr
        analyzer: no diskstats.read_sectors of sda in 2023-11-14 22:13:20 – 22:15:20 UTC; there is diskstats.read_sectors of vda, diskstats.read_sectors of vdb
        exit 3
        --- stderr
        analyzer: no metric  [31m in 2023-11-14 22:13:20 – 22:15:20 UTC
        exit 3
        --- stderr
        analyzer: no data in 2020-09-13 12:26:40 – 12:26:50 UTC; there is some in 2023-11-14 22:13:20 – 22:15:19 UTC
        exit 2
        --- stderr
        analyzer: x.jpeg: a picture's name ends in .svg or .png
    "#]].assert_eq(&shown.concat());
}

#[test]
fn pictures() {
    let scratch = imported();
    let (svg, png) = (scratch.path("x.svg"), scratch.path("x.png"));
    let metrics = ["meminfo.MemFree", "vmstat.pgmajfault"];
    assert_eq!(
        plot(
            &scratch,
            &[&metrics[..], &["--out", svg.to_str().unwrap()]].concat()
        ),
        "exit 0\n"
    );
    let text = std::fs::read_to_string(svg).unwrap();
    // The gap parts the line in two and is shaded; the counter's reset parts the other.
    expect!["4 lines, 1 shaded, 1 captions"].assert_eq(&format!(
        "{} lines, {} shaded, {} captions",
        text.matches("<polyline").count(),
        text.matches("fill=\"#f1f3f4\"").count(),
        text.matches("meminfo.MemFree: 2.15 GB to 8.19 GB").count(),
    ));
    assert_eq!(
        plot(
            &scratch,
            &[&metrics[..], &["--out", png.to_str().unwrap()]].concat()
        ),
        "exit 0\n"
    );
    let bytes = std::fs::read(png).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    // Twice the SVG's size, from the header: two charts of 170 and two margins of 10.
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((number(16), number(20)), (2000, 720));
}
