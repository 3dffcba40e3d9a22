//! Rules of a site: `rules.d/*.toml`, conditions over signals as SQL expressions, and other thresholds for the rules that are built in.
//!
//! ```toml
//! [[rule]]
//! id = "site-slow-wal"
//! when = "disk.write_wait > 20 AND disk.busy > 80"
//! for = 10                      # seconds it must last; default 3
//! subject = "vdb"               # default: every subject that has the signals
//! severity = "warning"          # default: info, an event on the timeline that makes no incident
//! headline = "the WAL disk answers slowly"
//!
//! [builtin.major-fault-storm]
//! at_least = 200                # of the signal that it finds; or: off = true
//! ```
//!
//! Checked when loaded: a file with a fault is refused as a whole, with file, line and reason.

mod expression;

use crate::explain::document::Severity;
use crate::onset::{Pattern, episodes};
use crate::rules::{self, Finding, Scene};
use crate::signals::Signal;
use expression::{Expression, Place};
use model::Subject;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Where rules are looked for when nobody says where.
pub const DEFAULT_FOLDER: &str = "/etc/highwater/rules.d";

/// The rules of a site.
#[derive(Debug, Default)]
pub struct Site {
    rules: Vec<SiteRule>,
    builtin: BTreeMap<&'static str, Change>,
    /// A hash of the files: other rules, other answers.
    version: String,
}

/// One rule of a site.
#[derive(Debug)]
pub struct SiteRule {
    /// Kebab-case. Lives as long as the program, because findings carry it: rules are loaded once.
    pub id: &'static str,
    /// One line.
    pub headline: String,
    /// Why it matters, in the site's words.
    pub why: String,
    /// Where it stands.
    pub file: PathBuf,
    /// Whether it makes an incident.
    pub severity: Severity,
    /// As written.
    pub when: String,
    seconds: f64,
    subject: Option<String>,
    condition: Expression,
}

#[derive(Debug, Clone, Copy)]
struct Change {
    off: bool,
    at_least: f64,
}

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {why}", file.display())]
pub struct SiteError {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1; 0 where none can be told.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<Written>>,
    #[serde(default)]
    builtin: BTreeMap<Spanned<String>, WrittenChange>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: Spanned<String>,
    when: Spanned<String>,
    #[serde(rename = "for", default = "three")]
    seconds: Spanned<f64>,
    subject: Option<String>,
    #[serde(default = "info")]
    severity: Severity,
    headline: String,
    #[serde(default)]
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenChange {
    #[serde(default)]
    off: bool,
    at_least: Option<f64>,
}

fn three() -> Spanned<f64> {
    Spanned::new(0..0, 3.0)
}

fn info() -> Severity {
    Severity::Info
}

/// A site without rules.
static NONE: Site = Site {
    rules: Vec::new(),
    builtin: BTreeMap::new(),
    version: String::new(),
};

impl Site {
    /// No rules.
    pub fn none() -> &'static Site {
        &NONE
    }

    /// The rules of a folder: its `*.toml` files, by name. A folder that is not there has none.
    ///
    /// # Errors
    /// The first fault: file, line and reason.
    pub fn load(folder: &Path) -> Result<Site, SiteError> {
        let mut files = Vec::new();
        match std::fs::read_dir(folder) {
            Ok(entries) => {
                files.extend(entries.filter_map(|e| e.ok().map(|e| e.path())));
                files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
                files.sort();
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(whole(folder, &error.to_string())),
        }
        Site::of_files(&files)
    }

    /// The rules of some files.
    ///
    /// # Errors
    /// The first fault: file, line and reason.
    pub fn of_files(files: &[PathBuf]) -> Result<Site, SiteError> {
        let mut site = Site::default();
        for file in files {
            let text = std::fs::read_to_string(file).map_err(|e| whole(file, &e.to_string()))?;
            site.add(file, &text)?;
        }
        Ok(site)
    }

    fn add(&mut self, file: &Path, text: &str) -> Result<(), SiteError> {
        let fault = |at: usize, why: String| SiteError {
            file: file.into(),
            line: text.as_bytes()[..at.min(text.len())]
                .iter()
                .filter(|b| **b == b'\n')
                .count()
                + 1,
            why,
        };
        let written: File = toml::from_str(text)
            .map_err(|e| fault(e.span().map_or(0, |s| s.start), e.message().replace('\n', " ")))?;
        for rule in written.rule {
            let rule = rule.into_inner();
            let id = rule.id.get_ref();
            let is_kebab = id
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if id.is_empty() || !is_kebab {
                return Err(fault(
                    rule.id.span().start,
                    format!("{id:?} is no id: use lower-case letters, digits and -"),
                ));
            }
            let taken = rules::all().iter().any(|r| r.id == id) || self.rules.iter().any(|r| r.id == id);
            if taken {
                return Err(fault(
                    rule.id.span().start,
                    format!("there is a rule {id} already"),
                ));
            }
            let condition = Expression::parse(rule.when.get_ref())
                .map_err(|why| fault(rule.when.span().start, format!("when: {why}")))?;
            let seconds = *rule.seconds.get_ref();
            if !(0.0..=86_400.0).contains(&seconds) {
                return Err(fault(
                    rule.seconds.span().start,
                    format!("for = {seconds}: seconds from 0 to 86400 are expected"),
                ));
            }
            self.rules.push(SiteRule {
                id: id.clone().leak(),
                headline: rule.headline,
                why: rule.why,
                file: file.into(),
                severity: rule.severity,
                when: rule.when.into_inner(),
                seconds,
                subject: rule.subject,
                condition,
            });
        }
        for (id, change) in written.builtin {
            let Some(known) = rules::all().iter().find(|r| r.id == id.get_ref()) else {
                return Err(fault(
                    id.span().start,
                    format!("no rule is called {}; `analyzer rules` lists them", id.get_ref()),
                ));
            };
            let at_least = change.at_least.unwrap_or(f64::NEG_INFINITY);
            let change = Change {
                off: change.off,
                at_least,
            };
            self.builtin.insert(known.id, change);
        }
        self.version = format!(
            "{:08x}",
            crate::incidents::hash(&[self.version.as_bytes(), text.as_bytes()])
        );
        Ok(())
    }

    /// Its rules, in the order of their files.
    pub fn rules(&self) -> &[SiteRule] {
        &self.rules
    }

    /// Changes with what the files say; empty where there are none.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether a finding of a rule that is built in is large enough for this site.
    pub(crate) fn keeps(&self, finding: &Finding) -> bool {
        self.builtin.get(finding.rule).is_none_or(|change| {
            // What has no number (a log record, a changed setting) can only be turned off.
            !change.off && !(finding.now.abs() < change.at_least)
        })
    }

    /// What this site's rules find.
    pub(crate) fn find(&self, scene: &Scene) -> Vec<Finding> {
        self.rules.iter().flat_map(|rule| rule.find(scene)).collect()
    }

    /// Whether any of its rules makes an incident.
    pub(crate) fn can_harm(&self) -> bool {
        self.rules.iter().any(|r| r.severity > Severity::Info)
    }

    /// How bad a finding is by this site's word; `None`: not one of its rules.
    pub(crate) fn severity(&self, rule: &str) -> Option<Severity> {
        self.rules.iter().find(|r| r.id == rule).map(|r| r.severity)
    }
}

fn whole(file: &Path, why: &str) -> SiteError {
    SiteError {
        file: file.into(),
        line: 0,
        why: why.into(),
    }
}

impl SiteRule {
    /// When and to what the condition held for long enough.
    pub fn find(&self, scene: &Scene) -> Vec<Finding> {
        self.subjects(scene)
            .iter()
            .filter(|s| {
                self.subject
                    .as_ref()
                    .is_none_or(|wanted| s.to_string() == *wanted)
            })
            .flat_map(|subject| self.find_of(scene, subject))
            .collect()
    }

    /// Those that have all of the signals, host signals aside; the host where there are only those.
    fn subjects(&self, scene: &Scene) -> BTreeSet<Subject> {
        let mut all: Option<BTreeSet<Subject>> = None;
        for name in self.condition.signals() {
            let mine: BTreeSet<Subject> = scene
                .signals
                .each(name)
                .map(|s| s.subject.clone())
                .filter(|s| *s != Subject::Host)
                .collect();
            if mine.is_empty() {
                continue;
            }
            all = Some(match all {
                Some(others) => others.intersection(&mine).cloned().collect(),
                None => mine,
            });
        }
        all.unwrap_or_else(|| BTreeSet::from([Subject::Host]))
    }

    fn find_of(&self, scene: &Scene, subject: &Subject) -> Vec<Finding> {
        let Some(first) = self.condition.signals().find_map(|name| {
            scene
                .signals
                .of(name, subject)
                .or_else(|| scene.signals.host(name))
        }) else {
            return Vec::new();
        };
        let values: Vec<f64> = (0..scene.window.len())
            .map(|tick| {
                let place = Place {
                    signals: scene.signals,
                    subject,
                    tick,
                };
                let holds = self.condition.holds(&place);
                holds.map_or(f64::NAN, |h| f64::from(u8::from(h)))
            })
            .collect();
        let ticks = ((self.seconds / scene.window.interval).ceil() as usize).max(1);
        let pattern = Pattern {
            quiet_ticks: 3,
            ..Pattern::rise(1.0).lasting(ticks).certain(1.0)
        };
        episodes(&first.at, &values, &pattern)
            .iter()
            .filter(|e| e.to >= scene.window.first)
            .map(|episode| {
                let signal = Signal {
                    name: first.name,
                    unit: first.unit,
                    subject: subject.clone(),
                    at: first.at.clone(),
                    values: first.values.clone(),
                };
                let mut finding = scene.finding(self.id, &signal, episode, self.headline.clone());
                // The condition is true or not; the numbers that people want are those of its signals.
                finding.evidence = self
                    .condition
                    .signals()
                    .filter_map(|name| {
                        let own = scene.signals.of(name, subject);
                        let signal = own.or_else(|| scene.signals.host(name))?;
                        let value = signal.median(episode.from, episode.to);
                        let text = format!("{name} {}", crate::units::value(value, signal.unit));
                        Some(scene.number(name, &signal.subject, episode.from, value, signal.unit, text))
                    })
                    .collect();
                finding.now = first.median(episode.from, episode.to);
                finding.before = match episode.from.checked_sub(1) {
                    Some(before) => first.median(before.saturating_sub(60), before),
                    None => f64::NAN,
                };
                finding
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Site;
    use expect_test::expect;
    use std::path::Path;

    fn load(text: &str) -> String {
        let mut site = Site::default();
        match site.add(Path::new("rules.d/x.toml"), text) {
            Ok(()) => format!("{} rules, {} thresholds", site.rules.len(), site.builtin.len()),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn faults_are_told_with_file_and_line() {
        let good = "[[rule]]\nid = \"slow-wal\"\nwhen = \"disk.write_wait > 20\"\nheadline = \"slow\"\n";
        let texts = [
            good.to_string(),
            format!("{good}[builtin.major-fault-storm]\nat_least = 200\n[builtin.load-rise]\noff = true\n"),
            good.replace("write_wait", "writewait"),
            good.replace("slow-wal", "Slow WAL"),
            good.replace("slow-wal", "load-rise"),
            format!("{good}{good}"),
            good.replace("headline", "headlines"),
            format!("{good}severity = \"bad\"\n"),
            format!("{good}for = -1\n"),
            format!("{good}[builtin.load-raise]\noff = true\n"),
            "[[rule]\n".to_string(),
        ];
        let told: Vec<String> = texts.iter().map(|t| load(t)).collect();
        expect![[r#"
            1 rules, 0 thresholds
            1 rules, 2 thresholds
            rules.d/x.toml:3: when: there is no signal disk.writewait; there are disk.busy, disk.discards, disk.flushes, disk.in_flight, disk.leaf_read, disk.own_read, disk.own_write, disk.queue, disk.read, disk.read_wait, disk.reads, disk.wait, disk.write, disk.write_wait, disk.writes
            rules.d/x.toml:2: "Slow WAL" is no id: use lower-case letters, digits and -
            rules.d/x.toml:2: there is a rule load-rise already
            rules.d/x.toml:6: there is a rule slow-wal already
            rules.d/x.toml:4: unknown field `headlines`, expected one of `id`, `when`, `for`, `subject`, `severity`, `headline`, `why`
            rules.d/x.toml:5: unknown variant `bad`, expected one of `info`, `warning`, `critical`
            rules.d/x.toml:5: for = -1: seconds from 0 to 86400 are expected
            rules.d/x.toml:5: no rule is called load-raise; `analyzer rules` lists them
            rules.d/x.toml:1: unclosed array table, expected `]`"#]].assert_eq(&told.join("\n"));
    }
}
