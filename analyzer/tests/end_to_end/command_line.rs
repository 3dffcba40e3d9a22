//! The commands on a small recording: what is printed, and how a run ends.

use crate::scratch::Scratch;
use expect_test::expect;

fn imported() -> Scratch {
    let scratch = Scratch::new();
    scratch.write_recording();
    let output = scratch.analyzer(&["import", "recording", scratch.path("recording").to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    scratch
}

#[test]
fn import_says_what_it_brought() {
    let scratch = Scratch::new();
    scratch.write_recording();
    let recording = scratch.path("recording");
    let shown = scratch.show(&["import", "recording", recording.to_str().unwrap()]);
    // How long it took is another thing each time.
    let shown: Vec<_> = shown
        .lines()
        .map(|line| line.split(", in 0.").next().unwrap())
        .collect();
    expect![[r#""#]].assert_eq(&shown.join("\n"));
    expect![[r#""#]].assert_eq(&scratch.show(&["import", "recording", recording.to_str().unwrap()]));
}

#[test]
fn info() {
    let shown = imported().show(&["info"]);
    // The first line has the size of the database.
    expect![[r#""#]].assert_eq(shown.split_once("ticks\n").unwrap().1);
}

#[test]
fn cat() {
    let scratch = imported();
    expect![[r#""#]].assert_eq(&scratch.show(&["cat", "meminfo", "--at", "@1700000001.0001"]));
    expect![[r#""#]].assert_eq(&scratch.show(&["cat", "vmstat", "--at", "22:13:21"]));
    expect![[r#""#]].assert_eq(&scratch.show(&[
        "cat",
        "vmstat",
        "--at",
        "22:13:21",
        "--tz",
        "Europe/Berlin",
    ]));
    expect![[r#""#]].assert_eq(&scratch.show(&["cat", "meminfo", "--at", "@1700000005.001"]));
    expect![[r#""#]].assert_eq(&scratch.show(&["cat", "meminfo", "--at", "@1700000006"]));
    expect![[r#""#]].assert_eq(&scratch.show(&["cat", "meminfo", "--at", "@1699999999"]));
    expect![[r#""#]].assert_eq(&scratch.show(&["cat", "slabinfo", "--at", "@1700000001"]));
    expect![[r#""#]].assert_eq(&scratch.show(&["cat", "meminfo", "--at", "10:5x"]));
}

#[test]
fn diff() {
    let scratch = imported();
    expect![[r#""#]].assert_eq(&scratch.show(&[
        "diff",
        "vmstat",
        "--at",
        "@1700000000.9",
        "--at",
        "@1700000003",
    ]));
    expect![[r#""#]].assert_eq(&scratch.show(&[
        "diff",
        "meminfo",
        "--at",
        "@1700000001",
        "--at",
        "@1700000001.5",
        "--json",
    ]));
    expect![[r#""#]].assert_eq(&scratch.show(&[
        "diff",
        "vmstat",
        "--at",
        "@1700000002",
        "--at",
        "@1700000001",
    ]));
    expect![[r#""#]].assert_eq(&scratch.show(&["diff", "vmstat", "--at", "@1700000002"]));
    expect![[r#""#]].assert_eq(&scratch.show(&[
        "diff",
        "vmstat",
        "--at",
        "@1600000000",
        "--at",
        "@1700000002",
    ]));
}

#[test]
fn databases_that_cannot_be_read() {
    let scratch = Scratch::new();
    expect![[r#""#]].assert_eq(&scratch.show(&["info"]));
    scratch.write(
        "test.db",
        "this is not a database, but it is long enough to be looked at as if it were one.\n".repeat(99),
    );
    expect![[r#""#]].assert_eq(&scratch.show(&["info"]));
    let scratch = imported();
    let db = std::fs::read(scratch.db()).unwrap();
    for size in (0..db.len()).step_by(db.len() / 20) {
        // Every one is refused or read, and none of them panics.
        scratch.write("cut.db", &db[..size]);
        let cut = scratch.path("cut.db");
        let output = scratch.analyzer(&[
            "cat",
            "vmstat",
            "--at",
            "@1700000002",
            "--db",
            cut.to_str().unwrap(),
        ]);
        let code = output.status.code().unwrap();
        assert!(
            [0, 3, 5].contains(&code),
            "{size}: {code} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let scratch = imported();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_analyzer"))
        .args(["info", "--db", scratch.db().to_str().unwrap()])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
