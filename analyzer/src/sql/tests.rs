//! Queries over small records.

use super::{batch, run};
use crate::tables::tests::{Record, shown, span, with_everything};
use crate::time_grammar::Context;
use chrono_tz::Tz;
use expect_test::expect;
use model::UnixNanos;

const SECOND: i64 = 1_000_000_000;

fn context(tz: Tz) -> Context {
    Context {
        now: UnixNanos(100 * SECOND),
        data_end: Some(UnixNanos(24 * SECOND)),
        tz,
    }
}

/// Answers and errors of queries, one after another.
fn answers(record: &Record, tz: Tz, queries: &[&str]) -> String {
    let mut out = String::new();
    for query in queries {
        out += &format!("> {query}\n");
        out += &match run(&record.path(), span(0, 100), &context(tz), query) {
            Ok(answer) => match batch(&answer.frame, &answer.units) {
                Ok(batch) => shown(&batch),
                Err(error) => format!("{error}\n"),
            },
            Err(error) => format!("{error}\n"),
        };
    }
    out
}

#[test]
fn a_rate_is_unknown_across_a_gap_a_reset_and_a_boot() {
    let queries = [
        "SELECT at, pgfault, rate(pgfault) FROM vmstat",
        "SELECT at, rate(v.nr_free_pages) AS change FROM vmstat v WHERE rate(pgfault) IS NOT NULL",
        "SELECT count(*) AS rows, count(pgfault_per_s) AS known, max(pgfault_per_s), avg(nr_free_pages) AS mean FROM vmstat",
        "SELECT * FROM vmstat WHERE pgfault_per_s > 9",
        "SELECT count(pgfault), max(pgfault), min(rate(pgfault)), max(rate(pgfault)) FROM vmstat",
    ];
    expect![[r#"
        > SELECT at, pgfault, rate(pgfault) FROM vmstat
        at | pgfault | pgfault_per_s [1/s]
        10 | 100 | –
        11 | 110 | 10
        12 | 130 | 20
        20 | 500 | –
        21 | 7 | –
        22 | 9 | 2
        23 | 10000 | –
        24 | 10005 | 5
        > SELECT at, rate(v.nr_free_pages) AS change FROM vmstat v WHERE rate(pgfault) IS NOT NULL
        at | change [pages/s]
        11 | 2
        12 | -1
        22 | -1
        24 | 0
        > SELECT count(*) AS rows, count(pgfault_per_s) AS known, max(pgfault_per_s), avg(nr_free_pages) AS mean FROM vmstat
        rows | known | max(pgfault_per_s) [1/s] | mean [pages]
        8 | 4 | 20 | 4.25
        > SELECT * FROM vmstat WHERE pgfault_per_s > 9
        at | nr_free_pages [pages] | pgfault | pgfault_per_s [1/s]
        11 | 7 | 110 | 10
        12 | 6 | 130 | 20
        > SELECT count(pgfault), max(pgfault), min(rate(pgfault)), max(rate(pgfault)) FROM vmstat
        count(pgfault) | max(pgfault) | min(pgfault_per_s) [1/s] | max(pgfault_per_s) [1/s]
        8 | 10005 | 2 | 20
    "#]].assert_eq(&answers(&with_everything(), Tz::UTC, &queries));
}

#[test]
fn conditions_on_the_time_are_in_the_nodes_zone_and_any_way_of_saying_when_will_do() {
    let queries = [
        "SELECT at, nr_free_pages FROM vmstat WHERE at >= '1970-01-01 01:00:21' AND at < '1970-01-01 01:00:23'",
        "SELECT at, nr_free_pages FROM vmstat WHERE at BETWEEN '01:00:11' AND '1970-01-01T00:00:12Z'",
        "SELECT at, nr_free_pages FROM vmstat WHERE at > '@22.5' OR nr_free_pages = 5",
        "SELECT count(*) AS n FROM vmstat WHERE at < '1970-01-01'",
        "SELECT at FROM vmstat WHERE at = (SELECT max(at) FROM vmstat)",
        "SELECT nr_free_pages FROM vmstat WHERE at >= '1970-01-01 01:00:12' LIMIT 2",
        "SELECT nr_free_pages FROM vmstat LIMIT 3",
        "SELECT at FROM vmstat WHERE at > 'half past never'",
    ];
    expect![[r#"
        > SELECT at, nr_free_pages FROM vmstat WHERE at >= '1970-01-01 01:00:21' AND at < '1970-01-01 01:00:23'
        at | nr_free_pages [pages]
        21 | 3
        22 | 2
        > SELECT at, nr_free_pages FROM vmstat WHERE at BETWEEN '01:00:11' AND '1970-01-01T00:00:12Z'
        at | nr_free_pages [pages]
        11 | 7
        12 | 6
        > SELECT at, nr_free_pages FROM vmstat WHERE at > '@22.5' OR nr_free_pages = 5
        at | nr_free_pages [pages]
        10 | 5
        23 | 1
        24 | 1
        > SELECT count(*) AS n FROM vmstat WHERE at < '1970-01-01'
        n
        0
        > SELECT at FROM vmstat WHERE at = (SELECT max(at) FROM vmstat)
        subquery comparisons with '=' are not supported; use 'IN' instead
        > SELECT nr_free_pages FROM vmstat WHERE at >= '1970-01-01 01:00:12' LIMIT 2
        nr_free_pages [pages]
        6
        9
        > SELECT nr_free_pages FROM vmstat LIMIT 3
        nr_free_pages [pages]
        5
        7
        6
        > SELECT at FROM vmstat WHERE at > 'half past never'
        cannot read "half past never" as a time: no form of time looks like this; expected 10:50, 10:50:13, "2016-09-10 10:50", RFC 3339, @1473504612.9, -1h, "1h ago", now, today, yesterday or "yesterday 10:50"
    "#]].assert_eq(&answers(&with_everything(), Tz::Europe__Berlin, &queries));
}

#[test]
fn tables_are_joined_on_their_ticks() {
    let mut record = Record::new();
    let run = record.run("a", 10);
    for second in 10..13 {
        let stat = format!("cpu  {second} 0 20 30\ncpu0 {second} 0 10 15\n");
        let (meminfo, buddy) = (format!("MemFree: {second} kB\n"), "Node 0, zone DMA 1 2\n");
        record.tick(
            run,
            second,
            &[("stat", &stat), ("meminfo", &meminfo), ("buddyinfo", buddy)],
        );
    }
    let queries = [
        "SELECT m.at, m.MemFree, s.user, c.user AS cpu0 FROM meminfo m JOIN stat s ON m.at = s.at JOIN cpu c ON m.at = c.at ORDER BY m.at",
        "SELECT max(user), sum(rate(user)) AS s FROM stat",
        "SELECT page_order, sum(free_blocks) AS blocks FROM buddyinfo GROUP BY page_order ORDER BY page_order",
        "SELECT MemFree * 1024 AS bytes, MemFree > 11 AS many, at - '1970-01-01 00:00:10' AS since FROM meminfo",
        "WITH x AS (SELECT at, MemFree FROM meminfo) SELECT * FROM x ORDER BY MemFree DESC LIMIT 1",
        "SELECT at, MemFree FROM meminfo WHERE MemFree < 12 AND at > '1970-01-01' ORDER BY MemFree DESC LIMIT 1",
        "SELECT boot_id, hostname FROM boots",
    ];
    expect![[r#"
        > SELECT m.at, m.MemFree, s.user, c.user AS cpu0 FROM meminfo m JOIN stat s ON m.at = s.at JOIN cpu c ON m.at = c.at ORDER BY m.at
        at | MemFree [kB] | user [ticks] | cpu0 [ticks]
        10 | 10 | 10 | 10
        11 | 11 | 11 | 11
        12 | 12 | 12 | 12
        > SELECT max(user), sum(rate(user)) AS s FROM stat
        max(user) [ticks] | s [ticks/s]
        12 | 2
        > SELECT page_order, sum(free_blocks) AS blocks FROM buddyinfo GROUP BY page_order ORDER BY page_order
        page_order | blocks
        0 | 3
        1 | 6
        > SELECT MemFree * 1024 AS bytes, MemFree > 11 AS many, at - '1970-01-01 00:00:10' AS since FROM meminfo
        bytes | many | since [s]
        10240 | false | 0
        11264 | false | 1
        12288 | true | 2
        > WITH x AS (SELECT at, MemFree FROM meminfo) SELECT * FROM x ORDER BY MemFree DESC LIMIT 1
        at | MemFree
        12 | 12
        > SELECT at, MemFree FROM meminfo WHERE MemFree < 12 AND at > '1970-01-01' ORDER BY MemFree DESC LIMIT 1
        at | MemFree [kB]
        11 | 11
        > SELECT boot_id, hostname FROM boots
        boot_id | hostname
        a | h
    "#]].assert_eq(&answers(&record, Tz::UTC, &queries));
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let queries = [
        "SELEC 1",
        "SELECT",
        "SELECT 'a",
        "SELECT nope FROM vmstat",
        "SELECT nope_per_s FROM vmstat",
        "SELECT at FROM nope",
        "SELECT pgfault + at FROM vmstat",
        "DROP TABLE vmstat",
        "SELECT 1; SELECT 2",
        "",
        "SELECT nosuchfunction(pgfault) FROM vmstat",
        "SELECT array_agg(pgfault) FROM vmstat",
    ];
    let said = answers(&with_everything(), Tz::UTC, &queries);
    assert_eq!(said.lines().count(), 2 * queries.len(), "{said}");
    expect![[r#"
        > SELEC 1
        a query begins with SELECT, WITH or SHOW TABLES
        > SELECT
        Expected: an expression, found: EOF
        > SELECT 'a
        Unterminated string literal at Line: 1, Column: 8
        > SELECT nope FROM vmstat
        not found: unable to find column "nope"; `analyzer tables vmstat` lists them
        > SELECT nope_per_s FROM vmstat
        not found: unable to find column "nope_per_s"; `analyzer tables vmstat` lists them
        > SELECT at FROM nope
        there is no table nope; there are vmstat, boots, ticks, facts, log, gaps, events, processes, incidents
        > SELECT pgfault + at FROM vmstat
        + not allowed on i64 and datetime[ns, UTC]
        > DROP TABLE vmstat
        a query begins with SELECT, WITH or SHOW TABLES
        > SELECT 1; SELECT 2
        one (and only one) statement can be parsed at a time
        > 
        a query begins with SELECT, WITH or SHOW TABLES
        > SELECT nosuchfunction(pgfault) FROM vmstat
        unsupported function 'nosuchfunction'
        > SELECT array_agg(pgfault) FROM vmstat
        column array_agg(pgfault) holds several values a row, which cannot be printed
    "#]]
    .assert_eq(&said);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, ..Default::default() })]

    /// Whatever is asked, there is an answer or one line: words in any order, and any text.
    #[test]
    fn no_query_panics(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "SELECT", "*", "at", "user", "rate", "(", ")", "pgfault", "FROM", "vmstat", "WHERE", ",", "'10:53'", ">", "AND",
            "BETWEEN", "GROUP BY", "ORDER BY", "DESC", "LIMIT", "3", "max(", "JOIN", "ON", "=", "v", ".", "WITH", "AS", "NULL",
            "CASE", "-", "UNION", "boots", "OVER", "\"", "'", ";", "DISTINCT", "IN", "pgfault_per_s", "incidents",
        ]), 0..14),
        text in ".{0,30}",
    ) {
        let path = small();
        let sound = run(&path, span(0, 100), &context(Tz::UTC), "SELECT at FROM vmstat");
        assert_eq!(sound.unwrap().frame.height(), 8);
        let said = words.join(" ");
        for query in [said.clone(), format!("SELECT {said}"), format!("SELECT * FROM vmstat WHERE {said}"), text] {
            if let Err(error) = run(&path, span(0, 100), &context(Tz::UTC), &query) {
                let line = error.to_string();
                assert!(!line.is_empty() && !line.contains('\n'), "{query}: {line}");
            }
        }
    }
}

/// One small record for all cases.
fn small() -> std::path::PathBuf {
    static SMALL: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    SMALL
        .get_or_init(|| with_everything().closed())
        .path()
        .join("x.db")
}
