//! Recordings that are cut short, garbled or empty: one line that says what and where, and nothing imported.

use crate::scratch::{Scratch, recordings};
use expect_test::{Expect, expect};
use std::path::Path;

/// A broken recording is refused with one line on standard error, and the database holds nothing.
#[track_caller]
fn refused(scratch: &Scratch, recording: &Path) -> String {
    let output = scratch.analyzer(&["import", "recording", recording.to_str().unwrap()]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(output.stdout.is_empty());
    if scratch.db().exists() {
        let info = scratch.analyzer(&["info"]);
        assert_eq!(
            info.status.code(),
            Some(3),
            "{}",
            String::from_utf8_lossy(&info.stdout)
        );
    }
    stderr
}

#[track_caller]
fn check(break_it: impl Fn(&Scratch), expected: Expect) {
    let scratch = Scratch::new();
    scratch.write_recording();
    break_it(&scratch);
    let stderr = refused(&scratch, &scratch.path("recording"));
    let folder = scratch.path("recording").display().to_string();
    expected.assert_eq(&stderr.replace(&folder, "recording"));
}

fn edit(scratch: &Scratch, file: &str, change: impl Fn(String) -> String) {
    let name = format!("recording/{file}");
    let text = std::fs::read_to_string(scratch.path(&name)).unwrap();
    scratch.write(&name, change(text));
}

#[test]
fn what_is_wrong_is_named() {
    check(
        |s| std::fs::remove_file(s.path("recording/node.json")).unwrap(),
        expect![[r#"
            analyzer: recording: node.json: missing; a recording is a folder (or .tar.xz) with node.json and proc/*.log
        "#]],
    );
    check(
        |s| std::fs::remove_dir_all(s.path("recording/proc")).unwrap(),
        expect![[r#"
            analyzer: recording: proc: no log with a block in it: the recording is empty
        "#]],
    );
    check(
        |s| s.write("recording/node.json", ""),
        expect![[r#"
        analyzer: recording: node.json:1: EOF while parsing a value
    "#]],
    );
    check(
        |s| edit(s, "node.json", |t| t.replace("4096", "4095")),
        expect![[r#"
            analyzer: recording: node.json: page_size cannot be 4095
        "#]],
    );
    check(
        |s| edit(s, "node.json", |t| t.replace("\"clk_tck\": 100, ", "")),
        expect![[r#"
            analyzer: recording: node.json:2: missing field `clk_tck`
        "#]],
    );
    check(
        |s| {
            edit(s, "node.json", |t| {
                t.replace("quiet", "quiet\", \"tz\": \"Mars/Olympus")
            })
        },
        expect![[r#"
            analyzer: recording: node.json: "Mars/Olympus" is not a time zone
        "#]],
    );
    check(
        |s| edit(s, "proc/vmstat.log", |t| t.replace("1500", "15\u{1}00")),
        expect![[r#"
            analyzer: recording: proc/vmstat.log:7: control characters: the file is damaged
        "#]],
    );
    check(
        |s| {
            edit(s, "proc/vmstat.log", |t| {
                t.replace("@ 1700000001", "@ 1600000001")
            })
        },
        expect![[r#"
            analyzer: recording: proc/vmstat.log:5: time goes back by 99999999.000 s
        "#]],
    );
    check(
        |s| {
            edit(s, "proc/vmstat.log", |t| {
                t.replace("@ 1700000001", "@ 17oo000001")
            })
        },
        expect![[r#"
            analyzer: recording: proc/vmstat.log:5: not a time stamp, which is `@ seconds.nanoseconds` with nine decimals
        "#]],
    );
    check(
        |s| {
            edit(s, "proc/vmstat.log", |t| {
                t.replace("pgfault 4500\npgmajfault 9\n", "")
            })
        },
        expect![[r#"
            analyzer: recording: proc/vmstat.log:9: the last block has fewer lines than the one before it: the recording was cut short
        "#]],
    );
    check(
        |s| s.write("recording/proc/vmstat.log", "@ 1700000000.000000000\n<html>\n"),
        expect![[r#"
            analyzer: recording: proc/vmstat.log:1: there is no number in this block: it is not vmstat
        "#]],
    );
    check(
        |s| edit(s, "proc/pids.log", |t| t.replacen("74 65", "74 -65", 2)),
        expect![[r#"
            analyzer: recording: proc/pids.log:2: field 15 of stat is "-65", not a number
        "#]],
    );
    check(
        |s| edit(s, "proc/kmsg.log", |t| t.replace("6,77", "6;77")),
        expect![[r#"
            analyzer: recording: proc/kmsg.log:3: not a kernel log record, which is `priority,sequence,microseconds,flags;text`
        "#]],
    );
    check(
        |s| edit(s, "sysctl.txt", |t| t + "nonsense\n"),
        expect![[r#"
        analyzer: recording: sysctl.txt:3: not a line of `name = value`
    "#]],
    );
    check(
        |s| edit(s, "sysctl-changes.txt", |t| t.replace("@ 17", "@ 1x")),
        expect![[r#"
            analyzer: recording: sysctl-changes.txt:1: not a time stamp, which is `@ seconds.nanoseconds` with nine decimals
        "#]],
    );
    check(
        |s| edit(s, "block.json", |t| t.replace("},", "") + "]"),
        expect![[r#"
            analyzer: recording: block.json:1: trailing characters
        "#]],
    );
    check(
        |s| s.write("recording/block.json", b"{\"\xff\": 1}"),
        expect![[r#"
            analyzer: recording: block.json:1: not UTF-8 text
        "#]],
    );
}

#[test]
fn what_is_no_recording() {
    let scratch = Scratch::new();
    let show = |name: &str| scratch.show(&["import", "recording", scratch.path(name).to_str().unwrap()]);
    scratch.write("empty.tar.xz", "");
    scratch.write("text.tar.xz", "this is not an archive");
    std::fs::create_dir(scratch.path("folder")).unwrap();
    let shown = show("missing") + &show("empty.tar.xz") + &show("text.tar.xz") + &show("folder");
    expect![[r#"
        exit 2
        --- stderr
        analyzer: ./missing: No such file or directory (os error 2)
        exit 2
        --- stderr
        analyzer: ./empty.tar.xz: neither a folder nor a .tar.xz archive
        exit 2
        --- stderr
        analyzer: ./text.tar.xz: neither a folder nor a .tar.xz archive
        exit 2
        --- stderr
        analyzer: ./folder: node.json: missing; a recording is a folder (or .tar.xz) with node.json and proc/*.log
    "#]].assert_eq(&shown);
}

/// A log that ends early between two blocks may be all there was: it is imported, and said.
#[test]
fn a_log_that_ends_early() {
    let scratch = Scratch::new();
    scratch.write_recording();
    let blocks = |seconds: u32| (0..seconds).map(|s| format!("@ 170000000{s}.000400000\nMemFree: {s} kB\n"));
    scratch.write("recording/proc/meminfo.log", blocks(9).collect::<String>());
    let shown = scratch.show(&["import", "recording", scratch.path("recording").to_str().unwrap()]);
    let notes = shown.lines().filter(|line| line.contains(" ends "));
    expect!["  note       vmstat ends 6 s before the recording does"]
        .assert_eq(&notes.collect::<Vec<_>>().join("\n"));
    let info = scratch.show(&["info"]);
    let gaps = info.lines().filter(|line| line.starts_with("gap"));
    expect!["gap of vmstat: 2023-11-14 22:13:22 – 22:13:28 UTC: the recording holds no more of it"]
        .assert_eq(&gaps.collect::<Vec<_>>().join("\n"));
}

/// Cut anywhere, a log is refused, or it is a shorter log: then every block that is left whole is there.
#[test]
fn a_log_cut_at_every_byte() {
    let scratch = Scratch::new();
    scratch.write_recording();
    let path = "recording/proc/vmstat.log";
    let whole = std::fs::read_to_string(scratch.path(path)).unwrap();
    let mut writer = store::Writer::open(&scratch.db()).unwrap();
    let mut accepted = Vec::new();
    for cut in 0..whole.len() {
        scratch.write(path, &whole[..cut]);
        match analyzer::import::recording(&scratch.path("recording"), &mut writer, &mut |_| ()) {
            Ok(_) => accepted.push(whole[..cut].lines().last().unwrap_or_default()),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    error.starts_with("proc/vmstat.log:") && error.lines().count() == 1,
                    "{cut}: {error}"
                );
            }
        }
    }
    // Nothing, a stamp alone, or whole blocks.
    expect![[r#"

        @ 1700000000.000200000
        nr_free_pages 483390
        pgfault 1000
        pgmajfault 7
        @ 1700000001.000200000
        pgmajfault 7
        @ 1700000002.000200000"#]]
    .assert_eq(&accepted.join("\n"));
    // What was refused left nothing behind.
    drop(writer);
    let runs = store::Reader::open(&scratch.db()).unwrap().runs().unwrap();
    assert_eq!(runs.len(), accepted.len());
}

#[test]
fn an_archive_cut_at_many_bytes() {
    let Some(archive) = recordings().into_iter().next() else {
        return;
    };
    let whole = std::fs::read(archive).unwrap();
    let scratch = Scratch::new();
    for cut in (0..whole.len()).step_by(whole.len() / 40) {
        scratch.write("cut.tar.xz", &whole[..cut]);
        refused(&scratch, &scratch.path("cut.tar.xz"));
    }
    for flip in (0..whole.len()).step_by(whole.len() / 40) {
        let mut garbled = whole.clone();
        garbled[flip] ^= 0x20;
        scratch.write("garbled.tar.xz", garbled);
        refused(&scratch, &scratch.path("garbled.tar.xz"));
    }
}

/// Names in an archive cannot point anywhere: nothing is written but the database.
#[test]
fn an_archive_with_hostile_names() {
    let scratch = Scratch::new();
    scratch.write_recording();
    let mut builder = tar::Builder::new(liblzma::write::XzEncoder::new(Vec::new(), 6));
    let mut add = |name: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        // `set_path` would refuse it.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    };
    for file in [
        "node.json",
        "sysctl.txt",
        "block.json",
        "proc/meminfo.log",
        "proc/vmstat.log",
    ] {
        let content = std::fs::read(scratch.path(&format!("recording/{file}"))).unwrap();
        add(&format!("../../r/{file}"), &content);
    }
    add("../../r/truth.json", b"{");
    add("/etc/passwd", b"root");
    let archive = builder.into_inner().unwrap().finish().unwrap();
    scratch.write("hostile.tar.xz", archive);
    let output = scratch.analyzer(&[
        "import",
        "recording",
        scratch.path("hostile.tar.xz").to_str().unwrap(),
    ]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let folder = scratch.path("");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.retain(|name| !name.to_string_lossy().starts_with("test.db"));
    names.sort();
    assert_eq!(names, ["hostile.tar.xz", "recording"]);
}
