//! `analyzer snapshot`: the tree, its refusals, and another program that reads it.

use crate::scratch::Scratch;
use expect_test::expect;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn imported(scratch: &Scratch) {
    let recording = scratch.path("recording");
    let output = scratch.analyzer(&["import", "recording", recording.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Every file below a folder, with its text.
fn tree(folder: &Path) -> String {
    fn walk(folder: &Path, prefix: &str, out: &mut String) {
        let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap()).collect();
        entries.sort_by_key(|entry| entry.file_name());
        for entry in entries {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                *out += &format!("{name}/\n");
                walk(&entry.path(), &format!("{name}/"), out);
            } else {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                *out += &format!("{name}: {text:?}\n");
            }
        }
    }
    let mut out = String::new();
    walk(folder, "", &mut out);
    out
}

#[test]
fn what_is_known_is_there_and_what_is_not_is_said() {
    let scratch = Scratch::new();
    scratch.write_recording();
    scratch.write(
        "recording/block.json",
        r#"{"vda": {"dev": "253:0", "rotational": false, "sectors": 1000, "partitions": ["vda1"], "mounts": []},
            "vda1": {"dev": "253:1", "sectors": null, "holders": ["dm-0"], "mounts": ["/"]}}"#,
    );
    imported(&scratch);
    let out = scratch.path("out");
    let shown = scratch.show(&["snapshot", "--at", "22:13:21.5", "--out", out.to_str().unwrap()]);
    expect![[r#"
        exit 0
        ./out: 16 files as of 2023-11-14 22:13:21.500
    "#]]
    .assert_eq(&shown);
    expect![[r#"
        9/
        9/comm: "java\n"
        9/io: "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n"
        9/status: "Name:\tjava\nState:\tS (sleeping)\nTgid:\t9\nPid:\t9\nThreads:\t3\n"
        cmdline: "quiet\n"
        meminfo: "MemTotal:       24684084 kB\nMemFree:         1833560 kB\n"
        sys/
        sys/kernel/
        sys/kernel/hostname: "tiny\n"
        sys/kernel/osrelease: "6.18.0\n"
        sys/kernel/threads-max: "1000\n"
        sys/vm/
        sys/vm/swappiness: "10\n"
        vmstat: "nr_free_pages 458390\npgfault 1500\npgmajfault 7\n"
    "#]].assert_eq(&tree(&out.join("proc")));
    expect![[r#"
        block/
        block/vda/
        block/vda/dev: "253:0\n"
        block/vda/queue/
        block/vda/queue/rotational: "0\n"
        block/vda/size: "1000\n"
        block/vda/vda1/
        block/vda/vda1/dev: "253:1\n"
        block/vda/vda1/holders/
        block/vda/vda1/holders/dm-0/
        block/vda/vda1/partition: "1\n"
    "#]]
    .assert_eq(&tree(&out.join("sys")));
    expect![[r#"
        A machine as highwater recorded it, as of 2023-11-14T22:13:21.500Z: tiny, Linux 6.18.0, boot b-1

        Byte for byte, as read at
          2023-11-14T22:13:21.000Z  proc/meminfo
          2023-11-14T22:13:21.000Z  proc/vmstat

        All other files are made from what was recorded of them: settings, devices and processes.

        Not here
          proc/zoneinfo: not recorded
          proc/buddyinfo: not recorded
          proc/diskstats: not recorded
          proc/stat: not recorded
          proc/loadavg: not recorded
          proc/pressure/cpu: not recorded
          proc/pressure/io: not recorded
          proc/pressure/memory: not recorded
          proc/pressure/irq: not recorded
          proc/mounts, proc/swaps: recorded in part only; `analyzer explain --json` has mounts of the devices it names
          sys/block: serial numbers and WWNs, whose file is not recorded; slaves and holders are empty folders, not links
          proc/PID/stat, proc/PID/schedstat: not all of their fields are recorded
          proc/PID/io, proc/PID/status: lines that are not here are not recorded
          proc/PID/cmdline: arguments are parted by blanks instead of zeroes, and cut after 4096 bytes
          proc/PID/cgroup: which hierarchy the path is of is not recorded; the file says version 2
          whatever else a kernel has: not recorded
    "#]].assert_eq(&std::fs::read_to_string(out.join("MANIFEST")).unwrap());
}

#[test]
fn refusals() {
    let scratch = Scratch::new();
    scratch.write_recording();
    imported(&scratch);
    let out = scratch.path("out");
    let snapshot =
        |at: &str, out: &Path| scratch.show(&["snapshot", "--at", at, "--out", out.to_str().unwrap()]);
    let mut shown = snapshot("@1700000005.5", &out);
    shown += &snapshot("2023-11-14 22:13:19", &out);
    assert!(!out.exists());
    scratch.write("out/mine", "x");
    shown += &snapshot("22:13:21", &out);
    shown += &snapshot("22:13:21", &out.join("mine"));
    assert_eq!(tree(&out), "mine: \"x\"\n");
    expect![[r#"
        exit 3
        --- stderr
        analyzer: nothing was recorded within 3 intervals before 2023-11-14 22:13:25.500; there is data in 2023-11-14 22:13:20 – 22:13:22 UTC
        exit 3
        --- stderr
        analyzer: nothing was recorded within 3 intervals before 2023-11-14 22:13:19.000; there is data in 2023-11-14 22:13:20 – 22:13:22 UTC
        exit 2
        --- stderr
        analyzer: ./out: the folder is not empty
        exit 2
        --- stderr
        analyzer: ./out/mine: Not a directory (os error 20)
    "#]].assert_eq(&shown);
}

#[test]
fn a_file_that_ended_early_is_left_out_and_said() {
    let scratch = Scratch::new();
    scratch.write_recording();
    let later: String = (3..9)
        .map(|i| {
            format!("@ 170000000{i}.000100000\nMemTotal:       24684084 kB\nMemFree:          93356{i} kB\n")
        })
        .collect();
    let path = scratch.path("recording/proc/meminfo.log");
    let begun = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, begun + &later).unwrap();
    imported(&scratch);
    let out = scratch.path("out");
    let shown = scratch.show(&["snapshot", "--at", "22:13:27", "--out", out.to_str().unwrap()]);
    expect![[r#"
        exit 4
        ./out: 9 files as of 2023-11-14 22:13:27.000
        --- stderr
        analyzer: vmstat is left out: it was last read at 2023-11-14 22:13:22.000, more than 3 intervals before
    "#]].assert_eq(&shown);
    assert!(!out.join("proc/vmstat").exists());
}

#[test]
fn hostile_names_stay_inside() {
    let scratch = Scratch::new();
    scratch.write_recording();
    scratch.write(
        "recording/sysctl.txt",
        "vm.swappiness = 60\nvm.//.//.//.//escape = 1\nvm.swappiness.x = 2\n/.etc = 3\n",
    );
    scratch.write(
        "recording/block.json",
        r#"{"../../../escape": {"dev": "253:0"}, "vda": {"dev": "1:1", "slaves": ["..", "a/../../../../../x"]}}"#,
    );
    imported(&scratch);
    let out = scratch.path("a/b/out");
    scratch.show(&["snapshot", "--at", "22:13:20.5", "--out", out.to_str().unwrap()]);
    let manifest = std::fs::read_to_string(out.join("MANIFEST")).unwrap();
    let left_out: Vec<_> = manifest
        .lines()
        .map(str::trim)
        .filter(|line| line.ends_with("elsewhere") || line.ends_with("is a file"))
        .collect();
    expect![[r#"
          proc/sys/./etc: its name leads elsewhere
          proc/sys/vm/../../../..escape: its name leads elsewhere
          proc/sys/vm/swappiness/x: what should be its folder is a file
          block device ../../../escape: its name leads elsewhere
          block device vda: its name leads elsewhere"#]]
    .assert_eq(&left_out.join("\n"));
    let beside: Vec<_> = std::fs::read_dir(scratch.path("a"))
        .unwrap()
        .chain(std::fs::read_dir(scratch.path("a/b")).unwrap())
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(beside, ["b", "out"]);
}

const FILES: [&str; 11] = [
    "meminfo",
    "vmstat",
    "zoneinfo",
    "buddyinfo",
    "diskstats",
    "stat",
    "loadavg",
    "pressure/cpu",
    "pressure/io",
    "pressure/memory",
    "pressure/irq",
];

/// This machine's own files, copied once; the copy recorded; the record of the copy against the copy.
#[test]
fn node_exporter_says_of_a_snapshot_what_it_says_of_the_files() {
    let scratch = Scratch::new();
    scratch.write(
        "recording/node.json",
        r#"{"hostname": "here", "kernel": "6.18.0", "machine": "x86_64", "boot_id": "b-1", "page_size": 4096,
"clk_tck": 100, "cpus": 2, "cmdline": "quiet", "realtime_minus_monotonic_ns": 1600000000000000000}"#,
    );
    let mut copied = Vec::new();
    for name in FILES {
        if let Ok(text) = std::fs::read(Path::new("/proc").join(name)) {
            scratch.write(&format!("live/{name}"), &text);
            let mut log = Vec::new();
            for second in 0..3 {
                log.extend(format!("@ 170000000{second}.000100000\n").bytes());
                log.extend(&text);
            }
            scratch.write(&format!("recording/proc/{}.log", name.replace('/', "_")), log);
            copied.push(name);
        }
    }
    imported(&scratch);
    let out = scratch.path("out");
    let shown = scratch.show(&[
        "snapshot",
        "--at",
        "@1700000001.5",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(shown.starts_with("exit 0"), "{shown}");
    for name in &copied {
        let (live, taken) = (
            std::fs::read(scratch.path("live").join(name)).unwrap(),
            std::fs::read(out.join("proc").join(name)).unwrap(),
        );
        assert!(live == taken, "{name} differs");
    }
    let (Some(live), Some(taken)) = (metrics(&scratch.path("live")), metrics(&out.join("proc"))) else {
        eprintln!("prometheus-node-exporter is not installed: only the bytes were compared");
        return;
    };
    assert_eq!(live, taken);
    for family in [
        ("node_memory_", "meminfo"),
        ("node_vmstat_", "vmstat"),
        ("node_zoneinfo_", "zoneinfo"),
        ("node_buddyinfo_", "buddyinfo"),
        ("node_disk_", "diskstats"),
        ("node_load1", "loadavg"),
        ("node_pressure_", "pressure/io"),
    ] {
        let (metric, file) = family;
        let is_there = live.iter().any(|line| line.starts_with(metric));
        assert_eq!(is_there, copied.contains(&file), "{metric}");
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What node_exporter has to say of a /proc; `None` where it is not installed.
fn metrics(proc: &Path) -> Option<Vec<String>> {
    let collectors = [
        "meminfo",
        "vmstat",
        "zoneinfo",
        "buddyinfo",
        "diskstats",
        "loadavg",
        "pressure",
    ];
    let exporter = Command::new("prometheus-node-exporter")
        .args(["--web.listen-address=127.0.0.1:0", "--collector.disable-defaults"])
        .args(collectors.map(|name| format!("--collector.{name}")))
        .arg("--collector.vmstat.fields=.*")
        .arg(format!("--path.procfs={}", proc.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut exporter = Killed(exporter);
    // Kept until the end: the exporter goes on to write to it, and would die of a pipe that nobody reads.
    let mut said = BufReader::new(exporter.0.stderr.take().unwrap()).lines();
    let address = said
        .by_ref()
        .map(|line| line.unwrap())
        .find_map(|line| Some(line.split_once("\"Listening on\" address=")?.1.to_owned()))
        .expect("node_exporter says where it listens");
    let mut stream = TcpStream::connect(address.trim()).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let families = [
        "memory",
        "vmstat",
        "zoneinfo",
        "buddyinfo",
        "disk",
        "load",
        "pressure",
    ];
    let lines = answer.lines().filter(|line| {
        line.strip_prefix("node_")
            .is_some_and(|rest| families.iter().any(|f| rest.starts_with(f)))
    });
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    let failed: Vec<&str> = answer
        .lines()
        .filter(|line| line.starts_with("node_scrape_collector_success") && line.ends_with(" 0"))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    drop(said);
    Some(lines)
}
