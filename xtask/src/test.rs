//! `cargo xtask test`: everything that must hold before a change is taken, in the order that fails soonest.

use crate::command::{cargo, in_folder, run as run_command, watched};
use crate::failures::Failures;
use crate::summary::{Counts, Summary};
use crate::{dist, tidy, tools, workspace};
use anyhow::{Result, bail};
use std::path::Path;

/// Check everything: format, tidiness, lints, all tests, the page in a browser, and packages in a clean Debian
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave out what this machine lacks (Node.js, a browser, debootstrap) instead of failing
    #[arg(long)]
    allow_missing: bool,
}

/// Runs all steps, each even if another failed, and fails unless all of them passed.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut summary = Summary::default();
    summary.step("format", || once(cargo().args(["fmt", "--all", "--check"])));
    summary.step("tidy", || tidy::run().map(|()| Counts::ONE));
    // The page first: it is embedded in `web`, whose compilation wants the folder.
    let page = step_with(&mut summary, arguments, "page", tools::ensure_node(), |()| {
        build_page()
    });
    summary.step("clippy", || {
        once(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    // All targets at once: the same selection of crates and features as the tests, so nothing is compiled twice, and
    // the programs lie in the target folder for the page's tests.
    let built = summary.step("build", || {
        once(cargo().args(["build", "--workspace", "--all-targets"]))
    });
    // A workspace of its own, whose library the tests load into the sqlite3 shell.
    summary.step("extension", extension);
    if built {
        let mut failures = Failures::of_cargo();
        summary.step("tests", || rust_tests(&mut failures));
        summary.tell("tests", failures.text());
    } else {
        summary.skip("tests", "the build failed".into());
    }
    if built && page {
        let mut failures = Failures::of_playwright();
        step_with(
            &mut summary,
            arguments,
            "page tests",
            tools::CHROMIUM.ensure(),
            |chromium| page_tests(&chromium, &mut failures),
        );
        summary.tell("page tests", failures.text());
    } else {
        summary.skip("page tests", "the page or the programs were not built".into());
    }

    if built && page {
        step_with(
            &mut summary,
            arguments,
            "packages",
            dist::ensure_tools(),
            |tools| dist::check(&tools),
        );
    } else {
        summary.skip("packages", "the page or the programs were not built".into());
    }

    print!("\n{}\n{}\n{}", recordings(), scrapers(), summary.text());
    let Counts { failed, skipped, .. } = summary.total();
    if failed > 0 || (skipped > 0 && !arguments.allow_missing) {
        bail!("not everything passed");
    }
    Ok(())
}

/// A step that needs something this machine may lack: then it fails, or is left out where that was allowed.
fn step_with<T>(
    summary: &mut Summary,
    arguments: &Arguments,
    name: &'static str,
    needed: Result<T>,
    work: impl FnOnce(T) -> Result<Counts>,
) -> bool {
    match needed {
        Ok(needed) => summary.step(name, || work(needed)),
        Err(missing) if arguments.allow_missing => {
            summary.skip(name, format!("{missing:#}"));
            false
        }
        Err(missing) => summary.step(name, || Err(missing)),
    }
}

fn once(command: &mut std::process::Command) -> Result<Counts> {
    run_command(command).map(|()| Counts::ONE)
}

/// What the tests had to read. Those that want recordings pass without a word when there are none, so it is told here.
fn recordings() -> String {
    let count = std::fs::read_dir(workspace::recordings()).map_or(0, |entries| {
        entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().ends_with(".tar.xz"))
            .count()
    });
    match count {
        0 => "no recordings in ../shared/recordings: the tests read sample-data only".into(),
        count => format!("the tests read {count} recordings in ../shared/recordings besides sample-data"),
    }
}

/// Whom the tests compared the collector's metrics with. As with recordings, those tests pass without.
fn scrapers() -> String {
    let missing: Vec<_> = ["prometheus-node-exporter", "promtool"]
        .into_iter()
        .filter(|program| tools::find(program).is_none())
        .collect();
    match missing.as_slice() {
        [] => "metrics were compared with prometheus-node-exporter and checked by promtool".into(),
        missing => format!(
            "metrics were not compared: {} is not installed",
            missing.join(" and ")
        ),
    }
}

/// Installs the page's dependencies, builds it (which checks its types).
fn build_page() -> Result<Counts> {
    crate::page::build()?;
    Ok(Counts::ONE)
}

fn extension() -> Result<Counts> {
    const MANIFEST: [&str; 2] = ["--manifest-path", "extension/Cargo.toml"];
    let in_our_target = |name: &str| {
        let mut command = cargo();
        command
            .arg(name)
            .args(MANIFEST)
            .arg("--target-dir")
            .arg(workspace::target());
        command
    };
    run_command(cargo().arg("fmt").args(MANIFEST).arg("--check"))?;
    run_command(in_our_target("clippy").args(["--all-targets", "--", "-D", "warnings"]))?;
    once(&mut in_our_target("build"))
}

fn rust_tests(failures: &mut Failures) -> Result<Counts> {
    let mut counts = Counts::default();
    let ended_well = watched(cargo().args(["test", "--workspace", "--no-fail-fast"]), |line| {
        failures.read(line);
        if let Some(more) = cargo_counts(line) {
            counts.passed += more.passed;
            counts.failed += more.failed;
            counts.skipped += more.skipped;
        }
    })?;
    settle(counts, ended_well, "cargo test")
}

fn page_tests(chromium: &Path, failures: &mut Failures) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut npm = in_folder(&workspace::page(), "npm");
    npm.arg("test")
        .env("HIGHWATER_BIN_DIR", workspace::binaries())
        .env("HIGHWATER_CHROMIUM", chromium)
        .env("FORCE_COLOR", "0");
    let ended_well = watched(&mut npm, |line| {
        failures.read(line);
        if let Some((kind, count)) = playwright_count(line) {
            match kind {
                "passed" => counts.passed += count,
                "failed" | "flaky" | "interrupted" => counts.failed += count,
                _ => counts.skipped += count,
            }
        }
    })?;
    settle(counts, ended_well, "npm test")
}

/// Numbers and exit status must agree, and no test at all is no success.
fn settle(counts: Counts, ended_well: bool, what: &str) -> Result<Counts> {
    if !ended_well && counts.failed == 0 {
        bail!("{what} failed without a failing test");
    }
    if counts.passed + counts.failed == 0 {
        bail!("{what} ran no test");
    }
    Ok(counts)
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s`
fn cargo_counts(line: &str) -> Option<Counts> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |kind: &str| {
        numbers
            .split("; ")
            .find_map(|part| part.strip_suffix(kind)?.trim().parse().ok())
            .unwrap_or(0)
    };
    Some(Counts {
        passed: count("passed"),
        failed: count("failed"),
        skipped: count("ignored"),
    })
}

/// `  3 passed (4.1s)`, `  1 failed`, `  2 did not run`
fn playwright_count(line: &str) -> Option<(&str, u64)> {
    let (count, rest) = line.trim().split_once(' ')?;
    let kind = rest.split(" (").next()?;
    let known = [
        "passed",
        "failed",
        "flaky",
        "interrupted",
        "skipped",
        "did not run",
    ];
    known.contains(&kind).then_some((kind, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_and_playwright_count() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s";
        assert_eq!(
            cargo_counts(line),
            Some(Counts {
                passed: 12,
                failed: 3,
                skipped: 1
            })
        );
        assert_eq!(cargo_counts("test rules::all ... ok"), None);
        assert_eq!(playwright_count("  3 passed (4.1s)"), Some(("passed", 3)));
        assert_eq!(playwright_count("  2 did not run"), Some(("did not run", 2)));
        assert_eq!(
            playwright_count("  1) [chromium] › incident.spec.ts:3:1 › opens"),
            None
        );
    }

    #[test]
    fn a_run_without_tests_or_with_a_silent_failure_is_no_success() {
        assert!(settle(Counts::default(), true, "x").is_err());
        assert!(settle(Counts::ONE, false, "x").is_err());
        assert_eq!(settle(Counts::ONE, true, "x").unwrap(), Counts::ONE);
    }
}
