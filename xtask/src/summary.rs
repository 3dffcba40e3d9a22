//! Steps of a long run: each is named when it begins, and all are told at the end with one closing line.

use anyhow::Result;
use std::time::{Duration, Instant};

/// What came of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Checks or tests that held.
    pub(crate) passed: u64,
    /// That did not.
    pub(crate) failed: u64,
    /// That were not run, with intent or not.
    pub(crate) skipped: u64,
}

impl Counts {
    /// A single check that held.
    pub(crate) const ONE: Counts = Counts {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
}

/// All steps so far.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    steps: Vec<Step>,
    told: Vec<(&'static str, String)>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    counts: Counts,
    took: Duration,
    why: Option<String>,
}

impl Summary {
    /// Runs a step and answers whether all of it passed. An error is one failure, and the next steps still run.
    pub(crate) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<Counts>) -> bool {
        println!("\n=== {name}");
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        let (counts, why) = match result {
            Ok(counts) => (counts, None),
            Err(error) => {
                let why = format!("{error:#}");
                eprintln!("{name}: {why}");
                (
                    Counts {
                        failed: 1,
                        ..Counts::default()
                    },
                    Some(why),
                )
            }
        };
        self.steps.push(Step {
            name,
            counts,
            took,
            why,
        });
        counts.failed == 0 && counts.skipped == 0
    }

    /// Notes a step that is not run, and why.
    pub(crate) fn skip(&mut self, name: &'static str, why: String) {
        println!("\n=== {name}\nskipped: {why}");
        let counts = Counts {
            skipped: 1,
            ..Counts::default()
        };
        self.steps.push(Step {
            name,
            counts,
            took: Duration::ZERO,
            why: Some(why),
        });
    }

    /// Keeps what a step said of its failures, to be told once more at the end.
    pub(crate) fn tell(&mut self, name: &'static str, failures: Option<String>) {
        self.told.extend(failures.map(|failures| (name, failures)));
    }

    /// Everything added up.
    pub(crate) fn total(&self) -> Counts {
        self.steps.iter().fold(Counts::default(), |sum, step| Counts {
            passed: sum.passed + step.counts.passed,
            failed: sum.failed + step.counts.failed,
            skipped: sum.skipped + step.counts.skipped,
        })
    }

    /// What failed, a line a step and the closing line.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (name, failures) in &self.told {
            text += &format!("=== what failed in {name}\n{failures}\n\n");
        }
        for Step {
            name,
            counts,
            took,
            why,
        } in &self.steps
        {
            let verdict = match counts {
                Counts {
                    failed: 0,
                    skipped: 0,
                    ..
                } => "ok",
                Counts { failed: 0, .. } => "skipped",
                _ => "FAILED",
            };
            text += &format!(
                "{name:<14} {verdict:<8} {:>5} passed {:>6.1} s",
                counts.passed,
                took.as_secs_f64()
            );
            if let Some(first) = why.as_deref().and_then(|why| why.lines().next()) {
                text += &format!("   {first}");
            }
            text += "\n";
        }
        let Counts {
            passed,
            failed,
            skipped,
        } = self.total();
        text + &format!("{passed} passed, {failed} failed, {skipped} skipped\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn one_line_a_step_and_a_sum() {
        let mut summary = Summary::default();
        assert!(summary.step("format", || Ok(Counts::ONE)));
        assert!(!summary.step("tests", || Ok(Counts {
            passed: 7,
            failed: 1,
            skipped: 2
        })));
        assert!(!summary.step("build", || anyhow::bail!("no compiler\nat all")));
        summary.skip("page", "no Chromium".into());
        summary.tell("tests", Some("---- b stdout ----\nwrong".into()));
        summary.tell("page tests", None);
        for step in &mut summary.steps {
            step.took = Duration::from_millis(1234);
        }
        expect![[r#"
            === what failed in tests
            ---- b stdout ----
            wrong

            format         ok           1 passed    1.2 s
            tests          FAILED       7 passed    1.2 s
            build          FAILED       0 passed    1.2 s   no compiler
            page           skipped      0 passed    1.2 s   no Chromium
            8 passed, 2 failed, 3 skipped
        "#]]
        .assert_eq(&summary.text());
    }
}
