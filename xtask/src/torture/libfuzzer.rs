//! The targets of `fuzz/` under libFuzzer, which keeps the inputs that reach code which none reached before.
//!
//! cargo-fuzz wants a nightly compiler for its sanitizers. Safe Rust needs none of them, and what libFuzzer itself needs is in every
//! compiler: counters of the edges that ran, and of what was compared (LLVM's SanitizerCoverage). So the targets are built with the
//! compiler that is there. `cargo fuzz run sar` works too, where both are installed.

use super::{Stage, Table};
use crate::children::Children;
use crate::{command, workspace};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// What counts edges and comparisons. `fuzzing` opens what only targets may call.
const FLAGS: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // A pass over several units at once would see each counter twice.
    "-Ccodegen-units=1",
];

/// Each target for so many seconds; says so when they cannot be built here.
pub(super) fn run(stage: &Stage, table: &mut Table) -> Result<()> {
    let programs = match build() {
        Ok(programs) => programs,
        Err(error) => {
            table.told(
                "targets under libFuzzer",
                format!("cannot be built here, so only our own changes of bytes were tried: {error:#}"),
            );
            return Ok(());
        }
    };
    for target in targets()? {
        if Children::asked_to_end() {
            break;
        }
        let (holds, said) = one(stage, &programs, &target)?;
        table.must(
            &format!("{target} under libFuzzer: panics, hangs, memory"),
            said,
            holds,
        );
    }
    Ok(())
}

/// Names of the targets, in order.
fn targets() -> Result<Vec<String>> {
    let folder = workspace::root().join("fuzz/targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).context("fuzz/targets")? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Compiles them all, and answers where they lie.
fn build() -> Result<PathBuf> {
    let version = command::output(command::in_root("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc -vV names no host")?;
    let target = workspace::target().join("fuzz");
    // With a target named, build scripts and macros are compiled without the flags.
    command::run(
        command::cargo()
            .args([
                "build",
                "--release",
                "--manifest-path",
                "fuzz/Cargo.toml",
                "--target",
                host,
            ])
            .arg("--target-dir")
            .arg(&target)
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f")),
    )?;
    Ok(target.join(host).join("release"))
}

/// Whether it found nothing, and how far it came.
fn one(stage: &Stage, programs: &Path, target: &str) -> Result<(bool, String)> {
    let fuzz = workspace::root().join("fuzz");
    // What reached new code is kept for the next time; the trial's own folder is emptied.
    let corpus = workspace::target().join("highwater/corpus").join(target);
    std::fs::create_dir_all(&corpus)?;
    let report = stage.folder.join(format!("{target}.log"));
    let mut command = command::in_root(programs.join(target));
    command
        .arg(&corpus)
        .args(
            [fuzz.join("seeds").join(target), fuzz.join("found").join(target)]
                .iter()
                .filter(|f| f.is_dir()),
        )
        .arg(format!("-artifact_prefix={}/{target}-", stage.folder.display()))
        .arg(format!("-max_total_time={}", stage.seconds.max(1)))
        .args([
            "-timeout=20",
            "-rss_limit_mb=2048",
            "-malloc_limit_mb=1024",
            "-max_len=16384",
        ])
        .arg("-print_final_stats=1")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&report)?);
    let status = command
        .status()
        .with_context(|| format!("cannot start {target}"))?;
    let said = String::from_utf8_lossy(&std::fs::read(&report)?).into_owned();
    let tried = said
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .map_or("an unknown number of", str::trim);
    if status.success() || Children::asked_to_end() {
        return Ok((true, format!("none in {tried} inputs")));
    }
    let why = said
        .lines()
        .find(|line| line.contains("panicked at") || line.contains("ERROR: libFuzzer"))
        .unwrap_or("no reason given");
    Ok((false, format!("{why} (see {})", report.display())))
}
