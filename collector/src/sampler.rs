//! One tick: every file read once, each failing alone.

use crate::clock::{self, Instant};
use crate::kernel_file::KernelFile;
use crate::say;
use model::{Gap, Nanos, Reading, Template, Tick, UnixNanos};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A file that fails is tried again after one tick, then two, four, … and then always after this many.
const RAREST_RETRY: u32 = 64;

/// Reads all files of the machine.
pub(crate) struct Sampler {
    watched: Vec<Watched>,
}

/// A file and what is known of it.
struct Watched {
    name: Arc<str>,
    file: KernelFile,
    template: Option<Arc<Template>>,
    values: Vec<u64>,
    /// When it was last read.
    last: Option<UnixNanos>,
    trouble: Option<Trouble>,
    /// Nanoseconds that reading it took so far, and how often it failed.
    spent: Nanos,
    failed: u64,
}

/// Why a file is not read at present.
struct Trouble {
    why: String,
    /// Ticks to let pass before it is tried again.
    rest: u32,
    /// How many that were this time.
    pause: u32,
}

impl Sampler {
    /// For the files under `proc`; none is opened yet.
    pub(crate) fn new(proc: &Path) -> Sampler {
        let watch = |source: &sources::Source| Watched {
            name: source.name.into(),
            file: KernelFile::new(proc.join(source.name)),
            template: None,
            values: Vec::new(),
            last: None,
            trouble: None,
            spent: 0,
            failed: 0,
        };
        Sampler {
            watched: sources::all().iter().map(watch).collect(),
        }
    }

    /// Reads every file. The gaps are those that ended with this tick.
    pub(crate) fn tick(&mut self, begun: &Instant) -> (Tick, Vec<Gap>) {
        let mut readings = Vec::with_capacity(self.watched.len());
        let mut gaps = Vec::new();
        for watched in &mut self.watched {
            readings.extend(watched.tick(begun, &mut gaps));
        }
        (
            Tick {
                at: begun.wall,
                monotonic: begun.monotonic,
                readings,
            },
            gaps,
        )
    }

    /// What each file cost so far, in µs, and how often it could not be read.
    pub(crate) fn spent(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.watched
            .iter()
            .map(|w| (&*w.name, u64::try_from(w.spent / 1000).unwrap_or(0), w.failed))
    }

    /// The gaps of files that were once read and cannot be read now.
    pub(crate) fn open_gaps(&self, now: UnixNanos) -> Vec<Gap> {
        self.watched.iter().filter_map(|w| w.gap(now)).collect()
    }
}

impl Watched {
    fn tick(&mut self, begun: &Instant, gaps: &mut Vec<Gap>) -> Option<Reading> {
        if let Some(trouble) = &mut self.trouble
            && trouble.rest > 0
        {
            trouble.rest -= 1;
            return None;
        }
        let before = clock::monotonic();
        let text = match self.file.read() {
            Ok(text) => text,
            Err(error) => {
                self.spent += clock::monotonic() - before;
                self.fail(&error);
                return None;
            }
        };
        let took = clock::monotonic() - before;
        self.spent += took;
        let middle = before + took / 2;
        let template = match &self.template {
            Some(template) if template.read(text, &mut self.values) => template.clone(),
            prior => {
                let (template, values) = Template::parse(text, prior.as_deref());
                self.values = values;
                Arc::new(template)
            }
        };
        self.template = Some(template.clone());
        let offset = middle - begun.monotonic;
        let at = begun.wall + offset;
        gaps.extend(self.gap(at));
        if let Some(trouble) = self.trouble.take() {
            say(&format!("{}: readable again (was: {})", self.name, trouble.why));
        }
        self.last = Some(at);
        Some(Reading {
            source: self.name.clone(),
            offset,
            template,
            values: self.values.clone(),
        })
    }

    /// Says a new trouble once, and decides when to try again.
    fn fail(&mut self, error: &io::Error) {
        self.failed += 1;
        let why = why(error);
        let pause = match &self.trouble {
            Some(trouble) => (2 * trouble.pause).min(RAREST_RETRY),
            None => {
                let what = if self.last.is_some() {
                    "cannot be read any more"
                } else {
                    "not recorded"
                };
                say(&format!("{}: {what}: {why}", self.name));
                1
            }
        };
        self.trouble = Some(Trouble {
            why,
            rest: pause - 1,
            pause,
        });
    }

    /// The gap that the present trouble makes, up to `to`.
    fn gap(&self, to: UnixNanos) -> Option<Gap> {
        let (trouble, from) = (self.trouble.as_ref()?, self.last?);
        Some(Gap {
            from,
            to,
            source: Some(self.name.to_string()),
            why: trouble.why.clone(),
        })
    }
}

/// A reason for a person: what the commonest errors mean for a file of the kernel.
pub(crate) fn why(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOENT) => "this kernel has no such file".to_string(),
        Some(libc::EOPNOTSUPP) => {
            "switched off in this kernel (psi=1 on its command line switches it on)".to_string()
        }
        Some(libc::EACCES | libc::EPERM) => "not permitted".to_string(),
        _ => error.to_string(),
    }
}
