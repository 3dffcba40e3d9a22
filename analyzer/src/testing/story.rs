//! A story: what a machine does, second by second, and what the rules and the causes say of it.
//!
//! Second 30 lies between the readings at 30 s and at 31 s, so what begins in it is seen at 31 s.

use super::machine::{Machine, UPTIME_TICKS};
use super::{Record, SECOND, files};
use crate::causes::{self, Candidate, Verdict};
use crate::explain::harm;
use crate::rules::{Finding, Scene, find_all};
use crate::signals::Signals;
use crate::site::Site;
use crate::topology::Topology;
use crate::window::Window;
use model::{Onset, UnixNanos};
use std::fmt::Write;
use std::ops::Range;

const BEGIN: UnixNanos = UnixNanos(1_000_000_000 * SECOND);

type Deed<'a> = Box<dyn Fn(&mut Machine) + 'a>;

/// What a machine does.
pub(crate) struct Story<'a> {
    seconds: usize,
    deeds: Vec<(Range<usize>, Deed<'a>)>,
    lacking: Vec<(&'static str, &'static str)>,
    has_processes: bool,
}

impl<'a> Story<'a> {
    /// A machine in ordinary use, for so many seconds.
    pub(crate) fn of(seconds: usize) -> Story<'a> {
        Story {
            seconds,
            deeds: Vec::new(),
            lacking: Vec::new(),
            has_processes: true,
        }
    }

    /// What it does in each of these seconds.
    pub(crate) fn during(mut self, seconds: Range<usize>, deed: impl Fn(&mut Machine) + 'a) -> Self {
        self.deeds.push((seconds, Box::new(deed)));
        self
    }

    /// What it does in this second.
    pub(crate) fn at(self, second: usize, deed: impl Fn(&mut Machine) + 'a) -> Self {
        self.during(second..second + 1, deed)
    }

    /// A kernel whose file has no line that begins with this; with "" there is no such file.
    pub(crate) fn lacking(mut self, source: &'static str, prefix: &'static str) -> Self {
        self.lacking.push((source, prefix));
        self
    }

    /// Nobody looked at processes.
    pub(crate) fn without_processes(mut self) -> Self {
        self.has_processes = false;
        self
    }

    /// As the analyzer sees it: recorded, and read again.
    pub(crate) fn window(&self) -> Window {
        let mut record = Record::new();
        let mut machine = Machine::quiet();
        let mut boots = machine.boots;
        // The reading at 0 s is that of a machine which only ever was quiet.
        self.read(&mut record, &mut machine, 0);
        for second in 0..self.seconds {
            machine.second = second;
            machine.begin_second();
            for (seconds, deed) in &self.deeds {
                if seconds.contains(&second) {
                    deed(&mut machine);
                }
            }
            machine.end_second();
            if machine.boots != boots {
                boots = machine.boots;
                record.begin(&format!("boot {boots}"), BEGIN + (second as i64 + 1) * SECOND);
            }
            if machine.is_recorded {
                self.read(&mut record, &mut machine, second as i64 + 1);
            }
        }
        record.window()
    }

    fn read(&self, record: &mut Record, machine: &mut Machine, second: i64) {
        let at = BEGIN + second * SECOND;
        let mut files = files::of(machine);
        for (source, prefix) in &self.lacking {
            match *prefix {
                "" => files.retain(|(name, _)| name != source),
                _ => files
                    .iter_mut()
                    .filter(|(name, _)| name == source)
                    .for_each(|(_, text)| {
                        *text = text
                            .split_inclusive('\n')
                            .filter(|l| !l.trim_start().starts_with(prefix))
                            .collect()
                    }),
            }
        }
        let since_boot = (UPTIME_TICKS / 100) as i64 * SECOND + second * SECOND;
        record.files(
            at,
            since_boot,
            files.iter().map(|(n, t)| (n.as_str(), t.as_str())),
        );
        if self.has_processes && machine.is_looked_at {
            record.processes(&files::processes(machine, at));
        }
        let (facts, log, events) = machine.beside(at);
        record.beside(&facts, &log, &events);
    }

    fn look<T>(&self, told: impl FnOnce(&Scene) -> T) -> T {
        let window = self.window();
        let (signals, topology) = (Signals::derive(&window), Topology::of(&window));
        told(&Scene {
            window: &window,
            signals: &signals,
            topology: &topology,
            site: Site::none(),
        })
    }

    /// What a rule finds: of what, when it began (and between which bounds), until when, and in which words, with its evidence.
    pub(crate) fn finds(&self, rule: &str) -> String {
        assert!(crate::rules::all().iter().any(|r| r.id == rule), "no rule {rule}");
        self.look(|scene| {
            let found = find_all(scene);
            let mine = found.iter().filter(|f| f.rule == rule);
            let told: String = mine.map(|finding| tell(scene, finding)).collect();
            if told.is_empty() { "nothing\n".into() } else { told }
        })
    }

    /// What a cause says of each case of the story, and how bad the case is.
    pub(crate) fn judges(&self, cause: &str) -> String {
        let rule = causes::find(cause).unwrap_or_else(|| panic!("no cause {cause}"));
        self.look(|scene| {
            let mut told = String::new();
            for case in crate::explain::cases(scene, find_all(scene)) {
                let harm = harm::worst(&case);
                let all = causes::judge_all(&case, harm.wait).candidates;
                let place = all.iter().position(|c| c.id == cause);
                match (rule.judge)(&case) {
                    Verdict::Candidate(_) if place.is_none() => told += "only a thought\n",
                    Verdict::Candidate(_) => {
                        let place = place.expect("tested above");
                        writeln!(
                            told,
                            "{:?}: {}",
                            harm.severity,
                            harm.why.as_deref().unwrap_or("nobody is hurt")
                        )
                        .unwrap();
                        if place > 0 {
                            writeln!(told, "behind {}", all[place - 1].id).unwrap();
                        }
                        told += &plead(&all[place]);
                    }
                    Verdict::RuledOut(because, _) => writeln!(told, "ruled out: {because}").unwrap(),
                    Verdict::CannotTell(missing) => {
                        writeln!(
                            told,
                            "cannot tell: {} would tell {}",
                            missing.signal, missing.would_tell
                        )
                        .unwrap();
                    }
                    Verdict::Silent => told += "silent\n",
                }
            }
            if told.is_empty() { "no case\n".into() } else { told }
        })
    }

    /// The known values of a signal, at most one a line where it changes: `31 s: 4`.
    pub(crate) fn signal(&self, name: &str) -> String {
        self.look(|scene| {
            let mut told = String::new();
            for signal in scene.signals.each(name) {
                let mut last = String::new();
                for (at, value) in scene.window.ticks.iter().zip(&signal.values) {
                    let shown = if value.is_nan() {
                        "?".into()
                    } else {
                        format!("{value:.2}")
                    };
                    if shown != last {
                        writeln!(told, "{} {:.0} s: {shown}", signal.subject, since(*at)).unwrap();
                        last = shown;
                    }
                }
            }
            if told.is_empty() {
                "not known\n".into()
            } else {
                told
            }
        })
    }
}

fn since(at: UnixNanos) -> f64 {
    at.seconds_since(BEGIN)
}

fn when(onset: &Onset) -> String {
    let (earliest, best, latest) = (since(onset.earliest), since(onset.best), since(onset.latest));
    format!("{best:.2} s ({earliest:.2} to {latest:.2})")
}

fn tell(scene: &Scene, finding: &Finding) -> String {
    let end = match (finding.open, finding.since_before) {
        (true, _) => "the end".to_string(),
        (false, _) => format!("{:.0} s", since(scene.window.ticks[finding.to])),
    };
    let mut told = format!("{} at {} until {end}\n", finding.subject, when(&finding.onset));
    writeln!(told, "  {}", finding.headline).unwrap();
    for line in &finding.evidence {
        writeln!(told, "  - {}", line.text).unwrap();
    }
    told
}

fn plead(it: &Candidate) -> String {
    let mut told = format!(
        "{:.2}, at most {:?}: {}",
        it.score,
        it.at_most,
        it.variant.unwrap_or("no variant")
    );
    writeln!(told, ", from {}", when(&it.onset)).unwrap();
    let by: Vec<String> = it
        .processes
        .iter()
        .map(|p| format!("{} {:.0} % of {}", p.comm, 100.0 * p.share, p.of))
        .collect();
    writeln!(told, "devices {:?}, processes {by:?}", it.devices).unwrap();
    writeln!(told, "{}\n{}", it.headline, it.story).unwrap();
    for line in &it.evidence_for {
        writeln!(told, "+ {}", line.text).unwrap();
    }
    for line in &it.evidence_against {
        writeln!(told, "- {}", line.text).unwrap();
    }
    for missing in &it.missing {
        writeln!(told, "? {}: {}", missing.signal, missing.would_tell).unwrap();
    }
    told
}
