//! Imports: ticks that become columns at once leave what ticks that were rows first leave.

use crate::common::{SECOND, Scratch, boot, compact, run};
use model::{Reading, RunOrigin, Template, Tick, UnixNanos};
use std::sync::Arc;
use store::{Error, Writer};

/// Two runs. Of most ticks a meminfo that vmstat says again, read before and after the tick; a stretch and some in the first, in which
/// vmstat is missing at times and meminfo's text changes.
fn write(writer: &mut Writer) -> Result<(), Error> {
    let mut shapes: [Option<Arc<Template>>; 2] = [None, None];
    for (boot_id, seconds) in [("a", 1..=700i64), ("b", 1001..=1020)] {
        let run = writer
            .begin_run(&boot(boot_id), &run(RunOrigin::Import, None))?
            .unwrap();
        for second in seconds {
            let free = 1_000_000 + second * second % 7919;
            let tail = if second > 400 {
                "Hugepagesize: 2048 kB\n"
            } else {
                ""
            };
            let texts = [
                (
                    "vmstat",
                    -20_030_000,
                    format!("nr_free {free}\npgin {}\n", second * 3),
                ),
                ("meminfo", 1_250_000, format!("MemFree: {} kB\n{tail}", free * 4)),
            ];
            let is_read = |i: usize| i != 0 || !(300..=310).contains(&second);
            let mut readings = Vec::new();
            for (i, (source, offset, text)) in texts.into_iter().enumerate().filter(|(i, _)| is_read(*i)) {
                let (template, values) = Template::parse(text.as_bytes(), shapes[i].as_deref());
                let known = shapes[i].take().filter(|known| **known == template);
                let template = known.unwrap_or_else(|| Arc::new(template));
                shapes[i] = Some(template.clone());
                readings.push(Reading {
                    source: source.into(),
                    offset,
                    template,
                    values,
                });
            }
            let (at, monotonic) = (UnixNanos(second * SECOND), second * SECOND + 7);
            writer.append(
                run,
                &Tick {
                    at,
                    monotonic,
                    readings,
                },
            )?;
        }
    }
    Ok(())
}

#[test]
fn an_import_leaves_what_compaction_leaves() {
    let stored = |scratch: &Scratch| -> Vec<String> {
        let db = rusqlite::Connection::open(scratch.db()).unwrap();
        let sql = "SELECT format('%d %d..%d %d %s %s %d %d %s %s %s', s.run, s.from_ns / 1000000000, s.to_ns / 1000000000, s.ticks,
                 hex(s.stamps), source.name, block.readings, block.from_ns, hex(block.times), ifnull(base.name, 'itself'), hex(block.body))
             FROM block JOIN stretch s ON s.id = block.stretch JOIN source ON source.id = block.source
                 LEFT JOIN block b ON b.id = block.base LEFT JOIN source base ON base.id = b.source
             ORDER BY s.id, source.name, block.from_ns";
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let (appended, imported) = (Scratch::new(), Scratch::new());
    let mut writer = appended.writer();
    write(&mut writer).unwrap();
    compact(&mut writer, true);
    imported.writer().import(write).unwrap();
    let stored = [stored(&appended), stored(&imported)];
    assert_eq!(stored[0], stored[1]);
    // Of which run, over which seconds, of what, against what.
    let short: Vec<String> = stored[1]
        .iter()
        .map(|row| {
            let words: Vec<&str> = row.split(' ').collect();
            format!(
                "{} {} {} {} of {} by {}",
                words[0], words[1], words[4], words[5], words[2], words[8]
            )
        })
        .collect();
    assert_eq!(
        short,
        [
            "1 1..600 meminfo 400 of 600 by itself",
            "1 1..600 meminfo 200 of 600 by itself",
            "1 1..600 vmstat 589 of 600 by itself",
            "1 601..700 meminfo 100 of 100 by vmstat",
            "1 601..700 vmstat 100 of 100 by itself",
            "2 1001..1020 meminfo 20 of 20 by vmstat",
            "2 1001..1020 vmstat 20 of 20 by itself",
        ]
    );
    // Nothing of it is a row.
    let db = rusqlite::Connection::open(imported.db()).unwrap();
    let rows: i64 = db
        .query_row("SELECT count(*) FROM tick", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0);
}
