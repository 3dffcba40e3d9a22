//! The database: opened anew for each question, because it may be replaced, compacted or not there yet. Answers are remembered for
//! as long as the file does not change.

use crate::answer::Answer;
use crate::problem::Problem;
use crate::quick::Ready;
use crate::server::Shared;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use store::Reader;

/// Which state of which file: changes with every commit, and when the file is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Version {
    /// Device and inode.
    pub(crate) file: (u64, u64),
    main: (i64, i64, u64),
    log: (i64, i64, u64),
}

impl Version {
    /// From the file's metadata alone. `None` when there is no file.
    pub(crate) fn of(path: &Path) -> Option<Version> {
        let main = std::fs::metadata(path).ok()?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let times = |m: &std::fs::Metadata| (m.mtime(), m.mtime_nsec(), m.len());
        Some(Version {
            file: (main.dev(), main.ino()),
            main: times(&main),
            log: std::fs::metadata(log).map_or((0, 0, 0), |m| times(&m)),
        })
    }
}

/// Asks a question of the database on a thread that may block, a few at a time.
pub(crate) async fn ask<T: Send + 'static>(
    shared: &Arc<Shared>,
    question: impl FnOnce(&Reader, &Shared) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let turn = shared.turns.clone().acquire_owned().await;
    let turn = turn.map_err(|_| Problem::unavailable("stopping"))?;
    let shared = shared.clone();
    let asked = tokio::task::spawn_blocking(move || {
        // Held here and not by the request: who hangs up does not make room for another before the work is done.
        let _turn = turn;
        question(&Reader::open(&shared.path)?, &shared)
    });
    asked
        .await
        .unwrap_or_else(|_| Err(Problem::internal("the question could not be answered")))
}

/// The same for an answer that is remembered under the address that asks for it. However many ask at once, one works it out: the
/// others wait for that, or take what held a moment ago.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    address: String,
    question: impl FnOnce(&Reader, &Shared) -> Result<Answer, Problem> + Send + 'static,
) -> Result<Answer, Problem> {
    let now = shared.answers.version(&shared.path);
    if let Some(known) = now.and_then(|now| shared.answers.fresh(&address, now)) {
        return Ok(known);
    }
    let work = shared.answers.work(&address);
    let _alone = match work.try_lock() {
        Ok(alone) => alone,
        Err(_) => {
            if let Some(old) = now.and_then(|now| shared.answers.old(&address, now)) {
                return Ok(old);
            }
            let alone = work.lock().await;
            let now = shared.answers.version(&shared.path);
            if let Some(known) = now.and_then(|now| shared.answers.fresh(&address, now)) {
                return Ok(known);
            }
            alone
        }
    };
    // Before the question is asked: a commit in between makes the answer too new for its version, and it is asked again.
    let version = Version::of(&shared.path);
    let answer = ask(shared, question).await?;
    if let Some(version) = version {
        shared.answers.put(address, version, &answer);
    }
    Ok(answer)
}

/// Bytes of answers that are kept.
const MOST_BYTES: usize = 16 << 20;
/// Answers that are kept.
const MOST_ANSWERS: usize = 512;
/// `-1h` and `now` are meant anew after so long, whatever the file does.
const LONGEST: Duration = Duration::from_secs(1);
/// The file is looked at this often at most.
const LOOK: Duration = Duration::from_millis(50);

/// Answers by address.
#[derive(Default)]
pub(crate) struct Answers {
    looked: Mutex<Option<(Instant, Option<Version>)>>,
    kept: Mutex<Kept>,
    /// Addresses that are being worked on.
    working: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

#[derive(Default)]
struct Kept {
    answers: HashMap<String, Known>,
    bytes: usize,
}

/// An answer, and of which state of the file.
struct Known {
    version: Version,
    when: Instant,
    answer: Answer,
    ready: Ready,
}

impl Kept {
    fn fresh(&self, address: &str, now: Version) -> Option<&Known> {
        let known = self.answers.get(address)?;
        (known.version == now && known.when.elapsed() < LONGEST).then_some(known)
    }
}

impl Answers {
    /// The state of the file, as it was a moment ago at most.
    fn version(&self, path: &Path) -> Option<Version> {
        let mut looked = lock(&self.looked);
        match *looked {
            Some((when, version)) if when.elapsed() < LOOK => version,
            _ => {
                let version = Version::of(path);
                *looked = Some((Instant::now(), version));
                version
            }
        }
    }

    /// What holds now.
    fn fresh(&self, address: &str, now: Version) -> Option<Answer> {
        let kept = lock(&self.kept);
        Some(kept.fresh(address, now)?.answer.clone())
    }

    /// What holds now, as it is sent.
    pub(crate) fn ready(&self, path: &Path, address: &str) -> Option<Ready> {
        let now = self.version(path)?;
        let kept = lock(&self.kept);
        Some(kept.fresh(address, now)?.ready.clone())
    }

    /// What held a moment ago, of the same file.
    fn old(&self, address: &str, now: Version) -> Option<Answer> {
        let kept = lock(&self.kept);
        let known = kept.answers.get(address)?;
        (known.version.file == now.file).then(|| known.answer.clone())
    }

    /// Held by who works out the answer for an address.
    fn work(&self, address: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut working = lock(&self.working);
        if working.len() > MOST_ANSWERS {
            working.retain(|_, work| work.strong_count() > 0);
        }
        if let Some(work) = working.get(address).and_then(Weak::upgrade) {
            return work;
        }
        let work = Arc::default();
        working.insert(address.into(), Arc::downgrade(&work));
        work
    }

    fn put(&self, address: String, version: Version, answer: &Answer) {
        let mut kept = lock(&self.kept);
        if kept.answers.len() >= MOST_ANSWERS || kept.bytes + answer.size() > MOST_BYTES {
            *kept = Kept::default();
        }
        let known = Known {
            version,
            when: Instant::now(),
            answer: answer.clone(),
            ready: Ready::new(answer),
        };
        kept.bytes += answer.size();
        if let Some(before) = kept.answers.insert(address, known) {
            kept.bytes -= before.answer.size();
        }
    }
}

/// What another thread left behind when it panicked is a memory of answers like any other.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
