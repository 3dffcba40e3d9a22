//! Days and live: `incidents`, `watch`, `compare`, on the sample incidents of the repository.

use crate::scratch::{Fate, Scratch};
use expect_test::expect;
use std::path::Path;

fn imported(sample: &str) -> Scratch {
    let scratch = Scratch::new();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../sample-data")
        .join(sample)
        .join(format!("{sample}.tar.xz"));
    let output = scratch.analyzer(&["import", "recording", archive.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    scratch
}

#[test]
fn incidents_are_listed_with_how_to_ask_for_more() {
    let scratch = imported("page-cache-flood");
    let first = scratch.show(&["incidents"]);
    expect![[r#"
        exit 0
        1 incident in 2026-11-23 22:53:38 – 22:55:37 UTC

        2026-11-23 22:54:18  critical  still going on
          page cache flood from vda by scanner; loop1 is full in consequence
          page_cache_flood (shown) · analyzer explain --from "2026-11-23 22:53:38" --to "2026-11-23 22:55:37"

    "#]]
    .assert_eq(&first);
    assert_eq!(
        scratch.show(&["incidents"]),
        first,
        "what is kept is what was found"
    );
    assert_eq!(scratch.show(&["incidents", "--no-cache"]), first);
    expect![[r#"
        exit 0
        No incident in 2026-11-23 22:53:38 – 22:55:37 UTC

    "#]]
    .assert_eq(&scratch.show(&["incidents", "--cause", "swap_thrash"]));
    expect![[r#"
        exit 2
        --- stderr
        analyzer: no cause is called "swapping"; `analyzer causes` lists them
    "#]]
    .assert_eq(&scratch.show(&["incidents", "--cause", "swapping"]));
}

#[test]
fn incidents_of_a_database_that_cannot_be_written_are_the_same() {
    let scratch = imported("page-cache-flood");
    let first = scratch.show(&["incidents", "--no-cache"]);
    let mut permissions = std::fs::metadata(scratch.db()).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(scratch.db(), permissions).unwrap();
    assert_eq!(scratch.show(&["incidents"]), first);
}

#[test]
fn a_watch_tells_what_is_open() {
    let scratch = imported("page-cache-flood");
    expect![[r#"
        exit 0
        2026-11-23 22:55:37  opened  critical  page cache flood from vda by scanner; loop1 is full in consequence (for 79 s)
    "#]].assert_eq(&scratch.show(&["watch", "--once", "--since", "10m"]));
    expect![[r#"
        exit 0
        {"at":"2026-11-23T22:55:37.312Z","what":"opened","from":"2026-11-23T22:54:18.292Z","severity":"critical","cause":"page_cache_flood","headline":"page cache flood from vda by scanner; loop1 is full in consequence"}
    "#]].assert_eq(&scratch.show(&["watch", "--once", "--since", "10m", "--json"]));
}

#[test]
fn a_watch_ends_when_nobody_reads() {
    let scratch = imported("page-cache-flood");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_analyzer"))
        .args(["watch", "--since", "10m", "--db"])
        .arg(scratch.db())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn before_and_after_are_compared() {
    let scratch = imported("page-cache-post");
    expect![[r#"
        exit 0
        A  2016-09-10 10:50:00 – 10:52:59  180 ticks
        B  2016-09-10 10:53:55 – 10:54:04  10 ticks

        signal                                      A                B  change
        reclaim.kswapd_scan                 0 pages/s  212,659 pages/s  +212,659 pages/s
        reclaim.steal                       0 pages/s  180,278 pages/s  +180,278 pages/s
        slab.scanned                              0/s          6,400/s  +6,400/s
        mem.active_file                       4.28 GB          4.88 MB  −100 %
        disk.leaf_read                       840 kB/s         733 MB/s  × 872
        io.inflow                            841 kB/s         733 MB/s  × 872
        disk.own_read vgca0                  840 kB/s         719 MB/s  × 856
        disk.read vgca0                      840 kB/s         719 MB/s  × 856
        fault.major                               0/s            626/s  +626/s
        buddy.free_blocks_ge4 1/Normal  542,464 pages        720 pages  −100 %
        buddy.free_blocks_ge4 0/Normal  473,600 pages        592 pages  −100 %
        disk.reads md3                            0/s            451/s  +451/s
        disk.reads sdb                            0/s            307/s  +307/s
        mem.mapped                            3.15 GB          10.3 MB  −100 %
        disk.reads sda                            0/s            300/s  +300/s
        disk.reads md0                            0/s            243/s  +243/s
        disk.reads vgca0                         61/s          7,393/s  × 121
        mem.buffers                            217 MB          2.49 MB  −99 %
        disk.read sda                           0 B/s        8.08 MB/s  +8.08 MB/s
        disk.read sdb                           0 B/s        6.34 MB/s  +6.34 MB/s
        disk.own_read md0                       0 B/s         6.3 MB/s  +6.3 MB/s
        disk.read md0                           0 B/s         6.3 MB/s  +6.3 MB/s
        disk.reads md1                            0/s             63/s  +63/s
        disk.own_read md3                       0 B/s        5.32 MB/s  +5.32 MB/s
        disk.read md3                           0 B/s        5.32 MB/s  +5.32 MB/s
        cpu.iowait                              0.2 %             50 %  × 202
        mem.file_cache                         6.7 GB           159 MB  −98 %
        mem.cached                            6.49 GB           161 MB  −98 %
        run.blocked                           0 tasks         39 tasks  +39 tasks
        disk.in_flight vgca0               0 requests      29 requests  +29 requests
        disk.queue vgca0                 0.1 requests      28 requests  × 308
        disk.own_read md1                       0 B/s        2.76 MB/s  +2.76 MB/s
        disk.read md1                           0 B/s        2.76 MB/s  +2.76 MB/s
        free.pages                      8,834 pages/s  210,731 pages/s  × 24
        load.now                              2 tasks         42 tasks  × 21
        disk.in_flight sda                  1 request      19 requests  × 19
        disk.in_flight sdb                 0 requests      16 requests  +16 requests
        mem.inactive_file                     2.42 GB           154 MB  −94 %
        disk.busy vgca0                         4.8 %             69 %  × 14
        disk.queue sda                   2.8 requests      20 requests  × 7.1
        … 44 more differ less; --all shows them
        302 signals are alike, within noise.
    "#]]
    .assert_eq(&scratch.show(&["compare", "10:50:00..10:53:00", "10:53:55"]));
    expect![[r#"
        exit 3
        --- stderr
        analyzer: no data in 2016-09-09 12:00:00 – 12:10:00 UTC; there is some in 2016-09-10 10:40:00 – 11:09:59 UTC
    "#]].assert_eq(&scratch.show(&["compare", "12:00..12:10", "10:53:55"]));
}

const DAY: i64 = 86_400;

/// What the verdict of the last ten minutes says of earlier days.
fn seen_before(scratch: &Scratch) -> String {
    let explained = scratch.analyzer(&["explain", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&explained.stdout).unwrap();
    let mut told = String::new();
    for cause in document["incidents"][0]["causes"].as_array().unwrap() {
        told += &format!("{} {} {}\n", cause["cause"], cause["confidence"], cause["score"]);
        for earlier in cause["seen_before"].as_array().unwrap() {
            told += &format!(
                "  {} days, harm {}: {}\n",
                earlier["days"], earlier["harm"], earlier["text"]
            );
        }
    }
    told
}

fn import(scratch: &Scratch, name: &str) {
    let imported = scratch.analyzer(&["import", "recording", scratch.path(name).to_str().unwrap()]);
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
}

#[test]
fn the_same_trouble_a_week_ago_is_told() {
    let scratch = imported("page-cache-flood");
    expect![[r#"
        "page_cache_flood" "shown" 0.98
    "#]]
    .assert_eq(&seen_before(&scratch));
    scratch.write_sample("page-cache-flood", "week", -7 * DAY, &|_| Fate::AsItIs);
    import(&scratch, "week");
    expect![[r#"
        "page_cache_flood" "shown" 0.98
          7 days, harm "critical": "device-read-rise of vda (2.17 GB/s) was there a week ago too, with harm: page cache flood from vda by scanner; loop1 is full in consequence"
    "#]].assert_eq(&seen_before(&scratch));
}

#[test]
fn the_same_dose_that_hurt_nobody_yesterday_makes_the_verdict_less_sure() {
    let scratch = imported("page-cache-flood");
    // Yesterday the disks were read alike, and all else stood still.
    scratch.write_sample(
        "page-cache-flood",
        "day",
        -DAY,
        &|file| match file.starts_with("proc/") && file != "proc/diskstats.log" {
            true => Fate::StandsStill,
            false => Fate::AsItIs,
        },
    );
    import(&scratch, "day");
    expect![[r#"
        "page_cache_flood" "likely" 0.833
          1 days, harm "none": "device-read-rise of vda (2.17 GB/s) was there yesterday too, and nobody was hurt"
    "#]].assert_eq(&seen_before(&scratch));
}

#[test]
fn a_day_of_which_harm_is_not_known_speaks_neither_for_nor_against() {
    let scratch = imported("page-cache-flood");
    scratch.write_sample(
        "page-cache-flood",
        "day",
        -DAY,
        &|file| match file.starts_with("proc/") && file != "proc/diskstats.log" {
            true => Fate::LeftOut,
            false => Fate::AsItIs,
        },
    );
    import(&scratch, "day");
    expect![[r#"
        "page_cache_flood" "shown" 0.98
          1 days, harm "unknown": "device-read-rise of vda (2.17 GB/s) was there yesterday too, whether anybody was hurt was not recorded"
    "#]].assert_eq(&seen_before(&scratch));
}

/// Of a span that is too long to be read in full, where nobody was hurt is not read: what is told of the rest is the same.
#[test]
fn hours_are_explained_where_somebody_was_hurt() {
    let scratch = Scratch::new();
    for (name, hours) in [("first", 0), ("second", 3)] {
        scratch.write_sample("page-cache-flood", name, hours * 3600, &|_| Fate::AsItIs);
        import(&scratch, name);
    }
    let told = |from: &str, to: &str| -> Vec<serde_json::Value> {
        let output = scratch.analyzer(&["explain", "--json", "--from", from, "--to", to]);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let incidents = document["incidents"].as_array().unwrap().clone();
        let harmful = incidents.into_iter().filter(|i| i["severity"] != "info");
        harmful
            .map(|i| serde_json::json!([i["id"], i["headline"], i["causes"], i["ruled_out"]]))
            .collect()
    };
    let (begin, end) = ("2026-11-23 22:50", "2026-11-24 01:56");
    let first = told(begin, "2026-11-23 22:56");
    let second = told("2026-11-24 01:50", end);
    assert_eq!(told(begin, end), [first, second].concat());
    let report = scratch.show(&["explain", "--from", begin, "--to", end]);
    let notes: Vec<&str> = report.lines().skip_while(|l| !l.starts_with("note: ")).collect();
    expect![[r#"
        note: the machine was rebooted inside the span: nothing is compared across it
        note: the span is longer than 2 h: 2 parts of it, 6 min 32 s in all, could have hurt anybody by
              pressure, faults, swapping, load or the log. Only that was read in full, and what did no harm
              is not listed
        --- stderr
        analyzer: no data in 2026-11-23 22:50:00 – 22:53:38 UTC
        analyzer: no data in 2026-11-23 22:55:37 – 2026-11-24 01:53:38 UTC
        analyzer: no data in 2026-11-24 01:55:37 – 01:56:00 UTC"#]]
    .assert_eq(&notes.join("\n"));
}
