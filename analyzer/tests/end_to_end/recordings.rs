//! The recordings of real incidents, through the real binary: what was recorded comes back byte for byte.

use crate::scratch::{Scratch, recordings};
use analyzer::cat::{Answer, cat};
use model::UnixNanos;
use std::path::Path;
use store::Reader;

/// File and stamp and bytes of every block of every kernel file in an archive.
fn blocks(archive: &Path) -> Vec<(String, UnixNanos, Vec<u8>)> {
    let decoder = liblzma::read::XzDecoder::new(std::fs::File::open(archive).unwrap());
    let mut found = Vec::new();
    for entry in tar::Archive::new(decoder).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let Some(name) = path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .strip_suffix(".log")
            .map(str::to_owned)
        else {
            continue;
        };
        if name == "pids" || name == "kmsg" {
            continue;
        }
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut text).unwrap();
        for line in text.split_inclusive(|&b| b == b'\n') {
            if let Some(stamp) = line.strip_prefix(b"@ ") {
                let digits: Vec<u8> = stamp.iter().copied().filter(u8::is_ascii_digit).collect();
                let at = UnixNanos(String::from_utf8(digits).unwrap().parse().unwrap());
                found.push((name.replacen("pressure_", "pressure/", 1), at, Vec::new()));
            } else {
                found.last_mut().unwrap().2.extend_from_slice(line);
            }
        }
    }
    found
}

#[test]
fn every_block_comes_back() {
    for archive in recordings() {
        let scratch = Scratch::new();
        let output = scratch.analyzer(&["import", "recording", archive.to_str().unwrap()]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let reader = Reader::open(&scratch.db()).unwrap();
        let blocks = blocks(&archive);
        assert!(blocks.len() > 1000, "{archive:?} has {} blocks", blocks.len());
        for (source, at, bytes) in &blocks {
            let answer = cat(&reader, source, *at).unwrap();
            let Answer::Bytes {
                at: found,
                bytes: given,
            } = answer
            else {
                panic!("{source} at {at:?} of {archive:?}: {answer:?}");
            };
            assert!(given == *bytes, "{source} at {at:?} of {archive:?}");
            // The store keeps the moment of a read to a tenth of a millisecond.
            assert!(
                at.0 - found.0 < 1_000_000,
                "{source} at {at:?} of {archive:?}: {found:?}"
            );
        }
        for (source, at, bytes) in blocks.iter().step_by(blocks.len() / 12) {
            let (seconds, nanos) = (at.0 / 1_000_000_000, at.0 % 1_000_000_000);
            let output = scratch.analyzer(&["cat", source, "--at", &format!("@{seconds}.{nanos:09}")]);
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(output.stdout == *bytes, "{source} at {at:?} of {archive:?}");
        }
    }
}

#[test]
fn importing_again_changes_nothing() {
    let Some(archive) = recordings().into_iter().next() else {
        return;
    };
    let scratch = Scratch::new();
    let archive = archive.to_str().unwrap();
    scratch.analyzer(&["import", "recording", archive]);
    let before = scratch.show(&["info"]);
    let output = scratch.analyzer(&["import", "recording", archive]);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("{archive}: already imported, nothing changed\n")
    );
    assert_eq!(scratch.show(&["info"]), before);
}
