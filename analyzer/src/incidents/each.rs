//! Work over many windows on all CPUs, in bounded memory, with the answers in the windows' order.

use model::TimeSpan;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::Reader;

/// Threads that explain at once: a window of minutes takes some tens of megabytes.
const MOST_THREADS: usize = 4;
/// A longer window takes more than that: such are looked at one after the other.
const LONG_NS: i64 = 1_800_000_000_000;

/// What `work` answers for each window. Windows know nothing of each other.
///
/// # Errors
/// The first error of any of them.
pub(super) fn each<T: Send>(
    reader: &Reader,
    windows: &[TimeSpan],
    work: impl Fn(&Reader, TimeSpan) -> store::Result<T> + Sync,
) -> store::Result<Vec<T>> {
    let length = |window: &TimeSpan| window.to.0 - window.from.0;
    let (long, short): (Vec<usize>, Vec<usize>) =
        (0..windows.len()).partition(|&i| length(&windows[i]) > LONG_NS);
    let mut all = at_once(reader, windows, &short, &work)?;
    for place in long {
        all.push((place, work(reader, windows[place])?));
    }
    all.sort_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, answer)| answer).collect())
}

fn at_once<T: Send>(
    reader: &Reader,
    windows: &[TimeSpan],
    places: &[usize],
    work: &(impl Fn(&Reader, TimeSpan) -> store::Result<T> + Sync),
) -> store::Result<Vec<(usize, T)>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(MOST_THREADS).min(places.len());
    let next = AtomicUsize::new(0);
    let some = |reader: &Reader| -> store::Result<Vec<(usize, T)>> {
        let mut mine = Vec::new();
        while let Some(&place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
            mine.push((place, work(reader, windows[place])?));
        }
        Ok(mine)
    };
    if threads < 2 {
        return some(reader);
    }
    let path = reader.path();
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| some(&Reader::open(path)?)))
            .collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => all.extend(done?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(all)
    })
}
