//! The inputs that fuzzing begins with, and those that once were too much, given to the importers again: what holds is in `fuzz/src/lib.rs`.

#[path = "../../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "there it is a library")]
mod targets;

use std::path::{Path, PathBuf};

fn inputs(target: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let mut inputs: Vec<PathBuf> = ["seeds", "found"]
        .iter()
        .flat_map(|kind| std::fs::read_dir(root.join(kind).join(target)))
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    inputs.sort();
    inputs
}

fn all(target: &str, run: fn(&[u8])) {
    let inputs = inputs(target);
    assert!(!inputs.is_empty(), "no seeds of {target}");
    for input in inputs {
        let bytes = std::fs::read(&input).unwrap();
        if let Err(panic) = std::panic::catch_unwind(|| run(&bytes)) {
            eprintln!("with {}", input.display());
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn tables_of_sar() {
    all("sar", targets::sar);
}

#[test]
fn what_sadf_prints() {
    all("sadf", targets::sadf);
}

#[test]
fn logs_of_kernel_files() {
    all("proc_log", targets::proc_log);
}

#[test]
fn what_atop_prints() {
    all("atop", targets::atop);
}

#[test]
fn archives_of_oswatcher() {
    all("oswatcher", targets::oswatcher);
}

#[test]
fn folders_of_snapshots() {
    all("snapshots", targets::snapshots);
}

#[test]
fn reports_of_sos() {
    all("sosreport", targets::sosreport);
}

#[test]
fn recordings() {
    all("recording", targets::recording);
}
