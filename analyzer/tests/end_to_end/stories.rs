//! What the reports say of real incidents: each recording's whole report stands in `tests/expected/`, to be read as a person on
//! call would. `UPDATE_EXPECT=1` blesses.

use crate::scratch::{Scratch, recordings};
use expect_test::expect_file;
use std::path::Path;

fn report(archive: &Path, arguments: &[&str]) -> String {
    let scratch = Scratch::new();
    let imported = scratch.analyzer(&["import", "recording", archive.to_str().unwrap()]);
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
    let mut all = vec!["explain"];
    all.extend(arguments);
    let explained = scratch.analyzer(&all);
    let again = scratch.analyzer(&all);
    assert_eq!(
        explained.stdout, again.stdout,
        "the same data gives the same words"
    );
    String::from_utf8(explained.stdout).unwrap()
}

#[test]
fn recordings_are_told_as_expected() {
    for archive in recordings() {
        let name = archive
            .file_name()
            .unwrap()
            .to_string_lossy()
            .replace(".tar.xz", "");
        let expected = format!("{}/tests/expected/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        expect_file![expected].assert_eq(&report(&archive, &[]));
    }
}

#[test]
fn the_published_incident_is_told_as_expected() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-data");
    let archive = samples.join("page-cache-post/page-cache-post.tar.xz");
    let told = report(&archive, &["--from", "10:50", "--to", "11:00"]);
    expect_file!["../expected/page-cache-post.txt"].assert_eq(&told);
}

#[test]
fn no_effect_is_dated_or_told_before_its_cause() {
    for archive in recordings() {
        let scratch = Scratch::new();
        let imported = scratch.analyzer(&["import", "recording", archive.to_str().unwrap()]);
        assert!(imported.status.success());
        let explained = scratch.analyzer(&["explain", "--json"]);
        let document: serde_json::Value = serde_json::from_slice(&explained.stdout).unwrap();
        for incident in document["incidents"].as_array().unwrap() {
            for link in incident["links"].as_array().unwrap() {
                assert!(
                    link["lag_s"].as_f64().unwrap() >= 0.0,
                    "{}: {link}",
                    archive.display()
                );
            }
        }
    }
}

/// Ten-minute averages say what happened and who it was not; what came first they do not say.
#[test]
fn the_published_tables_alone_support_what_they_support() {
    let scratch = Scratch::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-data/page-cache-post-sar");
    let files = ["sar-B", "sar-d-1", "sar-d-2", "sar-r", "sar-u"]
        .map(|name| folder.join(format!("{name}.txt")).to_str().unwrap().to_owned());
    let mut import = vec!["import", "sar", "--date", "2016-09-10"];
    import.extend(files.iter().map(String::as_str));
    let imported = scratch.analyzer(&import);
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
    let told = scratch.show(&["explain", "--from", "02:20", "--to", "03:55"]);
    expect_file!["../expected/page-cache-post-sar.txt"].assert_eq(&told);
}
