//! Many windows on all CPUs, in bounded memory.

use crate::workers;
use model::TimeSpan;
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
    let told =
        |reader: &Reader, &place: &usize| Ok::<_, store::Error>((place, work(reader, windows[place])?));
    let mut all = workers::each(reader, &short, MOST_THREADS, told)?;
    for place in long {
        all.push(told(reader, &place)?);
    }
    all.sort_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, answer)| answer).collect())
}
