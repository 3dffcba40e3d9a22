//! What failed, in the words of the program that ran it: a long log is often kept by its end only, so it is told once
//! more there.

/// Lines kept of each step.
const MOST_LINES: usize = 150;

/// Reads along with a test program and keeps what it says of failures.
#[derive(Debug)]
pub(crate) struct Failures {
    begins: fn(&str) -> bool,
    ends: fn(&str) -> bool,
    inside: bool,
    lines: Vec<String>,
    left_out: usize,
}

impl Failures {
    /// Of `cargo test`: from `failures:` to each target's result, and what did not compile.
    pub(crate) fn of_cargo() -> Failures {
        Failures::between(
            |line| line == "failures:",
            |line| line.starts_with("test result: "),
        )
    }

    /// Of Playwright: from the first numbered failure to the counts.
    pub(crate) fn of_playwright() -> Failures {
        Failures::between(
            |line| {
                line.strip_prefix("  ")
                    .and_then(|line| line.split_once(") "))
                    .is_some_and(|(number, _)| number.parse::<u32>().is_ok())
            },
            |line| {
                let count = line.trim().strip_suffix(" failed");
                count.is_some_and(|count| count.parse::<u32>().is_ok())
            },
        )
    }

    fn between(begins: fn(&str) -> bool, ends: fn(&str) -> bool) -> Failures {
        Failures {
            begins,
            ends,
            inside: false,
            lines: Vec::new(),
            left_out: 0,
        }
    }

    pub(crate) fn read(&mut self, line: &str) {
        self.inside = (self.inside || (self.begins)(line)) && !(self.ends)(line);
        if !self.inside || line.trim().is_empty() {
            return;
        }
        if self.lines.len() < MOST_LINES {
            self.lines.push(line.into());
        } else {
            self.left_out += 1;
        }
    }

    /// Nothing when nothing failed.
    pub(crate) fn text(&self) -> Option<String> {
        if self.lines.is_empty() {
            return None;
        }
        let mut text = self.lines.join("\n");
        if self.left_out > 0 {
            text += &format!("\n… {} lines more, above", self.left_out);
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn kept(mut failures: Failures, said: &str) -> String {
        said.lines().for_each(|line| failures.read(line));
        let text = failures.text().unwrap_or_else(|| "nothing".into());
        text.lines().map(|line| format!("|{line}\n")).collect()
    }

    #[test]
    fn the_words_of_cargo_and_playwright_about_failures_only() {
        let cargo = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\nwrong\n\nfailures:\n    b\n\n\
                     test result: FAILED. 1 passed; 1 failed\nrunning 1 test\ntest c ... ok";
        expect![[r#"
            |failures:
            |---- b stdout ----
            |wrong
            |failures:
            |    b
        "#]]
        .assert_eq(&kept(Failures::of_cargo(), cargo));

        let playwright = "  ✓  1 page.spec.ts:16:1 › told (1.7s)\n  ✘  2 views.spec.ts:1:1 › small (1.2s)\n\n\
                          \x20 1) views.spec.ts:1:1 › small ───\n\n    Error: expect(it) failed\n\n  1 failed\n    views.spec.ts:1:1 › small\n  1 passed (2s)";
        expect![[r#"
            |  1) views.spec.ts:1:1 › small ───
            |    Error: expect(it) failed
        "#]]
        .assert_eq(&kept(Failures::of_playwright(), playwright));
        assert_eq!(
            kept(Failures::of_cargo(), "test a ... ok\ntest result: ok. 1 passed"),
            "|nothing\n"
        );
    }

    #[test]
    fn a_flood_of_failures_is_cut() {
        let said = format!("failures:\n{}", "line\n".repeat(MOST_LINES + 9));
        assert!(kept(Failures::of_cargo(), &said).ends_with("\n|… 10 lines more, above\n"));
    }
}
