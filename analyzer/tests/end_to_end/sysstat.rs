//! Files of sysstat's own, of whatever version: what its `sar` prints of one and what its `sadf` says must come out as the same numbers.
//!
//! One file is made here by the sysstat that is installed. Where others lie, of other versions or of other machines, the variable
//! `HIGHWATER_SYSSTAT_DATA` names their folder: in it `*.sar` and `*.json` of the same name are what `sar -A` and `sadf -j … -- -A` of
//! some version printed of the same file.

use crate::scratch::Scratch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn run(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("S_TIME_FORMAT", "ISO")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    Some(output.stdout)
}

/// What `sar` and `sadf` print of a file that is recorded now. `None`: they are not installed.
fn made_here(scratch: &Scratch) -> Option<(PathBuf, PathBuf)> {
    let data = scratch.path("sa");
    let data = data.to_str().unwrap();
    run("sar", &["-o", data, "1", "4"])?;
    let text = run("sar", &["-A", "-f", data])?;
    let json = run("sadf", &["-j", data, "--", "-A"])?;
    scratch.write("here.sar", text);
    scratch.write("here.json", json);
    Some((scratch.path("here.sar"), scratch.path("here.json")))
}

/// Numbers by sample and name, as `export --format sadf` gives them back.
fn numbers(scratch: &Scratch, kind: &str, file: &Path) -> BTreeMap<String, f64> {
    let db = scratch.path(&format!("{kind}.db"));
    let _ = std::fs::remove_file(&db);
    let db = db.to_str().unwrap();
    let shown = scratch.show(&["import", kind, file.to_str().unwrap(), "--strict", "--db", db]);
    assert!(shown.starts_with("exit 0"), "{}: {shown}", file.display());
    let exported = scratch.analyzer(&["export", "--format", "sadf", "--db", db]);
    assert!(exported.status.success(), "{exported:?}");
    let exported: Value = serde_json::from_slice(&exported.stdout).unwrap();
    let mut found = BTreeMap::new();
    for sample in exported["sysstat"]["hosts"][0]["statistics"].as_array().unwrap() {
        leaves(sample["timestamp"]["time"].as_str().unwrap(), sample, &mut found);
    }
    found
}

fn leaves(name: &str, value: &Value, found: &mut BTreeMap<String, f64>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields.iter().filter(|(field, _)| *field != "timestamp") {
                leaves(&format!("{name} {field}"), value, found);
            }
        }
        Value::Array(rows) => {
            for row in rows {
                let of = row.get("cpu").or(row.get("disk-device"));
                leaves(
                    &format!("{name} {}", of.and_then(Value::as_str).unwrap_or_default()),
                    row,
                    found,
                );
            }
        }
        Value::Number(number) => {
            found.insert(name.to_owned(), number.as_f64().unwrap());
        }
        _ => {}
    }
}

#[test]
fn sar_and_sadf_of_a_file_are_the_same_numbers() {
    let scratch = Scratch::new();
    let mut pairs = Vec::new();
    match std::env::var_os("HIGHWATER_SYSSTAT_DATA") {
        None => eprintln!("no other versions' files: HIGHWATER_SYSSTAT_DATA names no folder"),
        Some(folder) => {
            for entry in std::fs::read_dir(folder).unwrap() {
                let text = entry.unwrap().path();
                if text.extension().is_some_and(|end| end == "sar") {
                    pairs.push((text.clone(), text.with_extension("json")));
                }
            }
            assert!(!pairs.is_empty(), "HIGHWATER_SYSSTAT_DATA holds no *.sar");
        }
    }
    match made_here(&scratch) {
        None => eprintln!("nothing made here: sysstat is not installed"),
        Some(pair) => pairs.push(pair),
    }
    for (text, json) in pairs {
        let (sar, sadf) = (numbers(&scratch, "sar", &text), numbers(&scratch, "sadf", &json));
        // sar's first row says of its header that an interval began then; sadf begins with the first sample.
        let shared = sadf.keys().filter(|name| sar.contains_key(*name)).count();
        assert!(shared > 100, "{}: {shared} numbers in both", text.display());
        for (name, value) in &sadf {
            let other = sar.get(name);
            // Either prints two decimals.
            let is_same = other.is_some_and(|other| (value - other).abs() <= 0.0101);
            assert!(
                is_same,
                "{}: {name}: {value} by sadf, {other:?} by sar",
                json.display()
            );
        }
    }
}
