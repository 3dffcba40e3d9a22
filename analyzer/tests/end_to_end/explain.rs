//! How `analyzer explain` understands a window, and how it ends. What it says is tested where it is made.

use crate::scratch::{Scratch, recordings};
use expect_test::expect;

/// The recording of this name, imported.
fn imported(name: &str) -> Option<Scratch> {
    let archive = recordings()
        .into_iter()
        .find(|path| path.ends_with(format!("{name}.tar.xz")))?;
    let scratch = Scratch::new();
    let output = scratch.analyzer(&["import", "recording", archive.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(scratch)
}

/// Exit code, the window and status that the JSON gives, and what was said beside it.
fn run(scratch: &Scratch, arguments: &[&str]) -> String {
    let mut all = vec!["explain", "--json"];
    all.extend(arguments);
    let output = scratch.analyzer(&all);
    let json: Result<serde_json::Value, _> = serde_json::from_slice(&output.stdout);
    let said = json.map_or("–".to_owned(), |json| {
        let text = |pointer: &str| {
            json.pointer(pointer)
                .and_then(|v| v.as_str())
                .unwrap_or("–")
                .to_owned()
        };
        format!(
            "{} … {} {}",
            text("/window/from"),
            text("/window/to"),
            text("/status")
        )
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    format!(
        "{}: exit {} {said}\n{stderr}",
        arguments.join(" "),
        output.status.code().unwrap()
    )
}

#[test]
fn windows_and_exit_codes() {
    let Some(scratch) = imported("stream_read") else {
        return;
    };
    let runs = [
        &[][..],
        &["--exit-code"],
        &["--from", "22:54", "--to", "22:55"],
        &["--from", "22:54", "--to", "22:56"],
        &["--from", "22:50", "--to", "22:54", "--exit-code"],
        &["--from", "23:54:30", "--to", "23:54:50", "--tz", "Europe/Berlin"],
        &["--last", "1m"],
        &["--around", "22:54:30+-10s"],
        &["--from", "2026-11-22 10:00", "--to", "11:00"],
        &["--from", "22:55", "--to", "2026-11-23 22:54"],
        &["--from", "2026-11-23 22:55", "--to", "2026-11-23 22:54"],
        &["--from", "noon"],
        &["--tz", "Mars/Olympus"],
    ];
    let shown: String = runs.iter().map(|arguments| run(&scratch, arguments)).collect();
    expect![[r#"
        : exit 0 2026-11-23T22:53:38.312Z … 2026-11-23T22:55:37.312Z incident
        --exit-code: exit 1 2026-11-23T22:53:38.312Z … 2026-11-23T22:55:37.312Z incident
        --from 22:54 --to 22:55: exit 0 2026-11-23T22:54:00.000Z … 2026-11-23T22:55:00.000Z incident
        --from 22:54 --to 22:56: exit 4 2026-11-23T22:54:00.000Z … 2026-11-23T22:56:00.000Z incident
        analyzer: no data in 2026-11-23 22:55:37 – 22:56:00 UTC
        --from 22:50 --to 22:54 --exit-code: exit 4 2026-11-23T22:50:00.000Z … 2026-11-23T22:54:00.000Z no_incident
        analyzer: no data in 2026-11-23 22:50:00 – 22:53:38 UTC
        --from 23:54:30 --to 23:54:50 --tz Europe/Berlin: exit 0 2026-11-23T22:54:30.000Z … 2026-11-23T22:54:50.000Z incident
        --last 1m: exit 0 2026-11-23T22:54:37.312Z … 2026-11-23T22:55:37.312Z incident
        --around 22:54:30+-10s: exit 0 2026-11-23T22:54:20.000Z … 2026-11-23T22:54:40.000Z incident
        --from 2026-11-22 10:00 --to 11:00: exit 3 2026-11-22T10:00:00.000Z … 2026-11-22T11:00:00.000Z no_data
        analyzer: no data in 2026-11-22 10:00:00 – 11:00:00 UTC; there is some in 2026-11-23 22:53:38 – 22:55:37 UTC
        --from 22:55 --to 2026-11-23 22:54: exit 4 2026-11-22T22:55:00.000Z … 2026-11-23T22:54:00.000Z no_incident
        analyzer: no data in 2026-11-22 22:55:00 – 2026-11-23 22:53:38 UTC
        --from 2026-11-23 22:55 --to 2026-11-23 22:54: exit 2 –
        analyzer: --from 2026-11-23 22:55:00 is after --to 2026-11-23 22:54:00
        --from noon: exit 2 –
        analyzer: cannot read "noon" as a time: no form of time looks like this; expected 10:50, 10:50:13, "2016-09-10 10:50", RFC 3339, @1473504612.9, -1h, "1h ago", now, today, yesterday or "yesterday 10:50"
        --tz Mars/Olympus: exit 2 –
        error: invalid value 'Mars/Olympus' for '--tz <ZONE>': failed to parse timezone

        For more information, try '--help'.
    "#]].assert_eq(&shown);
}

#[test]
fn nothing_wrong_is_said_so() {
    let Some(scratch) = imported("quiet") else { return };
    expect![[r#"
        --exit-code: exit 0 2026-11-23T23:43:17.496Z … 2026-11-23T23:45:16.496Z no_incident
    "#]]
    .assert_eq(&run(&scratch, &["--exit-code"]));
}

#[test]
fn two_runs_print_the_same() {
    let Some(scratch) = imported("stream_read") else {
        return;
    };
    for arguments in [&["explain"][..], &["explain", "--md"], &["explain", "--json"]] {
        let first = scratch.show(arguments);
        assert_eq!(first, scratch.show(arguments));
        assert!(!first.contains('\x1b'), "no colour where no terminal is: {first}");
    }
    let coloured = scratch.show(&["explain", "--color", "always"]);
    assert!(coloured.contains("\x1b["), "{coloured}");
}

#[test]
fn manuals() {
    let scratch = Scratch::new();
    for (list, id) in [("rules", "kswapd-scan"), ("causes", "page_cache_flood")] {
        let shown = scratch.show(&[list]);
        assert!(
            shown.lines().any(|line| line.starts_with(&format!("{id} "))),
            "{shown}"
        );
        let page = scratch.show(&[list, id]);
        assert!(
            page.lines().count() > 5 && page.starts_with(&format!("exit 0\n{id}: ")),
            "{page}"
        );
    }
    expect![[r#"
        exit 2
        --- stderr
        analyzer: there is no cause "gremlins"; `analyzer causes` lists all
    "#]]
    .assert_eq(&scratch.show(&["causes", "gremlins"]));
}
