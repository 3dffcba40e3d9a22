//! Rules of a site, tried on a sample incident of the repository.

use crate::scratch::{Fate, Scratch};
use expect_test::expect;

fn imported() -> Scratch {
    let scratch = Scratch::new();
    scratch.write_sample("page-cache-flood", "flood", 0, &|_| Fate::AsItIs);
    let recording = scratch.path("flood");
    let output = scratch.analyzer(&["import", "recording", recording.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    scratch
}

const SLOW: &str = r#"
[[rule]]
id = "site-slow-disk"
when = "disk.wait > 3 * baseline(disk.wait) AND disk.busy > 50"
for = 5
severity = "warning"
headline = "a disk answers slowly"
why = "The application gives up after a second."

[builtin.device-read-rise]
off = true
"#;

#[test]
fn a_rule_is_tried_on_what_was_recorded() {
    let scratch = imported();
    scratch.write("rules.d/slow.toml", SLOW);
    let file = scratch.path("rules.d/slow.toml");
    expect![[r#"
        exit 0
        site-slow-disk: 1 times, 12 s in all, in 2026-11-23 22:53:38 – 22:55:37 UTC
          2026-11-23 22:54:18.312          12 s  vda  disk.busy 58 %, disk.wait 8.5 ms
    "#]]
    .assert_eq(&scratch.show(&["rules", "test", file.to_str().unwrap()]));
}

#[test]
fn its_findings_stand_on_the_timeline_and_a_rule_that_is_off_finds_nothing() {
    let scratch = imported();
    scratch.write("rules.d/slow.toml", SLOW);
    let folder = scratch.path("rules.d");
    let explained = scratch.analyzer(&["explain", "--json", "--rules", folder.to_str().unwrap()]);
    let document: serde_json::Value = serde_json::from_slice(&explained.stdout).unwrap();
    let mut told = String::new();
    for event in document["incidents"][0]["timeline"].as_array().unwrap() {
        told += &format!("{} {}\n", event["event"], event["subject"]["name"]);
    }
    expect![[r#"
        "site-slow-disk" "vda"
        "device-saturated" "vda"
        "device-latency-rise" "vda"
        "watermark-breach" "node0"
        "compaction-stall" "host"
        "kswapd-scan" "host"
        "page-cache-drop" "host"
        "major-fault-storm" "host"
        "direct-reclaim" "host"
        "refault-storm" "host"
        "device-saturated" "loop0"
        "device-saturated" "loop1"
        "blocked-tasks" "host"
        "iowait-rise" "host"
    "#]]
    .assert_eq(&told);
    let listed = scratch.show(&["incidents", "--rules", folder.to_str().unwrap()]);
    expect![[r#"
        exit 0
        1 incident in 2026-11-23 22:53:38 – 22:55:37 UTC

        2026-11-23 22:54:18  critical  still going on
          trouble without a cause that can be told; loop1 is full in consequence
          cause cannot be told · analyzer explain --from "2026-11-23 22:53:38" --to "2026-11-23 22:55:37"

    "#]]
    .assert_eq(&listed);
}

#[test]
fn a_fault_is_told_with_file_and_line() {
    let scratch = imported();
    scratch.write("rules.d/slow.toml", SLOW.replace("disk.busy", "disk.bussy"));
    let folder = scratch.path("rules.d");
    expect![[r#"
        exit 2
        --- stderr
        analyzer: ./rules.d/slow.toml:4: when: there is no signal disk.bussy; there are disk.busy, disk.discards, disk.flushes, disk.in_flight, disk.leaf_read, disk.own_read, disk.own_write, disk.queue, disk.read, disk.read_wait, disk.reads, disk.wait, disk.write, disk.write_wait, disk.writes
    "#]].assert_eq(&scratch.show(&["explain", "--rules", folder.to_str().unwrap()]));
    expect![[r#"
        exit 2
        --- stderr
        analyzer: ./rules.d/slow.toml:4: when: there is no signal disk.bussy; there are disk.busy, disk.discards, disk.flushes, disk.in_flight, disk.leaf_read, disk.own_read, disk.own_write, disk.queue, disk.read, disk.read_wait, disk.reads, disk.wait, disk.write, disk.write_wait, disk.writes
    "#]].assert_eq(&scratch.show(&["rules", "--rules", folder.to_str().unwrap()]));
}
