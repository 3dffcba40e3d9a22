//! What is not a database of ours, or cannot be written: one line that says so.

use crate::common::{Scratch, append, begin, counted, told};
use store::{Reader, Writer};

fn shown(scratch: &Scratch, name: &str) -> String {
    let error = Reader::open(&scratch.path(name)).err();
    error
        .map(|e| e.to_string())
        .unwrap_or_default()
        .replace(&*scratch.path("").to_string_lossy(), "")
}

#[test]
fn other_files_are_refused_in_one_line() {
    let scratch = Scratch::new();
    let write = |name: &str, text: &str| std::fs::write(scratch.path(name), text).unwrap();
    write(
        "text",
        &"this is not a database, it is a text of some length".repeat(40),
    );
    write("short", "x");
    write("empty", "");
    std::fs::create_dir(scratch.path("folder")).unwrap();
    drop(Writer::open(&scratch.path("newer")).unwrap());
    let db = rusqlite::Connection::open(scratch.path("newer")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let other = rusqlite::Connection::open(scratch.path("other")).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    for (name, wanted) in [
        ("text", "text: not a highwater database (not an SQLite file)"),
        ("short", "short: not a highwater database (not an SQLite file)"),
        ("empty", "empty: not a highwater database (an empty file)"),
        ("folder", "folder: not a highwater database (a folder)"),
        (
            "other",
            "other: not a highwater database (an SQLite database of another program)",
        ),
        (
            "newer",
            "newer: written by a newer highwater (schema 99; this program knows up to 1): use the newer program",
        ),
        (
            "missing",
            "missing: no database there (No such file or directory (os error 2))",
        ),
    ] {
        assert_eq!(shown(&scratch, name), wanted);
        if !["empty", "missing"].contains(&name) {
            let error = Writer::open(&scratch.path(name))
                .err()
                .map(|e| e.to_string())
                .unwrap_or_default();
            assert_eq!(
                error.replace(&*scratch.path("").to_string_lossy(), ""),
                wanted,
                "and the writer says the same"
            );
        }
    }
    assert_eq!(
        other
            .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get::<_, i64>(0))
            .unwrap(),
        1
    );
    assert!(
        Writer::open(&scratch.path("empty")).is_ok(),
        "an empty file may be begun"
    );
    assert!(
        Writer::open(&scratch.path("not/there/yet")).is_ok(),
        "folders are made"
    );
}

#[test]
fn a_database_that_was_cut_short_is_said() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    append(&mut writer, now, 1..=700);
    drop(writer);
    let whole = std::fs::read(scratch.db()).unwrap();
    let mut said = 0;
    for part in 1..40 {
        std::fs::write(scratch.path("cut.db"), &whole[..whole.len() * part / 40]).unwrap();
        let asked = Reader::open(&scratch.path("cut.db"))
            .and_then(|reader| reader.stretches("a", crate::common::ALL, &mut |_| store::Slots::All));
        if let Err(error) = asked {
            assert!(error.is_corrupt(), "{error}");
            assert!(!error.to_string().contains('\n'));
            said += 1;
        }
    }
    assert!(said > 30, "{said}");
}

#[test]
fn a_locked_database_is_waited_for_and_then_said() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    append(&mut writer, now, 1..=1);
    let other = rusqlite::Connection::open(scratch.db()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = writer
        .append(now, &crate::common::tick(2, &[("a", "n 2")]))
        .unwrap_err();
    assert!(error.is_busy());
    assert!(
        error.to_string().ends_with("x.db: locked by another program"),
        "{error}"
    );
    other.execute_batch("ROLLBACK").unwrap();
    append(&mut writer, now, 3..=3);
    assert_eq!(
        told(&scratch.db(), "a"),
        ["1: n 1", "3: n 3"],
        "the one that failed is not there, and the next is whole"
    );
}

#[test]
fn media_that_cannot_be_written_are_read() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    append(&mut writer, now, 1..=9);
    drop(writer);
    // What a read-only file system does to the -shm file, also when the test is root: it cannot be made.
    std::fs::create_dir(scratch.path("x.db-shm")).unwrap();
    assert_eq!(told(&scratch.db(), "a"), counted(1..=9));
}
