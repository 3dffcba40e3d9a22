//! `analyzer bundle`: the same explanation from the part as from the whole, and nothing left of what was to be hidden.

use crate::scratch::{Scratch, recordings};
use expect_test::expect;
use model::{TimeSpan, UnixNanos};
use std::path::Path;
use store::{Reader, Slots};

fn import(scratch: &Scratch, recording: &Path) {
    let output = scratch.analyzer(&["import", "recording", recording.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn ok(scratch: &Scratch, arguments: &[&str]) -> Vec<u8> {
    let output = scratch.analyzer(arguments);
    let code = output.status.code();
    assert!(
        matches!(code, Some(0 | 4)),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Each recording: the middle of it, bundled, against the same span of the whole.
#[test]
fn the_part_explains_as_the_whole_does() {
    let recordings = recordings();
    let sample =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-data/page-cache-post/page-cache-post.tar.xz");
    if recordings.is_empty() {
        eprintln!("there are no recordings beside the repository: only the sample is bundled");
    }
    // Two are enough: each takes its time, and all go the same way.
    for recording in recordings.iter().take(1).chain([&sample]) {
        let scratch = Scratch::new();
        import(&scratch, recording);
        let extent = Reader::open(&scratch.db()).unwrap().extent().unwrap().unwrap();
        let quarter = (extent.to.0 - extent.from.0) / 4;
        let at = |nanos: i64| format!("@{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
        let (from, to) = (at(extent.from.0 + quarter), at(extent.to.0 - quarter));
        let file = scratch.path("bundle.db");
        let file = file.to_str().unwrap();
        let whole = ok(&scratch, &["explain", "--json", "--from", &from, "--to", &to]);
        ok(&scratch, &["bundle", "--from", &from, "--to", &to, "--out", file]);
        let part = ok(&scratch, &["explain", "--json", "--db", file]);
        assert!(whole == part, "{} is explained differently", recording.display());
        let reader = Reader::open(Path::new(file)).unwrap();
        assert_eq!(
            reader.cached("bundle/explanation.json").unwrap().unwrap() + "\n",
            String::from_utf8(part).unwrap()
        );
        let html = scratch.path("report.html");
        ok(
            &scratch,
            &["explain", "--db", file, "--html", html.to_str().unwrap()],
        );
        assert_eq!(
            reader.cached("bundle/report.html").unwrap().unwrap(),
            std::fs::read_to_string(html).unwrap()
        );
        // Bytes too.
        let meminfo = |db: &str| ok(&scratch, &["cat", "meminfo", "--at", &to, "--db", db]);
        assert_eq!(meminfo(file), meminfo(scratch.db().to_str().unwrap()));
        let kept = reader.extent().unwrap().unwrap();
        assert!(kept.to.0 <= extent.to.0 - quarter + 2_000_000_000 && kept.from >= extent.from);
    }
}

/// Names that must not be found, in all the places where a record can have them.
const SECRETS: [&str; 12] = [
    "db-prod-7",
    "example.com",
    "alice",
    "s3cret",
    "/opt/vault",
    "vault-agent",
    "7f3a9c0b1d2e4f5a",
    "customer-x",
    "payroll",
    "S4NXNF0M",
    "nightly-backup",
    "b4d7e2a0-boot",
];

fn write_secret_recording(scratch: &Scratch) {
    scratch.write_recording();
    scratch.write(
        "recording/node.json",
        r#"{"hostname": "db-prod-7.example.com", "kernel": "6.18.0", "machine": "x86_64", "boot_id": "b4d7e2a0-boot",
"page_size": 4096, "clk_tck": 100, "cpus": 2, "cmdline": "root=/dev/vda1 init=/opt/vault/init",
"realtime_minus_monotonic_ns": 1600000000000000000}"#,
    );
    scratch.write(
        "recording/sysctl.txt",
        "vm.swappiness = 60\nkernel.hostname = db-prod-7\nkernel.core_pattern = |/opt/vault/core %p\n",
    );
    scratch.write(
        "recording/block.json",
        r#"{"vda": {"dev": "253:0", "rotational": false, "mounts": ["/", "/srv/customer-x/payroll data"],
            "serial": "S4NXNF0M", "dm_name": "vg-payroll"},
            "loop0": {"dev": "7:0", "backing_file": "/home/alice/nightly-backup.img", "mounts": []}}"#,
    );
    scratch.write(
        "recording/proc/kmsg.log",
        "@ 1700000000.000300000\n@ 1700000001.000300000\n\
         6,77,100000000500000,-;EXT4-fs (vda): mounted filesystem on /srv/customer-x/payroll data.\n\
         6,78,100000000600000,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/kubepods/pod-7f3a9c0b1d2e4f5a,task_memcg=/kubepods/pod-7f3a9c0b1d2e4f5a,task=java,pid=9,uid=0\n\
         3,79,100000000700000,-;Memory cgroup out of memory: Killed process 9 (java) total-vm:925996kB, anon-rss:612992kB\n\
         30,80,100000000800000,-;systemd[1]: Started vault-agent for alice.\n\
         6,81,100000000900000,-;Kernel command line: init=/opt/vault/init\n\
         6,82,100000000950000,-;db-prod-7 says hello to bob@example.com\n\
         @ 1700000002.000300000\n",
    );
}

#[test]
fn nothing_is_left_of_what_was_hidden() {
    let scratch = Scratch::new();
    write_secret_recording(&scratch);
    import(&scratch, &scratch.path("recording"));
    add_processes(&scratch.db());
    let file = scratch.path("bundle.db");
    ok(
        &scratch,
        &[
            "bundle",
            "--from",
            "@1700000000",
            "--redact",
            "--out",
            file.to_str().unwrap(),
        ],
    );
    let open = everything(&scratch.db());
    let hidden = everything(&file);
    let secrets = SECRETS.iter().copied().filter(|secret| open.contains(secret));
    assert_eq!(secrets.count(), SECRETS.len(), "each stands in the record itself");
    let leaks: Vec<_> = SECRETS
        .iter()
        .filter(|secret| hidden.contains(**secret))
        .collect();
    assert!(leaks.is_empty(), "{leaks:?} in\n{hidden}");
    let raw = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
    let leaks: Vec<_> = SECRETS.iter().filter(|secret| raw.contains(**secret)).collect();
    assert!(leaks.is_empty(), "{leaks:?} in the file's bytes");
    // What explains is still there.
    for kept in [
        "Killed process 9 (java)",
        "java",
        "MemFree:         1933560 kB",
        "swappiness",
        "253:0",
    ] {
        assert!(hidden.contains(kept), "{kept} is gone from\n{hidden}");
    }
    // The group that the kernel names is the group that the process is in.
    let group = hidden
        .split("task_memcg=")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    assert!(
        hidden.contains(&format!("cgroup: Some(\"{group}\")")),
        "{group} in\n{hidden}"
    );
    // Another bundle has other tokens.
    let other = scratch.path("other.db");
    ok(
        &scratch,
        &[
            "bundle",
            "--from",
            "@1700000000",
            "--redact",
            "--out",
            other.to_str().unwrap(),
        ],
    );
    assert!(!everything(&other).contains(group));
}

/// A recording has no command lines and no control groups: as a collector would add them.
fn add_processes(db: &Path) {
    let mut writer = store::Writer::open(db).unwrap();
    let reader = Reader::open(db).unwrap();
    let (run, ..) = reader.runs().unwrap().remove(0);
    let mut look = reader.processes(ALL).unwrap().pop().unwrap();
    for sample in &mut look.samples {
        let identity = std::sync::Arc::make_mut(&mut sample.identity);
        identity.cmdline = Some("java -jar /opt/vault/x.jar --password s3cret -u alice".into());
        identity.cgroup = Some("/kubepods/pod-7f3a9c0b1d2e4f5a".into());
    }
    look.at = look.at + 1_000_000;
    writer.append_processes(run, &look).unwrap();
    let gap = model::Gap {
        from: UnixNanos(1_700_000_001_000_000_000),
        to: UnixNanos(1_700_000_002_000_000_000),
        source: Some("cgroup/kubepods/pod-7f3a9c0b1d2e4f5a/memory.stat".into()),
        why: "db-prod-7 took /srv/customer-x/payroll data away".into(),
    };
    writer.append_gap(&gap).unwrap();
    let event = model::Event {
        at: UnixNanos(1_700_000_001_000_000_000),
        kind: "psi.memory".into(),
        detail: "cgroup=/kubepods/pod-7f3a9c0b1d2e4f5a user=alice".into(),
    };
    writer.append_events(run, &[event]).unwrap();
}

const ALL: TimeSpan = TimeSpan {
    from: UnixNanos(0),
    to: UnixNanos(i64::MAX),
};

/// All that a database says, decoded.
fn everything(db: &Path) -> String {
    let reader = Reader::open(db).unwrap();
    let mut all = format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n",
        reader.boots().unwrap(),
        reader.runs().unwrap(),
        reader.facts(ALL).unwrap(),
        reader.log(ALL).unwrap(),
        reader.gaps(ALL).unwrap(),
        reader.events(ALL).unwrap(),
        reader.processes(ALL).unwrap(),
    );
    for source in reader.sources(ALL).unwrap() {
        for stretch in reader.stretches(&source, ALL, &mut |_| Slots::All).unwrap() {
            for place in 0..stretch.at.len() {
                let values: Vec<u64> = stretch.columns.iter().map(|column| column[place]).collect();
                all += &String::from_utf8_lossy(&stretch.template.render(&values));
            }
        }
    }
    for key in ["bundle", "bundle/explanation.json", "bundle/report.html"] {
        all += &reader.cached(key).unwrap().unwrap_or_default();
    }
    all
}

#[test]
fn refusals() {
    let scratch = Scratch::new();
    scratch.write_recording();
    import(&scratch, &scratch.path("recording"));
    scratch.write("mine", "x");
    let mine = scratch.path("mine");
    let mine = mine.to_str().unwrap();
    let none = scratch.path("none.db");
    let none = none.to_str().unwrap();
    let shown = [
        scratch.show(&["bundle", "--from", "22:13:20", "--out", mine]),
        scratch.show(&[
            "bundle",
            "--from",
            "@1600000000",
            "--to",
            "@1600000010",
            "--out",
            none,
        ]),
        scratch.show(&[
            "bundle",
            "--from",
            "22:13:20",
            "--out",
            &format!("{none}/no/such/x.db"),
        ]),
        scratch.show(&["bundle", "--from", "22:13:20", "--db", mine, "--out", none]),
    ];
    expect![[r#"
        exit 2
        --- stderr
        analyzer: ./mine: is there already
        exit 3
        --- stderr
        analyzer: no data in 2020-09-13 12:26:40 – 12:26:50 UTC; there is some in 2023-11-14 22:13:20 – 22:13:22 UTC
        exit 2
        --- stderr
        analyzer: ./none.db/no/such/x.db: there is no folder ./none.db/no/such
        exit 5
        --- stderr
        analyzer: ./mine: not a highwater database (not an SQLite file)
    "#]].assert_eq(&shown.concat());
    let names: Vec<_> = std::fs::read_dir(scratch.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("test.db"))
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}
