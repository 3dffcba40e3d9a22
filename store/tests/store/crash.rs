//! A program that is killed, a machine that loses power: what was appended is there, each tick once.

use crate::common::{Scratch, append, begin, boot, compact, counted, run, told};
use model::RunOrigin;
use proptest::prelude::*;
use store::{Error, Writer};

/// The files as a killed writer leaves them: no close, no checkpoint.
fn copy(scratch: &Scratch, wal: &[u8]) {
    let _ = std::fs::remove_file(scratch.path("copy.db-shm"));
    std::fs::copy(scratch.db(), scratch.path("copy.db")).unwrap();
    std::fs::write(scratch.path("copy.db-wal"), wal).unwrap();
}

fn integrity(scratch: &Scratch) -> String {
    let db = rusqlite::Connection::open(scratch.path("copy.db")).unwrap();
    db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap()
}

#[test]
fn a_killed_writer_loses_nothing_that_was_appended() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let now = begin(&mut writer);
    append(&mut writer, now, 1..=700);
    copy(&scratch, &std::fs::read(scratch.path("x.db-wal")).unwrap());
    assert_eq!(told(&scratch.path("copy.db"), "a"), counted(1..=700));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// A log of writes that is cut anywhere, or whose end was never written, loses the last ticks and nothing else, also where the
    /// cut falls into a compaction.
    #[test]
    fn a_cut_log_loses_the_end_only(cut in any::<prop::sample::Index>(), is_garbage in any::<bool>()) {
        let scratch = Scratch::new();
        let mut writer = scratch.writer();
        let now = begin(&mut writer);
        append(&mut writer, now, 1..=300);
        compact(&mut writer, true);
        append(&mut writer, now, 301..=320);
        let mut wal = std::fs::read(scratch.path("x.db-wal")).unwrap();
        let cut = cut.index(wal.len());
        if is_garbage {
            wal[cut..].fill(0xa5);
        } else {
            wal.truncate(cut);
        }
        copy(&scratch, &wal);
        // Begun anew by the next writer, as after a restart.
        let mut writer = Writer::open(&scratch.path("copy.db")).unwrap();
        prop_assert_eq!(integrity(&scratch), "ok");
        let lines = told(&scratch.path("copy.db"), "a");
        let last = lines.len() as i64;
        prop_assert_eq!(&lines, &counted(1..=last));
        let next = begin(&mut writer);
        append(&mut writer, next, last + 1..=last + 3);
        compact(&mut writer, true);
        prop_assert_eq!(told(&scratch.path("copy.db"), "a"), counted(1..=last + 3));
    }
}

#[test]
fn an_import_is_all_or_nothing_and_once() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let import = |writer: &mut Writer, fail: bool| {
        writer.import(|w| -> Result<bool, Error> {
            let Some(now) = w.begin_run(&boot("a"), &run(RunOrigin::Import, Some("k")))? else {
                return Ok(false);
            };
            append(w, now, 5..=5);
            let no = Error::Damaged {
                path: "x".into(),
                what: "y".into(),
            };
            if fail { Err(no) } else { Ok(true) }
        })
    };
    assert!(import(&mut writer, true).is_err());
    assert!(told(&scratch.db(), "a").is_empty());
    assert!(import(&mut writer, false).unwrap());
    assert!(!import(&mut writer, false).unwrap());
    assert_eq!(told(&scratch.db(), "a"), counted(5..=5));
}
