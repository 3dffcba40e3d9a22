//! Logs of kernel files as scripts write them, good and bad.

use super::*;
use expect_test::{Expect, expect};

fn read(text: &str, options: &Options) -> Result<(Vec<Found>, Snapshots)> {
    let mut snapshots = Snapshots::default();
    let mut lines = Lines::new("x.log", Box::new(std::io::Cursor::new(text.as_bytes().to_vec())));
    let found = snapshots.read(&mut lines, options)?;
    Ok((found, snapshots))
}

fn plain() -> Options {
    Options {
        tz: Tz::UTC,
        at: None,
        strict: false,
        machine: Machine::default(),
    }
}

#[track_caller]
fn check(text: &str, options: &Options, expected: Expect) {
    let shown = match read(text, options) {
        Err(error) => error.to_string(),
        Ok((found, snapshots)) => {
            let show = |found: &Found| {
                let text = found.template.render(&found.values);
                format!(
                    "{:.3} {}: {:?}\n",
                    found.at.seconds(),
                    found.source,
                    String::from_utf8_lossy(&text)
                )
            };
            let notes = snapshots
                .notes()
                .into_iter()
                .map(|note| format!("note: {note}\n"));
            found.iter().map(show).chain(notes).collect()
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_time_before_each_line() {
    check(
        "2016-09-10 10:53:32.92709 MemTotal: 65837824 kB\n2016-09-10 10:53:32.92709 MemFree: 270568 kB\n\
         2016-09-10 10:53:35.01732 MemTotal: 65837824 kB\n2016-09-10 10:53:35.01732 MemFree: 1270568 kB\n",
        &plain(),
        expect![[r#"
            1473504812.927 meminfo: "MemTotal: 65837824 kB\nMemFree: 270568 kB\n"
            1473504815.017 meminfo: "MemTotal: 65837824 kB\nMemFree: 1270568 kB\n"
        "#]],
    );
    // Each line was stamped by itself, and the second reading came soon.
    check(
        "2016-09-10 10:53:32.001 nr_free_pages 1\n2016-09-10 10:53:32.002 pgfault 2\n\
         2016-09-10 10:53:32.101 nr_free_pages 3\n2016-09-10 10:53:32.102 pgfault 4\n",
        &plain(),
        expect![[r#"
            1473504812.001 vmstat: "nr_free_pages 1\npgfault 2\n"
            1473504812.101 vmstat: "nr_free_pages 3\npgfault 4\n"
        "#]],
    );
}

#[test]
fn a_time_on_a_line_of_its_own() {
    check(
        "zzz ***Sat Sep 10 10:53:32 EDT 2016\nMemTotal:       65837824 kB\nMemFree:          270568 kB\n\
         zzz ***Sat Sep 10 10:53:37 EDT 2016\nMemTotal:       65837824 kB\nMemFree:          271568 kB\n",
        &Options {
            tz: chrono_tz::America::New_York,
            ..plain()
        },
        expect![[r#"
            1473519212.000 meminfo: "MemTotal:       65837824 kB\nMemFree:          270568 kB\n"
            1473519217.000 meminfo: "MemTotal:       65837824 kB\nMemFree:          271568 kB\n"
        "#]],
    );
    check(
        "@ 1473504812.000000001\n0.42 10.00 3.11 1/88 22870\n",
        &plain(),
        expect![[r#"
            1473504812.000 loadavg: "0.42 10.00 3.11 1/88 22870\n"
        "#]],
    );
}

#[test]
fn an_excerpt_without_a_time() {
    let text = "Node 0, zone DMA\npages free 3933\nmin 5\nlow 6\nhigh 7\n--\nNode 1, zone Normal\npages free 2732324\nmin 11291\n";
    check(
        text,
        &Options {
            at: Some(UnixNanos(1_473_504_812_000_000_000)),
            ..plain()
        },
        expect![[r#"
            1473504812.000 zoneinfo: "Node 0, zone DMA\npages free 3933\nmin 5\nlow 6\nhigh 7\n--\nNode 1, zone Normal\npages free 2732324\nmin 11291\n"
        "#]],
    );
    check(
        text,
        &plain(),
        expect![[r#"
        note: x.log:1: no time before it, and none stood on a line of its own; it was left out
        note: x.log:2: no time before it, and none stood on a line of its own; it was left out
        note: x.log:3: no time before it, and none stood on a line of its own; it was left out
        note: x.log:4: no time before it, and none stood on a line of its own; it was left out
        note: x.log:5: no time before it, and none stood on a line of its own; it was left out
        note: 3 more were left out
    "#]],
    );
}

#[test]
fn what_is_not_understood_is_left_out_and_said() {
    let text =
        "rubbish\n\n2016-09-10 10:53:32 to be or not to be 1 2 3\n2016-09-10 10:53:33 MemFree: 1 kB\nmore\n";
    check(
        text,
        &plain(),
        expect![[r#"
        1473504813.000 meminfo: "MemFree: 1 kB\n"
        note: x.log:1: no time before it, and none stood on a line of its own; it was left out
        note: x.log:3: what follows is no kernel file that is known; it was left out
        note: x.log:5: no time before it, and none stood on a line of its own; it was left out
    "#]],
    );
    check(
        text,
        &Options {
            strict: true,
            ..plain()
        },
        expect!["x.log:1: no time before it, and none stood on a line of its own"],
    );
}

#[test]
fn cut_and_garbled_text_never_panics() {
    let text = "zzz ***Sat Sep 10 10:53:32 EDT 2016\nMemFree: 1 kB\n2016-09-10 10:53:33 pgfault 7\n@ 1.5\ncpu  1 2 3\n";
    for cut in 0..text.len() {
        let _ = read(&text[..cut], &plain());
        let _ = read(&format!("{}\0é9:{}", &text[..cut], &text[cut..]), &plain());
    }
}

/// The readings that were published, where they lie beside the repository.
#[test]
fn published_readings() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/seed-incident");
    let Ok(text) = std::fs::read_to_string(format!("{folder}/meminfo.log")) else {
        return;
    };
    let (found, _) = read(&text, &plain()).unwrap();
    let free = |found: &Found| {
        let columns = sources::decode(found.source, &found.template).unwrap();
        let free = columns
            .iter()
            .find(|column| &*column.metric.name == "meminfo.MemFree")
            .unwrap();
        format!(
            "{:.5}: {} numbers, MemFree {}\n",
            found.at.seconds() % 86_400.0,
            columns.len(),
            found.values[free.slot]
        )
    };
    let shown: String = found.iter().map(free).collect();
    expect![[r#"
        39212.92709: 43 numbers, MemFree 270568
        39215.01732: 43 numbers, MemFree 2177640
        39221.45840: 43 numbers, MemFree 14086836
        47715.72978: 43 numbers, MemFree 14385856
    "#]]
    .assert_eq(&shown);
}
